/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "codec/mime-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

/* Parameters of a header by the rules of Python's email.message and email.utils, which are
 * wider than RFC 2045 and 2231. */

struct param {
    const char *name; /* lower-case where the header has name=value */
    const char *value;
};

struct params {
    struct param *v;
    size_t n, cap;
};

static const char *dup_stripped(struct ol_arena *a, const char *s, size_t len)
{
    s = ol_str_strip(s, len, &len);
    return ol_arena_memdup(a, s, len);
}

static void add_param(struct ol_arena *a, struct params *p, const char *s, size_t len)
{
    const char *eq = memchr(s, '=', len);
    size_t name_len = eq ? (size_t)(eq - s) : len;
    struct param *at;

    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;

        p->v = ol_arena_grow(a, p->v, p->cap * sizeof(*p->v), cap * sizeof(*p->v));
        p->cap = cap;
    }
    at = &p->v[p->n++];
    at->name = dup_stripped(a, s, name_len);
    at->value = eq ? dup_stripped(a, eq + 1, len - name_len - 1) : "";
    if (eq)
        ol_str_lower((char *)at->name);
}

/* Splits at each ';' outside quotes; a quote counts unless a backslash stands before it. */
static struct params split_params(struct ol_arena *a, const char *header)
{
    struct params p = {0};
    const char *start = header;

    for (;;) {
        const char *end = start;
        bool in_quotes = false;

        while (*end && (*end != ';' || (in_quotes && end > start))) {
            if (*end == '"' && (end == start || end[-1] != '\\'))
                in_quotes = !in_quotes;
            end++;
        }
        /* An open quote reaches to the end of the header, other pieces included. */
        add_param(a, &p, start, (size_t)(end - start));
        if (!*end)
            return p;
        start = end + 1;
    }
}

static char *replaced(char *s, char second)
{
    char *to = s;

    for (const char *from = s; *from; from++) {
        if (from[0] == '\\' && from[1] == second)
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return s;
}

/* email.utils.unquote(): "…" with \\ and \" undone, or <…>. */
static const char *unquoted(struct ol_arena *a, const char *s)
{
    size_t len = strlen(s);
    char *inner;

    if (len < 2)
        return s;
    inner = ol_arena_memdup(a, s + 1, len - 2);
    if (s[0] == '"' && s[len - 1] == '"')
        return replaced(replaced(inner, '\\'), '"');
    return s[0] == '<' && s[len - 1] == '>' ? inner : s;
}

/* --- RFC 2231: name*=, name*0=, name*0*= --- */

struct piece {
    long number; /* -1 for name*= */
    const char *value;
    bool is_encoded;
};

/* Does 'name' have the form "\w+\*([0-9]+\*?)?"? Then it is a piece of parameter ret_len long. */
static bool is_piece(const char *name, size_t *ret_len, long *ret_number)
{
    size_t n = 0, digits;

    while (isalnum((unsigned char)name[n]) || name[n] == '_')
        n++;
    if (!n || name[n] != '*')
        return false;
    digits = strspn(name + n + 1, "0123456789");
    if (digits > 9 || (!digits && name[n + 1]))
        return false;
    if (digits && strcmp(name + n + 1 + digits, "*") != 0 && name[n + 1 + digits])
        return false;
    *ret_len = n;
    *ret_number = -1;
    for (size_t i = 0; i < digits; i++)
        *ret_number = (*ret_number < 0 ? 0 : *ret_number) * 10 + (name[n + 1 + i] - '0');
    return true;
}

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->value, y->value);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_percent_decoded(struct ol_buf *b, const char *s)
{
    for (; *s; s++) {
        int high = *s == '%' ? hex_value(s[1]) : -1;
        int low = high >= 0 ? hex_value(s[2]) : -1;

        if (low >= 0) {
            ol_buf_addc(b, (char)(high << 4 | low));
            s += 2;
        } else {
            ol_buf_addc(b, *s);
        }
    }
}

