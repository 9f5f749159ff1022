/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/iso9660.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/iso9660-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

enum {
    MAX_DESCRIPTORS = 64,
    LOOKUP_MAX = 32 << 20, /* bytes of entries on the way to one file */
};

uint32_t iso_get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int iso_read_at(const struct ol_iso9660 *iso, uint64_t offset, void *buf, size_t size,
                struct ol_err *err)
{
    int r;

    if (offset > iso->source.size || size > iso->source.size - offset)
        return ol_err_set(err, EINVAL, "ISO 9660: points beyond the end of the device");
    r = iso->source.read_at(iso->source.ctx, offset, buf, size);
    if (r < 0)
        return ol_err_set(err, -r, "ISO 9660: read at %" PRIu64 ": %s", offset, strerror(-r));
    return 0;
}

/* --- volume descriptors --- */

static void take_label(char *ret, const uint8_t *field, size_t size)
{
    while (size && (field[size - 1] == ' ' || !field[size - 1]))
        size--;
    memcpy(ret, field, size);
    ret[size] = '\0';
}

static void take_joliet_label(char *ret, const uint8_t *field, size_t size)
{
    while (size && !field[size - 2] && (field[size - 1] == ' ' || !field[size - 1]))
        size -= 2;
    iso_utf16_to_utf8(field, size, ret);
}

/* Joliet is a supplementary volume in UCS-2 of level 1, 2 or 3. */
static bool is_joliet(const uint8_t *vd)
{
    const uint8_t *e = vd + ISO_VD_ESCAPES;

    return vd[0] == ISO_VD_SUPPLEMENTARY && e[0] == '%' && e[1] == '/'
           && (e[2] == '@' || e[2] == 'C' || e[2] == 'E');
}

static void take_root(struct ol_iso9660 *iso, const uint8_t *vd)
{
    const uint8_t *rec = vd + ISO_VD_ROOT;
    uint64_t block = (uint64_t)iso_get_le32(rec + ISO_REC_BLOCK) + rec[ISO_REC_EXT_SIZE];

    iso->root_extent = (struct ol_iso9660_extent){
        .offset = block * iso->block_size,
        .size = iso_get_le32(rec + ISO_REC_LENGTH),
    };
    iso->root = (struct ol_iso9660_entry){
        .name = "",
        .is_dir = true,
        .size = iso->root_extent.size,
        .extents = &iso->root_extent,
        .n_extents = 1,
    };
}

/* Rock Ridge announces itself in the first record of the root directory. */
static int find_rock(struct ol_iso9660 *iso, struct ol_err *err)
{
    uint8_t sector[ISO_SECTOR];
    struct iso_rock rock;
    int r;

    if (iso->root_extent.size < sizeof(sector))
        return 0;
    r = iso_read_at(iso, iso->root_extent.offset, sector, sizeof(sector), err);
    if (r < 0 || sector[ISO_REC_SIZE] <= ISO_REC_NAME)
        return r;
    r = iso_rock_parse(iso, sector, 0, &rock, err);
    if (r < 0)
        return r;
    if (rock.has_sp && rock.has_px) {
        iso->names = ISO_NAMES_ROCK;
        iso->rock_skip = rock.skip;
    }
    return 0;
}

static int take_primary(struct ol_iso9660 *iso, const uint8_t *vd, struct ol_err *err)
{
    uint32_t size = (uint32_t)(vd[ISO_VD_BLOCK_SIZE] | vd[ISO_VD_BLOCK_SIZE + 1] << 8);

    if (size != 512 && size != 1024 && size != 2048)
        return ol_err_set(err, EINVAL, "ISO 9660: block size %u", size);
    iso->block_size = size;
    take_label(iso->label, vd + ISO_VD_LABEL, 32);
    take_root(iso, vd);
    return find_rock(iso, err);
}

static int read_descriptors(struct ol_iso9660 *iso, struct ol_err *err)
{
    uint8_t vd[ISO_SECTOR], joliet[ISO_SECTOR];

    for (uint64_t i = 0; i < MAX_DESCRIPTORS; i++) {
        uint64_t offset = (ISO_FIRST_DESCRIPTOR + i) * ISO_SECTOR;
        int r = 0;

        if (iso->source.size < offset + sizeof(vd))
            break;
        r = iso_read_at(iso, offset, vd, sizeof(vd), err);
        if (r < 0)
            return r;
        if (memcmp(vd + 1, "CD001", 5) != 0 || vd[0] == ISO_VD_END)
            break;
        if (vd[0] == ISO_VD_PRIMARY && !iso->block_size)
            r = take_primary(iso, vd, err);
        if (r < 0)
            return r;
        if (is_joliet(vd) && !iso->has_joliet) {
            iso->has_joliet = true;
            memcpy(joliet, vd, sizeof(vd));
        }
    }
    if (!iso->block_size)
        return ol_err_set(err, EINVAL, "ISO 9660: no such file system");
    if (!iso->has_joliet)
        return 0;
    take_joliet_label(iso->joliet_label, joliet + ISO_VD_LABEL, 32);
    if (iso->names == ISO_NAMES_PLAIN) {
        iso->names = ISO_NAMES_JOLIET;
        take_root(iso, joliet);
    }
    return 0;
}

