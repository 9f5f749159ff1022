/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/mime-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

/* What email.generator.Generator(maxheaderlen=0, mangle_from_=False) writes. */

struct writer {
    struct ol_arena *a;
    const struct ol_mime_random *random;
    size_t depth;
    bool is_too_deep;
};

/* Text with every line end as LF. */
static void add_lines(struct ol_buf *out, const char *text, size_t len)
{
    while (len) {
        size_t n = ol_mime_line_len(text, len), eol = ol_mime_eol_len(text, n);

        ol_buf_add(out, text, n - eol);
        if (eol)
            ol_buf_addc(out, '\n');
        text += n;
        len -= n;
    }
}

static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return !*s;
}

static bool is_q_safe(unsigned char c)
{
    return (c | 32) >= 'a' ? (c | 32) <= 'z' : (c >= '0' && c <= '9') || (c && strchr("-!*+/", c));
}

/* RFC 2047: whichever of base64 and quoted-printable is shorter, as email.charset chooses. */
static void add_encoded_word(struct ol_buf *out, const char *value)
{
    size_t len = strlen(value), q_len = 0;
    const char *charset = ol_utf8_is_valid(value, len) ? "utf-8" : "unknown-8bit";

    for (size_t i = 0; i < len; i++)
        q_len += is_q_safe((unsigned char)value[i]) || value[i] == ' ' ? 1 : 3;
    if ((len + 2) / 3 * 4 < q_len) {
        ol_buf_printf(out, "=?%s?b?", charset);
        ol_base64_encode(value, len, 0, out);
        ol_buf_adds(out, "?=");
        return;
    }
    ol_buf_printf(out, "=?%s?q?", charset);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        if (is_q_safe(c))
            ol_buf_addc(out, (char)c);
        else if (c == ' ')
            ol_buf_addc(out, '_');
        else
            ol_buf_printf(out, "=%02X", c);
    }
    ol_buf_adds(out, "?=");
}

static size_t len_without_blanks(const char *line, size_t len)
{
    while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    return len;
}

/* A folded value: line breaks stay, blanks before them and empty lines do not. A line that
 * would read as another header is indented. */
static void add_folded(struct ol_buf *out, const char *value)
{
    size_t first = ol_mime_line_len(value, strlen(value));
    size_t len = first - ol_mime_eol_len(value, first);

    ol_buf_add(out, value, value[first] ? len_without_blanks(value, len) : len);
    for (value += first; *value; value += len) {
        size_t bare;

        len = ol_mime_line_len(value, strlen(value));
        bare = len_without_blanks(value, len - ol_mime_eol_len(value, len));
        if (bare)
            ol_buf_adds(out, *value == ' ' || *value == '\t' ? "\n" : "\n ");
        ol_buf_add(out, value, bare);
    }
}

static void add_header(struct ol_buf *out, const struct ol_mime_header *h)
{
    ol_buf_printf(out, "%s: ", h->name);
    if (is_ascii(h->value))
        add_folded(out, h->value);
    else
        add_encoded_word(out, h->value);
    ol_buf_addc(out, '\n');
}

/* email.generator.Generator._make_boundary(): none that starts a line of the parts. */
static const char *make_boundary(struct writer *w, const struct ol_buf *parts)
{
    uint64_t number = w->random->next(w->random->ctx) % INT64_MAX;
    const char *base = ol_arena_printf(w->a, "===============%019" PRIu64 "==", number);
    const char *boundary = base;

    for (unsigned i = 0;; i++) {
        const char *line = ol_arena_printf(w->a, "--%s", boundary);

        if (!memmem(parts->data, parts->len, line, strlen(line)))
            return boundary;
        boundary = ol_arena_printf(w->a, "%s.%u", base, i);
    }
}

static int write_part(struct writer *w, struct ol_mime_part *part, struct ol_buf *out);