static void add_code_point(struct ol_buf *b, unsigned c)
{
    if (c < 0x80) {
        ol_buf_addc(b, (char)c);
        return;
    }
    ol_buf_addc(b, (char)(0xc0 | c >> 6));
    ol_buf_addc(b, (char)(0x80 | (c & 0x3f)));
}

/* Length of the longest well-formed start of a character at s; *ret_whole tells whether it is
 * one. Never 0 (Unicode, "maximal subpart"). */
static size_t utf8_subpart(const char *s, size_t len, bool *ret_whole)
{
    unsigned char c = (unsigned char)s[0];
    size_t want = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    size_t n = 1;

    while (n < want && n < len && (unsigned char)s[n] >= low && (unsigned char)s[n] <= high) {
        low = 0x80;
        high = 0xbf;
        n++;
    }
    *ret_whole = n == want;
    return n;
}

enum charset { CHARSET_ASCII, CHARSET_LATIN1, CHARSET_UTF8, CHARSET_UNKNOWN };

static enum charset charset_of(const char *name)
{
    static const struct {
        const char *name;
        enum charset charset;
    } names[] = {
        {"us-ascii", CHARSET_ASCII},   {"ascii", CHARSET_ASCII},    {"utf-8", CHARSET_UTF8},
        {"utf8", CHARSET_UTF8},        {"utf_8", CHARSET_UTF8},     {"iso-8859-1", CHARSET_LATIN1},
        {"iso8859-1", CHARSET_LATIN1}, {"latin-1", CHARSET_LATIN1}, {"latin1", CHARSET_LATIN1},
    };

    for (size_t i = 0; i < ol_count(names); i++)
        if (ol_str_eq_nocase(name, names[i].name))
            return names[i].charset;
    return CHARSET_UNKNOWN;
}

/* Bytes of a charset as UTF-8; what is not of that charset becomes U+FFFD. */
static void add_decoded(struct ol_buf *b, const char *s, enum charset charset)
{
    size_t len = strlen(s), n = 1;

    for (size_t i = 0; i < len; i += n) {
        bool is_whole = (unsigned char)s[i] < 0x80;

        n = charset == CHARSET_UTF8 ? utf8_subpart(s + i, len - i, &is_whole) : 1;
        if (is_whole)
            ol_buf_add(b, s + i, n);
        else if (charset == CHARSET_LATIN1 || charset == CHARSET_UNKNOWN)
            add_code_point(b, (unsigned char)s[i]);
        else
            ol_buf_adds(b, "\xef\xbf\xbd");
    }
}

/* charset'language'bytes as UTF-8 text. */
static const char *decode_extended(struct ol_arena *a, char *joined)
{
    char *first = strchr(joined, '\''), *second = first ? strchr(first + 1, '\'') : NULL;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(SIZE_MAX / 4);
    enum charset charset = CHARSET_ASCII;
    const char *text = joined;

    if (second) {
        *first = '\0';
        text = second + 1;
        charset = charset_of(joined);
    }
    if (charset == CHARSET_UNKNOWN)
        text = unquoted(a, text);
    add_decoded(&b, text, charset);
    return ol_arena_memdup(a, b.data, b.len);
}

static size_t collect_pieces(struct ol_arena *a, const struct params *p, const char *name,
                             struct piece *pieces)
{
    size_t n = 0;

    for (size_t i = 1; i < p->n; i++) {
        const char *given = p->v[i].name;
        size_t len;
        long number;

        if (!is_piece(given, &len, &number) || strlen(name) != len
            || strncasecmp(given, name, len) != 0)
            continue;
        pieces[n++] = (struct piece){
            .number = number,
            .value = unquoted(a, p->v[i].value),
            .is_encoded = given[strlen(given) - 1] == '*',
        };
    }
    return n;
}

static const char *join_pieces(struct ol_arena *a, struct piece *pieces, size_t n)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(SIZE_MAX / 4);
    bool is_extended = false;
    char *joined;

    qsort(pieces, n, sizeof(*pieces), compare_pieces);
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].is_encoded)
            add_percent_decoded(&b, pieces[i].value);
        else
            ol_buf_adds(&b, pieces[i].value);
        is_extended |= pieces[i].is_encoded;
    }
    joined = ol_arena_memdup(a, b.data, b.len);
    return is_extended ? decode_extended(a, joined) : unquoted(a, joined);
}

