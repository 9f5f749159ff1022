/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-scan.h"

#include <stdio.h>
#include <string.h>

/* Scalars: plain, quoted, literal and folded. */

static void add(struct yaml_scanner *s, const char *from, size_t len)
{
    ol_buf_add(&s->buf, from, len);
    yaml_forward(s, len);
}

static int finish(struct yaml_scanner *s, struct yaml_token *t)
{
    t->text = ol_arena_memdup(s->l->a, s->buf.data, s->buf.len);
    t->len = s->buf.len;
    return 0;
}

/* --- plain --- */

/* Whether a plain scalar's word ends here. */
static bool is_word_end(const struct yaml_scanner *s, const char *p)
{
    if (yaml_is_white(p))
        return true;
    if (*p == ':' && yaml_is_white(p + 1))
        return true;
    if (!s->flow_level)
        return false;
    return strchr(",?[]{}", *p) || (*p == ':' && strchr(",[]{}", p[1]));
}

/* What stands between two words, folded, into 'gap'. False: there is nothing, or the
 * document ends. */
static bool scan_gap(struct yaml_scanner *s)
{
    const char *p = yaml_at(s);
    size_t n_blanks = strspn(p, " "), before;

    ol_buf_clear(&s->gap);
    yaml_forward(s, n_blanks);
    if (!yaml_break_size(p + n_blanks)) {
        ol_buf_add(&s->gap, p, n_blanks);
        return n_blanks > 0;
    }
    yaml_scan_break(s, &s->gap);
    s->can_be_key = true;
    /* One line break is a blank, several are one less. */
    if (*s->gap.data == '\n')
        ol_buf_clear(&s->gap);
    before = s->gap.len;
    if (yaml_is_separator(yaml_at(s)))
        return false;
    for (yaml_skip_blanks(s); yaml_scan_break(s, &s->gap); yaml_skip_blanks(s))
        if (yaml_is_separator(yaml_at(s)))
            return false;
    if (before == 0 && s->gap.len == 0)
        ol_buf_addc(&s->gap, ' ');
    return true;
}

int yaml_scan_plain(struct yaml_scanner *s, struct yaml_token *t)
{
    int indent = s->indent + 1;

    ol_buf_clear(&s->buf);
    ol_buf_clear(&s->gap);
    t->is_plain = true;
    while (*yaml_at(s) != '#') {
        const char *start = yaml_at(s), *p = start;

        while (!is_word_end(s, p))
            p++;
        if (p == start)
            break;
        s->can_be_key = false;
        ol_buf_add(&s->buf, s->gap.data, s->gap.len);
        add(s, start, (size_t)(p - start));
        t->end = s->pos;
        if (!scan_gap(s) || (!s->flow_level && (int)s->pos.column < indent))
            break;
    }
    return finish(s, t);
}

/* --- quoted --- */

static void add_utf8(struct ol_buf *to, uint32_t c)
{
    if (c >= 0xd800 && c <= 0xdfff)
        c = 0xfffd; /* Python would keep half of a pair, which no UTF-8 can hold */
    if (c < 0x80) {
        ol_buf_addc(to, (char)c);
        return;
    }
    if (c >= 0x10000) {
        ol_buf_addc(to, (char)(0xf0 | c >> 18));
        ol_buf_addc(to, (char)(0x80 | (c >> 12 & 0x3f)));
    } else if (c >= 0x800) {
        ol_buf_addc(to, (char)(0xe0 | c >> 12));
    }
    if (c >= 0x800)
        ol_buf_addc(to, (char)(0x80 | (c >> 6 & 0x3f)));
    else
        ol_buf_addc(to, (char)(0xc0 | c >> 6));
    ol_buf_addc(to, (char)(0x80 | (c & 0x3f)));
}

/* The line breaks and blanks after a first line break. */
static int scan_quoted_breaks(struct yaml_scanner *s, struct ol_buf *to)
{
    do {
        if (yaml_is_separator(yaml_at(s)))
            return yaml_scan_fail(s, "ScannerError", &s->pos,
                                  "found unexpected document separator");
        yaml_forward(s, strspn(yaml_at(s), " \t"));
    } while (yaml_scan_break(s, to));
    return 0;
}

