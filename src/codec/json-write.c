/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json-internal.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"

const struct ol_json_style ol_json_python = {
    .indent = -1, .item_separator = ", ", .key_separator = ": ", .escape_non_ascii = true};
const struct ol_json_style ol_json_cloud_init = {.indent = 1,
                                                 .sort_keys = true,
                                                 .item_separator = ",",
                                                 .key_separator = ": ",
                                                 .escape_non_ascii = true,
                                                 .b64_bytes = true};
const struct ol_json_style ol_json_compact = {
    .indent = -1, .item_separator = ",", .key_separator = ":", .escape_non_ascii = true};

struct writer {
    const struct ol_json_style *style;
    struct ol_buf *to;
    int depth;
};

static int write_value(struct writer *w, const struct ol_val *v);

/* Code point of the well-formed UTF-8 sequence at s; a stray byte stands for itself. */
static size_t decode_utf8(const unsigned char *s, size_t len, uint32_t *ret)
{
    size_t n = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc0 ? 2 : 1;
    uint32_t point;

    if (n == 1 || n > len) {
        *ret = *s;
        return 1;
    }
    point = *s & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        point = point << 6 | (s[i] & 0x3fu);
    *ret = point;
    return n;
}

/* Formatted by hand: a log line of control characters has as many as it has bytes. */
static void write_unit(struct ol_buf *to, uint32_t unit)
{
    static const char digits[] = "0123456789abcdef";
    const char text[] = {'\\',
                         'u',
                         digits[unit >> 12 & 15],
                         digits[unit >> 8 & 15],
                         digits[unit >> 4 & 15],
                         digits[unit & 15]};

    ol_buf_add(to, text, sizeof(text));
}

static void write_point(struct ol_buf *to, uint32_t point)
{
    if (point > 0xffff) {
        point -= 0x10000;
        write_unit(to, 0xd800 | point >> 10);
        point = 0xdc00 | (point & 0x3ff);
    }
    write_unit(to, point);
}

