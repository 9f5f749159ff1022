/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/mime-internal.h"
#include "core/str.h"

/* The line reader and the recursion of Python's email.feedparser: a part ends where the data
 * ends or at a boundary of any multipart around it. */

struct stop {
    const struct stop *outer;
    const char *boundary; /* NULL: an empty line stops */
    size_t boundary_len;
};

struct parser {
    struct ol_arena *a;
    const char *at, *end;
    const struct stop *stop;   /* innermost */
    struct ol_mime_part *last; /* whose final line end belongs to the boundary that follows */
    size_t n_parts, depth;
    struct ol_err *err;
};

struct line {
    const char *text; /* NULL = the part has ended */
    size_t len;       /* with the line end */
};

enum boundary_kind { BOUNDARY_NONE, BOUNDARY_NEXT, BOUNDARY_CLOSE };

/* "--boundary", perhaps "--", blanks and a line end. */
static enum boundary_kind boundary_kind(const struct stop *s, struct line l)
{
    size_t len = l.len - ol_mime_eol_len(l.text, l.len);
    bool is_close;
    size_t at = 2 + s->boundary_len;

    if (len < at || memcmp(l.text, "--", 2) != 0
        || memcmp(l.text + 2, s->boundary, s->boundary_len) != 0)
        return BOUNDARY_NONE;
    is_close = len >= at + 2 && !memcmp(l.text + at, "--", 2);
    for (at += is_close ? 2 : 0; at < len; at++)
        if (l.text[at] != ' ' && l.text[at] != '\t')
            return BOUNDARY_NONE;
    return is_close ? BOUNDARY_CLOSE : BOUNDARY_NEXT;
}

static bool is_stop(const struct stop *s, struct line l)
{
    if (!s->boundary)
        return *l.text == '\n' || *l.text == '\r';
    return boundary_kind(s, l) != BOUNDARY_NONE;
}

static struct line peek_line(const struct parser *p)
{
    struct line l = {p->at, ol_mime_line_len(p->at, (size_t)(p->end - p->at))};

    if (!l.len)
        return (struct line){0};
    for (const struct stop *s = p->stop; s; s = s->outer)
        if (is_stop(s, l))
            return (struct line){0};
    return l;
}

static struct line read_line(struct parser *p)
{
    struct line l = peek_line(p);

    p->at += l.len;
    return l;
}

/* Everything up to the end of the part. */
static size_t skip_rest(struct parser *p)
{
    const char *start = p->at;

    while (read_line(p).text)
        continue;
    return (size_t)(p->at - start);
}

static bool is_from_line(struct line l)
{
    return l.len >= 5 && !memcmp(l.text, "From ", 5);
}

/* A header's first line: printable characters without ':' and then ':', a continuation, or
 * "From ". */
static bool is_header_line(struct line l)
{
    size_t n = 0;

    if (*l.text == ' ' || *l.text == '\t' || is_from_line(l))
        return true;
    while (n < l.len && l.text[n] > ' ' && l.text[n] < 0x7f && l.text[n] != ':')
        n++;
    return n < l.len && l.text[n] == ':';
}

static void add_header(struct parser *p, struct ol_mime_part *part, struct line first,
                       const char *end)
{
    const char *colon = memchr(first.text, ':', first.len), *value;

    if (!colon || colon == first.text)
        return;
    value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    ol_mime_add_taken(p->a, part, ol_arena_memdup(p->a, first.text, (size_t)(colon - first.text)),
                      ol_arena_memdup(p->a, value, (size_t)(end - value)));
}

/* Headers and the empty line after them, if there is one. A "From " line is the envelope at
 * the start, the first line of the body at the end, and nothing in between. */
static void parse_headers(struct parser *p, struct ol_mime_part *part)
{
    const char *start = p->at, *from = NULL;
    struct line first = {0}, l;

    for (l = peek_line(p); l.text && is_header_line(l); l = peek_line(p)) {
        p->at += l.len;
        from = is_from_line(l) && l.text != start ? l.text : NULL;
        if (*l.text == ' ' || *l.text == '\t')
            continue;
        if (first.text)
            add_header(p, part, first, l.text);
        first = is_from_line(l) ? (struct line){0} : l;
    }
    if (first.text)
        add_header(p, part, first, p->at);
    if (from)
        p->at = from;
    else if (l.text && (*l.text == '\n' || *l.text == '\r'))
        p->at += l.len;
}

static int parse_part(struct parser *p, struct ol_mime_part *parent);

static void set_slice(const char **ret, size_t *ret_len, const char *start, size_t len)
{
    *ret = start;
    *ret_len = len;
}

static void drop_last_eol(struct parser *p)
{
    struct ol_mime_part *last = p->last;

    if (!ol_mime_is_container(p->a, last)) {
        if (!last->n_parts && last->body)
            last->body_len -= ol_mime_eol_len(last->body, last->body_len);
        return;
    }
    if (last->epilogue && !last->epilogue_len)
        last->epilogue = NULL;
    if (last->epilogue)
        last->epilogue_len -= ol_mime_eol_len(last->epilogue, last->epilogue_len);
}

