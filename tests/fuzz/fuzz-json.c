/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "codec/json.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read can be written, and what was written is read as the same value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf first = OL_BUF_INIT(64 << 20);
    ol_auto(ol_buf_done) struct ol_buf second = OL_BUF_INIT(64 << 20);
    struct ol_val *v;

    if (ol_json_load((const char *)data, size, &a, &v, NULL) < 0)
        return 0;
    if (ol_json_dump(v, &ol_json_cloud_init, &first) < 0)
        abort();
    if (ol_json_load(first.data, first.len, &a, &v, NULL) < 0)
        return 0;
    if (ol_json_dump(v, &ol_json_cloud_init, &second) < 0 || first.len != second.len)
        abort();
    return 0;
}
