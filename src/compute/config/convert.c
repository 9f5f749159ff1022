/* SPDX-License-Identifier: Apache-2.0 */
/* Text to a field of the struct and back, as oslo_config 9.0 types.py reads it. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/config/option-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

#define FIELD(row, c, type)       ((type *)(void *)((char *)(c) + (row)->offset))
#define CONST_FIELD(row, c, type) ((const type *)(const void *)((const char *)(c) + (row)->offset))

static int to_bool(const char *text, bool *ret, struct ol_err *err)
{
    static const char *const yes[] = {"true", "1", "on", "yes", NULL};
    static const char *const no[] = {"false", "0", "off", "no", NULL};
    ol_autofree char *lower = ol_str_lower(ol_xstrdup(text));

    if (!ol_str_in(lower, yes) && !ol_str_in(lower, no))
        return ol_err_set(err, EINVAL, "'%s' is neither true nor false", text);
    *ret = ol_str_in(lower, yes);
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Python's int(): a sign and single underscores between digits are allowed. */
static int to_int(const char *text, int64_t *ret, struct ol_err *err)
{
    char digits[64];
    size_t n = 0;

    for (const char *p = text; *p && n < sizeof(digits) - 1; p++) {
        if (*p == '_' && n && is_digit(p[-1]) && is_digit(p[1]))
            continue;
        if (p == text && *p == '+' && p[1] != '-')
            continue;
        digits[n++] = *p;
    }
    digits[n] = '\0';
    if (ol_parse_i64(digits, 10, ret) < 0)
        return ol_err_set(err, EINVAL, "'%s' is not a whole number", text);
    return 0;
}

static int to_float(const char *text, double *ret, struct ol_err *err)
{
    char *end = NULL;
    double d = strtod(text, &end);

    /* Python's float() knows no hexadecimal numbers. */
    if (end == text || *end || strpbrk(text, "xXpP") || !isfinite(d))
        return ol_err_set(err, EINVAL, "'%s' is not a number", text);
    *ret = d;
    return 0;
}

static int check_limits(const struct option_row *row, double value, struct ol_err *err)
{
    unsigned flags = row->flags;
    double min = row->min, max = row->max;

    if (row->kind == OPTION_PORT) {
        flags |= OPTION_MIN | OPTION_MAX;
        min = 0;
        max = 65535;
    }
    if (row->kind == OPTION_SECONDS && (value > INT32_MAX || value < -1))
        return ol_err_set(err, EINVAL, "%.0f is no sensible number of seconds", value);
    if (flags & OPTION_MIN && value < min)
        return ol_err_set(err, EINVAL, "%g is too little: it should be greater than or equal to %g",
                          value, min);
    if (flags & OPTION_MAX && value > max)
        return ol_err_set(err, EINVAL, "%g is too much: it should be less than or equal to %g",
                          value, max);
    return 0;
}

static int put_number(const struct option_row *row, const char *text, struct compute_config *c,
                      struct ol_err *err)
{
    ol_autofree char *bare = ol_str_stripped(text ? text : "");
    int64_t whole = 0;
    double number = 0;
    bool has_fraction = row->kind == OPTION_FLOAT || row->kind == OPTION_SPAN;
    int r = 0;

    /* Only blanks: not set, and no limit applies. */
    if (*bare) {
        r = has_fraction ? to_float(bare, &number, err) : to_int(bare, &whole, err);
        if (r >= 0)
            r = check_limits(row, has_fraction ? number : (double)whole, err);
    }
    if (r < 0)
        return r;
    if (row->kind == OPTION_FLOAT)
        *FIELD(row, c, double) = number;
    else if (row->kind == OPTION_SPAN)
        *FIELD(row, c, ol_time) = (ol_time)(number * (double)OL_SECOND);
    else
        *FIELD(row, c, int64_t) = row->kind == OPTION_SECONDS ? whole * OL_SECOND : whole;
    return 0;
}

static bool is_host_label(const char *s, size_t len)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return len >= 1 && len <= 63 && s[0] != '-' && s[len - 1] != '-' && strspn(s, allowed) >= len;
}

/* types.HostDomain: an address, or labels of letters, digits, "-" and "_" whose last is not a
 * number. */
static int check_host(const char *text, struct ol_err *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t len = strlen(text);
    const char *label = text, *dot = NULL;

    if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
        return 0;
    while (len <= 253) {
        dot = strchrnul(label, '.');
        if (!is_host_label(label, (size_t)(dot - label)))
            break;
        if (!*dot || !dot[1]) {
            if (strspn(label, "0123456789_") < (size_t)(dot - label))
                return 0;
            break;
        }
        label = dot + 1;
    }
    return ol_err_set(err, EINVAL, "'%s' is not a valid host address", text);
}

static int put_text(const struct option_row *row, const char *text, struct ol_arena *a,
                    struct compute_config *c, struct ol_err *err)
{
    char *copy;