void ol_iso9660_free(struct ol_iso9660 *iso)
{
    free(iso);
}

int ol_iso9660_open(const struct ol_iso9660_source *source, struct ol_iso9660 **ret,
                    struct ol_err *err)
{
    ol_autofree struct ol_iso9660 *iso = ol_xcalloc(1, sizeof(*iso));
    int r;

    iso->source = *source;
    r = read_descriptors(iso, err);
    if (r < 0)
        return r;
    *ret = ol_take_ptr(iso);
    return 0;
}

const char *ol_iso9660_label(const struct ol_iso9660 *iso)
{
    return iso->label;
}

const char *ol_iso9660_joliet_label(const struct ol_iso9660 *iso)
{
    return iso->has_joliet ? iso->joliet_label : NULL;
}

/* --- paths --- */

static const struct ol_iso9660_entry *find_name(const struct ol_iso9660_list *list,
                                                const char *name, size_t len)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *have = list->entries[i].name;

        if (!strncmp(have, name, len) && !have[len])
            return &list->entries[i];
    }
    return NULL;
}

static int lookup(struct ol_iso9660 *iso, struct ol_arena *a, const char *path,
                  struct ol_iso9660_entry *ret, struct ol_err *err)
{
    struct ol_iso9660_entry at = iso->root;
    const char *name = path + strspn(path, "/");

    for (int depth = 0; *name; depth++) {
        const struct ol_iso9660_entry *found;
        size_t len = strcspn(name, "/");
        struct ol_iso9660_list list;
        int r;

        if (depth == OL_ISO9660_MAX_DEPTH)
            return ol_err_set(err, EINVAL, "more than %d components", OL_ISO9660_MAX_DEPTH);
        if (!at.is_dir)
            return ol_err_set(err, ENOTDIR, "%s", strerror(ENOTDIR));
        r = iso_dir_read(iso, a, &at, &list, err);
        if (r < 0)
            return r;
        found = find_name(&list, name, len);
        if (!found)
            return ol_err_set(err, ENOENT, "%s", strerror(ENOENT));
        at = *found;
        name += len;
        name += strspn(name, "/");
    }
    *ret = at;
    return 0;
}

int ol_iso9660_lookup(struct ol_iso9660 *iso, struct ol_arena *a, const char *path,
                      struct ol_iso9660_entry *ret, struct ol_err *err)
{
    int r = lookup(iso, a, path, ret, err);

    return r < 0 ? ol_err_prefix(err, r, "'%s'", path) : 0;
}

int ol_iso9660_list(struct ol_iso9660 *iso, struct ol_arena *a, const char *path,
                    struct ol_iso9660_list *ret, struct ol_err *err)
{
    struct ol_iso9660_entry e;
    int r = ol_iso9660_lookup(iso, a, path, &e, err);

    if (r < 0)
        return r;
    if (!e.is_dir)
        return ol_err_set(err, ENOTDIR, "'%s': %s", path, strerror(ENOTDIR));
    r = iso_dir_read(iso, a, &e, ret, err);
    return r < 0 ? ol_err_prefix(err, r, "'%s'", path) : 0;
}

static int read_extents(struct ol_iso9660 *iso, const struct ol_iso9660_entry *e,
                        struct ol_buf *ret, struct ol_err *err)
{
    if (e->size > ret->max - ret->len)
        return ol_err_set(err, EFBIG, "%" PRIu64 " bytes, more than %zu", e->size, ret->max);
    for (size_t i = 0; i < e->n_extents; i++) {
        const struct ol_iso9660_extent *x = &e->extents[i];
        char *at;
        int r;

        if (!x->size)
            continue;
        if (x->offset > iso->source.size || x->size > iso->source.size - x->offset)
            return ol_err_set(err, EINVAL, "ISO 9660: points beyond the end of the device");
        at = ol_buf_reserve(ret, x->size);
        if (!at)
            return ol_err_set(err, -ol_buf_status(ret), "out of memory");
        r = iso_read_at(iso, x->offset, at, x->size, err);
        if (r < 0)
            return r;
        ol_buf_commit(ret, x->size);
    }
    return 0;
}

int ol_iso9660_read(struct ol_iso9660 *iso, const char *path, struct ol_buf *ret,
                    struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LOOKUP_MAX);
    size_t before = ret->len;
    struct ol_iso9660_entry e;
    int r = ol_iso9660_lookup(iso, &a, path, &e, err);

    if (r < 0)
        return r;
    if (e.is_dir)
        return ol_err_set(err, EISDIR, "'%s': %s", path, strerror(EISDIR));
    r = read_extents(iso, &e, ret, err);
    if (r >= 0)
        return 0;
    ol_buf_truncate(ret, before);
    return ol_err_prefix(err, r, "'%s'", path);
}
