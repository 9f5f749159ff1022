/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "codec/json-internal.h"
#include "core/str.h"

enum {
    MAX_DEPTH = 128,   /* far below what json.c refuses */
    MAX_DIGITS = 18,   /* fits int64 */
    MAX_FRACTION = 48, /* characters of a number that is none */
};

struct quick {
    const char *p, *end;
    struct ol_arena *arena;
    int depth;
};

static struct ol_val *read_value(struct quick *q);

static void skip_blanks(struct quick *q)
{
    while (q->p < q->end && (*q->p == ' ' || *q->p == '\n' || *q->p == '\t' || *q->p == '\r'))
        q->p++;
}

/* Takes 'c' when it is what comes next. */
static bool take(struct quick *q, char c)
{
    skip_blanks(q);
    if (q->p == q->end || *q->p != c)
        return false;
    q->p++;
    return true;
}

static bool take_word(struct quick *q, const char *word, size_t len)
{
    if ((size_t)(q->end - q->p) < len || memcmp(q->p, word, len) != 0)
        return false;
    q->p += len;
    return true;
}

/* What stands for itself in a string, up to the first byte that doesn't. */
static const char *skip_plain(const char *p, const char *end, unsigned char *bits)
{
    unsigned char all = 0;

    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        all |= (unsigned char)*p++;
    *bits |= all;
    return p;
}

/* What the letter behind a backslash means; 0: something that is not for us. */
static char meaning(char letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

/* Where the string ends that begins at 'p'; NULL: something that is not for us. */
static const char *string_end(const struct quick *q, size_t *ret_n_escapes)
{
    unsigned char bits = 0;
    size_t n = 0;

    for (const char *p = skip_plain(q->p, q->end, &bits); p < q->end;
         p = skip_plain(p + 2, q->end, &bits)) {
        if (*p == '"') {
            *ret_n_escapes = n;
            return bits < 0x80 || ol_utf8_is_valid(q->p, (size_t)(p - q->p)) ? p : NULL;
        }
        if (*p != '\\' || q->end - p < 2 || !meaning(p[1]))
            return NULL;
        n++;
    }
    return NULL;
}

static void unescape(const char *from, const char *end, char *to)
{
    while (from < end) {
        const char *next = memchr(from, '\\', (size_t)(end - from));
        size_t n = (size_t)((next ? next : end) - from);

        memcpy(to, from, n);
        to += n;
        from += n;
        if (next) {
            *to++ = meaning(from[1]);
            from += 2;
        }
    }
}

/* The opening quote has been taken. */
static struct ol_val *read_string(struct quick *q)
{
    size_t n_escapes = 0, len;
    const char *start = q->p, *end = string_end(q, &n_escapes);
    struct ol_val *v;
    char *text;

    if (!end)
        return NULL;
    q->p = end + 1;
    if (!n_escapes)
        return ol_val_new_strn(q->arena, start, (size_t)(end - start));
    len = (size_t)(end - start) - n_escapes;
    text = ol_arena_alloc(q->arena, len + 1);
    unescape(start, end, text);
    v = ol_arena_alloc(q->arena, sizeof(*v));
    v->type = OL_VAL_STR;
    v->str.data = text;
    v->str.len = len;
    return v;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* What may follow a number. */
static bool is_end(const struct quick *q, const char *p)
{
    return p < q->end && memchr(",]} \n\t\r", *p, 7);
}

/* A number whose integer ends at 'p', before a point or an exponent. */
static struct ol_val *read_fraction(struct quick *q, const char *p)
{
    char text[MAX_FRACTION + 1];
    const char *digits;
    size_t len;

    if (*p == '.') {
        digits = p + 1;
        p = skip_digits(digits, q->end);
        if (p == digits)
            return NULL;
    }
    if (p < q->end && (*p == 'e' || *p == 'E')) {
        p++;
        digits = p + (p < q->end && (*p == '+' || *p == '-'));
        p = skip_digits(digits, q->end);
        if (p == digits)
            return NULL;
    }
    len = (size_t)(p - q->p);
    if (len > MAX_FRACTION || !is_end(q, p))
        return NULL;
    memcpy(text, q->p, len);
    text[len] = '\0';
    q->p = p;
    return ol_val_new_float(q->arena, strtod(text, NULL));
}

static int64_t value_of(const char *p, const char *end)
{
    int64_t value = 0;

    for (; p < end; p++)
        value = value * 10 + (*p - '0');
    return value;
}

static struct ol_val *read_number(struct quick *q)
{
    bool is_negative = *q->p == '-';
    const char *start = q->p + is_negative, *p = skip_digits(start, q->end);
    size_t n = (size_t)(p - start);
    int64_t value;

    if (!n || p == q->end || (*start == '0' && n > 1))
        return NULL;
    if (*p == '.' || (*p | 0x20) == 'e')
        return read_fraction(q, p);
    if (n > MAX_DIGITS || !is_end(q, p) || (*start == '0' && is_negative))
        return NULL;
    value = value_of(start, p);
    q->p = p;
    return ol_val_new_int(q->arena, is_negative ? -value : value);
}

static struct ol_val *read_list(struct quick *q)
{
    struct ol_val *list = ol_val_new_list(q->arena), *item;

    if (take(q, ']'))
        return list;
    do {
        item = read_value(q);
        if (!item)
            return NULL;
        ol_val_append(q->arena, list, item);
    } while (take(q, ','));
    return take(q, ']') ? list : NULL;
}

static struct ol_val *read_map(struct quick *q)
{
    struct ol_val *map = ol_val_new_map(q->arena), *value;
    const struct ol_val *key;

    if (take(q, '}'))
        return map;
    do {
        key = take(q, '"') ? read_string(q) : NULL;
        value = key && take(q, ':') ? read_value(q) : NULL;
        if (!value)
            return NULL;
        ol_val_set_key(q->arena, map, key, value);
    } while (take(q, ','));
    return take(q, '}') ? map : NULL;
}

static struct ol_val *read_container(struct quick *q, char opening)
{
    struct ol_val *v;

    if (++q->depth > MAX_DEPTH || ol_arena_is_over(q->arena))
        return NULL;
    q->p++;
    v = opening == '{' ? read_map(q) : read_list(q);
    q->depth--;
    return v;
}

static struct ol_val *read_value(struct quick *q)
{
    skip_blanks(q);
    if (q->p == q->end)
        return NULL;
    switch (*q->p) {
    case '{':
    case '[': return read_container(q, *q->p);
    case '"': q->p++; return read_string(q);
    case 't': return take_word(q, "true", 4) ? ol_val_new_bool(q->arena, true) : NULL;
    case 'f': return take_word(q, "false", 5) ? ol_val_new_bool(q->arena, false) : NULL;
    case 'n': return take_word(q, "null", 4) ? ol_val_new_null(q->arena) : NULL;
    default: return read_number(q);
    }
}

bool ol_json_load_quick(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret)
{
    struct quick q = {.p = text, .end = text + len, .arena = a};
    size_t used = a->used;
    struct ol_val *v = read_value(&q);

    skip_blanks(&q);
    if (v && q.p == q.end && !ol_arena_is_over(a)) {
        *ret = v;
        return true;
    }
    /* What was made is left behind, but is not held against the reader that goes on. */
    a->used = used;
    return false;
}
