/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A document goes the whole way: unknown members, normal form, defaults, validation against
 * itself. */
static void check(const struct kube_kind *kind, const char *text, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    struct kube_findings f = {.arena = &a};
    struct ol_val *v, *old;

    if (ol_json_load(text, size, &a, &v, NULL) < 0)
        return;
    kube_check_unknown(kind, v, &f);
    if (kube_normalize(kind, v, &a, NULL) < 0)
        return;
    old = ol_val_copy(&a, v);
    kube_default(kind, v, NULL, &a);
    kube_validate(kind, v, NULL, false, &f);
    kube_validate(kind, v, old, false, &f);
}

/* The first byte chooses the kind. What was decoded can be printed as a row. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    ol_auto(ol_buf_done) struct ol_buf row = OL_BUF_INIT(16 << 20);
    const char *text = (const char *)data + 1;
    const struct kube_kind *kind;
    size_t n = 0;

    if (size < 1)
        return 0;
    while (kube_kinds[n])
        n++;
    kind = kube_kinds[data[0] % n];
    check(kind, text, size - 1);
    if (kube_decode_text(kind, text, size - 1, &o, NULL) < 0)
        return 0;
    for (const struct kube_column *c = kind->columns; c->name; c++)
        c->cell(o, 1767323045 * OL_SECOND, &row);
    return 0;
}
