/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "kube/document/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes out can be written and has managers that can be read again: applying the same by the
 * same once more is no conflict. */
static void apply(struct ol_arena *a, const struct ol_val *doc, const struct ol_val *config)
{
    const struct kube_manager m = {
        .name = "kubectl", .time = "2026-01-01T00:00:00Z", .is_apply = true};
    struct kube_findings conflicts = {.arena = a};
    struct ol_val *to = NULL, *again = NULL;

    if (kube_apply(a, &kube_pod_kind, doc, config, &m, &to, &conflicts, NULL) < 0)
        return;
    if (kube_apply(a, &kube_pod_kind, to, config, &m, &again, &conflicts, NULL) == -EEXIST)
        abort();
}

/* A document and, on the second line, a configuration. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 20);
    const struct kube_manager m = {.name = "fuzz", .time = "2026-01-01T00:00:00Z"};
    const char *all = (const char *)data, *line = size ? memchr(all, '\n', size) : NULL;
    struct ol_val *doc = NULL, *config = NULL, *now = NULL;
    size_t len = line ? (size_t)(line - all) : 0;

    if (!line || ol_json_load(all, len, &a, &doc, NULL) < 0
        || ol_json_load(line + 1, size - len - 1, &a, &config, NULL) < 0)
        return 0;
    if (doc->type != OL_VAL_MAP || config->type != OL_VAL_MAP)
        return 0;
    apply(&a, NULL, config);
    apply(&a, doc, config);
    now = kube_patch_merge(&a, doc, config);
    kube_managed_update(&a, &kube_pod_kind, doc, now, &m);
    (void)!ol_json_dump(now, &ol_json_compact, &text);
    return 0;
}
