/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/iso9660-internal.h"

/* SUSP (IEEE P1281) and Rock Ridge (IEEE P1282) entries. */

enum { MAX_CONTINUATIONS = 8 };

enum nm_flag { NM_CONTINUE = 1, NM_CURRENT = 2, NM_PARENT = 4 };

struct area {
    uint32_t block, offset, size;
};

static void take_name(struct iso_rock *r, const uint8_t *e)
{
    size_t len = e[2] - 5u;

    if (e[2] < 5 || e[4] & (NM_CURRENT | NM_PARENT) || r->name_len + len > sizeof(r->name) - 1) {
        r->is_name_bad = true;
        return;
    }
    memcpy(r->name + r->name_len, e + 5, len);
    r->name_len += len;
}

/* One entry; e[2] bytes are there. Returns whether it ends the area. */
static bool take_entry(struct iso_rock *r, const uint8_t *e, struct area *next)
{
    uint16_t sign = (uint16_t)(e[0] << 8 | e[1]);

    switch (sign) {
    case 'S' << 8 | 'P':
        r->has_sp = e[2] >= 7 && e[4] == 0xbe && e[5] == 0xef;
        r->skip = r->has_sp ? e[6] : 0;
        break;
    case 'C' << 8 | 'E':
        if (e[2] >= 28)
            *next = (struct area){iso_get_le32(e + 4), iso_get_le32(e + 12), iso_get_le32(e + 20)};
        break;
    case 'N' << 8 | 'M': take_name(r, e); break;
    case 'P' << 8 | 'X': r->has_px = true; break;
    case 'S' << 8 | 'L': r->is_symlink = true; break;
    case 'R' << 8 | 'E': r->is_relocated = true; break;
    case 'C' << 8 | 'L':
        r->has_child = e[2] >= 12;
        r->child = r->has_child ? iso_get_le32(e + 4) : 0;
        break;
    case 'S' << 8 | 'T': return true;
    default: break;
    }
    return false;
}

static void take_area(struct iso_rock *r, const uint8_t *data, size_t size, struct area *next)
{
    *next = (struct area){0};
    while (size >= 4 && data[2] >= 4 && data[2] <= size) {
        size_t len = data[2];

        if (take_entry(r, data, next))
            return;
        data += len;
        size -= len;
    }
}

int iso_rock_parse(const struct ol_iso9660 *iso, const uint8_t *record, size_t skip,
                   struct iso_rock *ret, struct ol_err *err)
{
    size_t size = record[ISO_REC_SIZE];
    size_t start = (ISO_REC_NAME + record[ISO_REC_NAME_SIZE] + 1u) / 2 * 2 + skip;
    struct iso_rock rock = {0};
    uint8_t data[ISO_SECTOR];
    struct area next = {0};

    if (start < size)
        take_area(&rock, record + start, size - start, &next);
    for (int i = 0; next.size; i++) {
        int r;

        if (i == MAX_CONTINUATIONS)
            return ol_err_set(err, EINVAL, "ISO 9660: more than %d continuations of a record",
                              MAX_CONTINUATIONS);
        if (next.size > sizeof(data))
            return ol_err_set(err, EINVAL, "ISO 9660: continuation area of %u bytes", next.size);
        size = next.size;
        r = iso_read_at(iso, (uint64_t)next.block * iso->block_size + next.offset, data, size, err);
        if (r < 0)
            return r;
        take_area(&rock, data, size, &next);
    }
    *ret = rock;
    return 0;
}
