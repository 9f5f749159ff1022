/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/val.h"
#include "core/buf.h"
#include "core/cleanup.h"

/*
 * The fewest digits that read back as the same double. Up to 15 always survive the way to a double
 * and back (DBL_DIG), so when 15 read back, the fewest are these without their zeros; else it takes
 * 16 or 17. Numbers too small to be normal have fewer.
 */
static void shortest_digits(double v, char *out, size_t size)
{
    for (int digits = isnormal(v) ? 15 : 1; digits <= 17; digits++) {
        snprintf(out, size, "%.*e", digits - 1, v);
        if (strtod(out, NULL) == v)
            return;
    }
}

/* The significant digits of "1.25e+07", without sign and point; returns the exponent. */
static int split_scientific(const char *sci, char digits[24])
{
    const char *e = strchr(sci, 'e');
    int n = 0;

    for (const char *p = sci; p < e; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return (int)strtol(e + 1, NULL, 10) % 1000; /* a double's has at most 3 digits */
}

void ol_float_repr(double v, char out[32])
{
    char sci[40], digits[24];
    int n, exponent;

    if (isnan(v) || isinf(v)) {
        snprintf(out, 32, "%s", isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    shortest_digits(v, sci, sizeof(sci));
    exponent = split_scientific(sci, digits);
    n = (int)strlen(digits);
    if (exponent >= -4 && exponent < 16) /* float_repr_style: repr() switches at 1e16 */
        snprintf(out, 32, "%.*f", n - 1 - exponent > 0 ? n - 1 - exponent : 1, v);
    else
        snprintf(out, 32, "%s%c%s%se%c%02u", v < 0 ? "-" : "", digits[0], n > 1 ? "." : "",
                 digits + 1, exponent < 0 ? '-' : '+', abs(exponent) % 1000);
}

/* One byte of a repr() between these quotes. */
static void repr_char(struct ol_buf *to, unsigned char c, char quote, bool is_bytes)
{
    const char *named = c ? strchr("\nn\tt\rr", c) : NULL;

    if (c == (unsigned char)quote || c == '\\')
        ol_buf_printf(to, "\\%c", c);
    else if (c < 0x20 && named)
        ol_buf_printf(to, "\\%c", named[1]);
    else if (c < 0x20 || c == 0x7f || (is_bytes && c >= 0x80))
        ol_buf_printf(to, "\\x%02x", c);
    else
        ol_buf_addc(to, (char)c);
}

/* Python's repr() of text: single quotes unless there are some inside and no double ones. */
static void repr_text(struct ol_buf *to, const struct ol_val *v)
{
    bool is_bytes = v->type == OL_VAL_BYTES;
    bool has_single = memchr(v->str.data, '\'', v->str.len) != NULL;
    char quote = has_single && !memchr(v->str.data, '"', v->str.len) ? '"' : '\'';

    if (is_bytes)
        ol_buf_addc(to, 'b');
    ol_buf_addc(to, quote);
    for (size_t i = 0; i < v->str.len; i++)
        repr_char(to, (unsigned char)v->str.data[i], quote, is_bytes);
    ol_buf_addc(to, quote);
}

static void text_of_scalar(struct ol_buf *to, const struct ol_val *v)
{
    char number[32];

    switch (v->type) {
    case OL_VAL_BOOL: ol_buf_adds(to, v->boolean ? "True" : "False"); break;
    case OL_VAL_INT:
        if (v->integer.text)
            ol_buf_adds(to, v->integer.text);
        else
            ol_buf_printf(to, "%lld", (long long)v->integer.value);
        break;
    case OL_VAL_FLOAT:
        ol_float_repr(v->number, number);
        ol_buf_adds(to, number);
        break;
    case OL_VAL_STR:
    case OL_VAL_TIME: ol_buf_add(to, v->str.data, v->str.len); break;
    default: ol_buf_adds(to, "None"); break;
    }
}

static void repr_deep(struct ol_buf *to, const struct ol_val *v, int depth)
{
    if (depth > OL_VAL_MAX_DEPTH || to->failed) {
        ol_buf_adds(to, "...");
        return;
    }
    switch (v->type) {
    case OL_VAL_STR:
    case OL_VAL_BYTES: repr_text(to, v); break;
    case OL_VAL_LIST:
        ol_buf_addc(to, '[');
        for (size_t i = 0; i < v->list.n; i++) {
            ol_buf_adds(to, i ? ", " : "");
            repr_deep(to, v->list.items[i], depth + 1);
        }
        ol_buf_addc(to, ']');
        break;
    case OL_VAL_SET:
    case OL_VAL_MAP:
        ol_buf_addc(to, '{');
        for (size_t i = 0; i < v->map.n; i++) {
            ol_buf_adds(to, i ? ", " : "");
            repr_deep(to, v->map.pairs[i].key, depth + 1);
            if (v->type == OL_VAL_SET)
                continue;
            ol_buf_adds(to, ": ");
            repr_deep(to, v->map.pairs[i].value, depth + 1);
        }
        ol_buf_addc(to, '}');
        break;
    default: text_of_scalar(to, v); break;
    }
}

const char *ol_val_to_repr(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

    if (!v)
        return "None";
    repr_deep(&b, v, 0);
    return ol_arena_memdup(a, b.data, b.len);
}

const char *ol_val_to_text(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 20);

    if (!v)
        return "None";
    if (v->type == OL_VAL_LIST || v->type == OL_VAL_MAP || v->type == OL_VAL_SET
        || v->type == OL_VAL_BYTES)
        return ol_val_to_repr(a, v);
    text_of_scalar(&b, v);
    return ol_arena_memdup(a, b.data, b.len);
}