/* Hexadecimal digits after \x, \u and \U */
static int scan_code(struct yaml_scanner *s, size_t n)
{
    const char *p;
    char what[96];
    uint32_t c = 0;

    yaml_forward(s, 1);
    p = yaml_at(s);
    for (size_t k = 0; k < n; k++) {
        const char *at = p[k] ? strchr("0123456789abcdef", p[k] | (p[k] >= 'A' ? 0x20 : 0)) : NULL;

        if (!at) {
            snprintf(what, sizeof(what), "expected escape sequence of %zu hexadecimal numbers", n);
            return yaml_scan_fail_char(s, what, p + k);
        }
        c = c << 4 | (uint32_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    }
    if (c > 0x10ffff)
        return yaml_scan_fail(s, c > INT32_MAX ? "OverflowError" : "ValueError", &s->pos,
                              "chr() arg not in range(0x110000)");
    add_utf8(&s->buf, c);
    yaml_forward(s, n);
    return 0;
}

static int scan_escape(struct yaml_scanner *s)
{
    static const char letters[] = "0abt\tnvfre \"\\/N_LP";
    static const uint16_t codes[] = {0,  7,   8,   9,    9,   10,   11,   12,     13,
                                     27, ' ', '"', '\\', '/', 0x85, 0xa0, 0x2028, 0x2029};
    char shown[YAML_SHOWN_SIZE];
    const char *p, *at;

    yaml_forward(s, 1);
    p = yaml_at(s);
    at = *p ? strchr(letters, *p) : NULL;
    if (at) {
        add_utf8(&s->buf, codes[at - letters]);
        yaml_forward(s, 1);
        return 0;
    }
    if (*p == 'x' || *p == 'u' || *p == 'U')
        return scan_code(s, *p == 'x' ? 2 : *p == 'u' ? 4 : 8);
    if (yaml_scan_break(s, NULL))
        return scan_quoted_breaks(s, &s->buf);
    yaml_show_char(p, shown);
    return yaml_scan_fail(s, "ScannerError", &s->pos, "found unknown escape character %s", shown);
}

/* Up to white or the closing quote. */
static int scan_quoted_word(struct yaml_scanner *s, char quote)
{
    for (;;) {
        const char *start = yaml_at(s), *p = start;

        while (!yaml_is_white(p) && *p != quote && *p != '\\')
            p++;
        if (p > start)
            add(s, start, (size_t)(p - start));
        if (*p == '\\' && quote == '"') {
            if (scan_escape(s) < 0)
                return s->failed;
        } else if (*p == '\\') {
            add(s, p, 1);
        } else if (*p == '\'' && quote == '\'' && p[1] == '\'') {
            ol_buf_addc(&s->buf, '\'');
            yaml_forward(s, 2);
        } else {
            return 0;
        }
    }
}

static int scan_quoted_white(struct yaml_scanner *s)
{
    const char *p = yaml_at(s);
    size_t n_blanks = strspn(p, " \t");

    yaml_forward(s, n_blanks);
    if (!p[n_blanks])
        return yaml_scan_fail(s, "ScannerError", &s->pos, "found unexpected end of stream");
    if (!yaml_break_size(p + n_blanks)) {
        ol_buf_add(&s->buf, p, n_blanks);
        return 0;
    }
    ol_buf_clear(&s->gap);
    yaml_scan_break(s, &s->gap);
    if (*s->gap.data == '\n')
        ol_buf_clear(&s->gap);
    if (scan_quoted_breaks(s, &s->gap) < 0)
        return s->failed;
    if (s->gap.len == 0)
        ol_buf_addc(&s->gap, ' ');
    ol_buf_add(&s->buf, s->gap.data, s->gap.len);
    return 0;
}

int yaml_scan_quoted(struct yaml_scanner *s, struct yaml_token *t)
{
    char quote = *yaml_at(s);
    int r;

    ol_buf_clear(&s->buf);
    yaml_forward(s, 1);
    r = scan_quoted_word(s, quote);
    while (r == 0 && *yaml_at(s) != quote) {
        r = scan_quoted_white(s);
        if (r == 0)
            r = scan_quoted_word(s, quote);
    }
    if (r < 0)
        return r;
    yaml_forward(s, 1);
    t->end = s->pos;
    return finish(s, t);
}

/* --- blocks --- */

struct block {
    bool is_folded;
    char chomping; /* '+', '-' or 0 */
    int increment; /* 0 = to be found out */
    int indent;
};

static bool scan_chomping(struct yaml_scanner *s, struct block *b)
{
    const char *p = yaml_at(s);

    if (*p != '+' && *p != '-')
        return false;
    b->chomping = *p;
    yaml_forward(s, 1);
    return true;
}

static int scan_increment(struct yaml_scanner *s, struct block *b)
{
    const char *p = yaml_at(s);

    if (*p < '0' || *p > '9')
        return 0;
    if (*p == '0')
        return yaml_scan_fail(s, "ScannerError", &s->pos,
                              "expected indentation indicator in the range 1-9, but found 0");
    b->increment = *p - '0';
    yaml_forward(s, 1);
    return 0;
}

static int scan_header(struct yaml_scanner *s, struct block *b)
{
    bool has_chomping;

    b->is_folded = *yaml_at(s) == '>';
    yaml_forward(s, 1);
    has_chomping = scan_chomping(s, b);
    if (scan_increment(s, b) < 0)
        return s->failed;
    if (!has_chomping && b->increment)
        scan_chomping(s, b);
    if (*yaml_at(s) != ' ' && !yaml_is_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected chomping or indentation indicators", yaml_at(s));
    yaml_skip_blanks(s);
    if (*yaml_at(s) == '#')
        yaml_skip_line(s);
    if (!yaml_is_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected a comment or a line break", yaml_at(s));
    yaml_scan_break(s, NULL);
    return 0;
}

/* Empty lines into 'gap'; stops at the indentation. */
static void scan_empty_lines(struct yaml_scanner *s, int indent)
{
    do {
        size_t n = strspn(yaml_at(s), " "), room = 0;

        if ((int)s->pos.column < indent)
            room = (size_t)(indent - (int)s->pos.column);
        yaml_forward(s, n < room ? n : room);
    } while (yaml_scan_break(s, &s->gap));
}

/* The widest run of blanks up to the first line that is not empty. */
static int find_indent(struct yaml_scanner *s)
{
    uint32_t widest = 0;

    do {
        yaml_skip_blanks(s);
        if (s->pos.column > widest)
            widest = s->pos.column;
    } while (yaml_scan_break(s, &s->gap));
    return (int)widest;
}

static void start_block(struct yaml_scanner *s, struct block *b)
{
    int least = s->indent + 1 > 1 ? s->indent + 1 : 1;

    ol_buf_clear(&s->buf);
    ol_buf_clear(&s->gap);
    if (b->increment) {
        b->indent = least + b->increment - 1;
        scan_empty_lines(s, b->indent);
        return;
    }
    b->indent = find_indent(s);
    if (b->indent < least)
        b->indent = least;
}

static bool is_in_block(const struct yaml_scanner *s, const struct block *b)
{
    return (int)s->pos.column == b->indent && *yaml_at(s);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How a line of the block ended. */
struct line_end {
    char data[4];
    size_t len;
};

/* One line and the empty ones after it; the break between it and the next is added when
 * there is a next one, else it is left in *ret for chomping. */
static bool scan_block_line(struct yaml_scanner *s, const struct block *b, struct line_end *ret)
{
    bool is_text = !is_blank(*yaml_at(s));
    const char *start = yaml_at(s);
    size_t before;

    ol_buf_add(&s->buf, s->gap.data, s->gap.len);
    yaml_skip_line(s);
    ol_buf_add(&s->buf, start, (size_t)(yaml_at(s) - start));
    ol_buf_clear(&s->gap);
    yaml_scan_break(s, &s->gap);
    before = s->gap.len;
    *ret = (struct line_end){.len = before};
    memcpy(ret->data, s->gap.data, before);
    ol_buf_clear(&s->gap);
    scan_empty_lines(s, b->indent);
    if (!is_in_block(s, b))
        return false;
    if (!b->is_folded || *ret->data != '\n' || !is_text || is_blank(*yaml_at(s)))
        ol_buf_add(&s->buf, ret->data, ret->len);
    else if (s->gap.len == 0)
        ol_buf_addc(&s->buf, ' ');
    return true;
}

int yaml_scan_block(struct yaml_scanner *s, struct yaml_token *t)
{
    struct block b = {0};
    struct line_end end = {0};

    if (scan_header(s, &b) < 0)
        return s->failed;
    start_block(s, &b);
    if (is_in_block(s, &b))
        while (scan_block_line(s, &b, &end))
            ;
    if (b.chomping != '-')
        ol_buf_add(&s->buf, end.data, end.len);
    if (b.chomping == '+')
        ol_buf_add(&s->buf, s->gap.data, s->gap.len);
    t->end = s->pos;
    return finish(s, t);
}
