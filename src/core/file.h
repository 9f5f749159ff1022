/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/env.h"
#include "core/strv.h"

/*
 * Files, always below env's root: "/etc/hosts" means ROOT/etc/hosts, and no symbolic
 * link in the tree can lead out of it (core/resolve.h). Everything that changes something
 * passes ol_change() first.
 *
 * All return 0 or -errno, with a sentence in err that names the path.
 */

/* Opens below the root; flags as open(2), O_CLOEXEC is added. fd or -errno, no sentence.
 * Flags that can change something (O_CREAT, O_TRUNC, O_WRONLY, O_RDWR) count as a change;
 * in a dry run /dev/null is opened for them. */
int ol_open(struct ol_env *env, const char *path, int flags, mode_t mode)
    __attribute__((warn_unused_result));

/* Reads a whole regular file or device-like file of /proc and /sys into 'into' (appended).
 * -ENOENT no such file; -EFBIG larger than the buffer's maximum; -EINVAL not a file. */
int ol_file_read(struct ol_env *env, const char *path, struct ol_buf *into, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The same without surrounding whitespace as a heap string that the caller frees, at most
 * 64 KiB; NULL when it cannot be read. For /proc, /sys and one-line state files. */
char *ol_file_read_line(struct ol_env *env, const char *path) __attribute__((warn_unused_result));

/* Bits of the flags of ol_file_write() */
enum ol_write_flag {
    OL_WRITE_APPEND = 1 << 0,    /* add at the end */
    OL_WRITE_ATOMIC = 1 << 1,    /* temporary file + rename: for our own state */
    OL_WRITE_EXCL = 1 << 2,      /* -EEXIST when there is such a file */
    OL_WRITE_KEEP_MODE = 1 << 3, /* an existing file keeps its mode */
    OL_WRITE_PARENTS = 1 << 4,   /* make missing parent directories, 0755 */
};

/*
 * Writes a whole file and gives it exactly 'mode' (whatever the umask). Without
 * OL_WRITE_ATOMIC an existing file is written over in place, through symbolic links, as
 * cloud-init does with files that the user asked for; it keeps its text when the disk is full.
 */
int ol_file_write(struct ol_env *env, const char *path, const void *data, size_t size, mode_t mode,
                  unsigned flags, struct ol_err *err) __attribute__((warn_unused_result));
/* The same for what was put together in a buffer. One that has failed is not written: -EFBIG or
 * -ENOMEM, and the file is as it was. */
int ol_file_write_buf(struct ol_env *env, const char *path, const struct ol_buf *text, mode_t mode,
                      unsigned flags, struct ol_err *err) __attribute__((warn_unused_result));
/* The same for a string. */
int ol_file_puts(struct ol_env *env, const char *path, const char *text, mode_t mode,
                 unsigned flags, struct ol_err *err) __attribute__((warn_unused_result));

/* Follows links. -errno, no sentence. */
int ol_stat(struct ol_env *env, const char *path, struct stat *ret)
    __attribute__((warn_unused_result));
int ol_lstat(struct ol_env *env, const char *path, struct stat *ret)
    __attribute__((warn_unused_result));
/* Follow links; false also when it cannot be told. */
bool ol_exists(struct ol_env *env, const char *path);
bool ol_is_dir(struct ol_env *env, const char *path);
bool ol_is_file(struct ol_env *env, const char *path);
bool ol_is_link(struct ol_env *env, const char *path);
bool ol_is_executable(struct ol_env *env, const char *path);

/* Text of a link as a heap string, or NULL. */
char *ol_readlink(struct ol_env *env, const char *path) __attribute__((warn_unused_result));
/* Names in a directory, sorted by bytes, without "." and "..". */
int ol_list_dir(struct ol_env *env, const char *path, struct ol_strv *ret_names, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Makes the directory and missing parents. Those that it makes get exactly 'mode'; what
 * exists is left alone. */
int ol_mkdir_p(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Missing is not an error. */
int ol_unlink(struct ol_env *env, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A directory and everything in it, or a file; never follows a link, never crosses into
 * another mounted file system. Missing is not an error. */
int ol_remove_tree(struct ol_env *env, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
int ol_rename(struct ol_env *env, const char *from, const char *to, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Makes 'path' a symbolic link to 'target', replacing a link or file that is there (atomic). */
int ol_symlink(struct ol_env *env, const char *target, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
int ol_chmod(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Follows links; (uid_t)-1 and (gid_t)-1 leave it as it is. */
int ol_chown(struct ol_env *env, const char *path, uid_t uid, gid_t gid, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Makes everything written so far below 'path's file system durable (syncfs). */
int ol_sync(struct ol_env *env, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Full path of a program in the tree's PATH (the usual six directories), heap; NULL = none. */
char *ol_which(struct ol_env *env, const char *name) __attribute__((warn_unused_result));
