/* SPDX-License-Identifier: Apache-2.0 */
#include "core/num.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* strtoll() would skip blanks and accept "+-": only a digit or one sign may come first. */
static int starts_like_number(const char *s, int is_signed)
{
    if (is_signed && (*s == '-' || *s == '+'))
        s++;
    return isalnum((unsigned char)*s);
}

int ol_parse_i64(const char *s, int base, int64_t *ret)
{
    char *end;
    long long v;

    if (!starts_like_number(s, 1))
        return -EINVAL;
    errno = 0;
    v = strtoll(s, &end, base);
    if (*end || end == s)
        return -EINVAL;
    if (errno)
        return -errno;
    *ret = v;
    return 0;
}

int ol_parse_u64(const char *s, int base, uint64_t *ret)
{
    char *end;
    unsigned long long v;

    if (!starts_like_number(s, 0))
        return -EINVAL;
    errno = 0;
    v = strtoull(s, &end, base);
    if (*end || end == s)
        return -EINVAL;
    if (errno)
        return -errno;
    *ret = v;
    return 0;
}

int ol_parse_int(const char *s, int base, int min, int max, int *ret)
{
    int64_t v = 0;
    int r = ol_parse_i64(s, base, &v);

    if (r < 0)
        return r;
    if (v < min || v > max)
        return -ERANGE;
    *ret = (int)v;
    return 0;
}
