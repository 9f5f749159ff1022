/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json-internal.h"
#include "core/buf.h"
#include "core/cleanup.h"

/*
 * jansson knows neither integers beyond 64 bits nor NaN and Infinity, and refuses 1e400;
 * Python reads all of them. So jansson is given a text in which each number is replaced
 * by its ordinal, and the numbers themselves are read here from the original text. The
 * blank behind each ordinal keeps "01" and "1x" as wrong as they were.
 */
struct number {
    size_t at, len; /* in the original text */
    size_t end;     /* where its ordinal ends in the text for jansson */
};

struct reader {
    const char *text;
    size_t len;
    struct ol_buf numbers; /* struct number */
    struct ol_buf out;     /* text for jansson */
    struct ol_arena *arena;
};

static size_t span_digits(const char *p, const char *end)
{
    const char *start = p;

    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return (size_t)(p - start);
}

/* Length of the words that only Python has for numbers, 0 = none of them. */
static size_t span_word(const char *p, const char *end)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};

    for (size_t i = 0; i < ol_count(words); i++) {
        size_t n = strlen(words[i]);

        if ((size_t)(end - p) >= n && !memcmp(p, words[i], n))
            return n;
    }
    return 0;
}

/* Length of the number at p by the grammar of RFC 8259, section 6; 0 = none. */
static size_t span_number(const char *p, const char *end)
{
    const char *q = p;
    size_t n = span_word(p, end);

    if (n)
        return n;
    q += q < end && *q == '-';
    n = span_digits(q, end);
    if (n == 0)
        return 0;
    q += *q == '0' ? 1 : n;
    if (q + 1 < end && *q == '.' && span_digits(q + 1, end))
        q += 1 + span_digits(q + 1, end);
    if (q + 1 < end && (*q == 'e' || *q == 'E')) {
        const char *e = q + 1 + (q[1] == '+' || q[1] == '-');

        n = e < end ? span_digits(e, end) : 0;
        if (n)
            q = e + n;
    }
    return (size_t)(q - p);
}

static size_t span_string(const char *p, const char *end)
{
    const char *q = p + 1;

    while (q < end && *q != '"')
        q += *q == '\\' && q + 1 < end ? 2 : 1;
    return (size_t)((q < end ? q + 1 : end) - p);
}

static void number_the_numbers(struct reader *r)
{
    const char *end = r->text + r->len;
    size_t n_numbers = 0, n;

    for (const char *p = r->text; p < end; p += n) {
        n = span_number(p, end);
        if (n) {
            struct number number = {.at = (size_t)(p - r->text), .len = n};

            ol_buf_printf(&r->out, "%zu ", n_numbers++);
            number.end = r->out.len;
            ol_buf_add(&r->numbers, &number, sizeof(number));
            continue;
        }
        n = *p == '"' ? span_string(p, end) : 1;
        ol_buf_add(&r->out, p, n);
    }
}

static const struct number *numbers_of(const struct reader *r)
{
    return (const struct number *)(const void *)r->numbers.data;
}

static int fail_at(const struct reader *r, const json_error_t *e, struct ol_err *err)
{
    const struct number *numbers = numbers_of(r);
    size_t position = e->position > 0 ? (size_t)e->position : 0, origin = position;
    int line = 1, column = 1, len;
    /* What jansson found there is our ordinal rather than what the user wrote. */
    const char *near = strstr(e->text, " near '");

    for (size_t i = r->numbers.len / sizeof(*numbers); i > 0; i--)
        if (numbers[i - 1].end <= position) {
            origin = position - numbers[i - 1].end + numbers[i - 1].at + numbers[i - 1].len;
            break;
        }
    for (size_t i = 0; i + 1 < origin && i < r->len; i++) {
        if (r->text[i] == '\n') {
            line++;
            column = 1;
        } else if ((r->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    len = near ? (int)(near - e->text) : (int)strlen(e->text);
    return ol_err_set_at(err, EINVAL, line, column, "not JSON: %.*s at line %d column %d", len,
                         e->text, line, column);
}

static struct ol_val *convert_number(const struct reader *r, size_t ordinal)
{
    const struct number *number = &numbers_of(r)[ordinal];
    const char *digits = ol_arena_memdup(r->arena, r->text + number->at, number->len);

    if (digits[strcspn(digits, ".eENI")])
        return ol_val_new_float(r->arena, strtod(digits, NULL));
    return ol_val_new_int_text(r->arena, digits);
}

static int convert(const struct reader *r, const json_t *j, int depth, struct ol_val **ret)
{
    struct ol_arena *a = r->arena;
    struct ol_val *v, *inner;
    json_t *entry;
    const char *key;
    size_t i;
    int e = 0;

    if (depth > OL_VAL_MAX_DEPTH)
        return -ELOOP;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        v = ol_val_new_map(a);
        /* The macro takes no const object, though it does not change it. */
        json_object_foreach((json_t *)j, key, entry)
        {
            e = convert(r, entry, depth + 1, &inner);
            if (e < 0)
                return e;
            ol_val_set(a, v, key, inner);
        }
        break;
    case JSON_ARRAY:
        v = ol_val_new_list(a);
        json_array_foreach(j, i, entry)
        {
            e = convert(r, entry, depth + 1, &inner);
            if (e < 0)
                return e;
            ol_val_append(a, v, inner);
        }
        break;
    case JSON_STRING: v = ol_val_new_strn(a, json_string_value(j), json_string_length(j)); break;
    case JSON_INTEGER: v = convert_number(r, (size_t)json_integer_value(j)); break;
    case JSON_TRUE:
    case JSON_FALSE: v = ol_val_new_bool(a, json_is_true(j)); break;
    default: v = ol_val_new_null(a); break;
    }
    if (ol_arena_is_over(a))
        return -EFBIG;
    *ret = v;
    return 0;
}

static void decref_at(json_t **j)
{
    json_decref(*j);
}

static void reader_done(struct reader *r)
{
    ol_buf_done(&r->numbers);
    ol_buf_done(&r->out);
}

int ol_json_load(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                 struct ol_err *err)
{
    ol_auto(reader_done) struct reader r = {.text = text,
                                            .len = len,
                                            .numbers = OL_BUF_INIT(len * sizeof(struct number)),
                                            .out = OL_BUF_INIT(len * 16),
                                            .arena = a};
    ol_auto(decref_at) json_t *j = NULL;
    json_error_t jansson_error;
    int e;

    if (len > a->max)
        return ol_err_set(err, EFBIG, "JSON text has more than %zu bytes", a->max);
    if (ol_json_load_quick(text, len, a, ret))
        return 0;
    number_the_numbers(&r);
    if (ol_buf_status(&r.out) < 0 || ol_buf_status(&r.numbers) < 0)
        return ol_err_set(err, ENOMEM, "read JSON: out of memory");
    j = json_loadb(r.out.data, r.out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &jansson_error);
    if (!j)
        return fail_at(&r, &jansson_error, err);
    e = convert(&r, j, 0, ret);
    if (e == -ELOOP)
        return ol_err_set(err, EINVAL, "not JSON that we read: nested deeper than %d",
                          OL_VAL_MAX_DEPTH);
    if (e < 0)
        return ol_err_set(err, -e, "JSON value needs more than %zu bytes", a->max);
    return 0;
}