/* One part of a multipart; boundary lines that follow one another count once. */
static int parse_subpart(struct parser *p, struct ol_mime_part *part, struct stop *own)
{
    struct line l;
    int r;

    for (l = peek_line(p); l.text && boundary_kind(own, l) != BOUNDARY_NONE; l = peek_line(p))
        p->at += l.len;
    p->stop = own;
    r = parse_part(p, part);
    p->stop = own->outer;
    if (r < 0)
        return r;
    drop_last_eol(p);
    p->last = part;
    return 0;
}

static int parse_multipart(struct parser *p, struct ol_mime_part *part)
{
    const char *boundary = ol_mime_boundary(p->a, part), *start = p->at;
    struct stop own = {p->stop, boundary, boundary ? strlen(boundary) : 0};
    bool is_preamble = true;
    struct line l;

    if (!boundary) {
        set_slice(&part->body, &part->body_len, start, skip_rest(p));
        return 0;
    }
    for (l = read_line(p); l.text; l = read_line(p)) {
        enum boundary_kind kind = boundary_kind(&own, l);
        int r;

        if (kind == BOUNDARY_CLOSE)
            break;
        if (kind == BOUNDARY_NONE)
            continue;
        if (is_preamble && l.text > start) {
            size_t len = (size_t)(l.text - start);

            set_slice(&part->preamble, &part->preamble_len, start,
                      len - ol_mime_eol_len(start, len));
        }
        is_preamble = false;
        r = parse_subpart(p, part, &own);
        if (r < 0)
            return r;
    }
    if (is_preamble) {
        /* The first boundary never came: Python keeps the text and skips what is left. */
        const char *text_end = l.text ? l.text : p->at;

        set_slice(&part->body, &part->body_len, start, (size_t)(text_end - start));
        skip_rest(p);
        set_slice(&part->epilogue, &part->epilogue_len, p->at, 0);
    } else if (l.text) {
        const char *rest = p->at;

        set_slice(&part->epilogue, &part->epilogue_len, rest, skip_rest(p));
    }
    return 0;
}

/* message/delivery-status: blocks of headers with empty lines between them. */
static int parse_status(struct parser *p, struct ol_mime_part *part)
{
    struct stop blank = {.outer = p->stop};

    do {
        int r;

        p->stop = &blank;
        r = parse_part(p, part);
        p->stop = blank.outer;
        if (r < 0)
            return r;
        read_line(p); /* the empty line */
    } while (peek_line(p).text);
    return 0;
}

static int parse_body(struct parser *p, struct ol_mime_part *part)
{
    const char *type = ol_mime_content_type(p->a, part), *start = p->at;

    if (!strcmp(type, "message/delivery-status"))
        return parse_status(p, part);
    if (ol_mime_main_is(type, "message"))
        return parse_part(p, part);
    if (ol_mime_main_is(type, "multipart"))
        return parse_multipart(p, part);
    set_slice(&part->body, &part->body_len, start, skip_rest(p));
    return 0;
}

static int parse_part(struct parser *p, struct ol_mime_part *parent)
{
    const char *default_type = "text/plain";
    struct ol_mime_part *part;
    int r;

    if (p->depth >= OL_MIME_MAX_DEPTH)
        return ol_err_set(p->err, EFBIG, "MIME: nested deeper than %d parts", OL_MIME_MAX_DEPTH);
    if (p->n_parts++ >= OL_MIME_MAX_PARTS)
        return ol_err_set(p->err, EFBIG, "MIME: more than %d parts", OL_MIME_MAX_PARTS);
    if (!strcmp(ol_mime_content_type(p->a, parent), "multipart/digest"))
        default_type = "message/rfc822";
    part = ol_mime_part_new(p->a, default_type);
    ol_mime_attach(p->a, parent, part);
    p->last = part;
    parse_headers(p, part);
    if (ol_arena_is_over(p->a))
        return ol_err_set(p->err, EFBIG, "MIME: more than %zu bytes", p->a->max);
    p->depth++;
    r = parse_body(p, part);
    p->depth--;
    return r;
}

int ol_mime_parse(struct ol_arena *a, const char *data, size_t len, struct ol_mime_part **ret,
                  struct ol_err *err)
{
    struct parser p = {.a = a, .err = err};
    struct ol_mime_part *above;
    int r;

    if (len > a->max)
        return ol_err_set(err, EFBIG, "MIME: more than %zu bytes", a->max);
    above = ol_mime_part_new(a, "text/plain");
    p.at = ol_arena_memdup(a, data, len);
    p.end = p.at + len;
    r = parse_part(&p, above);
    if (r >= 0 && ol_arena_is_over(a))
        r = ol_err_set(err, EFBIG, "MIME: more than %zu bytes", a->max);
    if (r < 0)
        return r;
    *ret = above->parts[0];
    return 0;
}
