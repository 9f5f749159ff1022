/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * The one parser of integers. The whole string must be the number: no leading blanks,
 * no rest. 'base' is 2..36, or 0 for C's own prefixes.
 * 0, -EINVAL (not a number) or -ERANGE (does not fit); the result is untouched on failure.
 */
int ol_parse_i64(const char *s, int base, int64_t *ret) __attribute__((warn_unused_result));
int ol_parse_u64(const char *s, int base, uint64_t *ret) __attribute__((warn_unused_result));
/* Also refuses (-ERANGE) what lies outside min..max. */
int ol_parse_int(const char *s, int base, int min, int max, int *ret)
    __attribute__((warn_unused_result));
