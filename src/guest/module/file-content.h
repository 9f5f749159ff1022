/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "codec/val.h"
#include "core/buf.h"
#include "core/env.h"
#include "core/err.h"

/* The entries of write_files without the writing: what a file holds and who may do what with it. */

enum {
    FILE_CONTENT_MAX = 256 << 20, /* bytes of one file, decoded */
    FILE_DEFAULT_MODE = 0644,
};

/*
 * Permissions as cloud-init 26.2 cc_write_files.decode_perms() reads them: a number is taken as it
 * is (YAML has made 420 of 0644), text is octal, absent or null is FILE_DEFAULT_MODE. What cannot
 * be understood is warned about and gives FILE_DEFAULT_MODE.
 */
mode_t file_content_mode(struct ol_env *env, const struct ol_val *permissions);

/*
 * Adds the bytes that 'content' stands for in 'encoding' (text or absent; an unknown one is warned
 * about and taken as text/plain). -EINVAL with domain "Error" (Python's binascii.Error) or
 * "DecompressionError"; -EFBIG when 'ret' is full.
 */
int file_content_decode(struct ol_env *env, const struct ol_val *content,
                        const struct ol_val *encoding, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
