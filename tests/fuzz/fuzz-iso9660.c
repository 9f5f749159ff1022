/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/iso9660.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

/* The input stands for the image from the first volume descriptor on. */
enum { LEAD = 16 * 2048 };

static int read_at(void *ctx, uint64_t offset, void *buf, size_t size)
{
    const struct input *in = ctx;
    uint8_t *to = buf;

    for (size_t i = 0; i < size; i++)
        to[i] = offset + i < LEAD ? 0 : in->data[offset + i - LEAD];
    return 0;
}

static void free_iso(struct ol_iso9660 **iso)
{
    ol_iso9660_free(*iso);
}

/* Lists two levels and reads what is there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct ol_iso9660_source source = {.read_at = read_at, .ctx = &in, .size = LEAD + size};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(free_iso) struct ol_iso9660 *iso = NULL;
    struct ol_iso9660_list list, below;

    if (ol_iso9660_open(&source, &iso, NULL) < 0 || ol_iso9660_list(iso, &a, "", &list, NULL) < 0)
        return 0;
    for (size_t i = 0; i < list.n && i < 8; i++) {
        ol_auto(ol_buf_done) struct ol_buf content = OL_BUF_INIT(1 << 16);
        int r = ol_iso9660_read(iso, list.entries[i].name, &content, NULL);

        if (r < 0)
            r = ol_iso9660_list(iso, &a, list.entries[i].name, &below, NULL);
        if (r < 0 && ol_arena_is_over(&a))
            return 0;
    }
    return 0;
}
