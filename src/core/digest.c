/* SPDX-License-Identifier: Apache-2.0 */
#include "core/digest-internal.h"

#include <string.h>

enum { BLOCK = 64, LENGTH = 8 };

void digest_blocks(const void *data, size_t size, enum digest_order order, uint32_t *state,
                   void (*add)(uint32_t *state, const uint8_t *block))
{
    const uint8_t *bytes = data;
    uint8_t tail[2 * BLOCK] = {0};
    size_t rest = size % BLOCK;
    size_t tail_size = rest < BLOCK - LENGTH ? BLOCK : 2 * BLOCK;
    uint64_t bits = (uint64_t)size * 8;

    for (size_t at = 0; at + BLOCK <= size; at += BLOCK)
        add(state, bytes + at);
    if (rest)
        memcpy(tail, bytes + size - rest, rest);
    tail[rest] = 0x80;
    for (size_t i = 0; i < LENGTH; i++) {
        size_t at = order == DIGEST_BIG_ENDIAN ? LENGTH - 1 - i : i;

        tail[tail_size - LENGTH + at] = (uint8_t)(bits >> (8 * i));
    }
    for (size_t at = 0; at < tail_size; at += BLOCK)
        add(state, tail + at);
}
