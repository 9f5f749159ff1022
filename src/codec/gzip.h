/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

/* Gzip files (RFC 1952) as Python's gzip module reads and writes them. */

/* The data starts with the magic 1f 8b. */
bool ol_gzip_is(const void *data, size_t size) __attribute__((warn_unused_result));

/*
 * Adds the content of all members to 'ret'; zero bytes between and after members are skipped,
 * and no data at all is no content. The maximum of 'ret' bounds the result, so that a small
 * file cannot fill the memory.
 *   -EINVAL  not gzip, damaged or cut short; 'ret' is as it was
 *   -EFBIG   the content is larger than the maximum of 'ret', which the sentence names
 */
int ol_gzip_decompress(const void *data, size_t size, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Adds one member without name and with time 0: equal input gives equal output. */
int ol_gzip_compress(const void *data, size_t size, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
