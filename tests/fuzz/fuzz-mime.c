/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/mime.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t always_7(void *ctx)
{
    return 7;
}

/* Reads a message, asks every part for everything, changes it and writes it; what was written
 * must read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ol_mime_random fixed = {.next = always_7};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(8 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(8 << 20);
    struct ol_mime_part *root, **all;
    size_t n, payload_size = 0;

    if (ol_mime_parse(&a, (const char *)data, size, &root, NULL) < 0)
        return 0;
    all = ol_mime_walk(&a, root, &n);
    for (size_t i = 0; i < n; i++) {
        const char *payload = ol_mime_payload(&a, all[i], &payload_size);

        if (payload && payload[payload_size])
            abort();
        if (ol_mime_filename(&a, all[i]))
            ol_mime_set_filename(&a, all[i], ol_mime_filename(&a, all[i]));
    }
    if (ol_mime_write(&a, root, &fixed, &text, NULL) < 0 || ol_arena_is_over(&a))
        return 0;
    if (ol_mime_parse(&a, text.data, text.len, &root, NULL) < 0 && !ol_arena_is_over(&a))
        abort();
    return 0;
}
