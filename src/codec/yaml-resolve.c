/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-internal.h"

#include <string.h>

#include "core/cleanup.h"

/*
 * YAML 1.1's implicit types as PyYAML's resolver.py spells them. The first character says
 * which of them can match at all; the matchers are the regular expressions written out.
 */

const char yaml_tag_prefix[] = "tag:yaml.org,2002:";

const char *const yaml_tag_names[YAML_TAG_OTHER] = {
    [YAML_TAG_NULL] = "null",   [YAML_TAG_BOOL] = "bool",     [YAML_TAG_INT] = "int",
    [YAML_TAG_FLOAT] = "float", [YAML_TAG_BINARY] = "binary", [YAML_TAG_TIMESTAMP] = "timestamp",
    [YAML_TAG_OMAP] = "omap",   [YAML_TAG_PAIRS] = "pairs",   [YAML_TAG_SET] = "set",
    [YAML_TAG_STR] = "str",     [YAML_TAG_SEQ] = "seq",       [YAML_TAG_MAP] = "map",
    [YAML_TAG_MERGE] = "merge", [YAML_TAG_VALUE] = "value",   [YAML_TAG_YAML] = "yaml",
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_sign(const char *p)
{
    return p + (*p == '-' || *p == '+');
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p))
        p++;
    return p;
}

static const char *skip_set(const char *p, const char *set)
{
    return p + strspn(p, set);
}

static const char *skip_digits_(const char *p)
{
    while (is_digit(*p) || *p == '_')
        p++;
    return p;
}

/* (?::[0-5]?[0-9])* */
static const char *skip_sixties(const char *p)
{
    while (*p == ':' && is_digit(p[1])) {
        if (p[1] <= '5' && is_digit(p[2]))
            p += 3;
        else
            p += 2;
    }
    return p;
}

static bool is_int(const char *p, const char *end)
{
    p = skip_sign(p);
    if (!is_digit(*p))
        return false;
    if (*p != '0')
        return skip_sixties(skip_digits_(p)) == end;
    if (p + 1 == end)
        return true;
    if (p[1] == 'b')
        return p + 2 < end && skip_set(p + 2, "01_") == end;
    if (p[1] == 'x')
        return p + 2 < end && skip_set(p + 2, "0123456789abcdefABCDEF_") == end;
    return skip_set(p + 1, "01234567_") == end;
}

/* (?:[eE][-+][0-9]+)? up to the end */
static bool is_exponent_or_end(const char *p, const char *end)
{
    if (p == end)
        return true;
    if ((*p != 'e' && *p != 'E') || (p[1] != '-' && p[1] != '+') || !is_digit(p[2]))
        return false;
    return skip_digits(p + 2) == end;
}

static bool is_special_float(const char *p, const char *end, const char *const words[3])
{
    for (int i = 0; i < 3; i++)
        if (end - p == 3 && !memcmp(p, words[i], 3))
            return true;
    return false;
}

static bool is_float(const char *s, const char *end)
{
    static const char *const inf[] = {"inf", "Inf", "INF"}, *const nan[] = {"nan", "NaN", "NAN"};
    const char *p = skip_sign(s), *whole;

    if (*p == '.') {
        if (is_special_float(p + 1, end, inf))
            return true;
        if (p != s)
            return false;
        if (is_special_float(p + 1, end, nan))
            return true;
        return is_digit(p[1]) && is_exponent_or_end(skip_digits_(p + 1), end);
    }
    if (!is_digit(*p))
        return false;
    whole = skip_digits_(p);
    if (*whole == '.')
        return is_exponent_or_end(skip_digits_(whole + 1), end);
    p = skip_sixties(whole);
    return p != whole && *p == '.' && skip_digits_(p + 1) == end;
}

static const char *skip_1_or_2_digits(const char *p)
{
    if (!is_digit(*p))
        return NULL;
    return p + 1 + is_digit(p[1]);
}

/* Up to three letters of a pattern: 'd' is a digit, anything else is itself. */
static bool matches(const char *p, const char *pattern)
{
    for (; *pattern; p++, pattern++)
        if (*pattern == 'd' ? !is_digit(*p) : *p != *pattern)
            return false;
    return true;
}

/* Z or [-+]h[h][:mm], after blanks, up to the end */
static bool is_zone_or_end(const char *p, const char *end)
{
    if (p == end)
        return true;
    p = skip_set(p, " \t");
    if (*p == 'Z')
        return p + 1 == end;
    if (*p != '-' && *p != '+')
        return false;
    p = skip_1_or_2_digits(p + 1);
    if (p && matches(p, ":dd"))
        p += 3;
    return p == end;
}

static bool is_timestamp(const char *s, const char *end)
{
    const char *p = s, *sep;

    if (!matches(p, "dddd-d"))
        return false;
    if (end - s == 10 && matches(s, "dddd-dd-dd"))
        return true;
    p = skip_1_or_2_digits(p + 5);
    p = *p == '-' ? skip_1_or_2_digits(p + 1) : NULL;
    if (!p)
        return false;
    sep = p;
    p = *p == 'T' || *p == 't' ? p + 1 : skip_set(p, " \t");
    if (p == sep)
        return false;
    p = skip_1_or_2_digits(p);
    if (!p || !matches(p, ":dd:dd"))
        return false;
    p += 6;
    if (*p == '.')
        p = skip_digits(p + 1);
    return is_zone_or_end(p, end);
}

static bool is_word(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(s, *words))
            return true;
    return false;
}

static enum yaml_tag resolve_number(const char *s, size_t len)
{
    const char *end = s + len;

    if (is_float(s, end))
        return YAML_TAG_FLOAT;
    if (is_int(s, end))
        return YAML_TAG_INT;
    if (is_digit(*s) && is_timestamp(s, end))
        return YAML_TAG_TIMESTAMP;
    return YAML_TAG_STR;
}

static enum yaml_tag resolve_word(const char *s, size_t len)
{
    static const char *const bools[] = {
        "yes",   "Yes",   "YES", "no", "No", "NO",  "true", "True", "TRUE", "false",
        "False", "FALSE", "on",  "On", "ON", "off", "Off",  "OFF",  NULL,
    };
    static const char *const nulls[] = {"null", "Null", "NULL", NULL};

    if (len < 2 || len > 5)
        return YAML_TAG_STR;
    if (is_word(s, bools))
        return YAML_TAG_BOOL;
    if ((*s == 'n' || *s == 'N') && is_word(s, nulls))
        return YAML_TAG_NULL;
    return YAML_TAG_STR;
}

enum yaml_tag yaml_resolve(const char *s, size_t len)
{
    if (len == 0)
        return YAML_TAG_NULL;
    if (memchr(s, '\0', len))
        return YAML_TAG_STR;
    switch (*s) {
    case '0' ... '9':
    case '-':
    case '+':
    case '.': return resolve_number(s, len);
    case 'y':
    case 'Y':
    case 'n':
    case 'N':
    case 't':
    case 'T':
    case 'f':
    case 'F':
    case 'o':
    case 'O': return resolve_word(s, len);
    case '~': return len == 1 ? YAML_TAG_NULL : YAML_TAG_STR;
    case '<': return strcmp(s, "<<") ? YAML_TAG_STR : YAML_TAG_MERGE;
    case '=': return len == 1 ? YAML_TAG_VALUE : YAML_TAG_STR;
    case '!':
    case '&':
    case '*': return len == 1 ? YAML_TAG_YAML : YAML_TAG_STR;
    default: return YAML_TAG_STR;
    }
}
