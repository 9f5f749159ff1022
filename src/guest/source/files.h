/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/buf.h"
#include "core/env.h"
#include "core/strv.h"

/*
 * A read-only place with files: a directory below the root (seed directories, a mounted drive) or
 * an image that is read without mounting it. Paths are relative to the place, "openstack/latest".
 */
struct source_files;

struct source_files_driver {
    int (*read)(const struct source_files *f, const char *path, struct ol_buf *into,
                struct ol_err *err);
    bool (*exists)(const struct source_files *f, const char *path);
    int (*list)(const struct source_files *f, const char *path, struct ol_strv *ret,
                struct ol_err *err);
};

struct source_files {
    const struct source_files_driver *driver;
    struct ol_env *env;
    const char *base; /* for the directory driver and for messages; borrowed */
    void *state;      /* the driver's own */
};

enum { SOURCE_FILE_MAX = 16 << 20 }; /* bytes of one file */

/* The directory 'base' below the root; borrowed. */
struct source_files source_files_dir(struct ol_env *env, const char *base);

/* Adds the file's bytes to 'into'. -ENOENT there is none; -EFBIG larger than the buffer. */
int source_files_read(const struct source_files *f, const char *path, struct ol_buf *into,
                      struct ol_err *err) __attribute__((warn_unused_result));
bool source_files_exists(const struct source_files *f, const char *path);
/* Names in a directory of it, sorted. */
int source_files_list(const struct source_files *f, const char *path, struct ol_strv *ret,
                      struct ol_err *err) __attribute__((warn_unused_result));
