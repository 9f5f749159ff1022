/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-scan.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

/* Directives, anchors and tags. */

static const char *copy(struct yaml_scanner *s, const char *from, size_t len)
{
    return ol_arena_memdup(&s->l->scratch, from, len);
}

/* NUL, blank or line break: what may follow where a tab may not. */
static bool is_blank_or_end(const char *p)
{
    return *p == ' ' || yaml_is_end(p);
}

/* [0-9A-Za-z_-]+ */
static int scan_word(struct yaml_scanner *s, const char **ret)
{
    const char *p = yaml_at(s);
    size_t len = 0;

    while (yaml_is_word(p[len]))
        len++;
    if (len == 0)
        return yaml_scan_fail_char(s, "expected alphabetic or numeric character", p);
    *ret = copy(s, p, len);
    yaml_forward(s, len);
    return 0;
}

int yaml_scan_anchor(struct yaml_scanner *s, struct yaml_token *t)
{
    const char *p;

    yaml_forward(s, 1);
    if (scan_word(s, &t->text) < 0)
        return s->failed;
    p = yaml_at(s);
    if (!yaml_is_white(p) && !strchr("?:,]}%@`", *p))
        return yaml_scan_fail_char(s, "expected alphabetic or numeric character", p);
    t->end = s->pos;
    return 0;
}

/* "!", "!!" or "!word!" */
static int scan_handle(struct yaml_scanner *s, const char **ret)
{
    const char *p = yaml_at(s);
    size_t len = 1;

    if (*p != '!')
        return yaml_scan_fail_char(s, "expected '!'", p);
    if (p[1] != ' ') {
        while (yaml_is_word(p[len]))
            len++;
        if (p[len] != '!') {
            yaml_forward(s, len);
            return yaml_scan_fail_char(s, "expected '!'", p + len);
        }
        len++;
    }
    *ret = copy(s, p, len);
    yaml_forward(s, len);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX%XX…, which together are UTF-8 */
static int scan_uri_escapes(struct yaml_scanner *s, struct ol_buf *to)
{
    struct yaml_mark mark = s->pos;
    size_t before = to->len;

    while (*yaml_at(s) == '%') {
        const char *p;

        yaml_forward(s, 1);
        p = yaml_at(s);
        for (int k = 0; k < 2; k++)
            if (hex_digit(p[k]) < 0)
                return yaml_scan_fail_char(
                    s, "expected URI escape sequence of 2 hexadecimal numbers", p + k);
        ol_buf_addc(to, (char)(hex_digit(p[0]) << 4 | hex_digit(p[1])));
        yaml_forward(s, 2);
    }
    if (!ol_utf8_is_valid(to->data + before, to->len - before))
        return yaml_scan_fail(s, "ScannerError", &mark, "'utf-8' codec can't decode the escapes");
    return 0;
}

static int scan_uri(struct yaml_scanner *s, const char **ret)
{
    const char *start = yaml_at(s), *p;

    ol_buf_clear(&s->buf);
    for (p = start; yaml_is_word(*p) || (*p && strchr(";/?:@&=+$,.!~*'()[]%", *p));
         p = yaml_at(s)) {
        if (*p == '%') {
            if (scan_uri_escapes(s, &s->buf) < 0)
                return s->failed;
            continue;
        }
        ol_buf_addc(&s->buf, *p);
        yaml_forward(s, 1);
    }
    if (p == start)
        return yaml_scan_fail_char(s, "expected URI", p);
    *ret = copy(s, s->buf.data, s->buf.len);
    return 0;
}

/* Whether there is another '!' in the word after the first. */
static bool has_handle(const char *p)
{
    for (p++; !is_blank_or_end(p); p++)
        if (*p == '!')
            return true;
    return false;
}

static int scan_verbatim_tag(struct yaml_scanner *s, struct yaml_token *t)
{
    yaml_forward(s, 2);
    if (scan_uri(s, &t->suffix) < 0)
        return s->failed;
    if (*yaml_at(s) != '>')
        return yaml_scan_fail_char(s, "expected '>'", yaml_at(s));
    yaml_forward(s, 1);
    return 0;
}

static int scan_short_tag(struct yaml_scanner *s, struct yaml_token *t)
{
    if (!has_handle(yaml_at(s))) {
        t->text = "!";
        yaml_forward(s, 1);
    } else if (scan_handle(s, &t->text) < 0) {
        return s->failed;
    }
    return scan_uri(s, &t->suffix);
}

int yaml_scan_tag(struct yaml_scanner *s, struct yaml_token *t)
{
    const char *p = yaml_at(s);
    int r = 0;

    if (p[1] == '<') {
        r = scan_verbatim_tag(s, t);
    } else if (yaml_is_white(p + 1)) {
        t->suffix = "!";
        yaml_forward(s, 1);
    } else {
        r = scan_short_tag(s, t);
    }
    if (r < 0)
        return r;
    if (!is_blank_or_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected ' '", yaml_at(s));
    t->end = s->pos;
    return 0;
}

static int scan_number(struct yaml_scanner *s, bool *ret_is_one)
{
    const char *p = yaml_at(s);
    size_t len = strspn(p, "0123456789"), zeros = strspn(p, "0");

    if (len == 0)
        return yaml_scan_fail_char(s, "expected a digit", p);
    *ret_is_one = len == zeros + 1 && p[zeros] == '1';
    yaml_forward(s, len);
    return 0;
}

static int scan_version(struct yaml_scanner *s, struct yaml_token *t)
{
    bool is_one;

    yaml_skip_blanks(s);
    if (scan_number(s, &t->is_version_1) < 0)
        return s->failed;
    if (*yaml_at(s) != '.')
        return yaml_scan_fail_char(s, "expected a digit or '.'", yaml_at(s));
    yaml_forward(s, 1);
    if (scan_number(s, &is_one) < 0)
        return s->failed;
    if (!is_blank_or_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected a digit or ' '", yaml_at(s));
    return 0;
}

static int scan_tag_prefix(struct yaml_scanner *s, struct yaml_token *t)
{
    yaml_skip_blanks(s);
    if (scan_handle(s, &t->handle) < 0)
        return s->failed;
    if (*yaml_at(s) != ' ')
        return yaml_scan_fail_char(s, "expected ' '", yaml_at(s));
    yaml_skip_blanks(s);
    if (scan_uri(s, &t->suffix) < 0)
        return s->failed;
    if (!is_blank_or_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected ' '", yaml_at(s));
    return 0;
}

int yaml_scan_directive(struct yaml_scanner *s, struct yaml_token *t)
{
    int r = 0;

    yaml_forward(s, 1);
    if (scan_word(s, &t->text) < 0)
        return s->failed;
    if (!is_blank_or_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected alphabetic or numeric character", yaml_at(s));
    if (!strcmp(t->text, "YAML"))
        r = scan_version(s, t);
    else if (!strcmp(t->text, "TAG"))
        r = scan_tag_prefix(s, t);
    t->end = s->pos;
    if (r < 0)
        return r;
    if (strcmp(t->text, "YAML") && strcmp(t->text, "TAG"))
        yaml_skip_line(s);
    yaml_skip_blanks(s);
    if (*yaml_at(s) == '#')
        yaml_skip_line(s);
    if (!yaml_is_end(yaml_at(s)))
        return yaml_scan_fail_char(s, "expected a comment or a line break", yaml_at(s));
    yaml_scan_break(s, NULL);
    return 0;
}
