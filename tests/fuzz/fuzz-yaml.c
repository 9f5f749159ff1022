/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/yaml.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* PyYAML's own folding spoils text that is indented further than the line is wide. */
static const struct ol_yaml_style unfolded = {.indent = 2, .width = 1 << 30, .sort_keys = true};

/* What was read and can be written is read again as the same text. PyYAML writes some
 * documents that it cannot read: an alias as a key ("*id001:"), and what is nested deeper
 * than what it came from. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf first = OL_BUF_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf second = OL_BUF_INIT(16 << 20);
    struct ol_val *v;
    int r;

    if (ol_yaml_load((const char *)data, size, &a, &v, NULL) < 0)
        return 0;
    r = ol_yaml_dump(v, &ol_yaml_safe_dump, &first);
    ol_buf_clear(&first);
    if (r < 0 || ol_yaml_dump(v, &unfolded, &first) < 0)
        return 0;
    if (ol_yaml_load(first.data, first.len, &a, &v, NULL) < 0)
        return 0;
    if (ol_yaml_dump(v, &unfolded, &second) < 0)
        return 0;
    if (first.len != second.len || memcmp(first.data, second.data, first.len))
        abort();
    return 0;
}
