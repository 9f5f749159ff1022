/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

/* Base64 (RFC 4648, standard alphabet) as Python's base64 and binascii modules know it. */

enum ol_base64_flag {
    /* b64decode(validate=True): anything outside the alphabet, padding in the middle and
     * bytes after the padding are errors. Without it they are skipped. */
    OL_BASE64_STRICT = 1 << 0,
};

/* Adds the text to 'ret'. 'columns' > 0 ends every line, the last one too, with a newline
 * after that many characters (a multiple of 4; MIME: 76); 0 makes one line without newline. */
void ol_base64_encode(const void *data, size_t size, size_t columns, struct ol_buf *ret);

/*
 * Adds the bytes that 'text' stands for to 'ret', whose maximum bounds the result. Decoding
 * stops at the first complete padding. The sentences are those of Python's binascii.Error.
 *   -EINVAL  not base64: "Incorrect padding" and the like; 'ret' is as it was
 *   -EFBIG   more than the maximum of 'ret'
 */
int ol_base64_decode(const char *text, size_t len, unsigned flags, struct ol_buf *ret,
                     struct ol_err *err) __attribute__((warn_unused_result));
