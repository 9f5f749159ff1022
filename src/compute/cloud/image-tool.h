/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/cloud/image-check.h"
#include "core/env.h"

/* Files of images, and qemu-img on them. */

/* Reads beginning and end of a file; *ret points into 'room' (IMAGE_HEAD + IMAGE_TAIL bytes). */
int image_read(struct ol_env *env, const char *path, uint8_t *room, struct image_bytes *ret,
               int64_t *ret_size, struct ol_err *err) __attribute__((warn_unused_result));
/* "qemu-img info" with the format given, under limits of memory and time; checked. */
int image_qemu_info(struct ol_env *env, const char *path, const char *format, struct ol_err *err)
    __attribute__((warn_unused_result));
int image_to_raw(struct ol_env *env, const char *from, const char *format, const char *to,
                 struct ol_err *err) __attribute__((warn_unused_result));
/* Copies a file of this host, sharing its blocks where the file system can. */
int image_copy(struct ol_env *env, const char *from, int to_fd, struct ol_err *err)
    __attribute__((warn_unused_result));