static int write_multipart(struct writer *w, struct ol_mime_part *part, struct ol_buf *out)
{
    ol_auto(ol_buf_done) struct ol_buf texts = OL_BUF_INIT(out->max);
    size_t *ends = ol_arena_alloc(w->a, part->n_parts * sizeof(*ends));
    const char *boundary;
    size_t start = 0;

    for (size_t i = 0; i < part->n_parts; i++) {
        int r = write_part(w, part->parts[i], &texts);

        if (r < 0)
            return r;
        ends[i] = texts.len;
    }
    boundary = ol_mime_boundary(w->a, part);
    if (!boundary || !*boundary) {
        boundary = make_boundary(w, &texts);
        ol_mime_set_boundary(w->a, part, boundary);
    }
    if (part->preamble) {
        add_lines(out, part->preamble, part->preamble_len);
        ol_buf_addc(out, '\n');
    }
    ol_buf_printf(out, "--%s\n", boundary);
    for (size_t i = 0; i < part->n_parts; i++) {
        if (i)
            ol_buf_printf(out, "\n--%s\n", boundary);
        ol_buf_add(out, texts.data + start, ends[i] - start);
        start = ends[i];
    }
    ol_buf_printf(out, "\n--%s--\n", boundary);
    if (part->epilogue)
        add_lines(out, part->epilogue, part->epilogue_len);
    return ol_buf_status(&texts);
}

/* Blocks of headers, of which each has lost its own last line end. */
static int write_status(struct writer *w, struct ol_mime_part *part, struct ol_buf *out)
{
    for (size_t i = 0; i < part->n_parts; i++) {
        int r = write_part(w, part->parts[i], out);

        if (r < 0)
            return r;
        if (out->len && out->data[out->len - 1] == '\n')
            ol_buf_truncate(out, out->len - 1);
        if (i + 1 < part->n_parts)
            ol_buf_addc(out, '\n');
    }
    return 0;
}

static int write_body(struct writer *w, struct ol_mime_part *part, struct ol_buf *out)
{
    const char *type = ol_mime_content_type(w->a, part);
    bool is_container = ol_mime_main_is(type, "multipart");

    /* A new multipart has neither body nor parts and still gets its boundaries. */
    if (part->n_parts ? !ol_mime_main_is(type, "message") : is_container && !part->body)
        return write_multipart(w, part, out);
    if (part->n_parts && !strcmp(type, "message/delivery-status"))
        return write_status(w, part, out);
    if (part->n_parts)
        return write_part(w, part->parts[0], out);
    if (is_container || ol_mime_main_is(type, "message"))
        ol_buf_add(out, part->body, part->body_len);
    else
        add_lines(out, part->body, part->body_len);
    return 0;
}

static int write_part(struct writer *w, struct ol_mime_part *part, struct ol_buf *out)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(out->max);
    int r;

    if (w->depth >= OL_MIME_MAX_DEPTH) {
        w->is_too_deep = true;
        return -EFBIG;
    }
    w->depth++;
    /* The body first: it may add a boundary to the headers. */
    r = write_body(w, part, &body);
    w->depth--;
    if (r < 0)
        return r;
    for (size_t i = 0; i < part->n_headers; i++)
        add_header(out, &part->headers[i]);
    ol_buf_addc(out, '\n');
    ol_buf_add(out, body.data, body.len);
    return ol_buf_status(&body);
}

int ol_mime_write(struct ol_arena *a, struct ol_mime_part *root,
                  const struct ol_mime_random *random, struct ol_buf *ret, struct ol_err *err)
{
    struct writer w = {.a = a, .random = random};
    size_t before = ret->len;
    int r = write_part(&w, root, ret);

    if (r == 0)
        r = ol_buf_status(ret);
    if (r == 0)
        return 0;
    ol_buf_truncate(ret, before);
    if (w.is_too_deep)
        return ol_err_set(err, EFBIG, "MIME: nested deeper than %d parts", OL_MIME_MAX_DEPTH);
    return ol_err_set(err, -r, "MIME: message has more than %zu bytes", ret->max);
}
