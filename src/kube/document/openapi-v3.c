/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "core/sha256.h"
#include "kube/document/describe.h"
#include "kube/document/openapi-internal.h"

/* "api/v1", "apis/storage.k8s.io/v1". */
static void path_of(const struct kube_kind *kind, char out[104])
{
    char version[96];

    kube_api_version(kind, version);
    snprintf(out, 104, "%s/%s", *kind->group ? "apis" : "api", version);
}

int kube_openapi_v3(const char *path, struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(OPENAPI_MAX);
    struct ol_val *v = ol_val_new_map(&a), *components = ol_val_new_map(&a);
    struct openapi o;

    openapi_init(&o, &a, true);
    for (size_t i = 0; kube_kinds[i]; i++) {
        char its[104];

        path_of(kube_kinds[i], its);
        if (!strcmp(its, path))
            openapi_add_kind(&o, kube_kinds[i]);
    }
    if (!o.paths->map.n)
        return -ENOENT;
    ol_val_set_str(&a, v, "openapi", "3.0.0");
    ol_val_set(&a, v, "info", openapi_info(&a));
    ol_val_set(&a, v, "paths", o.paths);
    ol_val_set(&a, components, "schemas", o.definitions);
    ol_val_set(&a, v, "components", components);
    if (ol_json_dump(v, &ol_json_compact, to) < 0 && !to->failed)
        to->failed = EINVAL;
    return 0;
}

/* The hash of what stands there: clients keep documents as long as it is the same. */
static void add_entry(struct ol_jw *w, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(OPENAPI_MAX);
    uint8_t digest[OL_SHA256_SIZE];
    char url[256], hash[2 * OL_SHA256_SIZE + 1];

    if (kube_openapi_v3(path, &text) < 0)
        return;
    ol_sha256(text.data, text.len, digest);
    for (size_t i = 0; i < OL_SHA256_SIZE; i++)
        snprintf(hash + 2 * i, 3, "%02X", digest[i]);
    snprintf(url, sizeof(url), "/openapi/v3/%s?hash=%s", path, hash);
    ol_jw_map(w, path);
    ol_jw_str(w, "serverRelativeURL", url);
    ol_jw_end(w);
}

void kube_openapi_v3_index(struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "paths");
    for (size_t i = 0; kube_kinds[i]; i++) {
        bool is_first = true;
        char path[104], other[104];

        path_of(kube_kinds[i], path);
        for (size_t k = 0; is_first && k < i; k++) {
            path_of(kube_kinds[k], other);
            is_first = strcmp(other, path) != 0;
        }
        if (is_first)
            add_entry(&w, path);
    }
    ol_jw_end(&w);
    ol_jw_end(&w);
}
