/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/iso9660-internal.h"
#include "core/str.h"

/* Directories: a run of sectors full of records, none of which crosses from one sector into
 * the next. */

struct dir_reader {
    const struct ol_iso9660 *iso;
    struct ol_arena *a;
    struct ol_iso9660_list list;
    size_t cap;
    bool is_continued; /* the next record is another extent of the last entry */
    struct ol_err *err;
};

static size_t add_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t iso_utf16_to_utf8(const uint8_t *in, size_t size, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = (uint32_t)(in[i] << 8 | in[i + 1]);
        uint32_t low = i + 3 < size ? (uint32_t)(in[i + 2] << 8 | in[i + 3]) : 0;

        if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        n += add_utf8(out + n, c);
    }
    out[n] = '\0';
    return n;
}

/* As Linux does with map=normal (isofs_name_translate). */
static size_t plain_name(const uint8_t *in, size_t len, char *out)
{
    if (len > 3 && !memcmp(in + len - 3, ".;1", 3))
        len -= 3;
    else if (len > 2 && !memcmp(in + len - 2, ";1", 2))
        len -= 2;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(in[i] == ';' || in[i] == '/' ? '.' : in[i]);
    out[len] = '\0';
    ol_str_lower(out);
    return len;
}

/* As Linux does (get_joliet_filename). */
static size_t joliet_name(const uint8_t *in, size_t size, char *out)
{
    size_t len = iso_utf16_to_utf8(in, size, out);

    if (len > 2 && !memcmp(out + len - 2, ";1", 2))
        len -= 2;
    while (len > 1 && out[len - 1] == '.')
        len--;
    out[len] = '\0';
    return len;
}

static bool is_file_name(const char *name, size_t len)
{
    return len && strlen(name) == len && !strchr(name, '/') && strcmp(name, ".") != 0
           && strcmp(name, "..") != 0;
}

static int add_extent(struct dir_reader *d, struct ol_iso9660_entry *e, const uint8_t *rec)
{
    uint64_t block = (uint64_t)iso_get_le32(rec + ISO_REC_BLOCK) + rec[ISO_REC_EXT_SIZE];
    struct ol_iso9660_extent x = {block * d->iso->block_size, iso_get_le32(rec + ISO_REC_LENGTH)};
    size_t used = e->n_extents * sizeof(x);

    if (rec[ISO_REC_UNIT] || rec[ISO_REC_GAP])
        return ol_err_set(d->err, EINVAL, "ISO 9660: '%s' is interleaved", e->name);
    e->extents = ol_arena_grow(d->a, e->extents, used, used + sizeof(x));
    e->extents[e->n_extents++] = x;
    e->size += x.size;
    if (ol_arena_is_over(d->a))
        return ol_err_set(d->err, EFBIG, "ISO 9660: directory needs more than %zu bytes",
                          d->a->max);
    return 0;
}

/* A directory that was moved because it lies too deep: its own first record has its size. */
static int use_child_link(struct dir_reader *d, struct ol_iso9660_entry *e, uint32_t block)
{
    uint64_t offset = (uint64_t)block * d->iso->block_size;
    uint8_t rec[ISO_REC_NAME];
    int r = iso_read_at(d->iso, offset, rec, sizeof(rec), d->err);

    if (r < 0)
        return r;
    e->is_dir = true;
    e->size = iso_get_le32(rec + ISO_REC_LENGTH);
    e->extents[0] = (struct ol_iso9660_extent){offset, e->size};
    return 0;
}

static int add_entry(struct dir_reader *d, struct ol_iso9660_entry e)
{
    if (d->list.n >= OL_ISO9660_MAX_ENTRIES)
        return ol_err_set(d->err, EFBIG, "ISO 9660: directory has more than %d entries",
                          OL_ISO9660_MAX_ENTRIES);
    if (d->list.n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;

        d->list.entries = ol_arena_grow(d->a, d->list.entries, d->cap * sizeof(e), cap * sizeof(e));
        d->cap = cap;
    }
    d->list.entries[d->list.n++] = e;
    return 0;
}

