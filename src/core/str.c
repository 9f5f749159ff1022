/* SPDX-License-Identifier: Apache-2.0 */
#include "core/str.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "core/alloc.h"

bool ol_str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ol_str_ends(const char *s, const char *suffix)
{
    size_t len = strlen(s), tail = strlen(suffix);

    return tail <= len && memcmp(s + len - tail, suffix, tail) == 0;
}

bool ol_str_eq_nocase(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

bool ol_str_in(const char *s, const char *const *null_terminated)
{
    for (; *null_terminated; null_terminated++)
        if (!strcmp(s, *null_terminated))
            return true;
    return false;
}

bool ol_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

const char *ol_str_strip(const char *s, size_t len, size_t *ret_len)
{
    while (len && ol_is_space(s[0])) {
        s++;
        len--;
    }
    while (len && ol_is_space(s[len - 1]))
        len--;
    *ret_len = len;
    return s;
}

char *ol_str_stripped(const char *s)
{
    size_t len;

    s = ol_str_strip(s, strlen(s), &len);
    return ol_xstrndup(s, len);
}

char *ol_str_lower(char *s)
{
    for (char *p = s; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return s;
}

char *ol_str_tr(char *s, char from, char to)
{
    for (char *p = s; *p; p++)
        if (*p == from)
            *p = to;
    return s;
}

/* Length of the sequence that starts with this byte, and the least code point it may encode. */
static size_t sequence_len(unsigned char c, uint32_t *ret_bits, uint32_t *ret_least)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if ((c & forms[i].mask) == forms[i].lead) {
            *ret_bits = c & (unsigned char)~forms[i].mask;
            *ret_least = forms[i].least;
            return i + 1;
        }
    }
    return 0;
}

bool ol_utf8_is_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp = 0, least = 0;
        size_t n = sequence_len((unsigned char)s[i], &cp, &least);

        if (!n || n > len - i)
            return false;
        for (size_t k = 1; k < n; k++) {
            if (((unsigned char)s[i + k] & 0xc0) != 0x80)
                return false;
            cp = cp << 6 | ((unsigned char)s[i + k] & 0x3f);
        }
        if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}
