/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "kube/document/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A document and, on the second line, a patch: the document stays as it is, and what comes out
 * can be written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    ol_auto(ol_buf_done) struct ol_buf before = OL_BUF_INIT(64 << 20);
    ol_auto(ol_buf_done) struct ol_buf after = OL_BUF_INIT(64 << 20);
    const char *text = (const char *)data, *line = size ? memchr(text, '\n', size) : NULL;
    struct ol_val *doc = NULL, *patch = NULL, *to = NULL;
    size_t len = line ? (size_t)(line - text) : 0;

    if (!line || ol_json_load(text, len, &a, &doc, NULL) < 0
        || ol_json_load(line + 1, size - len - 1, &a, &patch, NULL) < 0)
        return 0;
    if (ol_json_dump(doc, &ol_json_compact, &before) < 0)
        return 0;
    (void)!ol_json_dump(kube_patch_merge(&a, doc, patch), &ol_json_compact, &after);
    ol_buf_clear(&after);
    if (kube_patch_strategic(&a, kube_pod_kind.schema, doc, patch, &to, NULL) >= 0)
        (void)!ol_json_dump(to, &ol_json_compact, &after);
    ol_buf_clear(&after);
    if (ol_json_dump(doc, &ol_json_compact, &after) < 0 || strcmp(before.data, after.data) != 0)
        abort();
    return 0;
}
