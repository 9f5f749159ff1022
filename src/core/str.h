/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Questions about strings that the standard library lacks. ASCII only, locale-free. */

bool ol_str_starts(const char *s, const char *prefix);
bool ol_str_ends(const char *s, const char *suffix);
/* Equal when both are read without case. */
bool ol_str_eq_nocase(const char *a, const char *b);
bool ol_str_in(const char *s, const char *const *null_terminated);
/* Whitespace as Python's str.strip() sees it in ASCII: space, \t \n \v \f \r and \x1c..\x1f. */
bool ol_is_space(char c);
/* Borrowed view without surrounding whitespace. */
const char *ol_str_strip(const char *s, size_t len, size_t *ret_len);
/* Heap copy without surrounding whitespace; the caller frees it. */
char *ol_str_stripped(const char *s) __attribute__((warn_unused_result));
/* Lower-cases ASCII in place; returns s. */
char *ol_str_lower(char *s);
/* Replaces each 'from' by 'to' in place; returns s. */
char *ol_str_tr(char *s, char from, char to);
/* Bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool ol_utf8_is_valid(const char *s, size_t len);
