/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/iso9660.h"

/* Between the iso9660-*.c files only. Field positions are those of ECMA-119 8.4 and 9.1,
 * counted from 0. */

enum {
    ISO_SECTOR = 2048,
    ISO_FIRST_DESCRIPTOR = 16, /* sector */

    ISO_VD_PRIMARY = 1,
    ISO_VD_SUPPLEMENTARY = 2,
    ISO_VD_END = 255,

    ISO_VD_SYSTEM = 8,
    ISO_VD_LABEL = 40,
    ISO_VD_SPACE = 80,
    ISO_VD_ESCAPES = 88,
    ISO_VD_SET_SIZE = 120,
    ISO_VD_SET_NUMBER = 124,
    ISO_VD_BLOCK_SIZE = 128,
    ISO_VD_TABLE_SIZE = 132,
    ISO_VD_TABLE_L = 140,
    ISO_VD_TABLE_M = 148,
    ISO_VD_ROOT = 156,
    ISO_VD_SET_ID = 190,
    ISO_VD_PUBLISHER = 318,
    ISO_VD_PREPARER = 446,
    ISO_VD_APPLICATION = 574,
    ISO_VD_COPYRIGHT = 702, /* with the abstract and bibliographic file: 3 * 37 bytes */
    ISO_VD_DATES = 813,     /* created, modified, expires, effective: 4 * 17 bytes */
    ISO_VD_STRUCTURE = 881,

    ISO_REC_SIZE = 0,
    ISO_REC_EXT_SIZE = 1,
    ISO_REC_BLOCK = 2,
    ISO_REC_LENGTH = 10,
    ISO_REC_DATE = 18,
    ISO_REC_FLAGS = 25,
    ISO_REC_UNIT = 26,
    ISO_REC_GAP = 27,
    ISO_REC_VOLUME = 28,
    ISO_REC_NAME_SIZE = 32,
    ISO_REC_NAME = 33,

    ISO_FLAG_DIR = 2,
    ISO_FLAG_ASSOCIATED = 4,
    ISO_FLAG_MORE = 128, /* another extent follows */
};

enum iso_names { ISO_NAMES_PLAIN, ISO_NAMES_JOLIET, ISO_NAMES_ROCK };

struct ol_iso9660 {
    struct ol_iso9660_source source;
    uint32_t block_size;
    enum iso_names names;
    uint8_t rock_skip; /* SUSP LEN_SKP: bytes before the entries of a record */
    struct ol_iso9660_entry root;
    struct ol_iso9660_extent root_extent;
    bool has_joliet;
    char label[33];
    char joliet_label[16 * 3 + 1];
};

/* What Rock Ridge says about a record. */
struct iso_rock {
    char name[256];
    size_t name_len;
    bool is_name_bad, is_symlink, is_relocated, has_child;
    uint32_t child; /* block of a directory that was moved away */
    bool has_sp, has_px;
    uint8_t skip;
};

uint32_t iso_get_le32(const uint8_t *p);
/* Reads with the check against the device's size. */
int iso_read_at(const struct ol_iso9660 *iso, uint64_t offset, void *buf, size_t size,
                struct ol_err *err);
/* Reads the System Use entries of a record of 'size' bytes, continuation areas included. */
int iso_rock_parse(const struct ol_iso9660 *iso, const uint8_t *record, size_t skip,
                   struct iso_rock *ret, struct ol_err *err);
/* UCS-2 (UTF-16) big endian as UTF-8 into 'out', which has room for 3 bytes per 2, and a NUL. */
size_t iso_utf16_to_utf8(const uint8_t *in, size_t size, char *out);
/* Entries of the directory, in the arena. */
int iso_dir_read(const struct ol_iso9660 *iso, struct ol_arena *a,
                 const struct ol_iso9660_entry *dir, struct ol_iso9660_list *ret,
                 struct ol_err *err);
