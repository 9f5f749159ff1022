/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/iso9660-write-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

/* The tree of an image to be written: names in three forms, children in two orders. */

enum {
    MAX_LEVELS = 8, /* ECMA-119 6.8.2.1, the root included */
    MAX_UNITS = 64, /* Joliet */
    MAX_NAME = 128, /* what fits beside the other Rock Ridge entries */
    MAX_STEM = 8,
    MAX_EXT = 3, /* ECMA-119 10.1 */
};

static int utf8_to_utf16(const char *s, size_t len, uint8_t *out, size_t *ret_size)
{
    size_t n = 0;

    if (!ol_utf8_is_valid(s, len))
        return -EINVAL;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        uint32_t cp = more ? c & (0x3fu >> more) : c;

        for (i++; more; more--, i++)
            cp = cp << 6 | ((unsigned char)s[i] & 0x3f);
        if (n + (cp > 0xffff ? 2 : 1) > MAX_UNITS)
            return -ENAMETOOLONG;
        if (cp > 0xffff) {
            uint32_t high = 0xd800 + ((cp - 0x10000) >> 10);

            out[2 * n] = (uint8_t)(high >> 8);
            out[2 * n++ + 1] = (uint8_t)high;
            cp = 0xdc00 + (cp & 0x3ff);
        }
        out[2 * n] = (uint8_t)(cp >> 8);
        out[2 * n++ + 1] = (uint8_t)cp;
    }
    *ret_size = 2 * n;
    return 0;
}

static size_t add_plain(char *out, const char *s, size_t len, size_t max)
{
    size_t n = len < max ? len : max;

    for (size_t i = 0; i < n; i++) {
        char c = s[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        out[i] = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }
    return n;
}

/* STEM.EXT, with a number in the stem from the second name on that would be the same. */
static void set_plain(struct iso_node *n, unsigned number)
{
    const char *dot = n->is_dir ? NULL : strrchr(n->name, '.');
    size_t stem = dot ? (size_t)(dot - n->name) : strlen(n->name);
    char *to = n->plain;
    size_t len = add_plain(to, n->name, stem, MAX_STEM);

    if (number) {
        len = len < MAX_STEM - 4 ? len : MAX_STEM - 4;
        len += (size_t)snprintf(to + len, sizeof(n->plain) - len, "%04u", number % 10000);
    }
    if (!n->is_dir) {
        to[len++] = '.';
        if (dot)
            len += add_plain(to + len, dot + 1, strlen(dot + 1), MAX_EXT);
        memcpy(to + len, ";1", 2);
        len += 2;
    }
    to[len] = '\0';
}

static struct iso_node *find_child(const struct iso_node *dir, const char *name, size_t len)
{
    for (size_t i = 0; i < dir->n_kids; i++) {
        struct iso_node *kid = dir->kids[ISO_VIEW_PLAIN][i];

        if (!strncmp(kid->name, name, len) && !kid->name[len])
            return kid;
    }
    return NULL;
}

static bool is_plain_taken(const struct iso_node *dir, const char *plain)
{
    for (size_t i = 0; i < dir->n_kids; i++)
        if (!strcmp(dir->kids[ISO_VIEW_PLAIN][i]->plain, plain))
            return true;
    return false;
}

static int add_child(struct ol_arena *a, struct iso_node *dir, const char *name, size_t len,
                     struct iso_node **ret)
{
    struct iso_node *n = ol_arena_alloc(a, sizeof(*n));
    size_t size = dir->n_kids * sizeof(struct iso_node *);
    int r;

    n->name = ol_arena_memdup(a, name, len);
    n->parent = dir;
    n->is_dir = (*ret)->is_dir;
    n->file = (*ret)->file;
    if (len > MAX_NAME)
        return -ENAMETOOLONG;
    if (!strcmp(n->name, ".") || !strcmp(n->name, ".."))
        return -EINVAL;
    r = utf8_to_utf16(name, len, n->joliet, &n->joliet_size);
    if (r < 0)
        return r;
    for (unsigned i = 0; set_plain(n, i), is_plain_taken(dir, n->plain); i++)
        if (i > 9999)
            return -ENFILE;
    for (int v = 0; v < ISO_N_VIEWS; v++) {
        dir->kids[v] = ol_arena_grow(a, dir->kids[v], size, size + sizeof(n));
        dir->kids[v][dir->n_kids] = n;
    }
    dir->n_kids++;
    *ret = n;
    return 0;
}

int iso_tree_add(struct ol_arena *a, struct iso_node *root, const struct ol_iso9660_file *file)
{
    const char *name = file->path + strspn(file->path, "/");
    struct iso_node *at = root;

    for (int level = 1; *name; level++) {
        size_t len = strcspn(name, "/"), gap = strspn(name + len, "/");
        struct iso_node want = {.is_dir = name[len], .file = name[len] ? NULL : file};
        struct iso_node *next = find_child(at, name, len), *made = &want;
        int r;

        if (next && !(next->is_dir && want.is_dir))
            return -EEXIST;
        if (level > MAX_LEVELS - 1 && want.is_dir)
            return -EINVAL;
        if (!next) {
            r = add_child(a, at, name, len, &made);
            if (r < 0)
                return r;
            next = made;
        }
        at = next;
        name += len + gap;
    }
    return at == root || at->is_dir ? -EINVAL : 0;
}

static int compare_plain(const void *a, const void *b)
{
    return strcmp((*(struct iso_node *const *)a)->plain, (*(struct iso_node *const *)b)->plain);
}

static int compare_joliet(const void *a, const void *b)
{
    const struct iso_node *x = *(struct iso_node *const *)a, *y = *(struct iso_node *const *)b;
    size_t size = x->joliet_size < y->joliet_size ? x->joliet_size : y->joliet_size;
    int order = memcmp(x->joliet, y->joliet, size);

    return order ? order : (x->joliet_size > y->joliet_size) - (x->joliet_size < y->joliet_size);
}

static size_t sort_below(struct iso_node *dir)
{
    size_t n = 1;

    if (dir->n_kids) {
        qsort(dir->kids[ISO_VIEW_PLAIN], dir->n_kids, sizeof(struct iso_node *), compare_plain);
        qsort(dir->kids[ISO_VIEW_JOLIET], dir->n_kids, sizeof(struct iso_node *), compare_joliet);
    }
    for (size_t i = 0; i < dir->n_kids; i++)
        if (dir->kids[0][i]->is_dir)
            n += sort_below(dir->kids[0][i]);
    return n;
}

void iso_tree_finish(struct ol_arena *a, struct iso_node *root, struct iso_dirs dirs[ISO_N_VIEWS])
{
    size_t n_dirs = sort_below(root);

    for (int v = 0; v < ISO_N_VIEWS; v++) {
        struct iso_dirs *d = &dirs[v];

        *d = (struct iso_dirs){ol_arena_alloc(a, n_dirs * sizeof(*d->v)), 0};
        d->v[d->n++] = root;
        for (size_t i = 0; i < d->n; i++) {
            struct iso_node *dir = d->v[i];

            dir->number[v] = (uint16_t)(i + 1);
            for (size_t k = 0; k < dir->n_kids; k++)
                if (dir->kids[v][k]->is_dir)
                    d->v[d->n++] = dir->kids[v][k];
        }
    }
}