/* 1 = shown, 0 = not. 'name' has room for 3 bytes per 2 of Joliet and for Rock Ridge's. */
static int name_of(struct dir_reader *d, const uint8_t *rec, struct iso_rock *rock, char *name)
{
    const uint8_t *id = rec + ISO_REC_NAME;
    size_t id_len = rec[ISO_REC_NAME_SIZE], len = 0;
    int r;

    if (d->iso->names == ISO_NAMES_JOLIET)
        len = joliet_name(id, id_len, name);
    else
        len = plain_name(id, id_len, name);
    if (d->iso->names != ISO_NAMES_ROCK)
        return is_file_name(name, len);
    r = iso_rock_parse(d->iso, rec, d->iso->rock_skip, rock, d->err);
    if (r < 0)
        return r;
    if (rock->is_symlink || rock->is_relocated || rock->is_name_bad)
        return 0;
    if (rock->name_len) {
        len = rock->name_len;
        memcpy(name, rock->name, len + 1);
    }
    return is_file_name(name, len);
}

static int take_record(struct dir_reader *d, const uint8_t *rec)
{
    size_t id_len = rec[ISO_REC_NAME_SIZE];
    struct ol_iso9660_entry e = {.is_dir = rec[ISO_REC_FLAGS] & ISO_FLAG_DIR};
    bool is_dots = id_len == 1 && rec[ISO_REC_NAME] <= 1, was_continued = d->is_continued;
    struct iso_rock rock = {0};
    char name[512];
    int r;

    d->is_continued = false;
    if (is_dots || !id_len || rec[ISO_REC_FLAGS] & ISO_FLAG_ASSOCIATED)
        return 0;
    r = name_of(d, rec, &rock, name);
    if (r <= 0)
        return r;
    d->is_continued = rec[ISO_REC_FLAGS] & ISO_FLAG_MORE;
    if (was_continued && d->list.n && !strcmp(d->list.entries[d->list.n - 1].name, name))
        return add_extent(d, &d->list.entries[d->list.n - 1], rec);
    e.name = ol_arena_strdup(d->a, name);
    r = add_extent(d, &e, rec);
    if (r >= 0 && rock.has_child)
        r = use_child_link(d, &e, rock.child);
    return r < 0 ? r : add_entry(d, e);
}

static int take_sector(struct dir_reader *d, const uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at < size && data[at]) {
        size_t len = data[at];
        int r;

        if (len <= ISO_REC_NAME || len > size - at
            || data[at + ISO_REC_NAME_SIZE] > len - ISO_REC_NAME)
            return ol_err_set(d->err, EINVAL, "ISO 9660: damaged directory record");
        r = take_record(d, data + at);
        if (r < 0)
            return r;
        at += len;
    }
    return 0;
}

int iso_dir_read(const struct ol_iso9660 *iso, struct ol_arena *a,
                 const struct ol_iso9660_entry *dir, struct ol_iso9660_list *ret,
                 struct ol_err *err)
{
    struct dir_reader d = {.iso = iso, .a = a, .err = err};
    const struct ol_iso9660_extent *x = &dir->extents[0];
    uint8_t data[ISO_SECTOR];

    if (x->size > OL_ISO9660_MAX_DIR)
        return ol_err_set(err, EFBIG, "ISO 9660: directory has more than %d bytes",
                          OL_ISO9660_MAX_DIR);
    for (uint64_t at = 0; at < x->size; at += sizeof(data)) {
        size_t n = x->size - at < sizeof(data) ? (size_t)(x->size - at) : sizeof(data);
        int r = iso_read_at(iso, x->offset + at, data, n, err);

        if (r >= 0)
            r = take_sector(&d, data, n);
        if (r < 0)
            return r;
    }
    *ret = d.list;
    return 0;
}
