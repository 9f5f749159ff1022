/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codec/iso9660-write-internal.h"
#include "core/cleanup.h"

enum {
    TREE_MAX = 64 << 20,
    MAX_DIRS = 60000, /* numbers in the path table have 16 bits */
    SECTOR_PRIMARY = ISO_FIRST_DESCRIPTOR,
    SECTOR_JOLIET,
    SECTOR_END,
    SECTOR_FIRST_FREE,
    ROOT_RECORD = 34,
    MODE_DIR = 0040555,
    MODE_FILE = 0100444,
};

struct image {
    const struct ol_iso9660_image *in;
    struct ol_arena *a;
    struct iso_node root;
    struct iso_dirs dirs[ISO_N_VIEWS];
    uint32_t table[ISO_N_VIEWS][2]; /* sectors of the path tables: little, big endian */
    uint32_t table_size[ISO_N_VIEWS];
    uint32_t rock_block; /* sector of Rock Ridge's announcement */
    uint32_t n_sectors;
    struct tm tm;
};

static uint32_t sectors(size_t size)
{
    return (uint32_t)((size + ISO_SECTOR - 1) / ISO_SECTOR);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}

static void put16_be(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32_be(uint8_t *p, uint32_t v)
{
    put16_be(p, (uint16_t)(v >> 16));
    put16_be(p + 2, (uint16_t)v);
}

/* ECMA-119 7.2.3, 7.3.3: both byte orders, one after the other. */
static void put16_both(uint8_t *p, uint16_t v)
{
    put16(p, v);
    put16_be(p + 2, v);
}

static void put32_both(uint8_t *p, uint32_t v)
{
    put32(p, v);
    put32_be(p + 4, v);
}

static void put_date(const struct image *im, uint8_t *p)
{
    p[0] = (uint8_t)im->tm.tm_year;
    p[1] = (uint8_t)(im->tm.tm_mon + 1);
    p[2] = (uint8_t)im->tm.tm_mday;
    p[3] = (uint8_t)im->tm.tm_hour;
    p[4] = (uint8_t)im->tm.tm_min;
    p[5] = (uint8_t)im->tm.tm_sec;
    p[6] = 0; /* UTC */
}

/* --- directory records --- */

enum record_kind { RECORD_SELF, RECORD_PARENT, RECORD_KID };

static size_t put_rock_head(uint8_t *p, const char *sign, size_t size)
{
    memcpy(p, sign, 2);
    p[2] = (uint8_t)size;
    p[3] = 1;
    return size;
}

static size_t put_px(uint8_t *p, const struct iso_node *n)
{
    uint32_t links = n->is_dir ? 2 : 1;

    for (size_t i = 0; i < n->n_kids; i++)
        links += n->kids[0][i]->is_dir;
    put32_both(p + 4, n->is_dir ? MODE_DIR : MODE_FILE);
    put32_both(p + 12, links);
    put32_both(p + 20, 0);
    put32_both(p + 28, 0);
    return put_rock_head(p, "PX", 36);
}

/* Modified, read and changed at the same moment. */
static size_t put_tf(const struct image *im, uint8_t *p)
{
    p[4] = 0x02 | 0x04 | 0x08;
    for (int i = 0; i < 3; i++)
        put_date(im, p + 5 + 7 * i);
    return put_rock_head(p, "TF", 26);
}

static const char rock_id[] = "RRIP_1991A";
static const char rock_text[] = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX "
                                "FILE SYSTEM SEMANTICS";
static const char rock_source[] =
    "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN "
    "PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.";

enum { ROCK_ER_SIZE = 8 + sizeof(rock_id) + sizeof(rock_text) + sizeof(rock_source) - 3 };

/* SUSP: the announcement in the root's first record; ER is too long for it. */
static size_t put_announcement(const struct image *im, uint8_t *p)
{
    size_t n = put_rock_head(p, "SP", 7);

    p[4] = 0xbe;
    p[5] = 0xef;
    put32_both(p + n + 4, im->rock_block);
    put32_both(p + n + 12, 0);
    put32_both(p + n + 20, ROCK_ER_SIZE);
    return n + put_rock_head(p + n, "CE", 28);
}

static size_t put_rock(const struct image *im, uint8_t *p, const struct iso_node *n,
                       enum record_kind kind)
{
    size_t len = strlen(n->name), at = 0;

    if (kind == RECORD_SELF && !n->parent)
        at += put_announcement(im, p);
    if (kind == RECORD_KID) {
        memcpy(p + at + 5, n->name, len);
        at += put_rock_head(p + at, "NM", 5 + len);
    }
    at += put_px(p + at, n);
    return at + put_tf(im, p + at);
}

/* Fills rec (zeroed, 255 bytes) and returns its size. */
static size_t put_record(const struct image *im, enum iso_view view, const struct iso_node *n,
                         enum record_kind kind, uint8_t *rec)
{
    const void *id = view == ISO_VIEW_JOLIET ? (const void *)n->joliet : n->plain;
    size_t id_size = view == ISO_VIEW_JOLIET ? n->joliet_size : strlen(n->plain), size;

    if (kind != RECORD_KID) {
        id = kind == RECORD_SELF ? "\0" : "\1";
        id_size = 1;
    }
    put32_both(rec + ISO_REC_BLOCK, n->block[view]);
    put32_both(rec + ISO_REC_LENGTH, n->size[view]);
    put_date(im, rec + ISO_REC_DATE);
    rec[ISO_REC_FLAGS] = n->is_dir ? ISO_FLAG_DIR : 0;
    put16_both(rec + ISO_REC_VOLUME, 1);
    rec[ISO_REC_NAME_SIZE] = (uint8_t)id_size;
    memcpy(rec + ISO_REC_NAME, id, id_size);
    size = (ISO_REC_NAME + id_size + 1) / 2 * 2;
    if (view == ISO_VIEW_PLAIN)
        size += put_rock(im, rec + size, n, kind);
    size = (size + 1) / 2 * 2;
    rec[ISO_REC_SIZE] = (uint8_t)size;
    return size;
}

/* Adds a record; one that would cross into the next sector starts there. */
static void add_record(struct ol_buf *out, const uint8_t *rec, size_t size)
{
    size_t left = ISO_SECTOR - out->len % ISO_SECTOR;

    if (left < size)
        ol_buf_addn(out, '\0', left);
    ol_buf_add(out, rec, size);
}

static void pad(struct ol_buf *out)
{
    ol_buf_addn(out, '\0', (ISO_SECTOR - out->len % ISO_SECTOR) % ISO_SECTOR);
}

static void add_dir(const struct image *im, enum iso_view view, const struct iso_node *dir,
                    struct ol_buf *out)
{
    uint8_t self[255] = {0}, parent[255] = {0};
    const struct iso_node *up = dir->parent ? dir->parent : dir;

    add_record(out, self, put_record(im, view, dir, RECORD_SELF, self));
    add_record(out, parent, put_record(im, view, up, RECORD_PARENT, parent));
    for (size_t i = 0; i < dir->n_kids; i++) {
        uint8_t rec[255] = {0};

        add_record(out, rec, put_record(im, view, dir->kids[view][i], RECORD_KID, rec));
    }
    pad(out);
}

/* --- path tables --- */

static void add_table(const struct image *im, enum iso_view view, bool is_big, struct ol_buf *out)
{
    for (size_t i = 0; i < im->dirs[view].n; i++) {
        const struct iso_node *dir = im->dirs[view].v[i];
        const void *id = view == ISO_VIEW_JOLIET ? (const void *)dir->joliet : dir->plain;
        size_t id_size = view == ISO_VIEW_JOLIET ? dir->joliet_size : strlen(dir->plain);
        uint16_t up = dir->parent ? dir->parent->number[view] : 1;
        uint8_t head[8] = {0};

        if (!dir->parent)
            id_size = 1; /* one zero byte */
        head[0] = (uint8_t)id_size;
        (is_big ? put32_be : put32)(head + 2, dir->block[view]);
        (is_big ? put16_be : put16)(head + 6, up);
        ol_buf_add(out, head, sizeof(head));
        ol_buf_add(out, id, id_size);
        ol_buf_addn(out, '\0', id_size % 2);
    }
}

/* --- volume descriptors --- */

/* Blank-padded text; Joliet's is UCS-2. */
static void put_text(uint8_t *field, size_t size, const char *text, enum iso_view view)
{
    size_t step = view == ISO_VIEW_JOLIET ? 2 : 1;

    for (size_t i = 0; i + step <= size; i += step)
        field[i + step - 1] = (uint8_t)(*text ? *text++ : ' ');
}

static void put_descriptor_texts(const struct image *im, enum iso_view view, uint8_t *vd)
{
    const char *publisher = im->in->publisher ? im->in->publisher : "";

    put_text(vd + ISO_VD_SYSTEM, 32, "LINUX", view);
    put_text(vd + ISO_VD_LABEL, 32, im->in->label, view);
    put_text(vd + ISO_VD_SET_ID, 128, "", view);
    put_text(vd + ISO_VD_PUBLISHER, 128, publisher, view);
    put_text(vd + ISO_VD_PREPARER, 128, "", view);
    put_text(vd + ISO_VD_APPLICATION, 128, "", view);
    for (int i = 0; i < 3; i++)
        put_text(vd + ISO_VD_COPYRIGHT + 37 * i, 37, "", view);
}

static void put_descriptor_dates(const struct image *im, uint8_t *vd)
{
    const struct tm *t = &im->tm;
    char date[64];

    snprintf(date, sizeof(date), "%04d%02d%02d%02d%02d%02d00", t->tm_year + 1900, t->tm_mon + 1,
             t->tm_mday, t->tm_hour, t->tm_min, t->tm_sec);
    memset(vd + ISO_VD_DATES, '0', 16 * 4 + 3);
    for (int i = 0; i < 4; i++) {
        if (i != 2) /* it never expires */
            memcpy(vd + ISO_VD_DATES + 17 * i, date, 16);
        else
            memset(vd + ISO_VD_DATES + 17 * i, '0', 16);
        vd[ISO_VD_DATES + 17 * i + 16] = 0;
    }
}

static void add_descriptor(const struct image *im, enum iso_view view, struct ol_buf *out)
{
    bool is_joliet = view == ISO_VIEW_JOLIET;
    uint8_t vd[ISO_SECTOR] = {0}, root[255] = {0};

    vd[0] = is_joliet ? ISO_VD_SUPPLEMENTARY : ISO_VD_PRIMARY;
    memcpy(vd + 1, "CD001\1", 6);
    if (is_joliet)
        memcpy(vd + ISO_VD_ESCAPES, "%/E", 3);
    put_descriptor_texts(im, view, vd);
    put32_both(vd + ISO_VD_SPACE, im->n_sectors);
    put16_both(vd + ISO_VD_SET_SIZE, 1);
    put16_both(vd + ISO_VD_SET_NUMBER, 1);
    put16_both(vd + ISO_VD_BLOCK_SIZE, ISO_SECTOR);
    put32_both(vd + ISO_VD_TABLE_SIZE, im->table_size[view]);
    put32(vd + ISO_VD_TABLE_L, im->table[view][0]);
    put32_be(vd + ISO_VD_TABLE_M, im->table[view][1]);
    put_record(im, view, &im->root, RECORD_SELF, root);
    root[ISO_REC_SIZE] = ROOT_RECORD;
    memcpy(vd + ISO_VD_ROOT, root, ROOT_RECORD);
    put_descriptor_dates(im, vd);
    vd[ISO_VD_STRUCTURE] = 1;
    ol_buf_add(out, vd, sizeof(vd));
}

static void add_end_descriptor(struct ol_buf *out)
{
    uint8_t vd[ISO_SECTOR] = {ISO_VD_END, 'C', 'D', '0', '0', '1', 1};

    ol_buf_add(out, vd, sizeof(vd));
}

static void add_rock_source(struct ol_buf *out)
{
    uint8_t head[8] = {'E',
                       'R',
                       ROCK_ER_SIZE,
                       1,
                       sizeof(rock_id) - 1,
                       sizeof(rock_text) - 1,
                       sizeof(rock_source) - 1,
                       1};

    ol_buf_add(out, head, sizeof(head));
    ol_buf_adds(out, rock_id);
    ol_buf_adds(out, rock_text);
    ol_buf_adds(out, rock_source);
    pad(out);
}

/* --- the whole --- */

static void place_files(struct image *im, uint32_t *next)
{
    for (size_t i = 0; i < im->dirs[0].n; i++) {
        const struct iso_node *dir = im->dirs[0].v[i];

        for (size_t k = 0; k < dir->n_kids; k++) {
            struct iso_node *n = dir->kids[0][k];

            if (n->is_dir)
                continue;
            for (int v = 0; v < ISO_N_VIEWS; v++) {
                n->block[v] = *next;
                n->size[v] = (uint32_t)n->file->size;
            }
            *next += sectors(n->file->size);
        }
    }
}

/* Sizes do not depend on places, so everything is measured first and placed then. */
static void place(struct image *im)
{
    ol_auto(ol_buf_done) struct ol_buf trial = OL_BUF_INIT(SIZE_MAX / 4);
    uint32_t next = SECTOR_FIRST_FREE;

    for (enum iso_view v = 0; v < ISO_N_VIEWS; v++) {
        ol_buf_clear(&trial);
        add_table(im, v, false, &trial);
        im->table_size[v] = (uint32_t)trial.len;
        for (int order = 0; order < 2; order++) {
            im->table[v][order] = next;
            next += sectors(trial.len);
        }
    }
    for (enum iso_view v = 0; v < ISO_N_VIEWS; v++) {
        for (size_t i = 0; i < im->dirs[v].n; i++) {
            struct iso_node *dir = im->dirs[v].v[i];

            ol_buf_clear(&trial);
            add_dir(im, v, dir, &trial);
            dir->size[v] = (uint32_t)trial.len;
            dir->block[v] = next;
            next += sectors(trial.len);
        }
    }
    im->rock_block = next++;
    place_files(im, &next);
    im->n_sectors = next;
}

static void add_all(const struct image *im, struct ol_buf *out)
{
    ol_buf_addn(out, '\0', ISO_FIRST_DESCRIPTOR * ISO_SECTOR);
    add_descriptor(im, ISO_VIEW_PLAIN, out);
    add_descriptor(im, ISO_VIEW_JOLIET, out);
    add_end_descriptor(out);
    for (enum iso_view v = 0; v < ISO_N_VIEWS; v++) {
        for (int order = 0; order < 2; order++) {
            add_table(im, v, order, out);
            pad(out);
        }
    }
    for (enum iso_view v = 0; v < ISO_N_VIEWS; v++)
        for (size_t i = 0; i < im->dirs[v].n; i++)
            add_dir(im, v, im->dirs[v].v[i], out);
    add_rock_source(out);
    for (size_t i = 0; i < im->dirs[0].n; i++) {
        const struct iso_node *dir = im->dirs[0].v[i];

        for (size_t k = 0; k < dir->n_kids; k++) {
            if (dir->kids[0][k]->is_dir)
                continue;
            ol_buf_add(out, dir->kids[0][k]->file->data, dir->kids[0][k]->file->size);
            pad(out);
        }
    }
}

static int check_text(const char *what, const char *text, size_t max, struct ol_err *err)
{
    if (strlen(text) > max)
        return ol_err_set(err, EINVAL, "ISO 9660: %s '%s' has more than %zu characters", what, text,
                          max);
    for (const char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            return ol_err_set(err, EINVAL, "ISO 9660: %s is not ASCII", what);
    return 0;
}

static int check(struct image *im, const struct ol_buf *ret, struct ol_err *err)
{
    time_t when = (time_t)im->in->mtime;
    size_t total = 0;
    int r = check_text("label", im->in->label, 32, err);

    if (r >= 0 && im->in->publisher)
        r = check_text("publisher", im->in->publisher, 128, err);
    if (r < 0)
        return r;
    if (!gmtime_r(&when, &im->tm) || im->tm.tm_year < 0 || im->tm.tm_year > 255)
        return ol_err_set(err, EINVAL, "ISO 9660: time outside 1900 to 2155");
    for (size_t i = 0; i < im->in->n_files; i++) {
        size_t size = im->in->files[i].size;

        if (size > UINT32_MAX || size > ret->max - total)
            return ol_err_set(err, EFBIG, "ISO 9660: image has more than %zu bytes", ret->max);
        total += size;
    }
    return 0;
}

int ol_iso9660_write(const struct ol_iso9660_image *image, struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(TREE_MAX);
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(ret->max - ret->len);
    struct image im = {.in = image, .a = &a, .root = {.name = "", .is_dir = true}};
    int r = check(&im, ret, err);

    for (size_t i = 0; r >= 0 && i < image->n_files; i++) {
        r = iso_tree_add(&a, &im.root, &image->files[i]);
        if (r < 0)
            return ol_err_set(err, -r, "ISO 9660: '%s': %s", image->files[i].path, strerror(-r));
        if (ol_arena_is_over(&a))
            return ol_err_set(err, EFBIG, "ISO 9660: more names than %zu bytes", a.max);
    }
    if (r < 0)
        return r;
    iso_tree_finish(&a, &im.root, im.dirs);
    if (im.dirs[0].n > MAX_DIRS)
        return ol_err_set(err, EFBIG, "ISO 9660: more than %d directories", MAX_DIRS);
    place(&im);
    add_all(&im, &out);
    r = ol_buf_status(&out);
    if (r < 0)
        return ol_err_set(err, -r, "ISO 9660: image has more than %zu bytes", out.max);
    ol_buf_add(ret, out.data, out.len);
    return ol_buf_status(ret);
}
