/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * ISO 9660 file systems (ECMA-119) read without mounting them, and small ones made: the form
 * in which clouds hand over seeds ("cidata", "config-2").
 *
 * Names are those that Linux shows: Rock Ridge's when there are such, else Joliet's, else the
 * plain ones in lower case without ";1". Symbolic links, and whatever has a name that no file
 * can have, are not shown. Everything read from the image is checked against the size of the
 * device; loops cannot hurt, because only the directories on a path are ever looked at.
 *
 *     struct ol_iso9660_source source = {.read_at = read_fd, .ctx = &fd, .size = size};
 *     r = ol_iso9660_open(&source, &iso, err);
 *     if (r >= 0)
 *         r = ol_iso9660_read(iso, "openstack/latest/meta_data.json", &data, err);
 */

enum {
    OL_ISO9660_MAX_DEPTH = 16,         /* components of a path */
    OL_ISO9660_MAX_DIR = 4 << 20,      /* bytes of one directory */
    OL_ISO9660_MAX_ENTRIES = 16 << 10, /* entries of one directory */
};

/* A file or block device. */
struct ol_iso9660_source {
    /* Fills buf with 'size' bytes from 'offset' on; 0 or -errno, less is -EIO. Never asked for
     * bytes beyond the device's size. */
    int (*read_at)(void *ctx, uint64_t offset, void *buf, size_t size);
    void *ctx;
    uint64_t size; /* of the device in bytes */
};

struct ol_iso9660_extent {
    uint64_t offset; /* bytes from the start of the device */
    uint64_t size;   /* bytes */
};

struct ol_iso9660_entry {
    const char *name; /* UTF-8 unless Rock Ridge has other bytes */
    bool is_dir;
    uint64_t size; /* bytes of all extents */
    struct ol_iso9660_extent *extents;
    size_t n_extents;
};

struct ol_iso9660_list {
    struct ol_iso9660_entry *entries; /* as they stand in the directory */
    size_t n;
};

struct ol_iso9660;

/* Reads the volume descriptors. The source's ctx has to live as long as the result, which the
 * caller frees.
 *   -EINVAL  no ISO 9660 file system, or a damaged one
 *   -errno   what read_at gave */
int ol_iso9660_open(const struct ol_iso9660_source *source, struct ol_iso9660 **ret,
                    struct ol_err *err) __attribute__((warn_unused_result));
void ol_iso9660_free(struct ol_iso9660 *iso);

/* The volume identifier without trailing blanks; "" when there is none. */
const char *ol_iso9660_label(const struct ol_iso9660 *iso);
/* Joliet's volume identifier (16 characters at most) as UTF-8; NULL when there is no Joliet. */
const char *ol_iso9660_joliet_label(const struct ol_iso9660 *iso);

/* The entries of a directory, in the arena. "" and "/" are the root; neither "." nor ".." are
 * listed or followed.
 *   -ENOENT   no such path
 *   -ENOTDIR  a file, or a file on the way
 *   -EINVAL   the file system is damaged there
 *   -EFBIG    the directory is larger than the maxima above, or than the arena's */
int ol_iso9660_list(struct ol_iso9660 *iso, struct ol_arena *a, const char *path,
                    struct ol_iso9660_list *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* One entry, in the arena; errors as ol_iso9660_list(). */
int ol_iso9660_lookup(struct ol_iso9660 *iso, struct ol_arena *a, const char *path,
                      struct ol_iso9660_entry *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Adds the content of a file to 'ret'; errors as ol_iso9660_list(), and
 *   -EISDIR  a directory
 *   -EFBIG   larger than the maximum of 'ret', which the sentence names */
int ol_iso9660_read(struct ol_iso9660 *iso, const char *path, struct ol_buf *ret,
                    struct ol_err *err) __attribute__((warn_unused_result));

/* --- making --- */

struct ol_iso9660_file {
    const char *path; /* "openstack/latest/meta_data.json", UTF-8; directories come by themselves */
    const void *data;
    size_t size;
};

struct ol_iso9660_image {
    const char *label;     /* as it stands, lower case too; up to 32 bytes of ASCII */
    const char *publisher; /* up to 128 bytes of ASCII; NULL = none */
    int64_t mtime;         /* of everything, seconds since the epoch */
    const struct ol_iso9660_file *files;
    size_t n_files;
};

/* Adds an image with plain, Rock Ridge and Joliet names to 'ret'. Equal input gives equal bytes.
 *   -EINVAL        a label, time or path that the format cannot hold (path deeper than 8)
 *   -ENAMETOOLONG  a component of more than 64 characters or 128 bytes
 *   -EEXIST        two files of one path, or a file where another needs a directory
 *   -EFBIG         larger than the maximum of 'ret' */
int ol_iso9660_write(const struct ol_iso9660_image *image, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