const char *ol_mime_param(struct ol_arena *a, const struct ol_mime_part *part, const char *header,
                          const char *param)
{
    const char *value = ol_mime_get(part, header);
    struct piece *pieces;
    struct params p;
    size_t n;

    if (!value)
        return NULL;
    p = split_params(a, value);
    for (size_t i = 0; i < p.n; i++) {
        /* Twice: once by get_param(), once by collapse_rfc2231_value(). */
        if (ol_str_eq_nocase(p.v[i].name, param))
            return unquoted(a, unquoted(a, p.v[i].value));
    }
    pieces = ol_arena_alloc(a, p.n * sizeof(*pieces));
    n = collect_pieces(a, &p, param, pieces);
    return n ? join_pieces(a, pieces, n) : NULL;
}

const char *ol_mime_filename(struct ol_arena *a, const struct ol_mime_part *part)
{
    const char *name = ol_mime_param(a, part, "Content-Disposition", "filename");

    if (!name)
        name = ol_mime_param(a, part, "Content-Type", "name");
    return name ? dup_stripped(a, name, strlen(name)) : NULL;
}

const char *ol_mime_boundary(struct ol_arena *a, const struct ol_mime_part *part)
{
    const char *boundary = ol_mime_param(a, part, "Content-Type", "boundary");
    size_t len = boundary ? strlen(boundary) : 0;

    while (len && ol_is_space(boundary[len - 1]))
        len--;
    return boundary ? ol_arena_memdup(a, boundary, len) : NULL;
}

/* --- writing --- */

static const char *with_backslashes(struct ol_arena *a, const char *s)
{
    char *quoted = ol_arena_alloc(a, 2 * strlen(s) + 1), *to = quoted;

    for (; *s; s++) {
        if (*s == '\\' || *s == '"')
            *to++ = '\\';
        *to++ = *s;
    }
    return quoted;
}

static const char *percent_encoded(struct ol_arena *a, const char *s)
{
    static const char digits[] = "0123456789ABCDEF";
    char *coded = ol_arena_alloc(a, 3 * strlen(s) + 1), *to = coded;

    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (isalnum(c) || strchr("_.-~", c)) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    return coded;
}

const char *ol_mime_format_param(struct ol_arena *a, const char *param, const char *value)
{
    if (!*value)
        return param;
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return ol_arena_printf(a, "%s*=utf-8''%s", param, percent_encoded(a, value));
    return ol_arena_printf(a, "%s=\"%s\"", param, with_backslashes(a, value));
}

static const char *with_boundary(struct ol_arena *a, const char *value, const char *boundary)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(SIZE_MAX / 4);
    struct params p = split_params(a, value);
    bool is_set = false;

    for (size_t i = 0; i < p.n; i++) {
        const char *v = p.v[i].value;
        bool is_boundary = ol_str_eq_nocase(p.v[i].name, "boundary");

        if (is_boundary)
            v = ol_arena_printf(a, "\"%s\"", boundary);
        else if (i)
            v = ol_arena_printf(a, "\"%s\"", with_backslashes(a, unquoted(a, v)));
        is_set |= is_boundary;
        ol_buf_printf(&b, "%s%s%s%s", i ? "; " : "", p.v[i].name, *v ? "=" : "", v);
    }
    if (!is_set)
        ol_buf_printf(&b, "; boundary=\"%s\"", boundary);
    return ol_arena_memdup(a, b.data, b.len);
}

void ol_mime_set_boundary(struct ol_arena *a, struct ol_mime_part *part, const char *boundary)
{
    const char *value = ol_mime_get(part, "Content-Type");

    if (!value)
        return;
    value = with_boundary(a, value, boundary);
    for (size_t i = 0; i < part->n_headers; i++)
        if (ol_str_eq_nocase(part->headers[i].name, "Content-Type"))
            part->headers[i].value = value;
}
