/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/yaml-bigint.h"
#include "codec/yaml-time.h"
#include "core/cleanup.h"
#include "core/str.h"

/*
 * The values of scalars, as the construct_yaml_* methods of PyYAML's constructor.py make
 * them. An explicit tag can put any text before any of these ("!!int abc"), and then
 * Python's own exceptions come out of safe_load; they keep their names here.
 */

struct scalar {
    struct yaml_load *l;
    const struct yaml_node *node; /* where to blame */
    const char *text;
    size_t len;
};

static int fail_value(const struct scalar *s, const char *what)
{
    const struct ol_val shown = {.type = OL_VAL_STR, .str = {s->text, s->len}};

    return yaml_fail(s->l, "ValueError", s->node, "%s: %s", what,
                     ol_val_to_repr(&s->l->scratch, &shown));
}

/* Without '_', as Python removes them. */
static char *without_underscores(const struct scalar *s)
{
    char *out = ol_arena_alloc(&s->l->scratch, s->len + 1), *p = out;

    for (size_t i = 0; i < s->len; i++)
        if (s->text[i] != '_')
            *p++ = s->text[i];
    return out;
}

static int make_bool(const struct scalar *s, struct ol_val **ret)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    for (size_t i = 0; i < ol_count(words); i++)
        if (ol_str_eq_nocase(s->text, words[i])) {
            *ret = ol_val_new_bool(s->l->a, i % 2 == 1);
            return 0;
        }
    return yaml_fail(s->l, "KeyError", s->node, "not a boolean");
}

/* Python's int(text, base): blanks around, a sign, and with base 8 a "0o". */
static int read_int(const char *text, unsigned base, struct yaml_bigint *ret)
{
    size_t len;
    const char *p = ol_str_strip(text, strlen(text), &len);

    ret->is_negative = *p == '-';
    if (len > 0 && (*p == '-' || *p == '+')) {
        p++;
        len--;
    }
    if (base == 8 && len > 2 && p[0] == '0' && (p[1] == 'o' || p[1] == 'O')) {
        p += 2;
        len -= 2;
    }
    return yaml_bigint_read(ret, p, len, base);
}

/* "190:20:30": each part counts sixty times the next. Only the first may be of any size. */
static int read_sexagesimal(char *text, struct yaml_bigint *ret)
{
    char *rest = text;
    int r = read_int(strsep(&rest, ":"), 10, ret);

    while (r == 0 && rest) {
        struct yaml_bigint digit = {0};

        r = read_int(strsep(&rest, ":"), 10, &digit);
        if (r == 0 && (digit.n > 1 || digit.is_negative))
            r = -EINVAL;
        if (r == 0)
            r = yaml_bigint_muladd(ret, 60, digit.n ? digit.limbs[0] : 0);
    }
    return r;
}

static int read_any_int(char *text, struct yaml_bigint *ret)
{
    if (text[0] == '0' && text[1] == 'b')
        return read_int(text + 2, 2, ret);
    if (text[0] == '0' && text[1] == 'x')
        return read_int(text + 2, 16, ret);
    if (text[0] == '0' && text[1])
        return read_int(text, 8, ret);
    if (strchr(text, ':'))
        return read_sexagesimal(text, ret);
    return read_int(text, 10, ret);
}

static int make_int(const struct scalar *s, struct ol_val **ret)
{
    struct yaml_bigint n = {0};
    char *text = without_underscores(s);
    bool is_negative = *text == '-';
    int r;

    if (!*text)
        return yaml_fail(s->l, "IndexError", s->node, "string index out of range");
    text += *text == '-' || *text == '+';
    r = *text ? read_any_int(text, &n) : -EINVAL;
    if (r == -ERANGE)
        return yaml_fail(s->l, "ValueError", s->node,
                         "Exceeds the limit (%d digits) for integer string conversion",
                         YAML_BIGINT_DIGITS);
    if (r < 0)
        return fail_value(s, "invalid literal for int()");
    n.is_negative = n.is_negative != is_negative;
    *ret = yaml_bigint_to_val(&n, s->l->a);
    return 0;
}

/* Python's float(text) for what has no blanks and no '_' inside. */
static int read_float(const char *text, double *ret)
{
    size_t len;
    const char *p = ol_str_strip(text, strlen(text), &len);
    char *end;

    if (len == 0 || strpbrk(p, "xXpP(") || ol_is_space(*p))
        return -EINVAL;
    *ret = strtod(p, &end);
    return end == p + len ? 0 : -EINVAL;
}

/* From the last part to the first, in Python's order of rounding. */
static int read_sexagesimal_float(char *text, double *ret)
{
    double sum = 0, base = 1, part;
    char *colon;

    for (;; base *= 60) {
        colon = strrchr(text, ':');
        if (read_float(colon ? colon + 1 : text, &part) < 0)
            return -EINVAL;
        sum += part * base;
        if (!colon)
            break;
        *colon = '\0';
    }
    *ret = sum;
    return 0;
}