    if (text && row->choices && !ol_str_in(text, row->choices)) {
        ol_auto(ol_strv_done) struct ol_strv all = OL_STRV_INIT;
        ol_autofree char *list = NULL;

        ol_strv_add_all(&all, row->choices);
        list = ol_strv_join(&all, ", ");
        return ol_err_set(err, EINVAL, "Valid values are [%s], but found '%s'", list, text);
    }
    if (text && row->kind == OPTION_HOST) {
        int r = check_host(text, err);

        if (r < 0)
            return r;
    }
    if (!text) {
        *FIELD(row, c, const char *) = NULL;
        return 0;
    }
    copy = ol_arena_strdup(a, text);
    if (row->kind == OPTION_HOST && ol_str_ends(copy, "."))
        copy[strlen(copy) - 1] = '\0';
    *FIELD(row, c, const char *) = copy;
    return 0;
}

/* Pieces between commas without blanks around them; commas at the end don't count. */
static void put_list(const char *text, struct ol_strv *to)
{
    size_t len;
    const char *at = ol_str_strip(text, strlen(text), &len);

    ol_strv_done(to);
    while (len && at[len - 1] == ',')
        len--;
    while (len) {
        const char *comma = memchr(at, ',', len);
        size_t piece = comma ? (size_t)(comma - at) : len, bare_len;
        const char *bare = ol_str_strip(at, piece, &bare_len);

        ol_strv_addn(to, bare, bare_len);
        at += piece + (comma ? 1 : 0);
        len -= piece + (comma ? 1 : 0);
    }
}

int option_put(const struct option_row *row, const char *text, struct ol_arena *a,
               struct compute_config *c, struct ol_err *err)
{
    switch (row->kind) {
    case OPTION_STR:
    case OPTION_HOST: return put_text(row, text, a, c, err);
    case OPTION_BOOL: return to_bool(text ? text : "false", FIELD(row, c, bool), err);
    case OPTION_INT:
    case OPTION_PORT:
    case OPTION_FLOAT:
    case OPTION_SECONDS:
    case OPTION_SPAN: return put_number(row, text, c, err);
    case OPTION_LIST: put_list(text ? text : "", FIELD(row, c, struct ol_strv)); return 0;
    }
    return 0;
}

static void show_list(const struct ol_strv *list, struct ol_buf *to)
{
    const char *glue = "";

    ol_buf_addc(to, '[');
    ol_strv_each (item, list) {
        ol_buf_printf(to, "%s'%s'", glue, item);
        glue = ", ";
    }
    ol_buf_addc(to, ']');
}

/* 0 stands for "not set" where there is no default. */
static void show_whole(const struct option_row *row, int64_t n, struct ol_buf *to)
{
    if (!n && !row->fallback)
        ol_buf_adds(to, "None");
    else
        ol_buf_printf(to, "%lld", (long long)n);
}

static void show_fraction(const struct option_row *row, double d, struct ol_buf *to)
{
    if (d == 0 && !row->fallback)
        ol_buf_adds(to, "None");
    else
        ol_buf_printf(to, d == floor(d) ? "%.1f" : "%g", d);
}

void option_show(const struct option_row *row, const struct compute_config *c, struct ol_buf *to)
{
    const char *text;

    if (row->flags & OPTION_SECRET) {
        ol_buf_adds(to, "***");
        return;
    }
    switch (row->kind) {
    case OPTION_STR:
    case OPTION_HOST:
        text = *CONST_FIELD(row, c, char *);
        ol_buf_adds(to, text ? text : "None");
        break;
    case OPTION_BOOL: ol_buf_adds(to, *CONST_FIELD(row, c, bool) ? "True" : "False"); break;
    case OPTION_INT:
    case OPTION_PORT: show_whole(row, *CONST_FIELD(row, c, int64_t), to); break;
    case OPTION_SECONDS: show_whole(row, *CONST_FIELD(row, c, ol_time) / OL_SECOND, to); break;
    case OPTION_FLOAT: show_fraction(row, *CONST_FIELD(row, c, double), to); break;
    case OPTION_SPAN:
        show_fraction(row, (double)*CONST_FIELD(row, c, ol_time) / (double)OL_SECOND, to);
        break;
    case OPTION_LIST:
        if (!row->fallback && !CONST_FIELD(row, c, struct ol_strv)->n)
            ol_buf_adds(to, "None");
        else
            show_list(CONST_FIELD(row, c, struct ol_strv), to);
        break;
    }
}

void option_copy(const struct option_row *row, const struct compute_config *from,
                 struct compute_config *to)
{
    if (row->kind == OPTION_BOOL)
        __atomic_store_n(FIELD(row, to, bool), *CONST_FIELD(row, from, bool), __ATOMIC_RELAXED);
    else
        __atomic_store_n(FIELD(row, to, int64_t), *CONST_FIELD(row, from, int64_t),
                         __ATOMIC_RELAXED);
}

void option_release(const struct option_row *row, struct compute_config *c)
{
    if (row->kind == OPTION_LIST)
        ol_strv_done(FIELD(row, c, struct ol_strv));
}
