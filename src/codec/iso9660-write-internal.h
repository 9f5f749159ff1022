/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/iso9660-internal.h"

/* Between iso9660-tree.c and iso9660-write.c only. */

/* The two trees of an image: plain names with Rock Ridge, and Joliet. */
enum iso_view { ISO_VIEW_PLAIN, ISO_VIEW_JOLIET, ISO_N_VIEWS };

struct iso_node {
    const char *name;       /* "" for the root */
    char plain[16];         /* "META_DAT.JSO;1" */
    uint8_t joliet[64 * 2]; /* UCS-2 big endian */
    size_t joliet_size;
    bool is_dir;
    const struct ol_iso9660_file *file;
    struct iso_node *parent; /* NULL for the root */

    struct iso_node **kids[ISO_N_VIEWS]; /* the same, each in the order of its names */
    size_t n_kids;

    uint16_t number[ISO_N_VIEWS]; /* of a directory in the path table, from 1 */
    uint32_t block[ISO_N_VIEWS];  /* first sector; a file's is the same in both */
    uint32_t size[ISO_N_VIEWS];   /* bytes; a directory's are whole sectors */
};

/* Directories in the order of the path table: level by level, sorted. */
struct iso_dirs {
    struct iso_node **v;
    size_t n;
};

/* -EINVAL, -EEXIST, -ENAMETOOLONG, -ENFILE (no plain name left). */
int iso_tree_add(struct ol_arena *a, struct iso_node *root, const struct ol_iso9660_file *file);
/* Sorts and numbers. */
void iso_tree_finish(struct ol_arena *a, struct iso_node *root, struct iso_dirs dirs[ISO_N_VIEWS]);