/* Bytes from 's' on that are written as they are. */
static size_t span_plain(const struct writer *w, const char *s, size_t len)
{
    unsigned char least_foreign = w->style->escape_non_ascii ? 0x7f : 0xff;
    size_t n = 0;

    while (n < len && (unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < least_foreign
           && s[n] != '"' && s[n] != '\\')
        n++;
    return n;
}

static void write_string(struct writer *w, const char *s, size_t len)
{
    static const char special[] = "\"\\\n\r\t\f\b", letter[] = "\"\\nrtfb";
    size_t n;

    if (ol_json_add_plain(w->to, s, len, w->style->escape_non_ascii ? 0x7f : 0xff))
        return;
    ol_buf_addc(w->to, '"');
    for (size_t i = 0; i < len; i += n) {
        unsigned char c = (unsigned char)s[i];
        uint32_t point = c;
        const char *found;

        n = span_plain(w, s + i, len - i);
        ol_buf_add(w->to, s + i, n);
        if (n)
            continue;
        found = c ? strchr(special, c) : NULL;
        n = 1;
        if (w->style->escape_non_ascii && c >= 0x7f)
            n = decode_utf8((const unsigned char *)s + i, len - i, &point);
        if (found)
            ol_buf_add(w->to, (const char[]){'\\', letter[found - special]}, 2);
        else if (c < 0x20 || (w->style->escape_non_ascii && c >= 0x7f))
            write_point(w->to, point);
        else
            ol_buf_addc(w->to, (char)c);
    }
    ol_buf_addc(w->to, '"');
}

static void write_b64(struct ol_buf *to, const struct ol_val *v)
{
    ol_buf_adds(to, "\"ci-b64:");
    ol_base64_encode(v->str.data, v->str.len, 0, to);
    ol_buf_addc(to, '"');
}

static void write_float(struct ol_buf *to, double d)
{
    char text[32];

    if (isnan(d)) {
        ol_buf_adds(to, "NaN");
    } else if (isinf(d)) {
        ol_buf_adds(to, d < 0 ? "-Infinity" : "Infinity");
    } else {
        ol_float_repr(d, text);
        ol_buf_adds(to, text);
    }
}

static void write_newline(struct writer *w)
{
    if (w->style->indent < 0)
        return;
    ol_buf_addc(w->to, '\n');
    ol_buf_addn(w->to, ' ', (size_t)(w->style->indent * w->depth));
}

/* Starts item number 'at' of a list or map. */
static void write_separator(struct writer *w, size_t at)
{
    if (at > 0)
        ol_buf_adds(w->to, w->style->item_separator);
    write_newline(w);
}

static int write_list(struct writer *w, const struct ol_val *v)
{
    size_t n = ol_val_count(v);

    ol_buf_addc(w->to, '[');
    w->depth++;
    for (size_t i = 0; i < n; i++) {
        int r;

        write_separator(w, i);
        r = write_value(w, ol_val_item(v, i));
        if (r < 0)
            return r;
    }
    w->depth--;
    if (n > 0)
        write_newline(w);
    ol_buf_addc(w->to, ']');
    return 0;
}

/* Python's json.encoder: float, bool, None and int keys become text; others are a TypeError. */
static int write_key(struct writer *w, const struct ol_val *key)
{
    switch (key->type) {
    case OL_VAL_STR: write_string(w, key->str.data, key->str.len); return 0;
    case OL_VAL_NULL:
    case OL_VAL_BOOL:
    case OL_VAL_INT:
    case OL_VAL_FLOAT:
        ol_buf_addc(w->to, '"');
        (void)write_value(w, key);
        ol_buf_addc(w->to, '"');
        return 0;
    default: return -EINVAL;
    }
}

static double number_of(const struct ol_val *v)
{
    if (v->type == OL_VAL_FLOAT)
        return v->number;
    if (v->type == OL_VAL_BOOL)
        return v->boolean;
    return v->integer.text ? strtod(v->integer.text, NULL) : (double)v->integer.value;
}

/* Text by code point, which UTF-8 bytes keep, and numbers by value. Python refuses to order
 * keys of different kinds; here numbers stand before text and null first. */
static int compare_keys(const void *pa, const void *pb)
{
    const struct ol_val *a = ((const struct ol_pair *)pa)->key;
    const struct ol_val *b = ((const struct ol_pair *)pb)->key;
    int kind_a = a->type == OL_VAL_NULL ? 0 : a->type < OL_VAL_STR ? 1 : 2;
    int kind_b = b->type == OL_VAL_NULL ? 0 : b->type < OL_VAL_STR ? 1 : 2;
    int r;

    if (kind_a != kind_b || kind_a == 0)
        return kind_a - kind_b;
    if (kind_a == 1)
        return (number_of(a) > number_of(b)) - (number_of(a) < number_of(b));
    r = memcmp(a->str.data, b->str.data, a->str.len < b->str.len ? a->str.len : b->str.len);
    return r ? r : (a->str.len > b->str.len) - (a->str.len < b->str.len);
}

static int write_map(struct writer *w, const struct ol_val *v)
{
    ol_autofree struct ol_pair *sorted = NULL;
    const struct ol_pair *pairs = v->map.pairs;

    if (w->style->sort_keys && v->map.n > 1) {
        sorted = ol_xcalloc(v->map.n, sizeof(*sorted));
        memcpy(sorted, pairs, v->map.n * sizeof(*sorted));
        qsort(sorted, v->map.n, sizeof(*sorted), compare_keys);
        pairs = sorted;
    }
    ol_buf_addc(w->to, '{');
    w->depth++;
    for (size_t i = 0; i < v->map.n; i++) {
        int r;

        write_separator(w, i);
        r = write_key(w, pairs[i].key);
        if (r < 0)
            return r;
        ol_buf_adds(w->to, w->style->key_separator);
        r = write_value(w, pairs[i].value);
        if (r < 0)
            return r;
    }
    w->depth--;
    if (v->map.n > 0)
        write_newline(w);
    ol_buf_addc(w->to, '}');
    return 0;
}

/* cloud-init 26.2 atomic_helper.py, json_serialize_default(). */
static int write_foreign(struct writer *w, const struct ol_val *v)
{
    if (!w->style->b64_bytes)
        return -EINVAL;
    if (v->type == OL_VAL_BYTES)
        write_b64(w->to, v);
    else
        ol_buf_printf(w->to, "\"Warning: redacted unserializable type <class '%s'>\"",
                      v->type == OL_VAL_SET      ? "set"
                      : strchr(v->str.data, ':') ? "datetime.datetime"
                                                 : "datetime.date");
    return 0;
}

static int write_value(struct writer *w, const struct ol_val *v)
{
    if (w->to->failed)
        return -w->to->failed;
    if (w->depth > OL_VAL_MAX_DEPTH)
        return -ELOOP;
    switch (v ? v->type : OL_VAL_NULL) {
    case OL_VAL_NULL: ol_buf_adds(w->to, "null"); return 0;
    case OL_VAL_BOOL: ol_buf_adds(w->to, v->boolean ? "true" : "false"); return 0;
    case OL_VAL_INT:
        if (v->integer.text)
            ol_buf_adds(w->to, v->integer.text);
        else
            ol_buf_printf(w->to, "%lld", (long long)v->integer.value);
        return 0;
    case OL_VAL_FLOAT: write_float(w->to, v->number); return 0;
    case OL_VAL_STR: write_string(w, v->str.data, v->str.len); return 0;
    case OL_VAL_LIST: return write_list(w, v);
    case OL_VAL_MAP: return write_map(w, v);
    default: return write_foreign(w, v);
    }
}

int ol_json_dump(const struct ol_val *v, const struct ol_json_style *style, struct ol_buf *to)
{
    struct writer w = {.style = style, .to = to};
    int r = write_value(&w, v);

    return r < 0 ? r : ol_buf_status(to);
}
