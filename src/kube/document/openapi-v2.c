/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/document/describe.h"
#include "kube/document/openapi-internal.h"

static struct ol_val *document(struct ol_arena *a)
{
    struct ol_val *v = ol_val_new_map(a);
    struct openapi o;

    openapi_init(&o, a, false);
    for (size_t i = 0; kube_kinds[i]; i++)
        openapi_add_kind(&o, kube_kinds[i]);
    ol_val_set_str(a, v, "swagger", "2.0");
    ol_val_set(a, v, "info", openapi_info(a));
    ol_val_set(a, v, "paths", o.paths);
    ol_val_set(a, v, "definitions", o.definitions);
    return v;
}

void kube_openapi_v2(struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(OPENAPI_MAX);

    openapi_v2_encode(document(&a), to);
}

void kube_openapi_v2_json(struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(OPENAPI_MAX);

    if (ol_json_dump(document(&a), &ol_json_compact, to) < 0 && !to->failed)
        to->failed = EINVAL;
}