static int make_float(const struct scalar *s, struct ol_val **ret)
{
    char *text = ol_str_lower(without_underscores(s));
    double sign = *text == '-' ? -1 : 1, v = 0;
    int r = 0;

    if (!*text)
        return yaml_fail(s->l, "IndexError", s->node, "string index out of range");
    text += *text == '-' || *text == '+';
    if (!strcmp(text, ".inf"))
        v = INFINITY;
    else if (!strcmp(text, ".nan"))
        v = NAN;
    else if (strchr(text, ':'))
        r = read_sexagesimal_float(text, &v);
    else
        r = read_float(text, &v);
    if (r < 0)
        return fail_value(s, "could not convert string to float");
    *ret = ol_val_new_float(s->l->a, sign * v);
    return 0;
}

/* In the words of Python's UnicodeEncodeError, which counts characters. */
static int fail_ascii(const struct scalar *s)
{
    size_t first = 0, n_foreign = 0;
    uint32_t c = 0, foreign = 0;

    for (size_t i = 0; i < s->len; i += yaml_utf8_next(s->text + i, s->len - i, &c)) {
        yaml_utf8_next(s->text + i, s->len - i, &c);
        if (c < 0x80 && n_foreign)
            break;
        first += c < 0x80;
        n_foreign += c >= 0x80;
        foreign = c >= 0x80 && n_foreign == 1 ? c : foreign;
    }
    if (n_foreign > 1)
        return yaml_fail(s->l, "ConstructorError", s->node,
                         "failed to convert base64 data into ascii: 'ascii' codec can't encode "
                         "characters in position %zu-%zu: ordinal not in range(128)",
                         first, first + n_foreign - 1);
    return yaml_fail(s->l, "ConstructorError", s->node,
                     "failed to convert base64 data into ascii: 'ascii' codec can't encode "
                     "character '\\%c%0*x' in position %zu: ordinal not in range(128)",
                     foreign < 0x100     ? 'x'
                     : foreign < 0x10000 ? 'u'
                                         : 'U',
                     foreign < 0x100     ? 2
                     : foreign < 0x10000 ? 4
                                         : 8,
                     foreign, first);
}

static int make_binary(const struct scalar *s, struct ol_val **ret)
{
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(s->len + 1);
    struct ol_err why = OL_ERR_INIT;

    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->text[i] >= 0x80)
            return fail_ascii(s);
    if (ol_base64_decode(s->text, s->len, 0, &bytes, &why) < 0)
        return yaml_fail(s->l, "ConstructorError", s->node, "failed to decode base64 data: %s",
                         why.msg);
    *ret = ol_val_new_bytes(s->l->a, bytes.data, bytes.len);
    return 0;
}

static int make_timestamp(const struct scalar *s, struct ol_val **ret)
{
    char text[YAML_TIME_SIZE];
    const char *problem = NULL;

    if (!yaml_time_text(s->text, s->len, text, &problem))
        return yaml_fail(s->l, problem ? "ValueError" : "AttributeError", s->node, "%s",
                         problem ? problem : "not a timestamp");
    *ret = ol_val_new_time(s->l->a, text);
    return 0;
}

static int make_str(const struct scalar *s, struct ol_val **ret)
{
    struct ol_val *v = ol_val_new_null(s->l->a);

    v->type = OL_VAL_STR;
    v->str.data = s->text;
    v->str.len = s->len;
    /* Text that was read for another tag, "!!int {=: 3}", does not live long enough. */
    if (s->node->tag != YAML_TAG_STR || s->node->kind != YAML_KIND_SCALAR)
        v->str.data = ol_arena_memdup(s->l->a, s->text, s->len);
    *ret = v;
    return 0;
}

/* The scalar itself, or the value of a mapping's '=' key: {=: 3} may stand for 3. */
static const struct yaml_node *scalar_of(const struct yaml_node *node)
{
    for (int i = 0; node && node->kind == YAML_KIND_MAPPING && i < OL_VAL_MAX_DEPTH; i++) {
        const struct yaml_node *value = NULL;

        for (uint32_t at = 0; !value && at < node->n; at += 2)
            if (node->items[at]->tag == YAML_TAG_VALUE)
                value = node->items[at + 1];
        if (!value)
            break;
        node = value;
    }
    return node;
}

int yaml_construct_scalar(struct yaml_load *l, const struct yaml_node *node, struct ol_val **ret)
{
    static int (*const makers[])(const struct scalar *, struct ol_val **) = {
        [YAML_TAG_BOOL] = make_bool,   [YAML_TAG_INT] = make_int,
        [YAML_TAG_FLOAT] = make_float, [YAML_TAG_BINARY] = make_binary,
        [YAML_TAG_STR] = make_str,     [YAML_TAG_TIMESTAMP] = make_timestamp,
    };
    const struct yaml_node *scalar = scalar_of(node);
    const struct scalar s = {l, node, scalar->text, scalar->len};

    if (scalar->kind != YAML_KIND_SCALAR)
        return yaml_fail(l, "ConstructorError", scalar, "expected a scalar node, but found %s",
                         scalar->kind == YAML_KIND_MAPPING ? "mapping" : "sequence");
    if (node->tag == YAML_TAG_NULL) {
        *ret = ol_val_new_null(l->a);
        return 0;
    }
    return makers[node->tag](&s, ret);
}
