/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* MD5 (RFC 1321) as 32 hexadecimal digits and a NUL. For names of cached files only: it protects
 * nothing. */
void ol_md5_hex(const void *data, size_t size, char ret_hex[33]);
