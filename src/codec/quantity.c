/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/quantity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"

typedef unsigned __int128 uint128;

#define NANO      ((uint128)1000000000)
#define VALUE_MAX (~(uint128)0 >> 1)

enum {
    NANO_DIGITS = 9,
    /* Go's fast path: what fits an int64 without a look. It takes a number without any digit as
     * 0. */
    FAST_DECIMAL_DIGITS = 18,
    FAST_BINARY_EXPONENT = 40,
};

static const char error_format[] = "quantities must match the regular expression "
                                   "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
static const char error_numeric[] = "unable to parse numeric part of quantity";
static const char error_suffix[] = "unable to parse quantity's suffix";

/* A quantity's text in its parts. Digits have no leading zeros. */
struct parts {
    bool is_negative;
    bool has_number; /* the part before the suffix is one for a parser of numbers */
    const char *whole, *fraction, *suffix;
    size_t n_whole, n_fraction, n_suffix;
};

struct unit {
    const char *suffix;
    enum ol_quantity_format format;
    int exponent; /* of 10, or of 2 in binary form */
};

static const struct unit units[] = {
    {"", OL_QUANTITY_DECIMAL_SI, 0},   {"n", OL_QUANTITY_DECIMAL_SI, -9},
    {"u", OL_QUANTITY_DECIMAL_SI, -6}, {"m", OL_QUANTITY_DECIMAL_SI, -3},
    {"k", OL_QUANTITY_DECIMAL_SI, 3},  {"M", OL_QUANTITY_DECIMAL_SI, 6},
    {"G", OL_QUANTITY_DECIMAL_SI, 9},  {"T", OL_QUANTITY_DECIMAL_SI, 12},
    {"P", OL_QUANTITY_DECIMAL_SI, 15}, {"E", OL_QUANTITY_DECIMAL_SI, 18},
    {"Ki", OL_QUANTITY_BINARY_SI, 10}, {"Mi", OL_QUANTITY_BINARY_SI, 20},
    {"Gi", OL_QUANTITY_BINARY_SI, 30}, {"Ti", OL_QUANTITY_BINARY_SI, 40},
    {"Pi", OL_QUANTITY_BINARY_SI, 50}, {"Ei", OL_QUANTITY_BINARY_SI, 60},
};

static size_t span_digits(const char *p)
{
    return strspn(p, "0123456789");
}

/* quantity.go, parseQuantityString(): more permissive than the expression that its error shows. */
static int split(const char *text, struct parts *ret)
{
    const char *p = text, *number;
    struct parts s = {.is_negative = *p == '-'};

    p += *p == '-' || *p == '+';
    number = p;
    p += strspn(p, "0");
    s.whole = p;
    s.n_whole = span_digits(p);
    p += s.n_whole;
    s.fraction = p;
    if (*p == '.') {
        s.fraction = ++p;
        s.n_fraction = span_digits(p);
        p += s.n_fraction;
    }
    s.has_number = strcspn(number, "0123456789") < (size_t)(p - number) || *p == '\0';
    s.suffix = p;
    p += strspn(p, "eEinumkKMGTP");
    p += *p == '-' || *p == '+';
    p += span_digits(p);
    s.n_suffix = (size_t)(p - s.suffix);
    *ret = s;
    return *p ? -EINVAL : 0;
}

static int read_suffix(const struct parts *s, struct unit *ret)
{
    char digits[24];
    int64_t exponent;

    for (size_t i = 0; i < ol_count(units); i++)
        if (strlen(units[i].suffix) == s->n_suffix
            && !memcmp(units[i].suffix, s->suffix, s->n_suffix)) {
            *ret = units[i];
            return 0;
        }
    if (s->n_suffix < 2 || (*s->suffix != 'e' && *s->suffix != 'E') || s->n_suffix > sizeof(digits))
        return -EINVAL;
    memcpy(digits, s->suffix + 1, s->n_suffix - 1);
    digits[s->n_suffix - 1] = '\0';
    if (ol_parse_i64(digits + (digits[0] == '+'), 10, &exponent) < 0)
        return -EINVAL;
    *ret = (struct unit){"", OL_QUANTITY_EXPONENT, (int32_t)exponent};
    return 0;
}

/* 10 * v + digit, at most VALUE_MAX. */
static uint128 push_digit(uint128 v, unsigned digit)
{
    return v > (VALUE_MAX - digit) / 10 ? VALUE_MAX : v * 10 + digit;
}

/* |number| * 10^exponent in nano, rounded up. */
static uint128 read_decimal(const struct parts *s, int exponent)
{
    size_t n = s->n_whole + s->n_fraction;
    int64_t weight = (int64_t)exponent + NANO_DIGITS + (int64_t)s->n_whole;
    uint128 v = 0;
    bool has_rest = false;

    for (size_t i = 0; i < n; i++) {
        char c = i < s->n_whole ? s->whole[i] : s->fraction[i - s->n_whole];

        if (weight-- > 0)
            v = push_digit(v, (unsigned)(c - '0'));
        else if (c != '0')
            has_rest = true;
    }
    for (; weight > 0 && v > 0 && v < VALUE_MAX; weight--)
        v = push_digit(v, 0);
    return v + (has_rest && v < VALUE_MAX);
}

/* |number| * 2^exponent in nano, rounded up and capped at int64 as Go does. */
static uint128 read_binary(const struct parts *s, int exponent)
{
    uint128 unit = NANO << exponent, max = (uint128)INT64_MAX * NANO, v = 0, part = 0;
    bool has_rest = false;

    for (size_t i = 0; i < s->n_whole; i++)
        v = push_digit(v, (unsigned)(s->whole[i] - '0'));
    if (v > max / unit)
        return max;
    for (size_t i = s->n_fraction; i > 0; i--) {
        part += unit * (unsigned)(s->fraction[i - 1] - '0');
        has_rest |= part % 10 != 0;
        part /= 10;
    }
    v = v * unit + part + has_rest;
    return v > max ? max : v;
}

/* Go takes "Gi" as 0 and "Ei" as no number: which depends on its fast path. */
static bool is_number(const struct parts *s, const struct unit *unit)
{
    if (s->has_number)
        return true;
    if (unit->format == OL_QUANTITY_BINARY_SI)
        return unit->exponent <= FAST_BINARY_EXPONENT;
    return unit->exponent >= -NANO_DIGITS;
}

int ol_quantity_parse(const char *text, struct ol_quantity *ret, struct ol_err *err)
{
    struct parts s;
    struct unit unit;
    uint128 v;

    if (!*text || split(text, &s) < 0)
        return ol_err_set(err, EINVAL, "%s", error_format);
    if (read_suffix(&s, &unit) < 0)
        return ol_err_set(err, EINVAL, "%s", error_suffix);
    if (!is_number(&s, &unit))
        return ol_err_set(err, EINVAL, "%s", error_numeric);
    if (unit.format == OL_QUANTITY_BINARY_SI) {
        v = read_binary(&s, unit.exponent);
        if (v > 0 && v < NANO)
            unit.format = OL_QUANTITY_DECIMAL_SI;
    } else {
        v = read_decimal(&s, unit.exponent);
    }
    ret->nano = s.is_negative ? -(__int128)v : (__int128)v;
    ret->format = unit.format;
    return 0;
}

static uint128 magnitude(const struct ol_quantity *q)
{
    return q->nano < 0 ? -(uint128)q->nano : (uint128)q->nano;
}

static void write_number(bool is_negative, uint128 v, const char *suffix, char out[OL_QUANTITY_MAX])
{
    char digits[48];
    size_t at = sizeof(digits);

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (unsigned)(v % 10));
        v /= 10;
    } while (v);
    snprintf(out, OL_QUANTITY_MAX, "%s%s%s", is_negative ? "-" : "", digits + at, suffix);
}

static const char *suffix_of(enum ol_quantity_format format, int exponent)
{
    for (size_t i = 0; i < ol_count(units); i++)
        if (units[i].format == format && units[i].exponent == exponent)
            return units[i].suffix;
    return "";
}

static void format_decimal(const struct ol_quantity *q, enum ol_quantity_format format,
                           char out[OL_QUANTITY_MAX])
{
    uint128 v = magnitude(q);
    int exponent = -NANO_DIGITS, max = format == OL_QUANTITY_DECIMAL_SI ? 18 : 1000;
    char text[16] = "";

    for (; v % 1000 == 0 && exponent < max; exponent += 3)
        v /= 1000;
    if (format == OL_QUANTITY_DECIMAL_SI)
        snprintf(text, sizeof(text), "%s", suffix_of(format, exponent));
    else if (exponent)
        snprintf(text, sizeof(text), "e%d", exponent);
    write_number(q->nano < 0, v, text, out);
}

void ol_quantity_format(const struct ol_quantity *q, char out[OL_QUANTITY_MAX])
{
    uint128 v = magnitude(q);
    int exponent = 0;

    if (v == 0) {
        write_number(false, 0, "", out);
        return;
    }
    if (q->format != OL_QUANTITY_BINARY_SI || v < 1024 * NANO || v % NANO) {
        format_decimal(q, q->format == OL_QUANTITY_BINARY_SI ? OL_QUANTITY_DECIMAL_SI : q->format,
                       out);
        return;
    }
    for (v /= NANO; v % 1024 == 0 && exponent < 60; exponent += 10)
        v /= 1024;
    write_number(q->nano < 0, v, exponent ? suffix_of(OL_QUANTITY_BINARY_SI, exponent) : "", out);
}

int ol_quantity_cmp(const struct ol_quantity *a, const struct ol_quantity *b)
{
    return (a->nano > b->nano) - (a->nano < b->nano);
}

/* A sum whose format is that of what is not zero. */
static void add(struct ol_quantity *sum, __int128 more, enum ol_quantity_format format)
{
    if (sum->nano == 0)
        sum->format = format;
    if (__builtin_add_overflow(sum->nano, more, &sum->nano))
        sum->nano = more < 0 ? -(__int128)VALUE_MAX : (__int128)VALUE_MAX;
}

void ol_quantity_add(struct ol_quantity *sum, const struct ol_quantity *more)
{
    add(sum, more->nano, more->format);
}

void ol_quantity_sub(struct ol_quantity *from, const struct ol_quantity *less)
{
    add(from, -less->nano, less->format);
}

/* In units of 'unit' nano, away from zero. */
static int64_t scaled(const struct ol_quantity *q, uint128 unit)
{
    uint128 v = magnitude(q);

    v = v / unit + (v % unit != 0);
    if (v > INT64_MAX)
        return q->nano < 0 ? INT64_MIN : INT64_MAX;
    return q->nano < 0 ? -(int64_t)v : (int64_t)v;
}

int64_t ol_quantity_value(const struct ol_quantity *q)
{
    return scaled(q, NANO);
}

int64_t ol_quantity_milli(const struct ol_quantity *q)
{
    return scaled(q, NANO / 1000);
}

struct ol_quantity ol_quantity_of(int64_t value)
{
    return (struct ol_quantity){.nano = (__int128)value * (__int128)NANO,
                                .format = OL_QUANTITY_BINARY_SI};
}

bool ol_quantity_is_zero(const struct ol_quantity *q)
{
    return q->nano == 0;
}
