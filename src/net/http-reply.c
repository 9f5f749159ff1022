/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-reply.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/str.h"

struct text {
    const char *at;
    size_t len;
};

void http_reply_init(struct http_reply *r)
{
    *r = (struct http_reply){.line = OL_BUF_INIT(HTTP_REPLY_HEAD_MAX)};
}

void http_reply_done(struct http_reply *r)
{
    ol_buf_done(&r->line);
}

void http_reply_clear(struct http_reply *r)
{
    struct ol_buf line = r->line;

    ol_buf_clear(&line);
    *r = (struct http_reply){.line = line};
}

/* --- words --- */

static bool is_word(struct text t, const char *word)
{
    return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}

static struct text strip(const char *at, size_t len)
{
    while (len && (*at == ' ' || *at == '\t')) {
        at++;
        len--;
    }
    while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    return (struct text){at, len};
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* All of it; so large a number that 63 bits don't hold it is none. */
static int read_number(struct text t, unsigned base, uint64_t *ret)
{
    uint64_t n = 0;

    if (!t.len)
        return -EPROTO;
    for (size_t i = 0; i < t.len; i++) {
        unsigned digit = (unsigned)digit_of(t.at[i]);

        if (digit >= base || n > (uint64_t)INT64_MAX / base - 1)
            return -EPROTO;
        n = n * base + digit;
    }
    *ret = n;
    return 0;
}

/* --- lines --- */

/* "HTTP/1.1 200 OK": the reason may be missing. */
static int on_status(struct http_reply *r, struct text line)
{
    uint64_t status;

    if (line.len < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 || line.at[8] != ' '
        || digit_of(line.at[7]) > 9 || (line.len > 12 && line.at[12] != ' '))
        return -EPROTO;
    if (read_number((struct text){line.at + 9, 3}, 10, &status) < 0 || status < 100)
        return -EPROTO;
    r->status = (int)status;
    r->can_keep = line.at[7] != '0';
    r->is_chunked = r->has_length = false;
    r->left = 0;
    r->state = HTTP_REPLY_HEADERS;
    return 0;
}

static int on_length(struct http_reply *r, struct text value)
{
    uint64_t n;

    if (read_number(value, 10, &n) < 0 || (r->has_length && n != r->left))
        return -EPROTO;
    r->has_length = true;
    r->left = n;
    return 0;
}

static int on_coding(struct http_reply *r, struct text value)
{
    if (r->is_chunked || !is_word(value, "chunked"))
        return -EPROTO;
    r->is_chunked = true;
    return 0;
}

static int on_connection(struct http_reply *r, struct text value)
{
    while (value.len) {
        const char *comma = memchr(value.at, ',', value.len);
        size_t n = comma ? (size_t)(comma - value.at) : value.len;

        if (is_word(strip(value.at, n), "close"))
            r->can_keep = false;
        n += comma != NULL;
        value = (struct text){value.at + n, value.len - n};
    }
    return 0;
}

static int on_header(struct http_reply *r, struct text line)
{
    static const struct {
        const char *name;
        int (*read)(struct http_reply *r, struct text value);
    } table[] = {
        {"Content-Length", on_length},
        {"Transfer-Encoding", on_coding},
        {"Connection", on_connection},
    };
    const char *colon = memchr(line.at, ':', line.len);
    struct text name = {line.at, colon ? (size_t)(colon - line.at) : 0};

    /* A blank in front of it is a folded line, one behind it a way to smuggle. */
    if (!name.len || strip(name.at, name.len).len != name.len)
        return -EPROTO;
    for (size_t i = 0; i < ol_count(table); i++)
        if (is_word(name, table[i].name))
            return table[i].read(r, strip(colon + 1, line.len - name.len - 1));
    return 0;
}

/* The empty line. */
static int on_head_end(struct http_reply *r, struct http_piece *ret)
{
    r->n_head = 0;
    if (r->status == 101)
        return -EPROTO; /* nobody asked for another protocol */
    if (r->status < 200) {
        r->state = HTTP_REPLY_STATUS;
        return ++r->n_interim > HTTP_REPLY_INTERIM_MAX ? -EPROTO : 0;
    }
    if (r->is_chunked && r->has_length)
        return -EPROTO;
    ret->what = HTTP_PIECE_HEAD;
    if (r->status == 204 || r->status == 304) {
        r->left = 0;
        r->state = HTTP_REPLY_BODY;
    } else if (r->is_chunked) {
        r->state = HTTP_REPLY_CHUNK_SIZE;
    } else if (r->has_length) {
        r->state = HTTP_REPLY_BODY;
    } else {
        r->can_keep = false;
        r->state = HTTP_REPLY_BODY_TO_END;
    }
    return 0;
}

static int on_chunk_size(struct http_reply *r, struct text line)
{
    const char *extension = memchr(line.at, ';', line.len);
    size_t n = extension ? (size_t)(extension - line.at) : line.len;

    r->n_head = 0;
    if (read_number(strip(line.at, n), 16, &r->left) < 0)
        return -EPROTO;
    r->state = r->left ? HTTP_REPLY_CHUNK : HTTP_REPLY_TRAILERS;
    return 0;
}

static int on_line(struct http_reply *r, struct text line, struct http_piece *ret)
{
    if (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    if (memchr(line.at, '\r', line.len) || memchr(line.at, '\0', line.len))
        return -EPROTO;
    switch (r->state) {
    case HTTP_REPLY_STATUS: return on_status(r, line);
    case HTTP_REPLY_HEADERS: return line.len ? on_header(r, line) : on_head_end(r, ret);
    case HTTP_REPLY_CHUNK_SIZE: return on_chunk_size(r, line);
    case HTTP_REPLY_CHUNK_END:
        r->n_head = 0;
        r->state = HTTP_REPLY_CHUNK_SIZE;
        return line.len ? -EPROTO : 0;
    default: /* trailers: nobody reads them */
        if (!line.len) {
            r->state = HTTP_REPLY_DONE;
            ret->what = HTTP_PIECE_END;
        }
        return 0;
    }
}

/* One line, or what there is of it. */
static ssize_t read_line(struct http_reply *r, const char *text, size_t len, struct http_piece *ret)
{
    const char *end = memchr(text, '\n', len);
    size_t n = end ? (size_t)(end - text) : len;
    struct text line = {text, n};
    int e;

    r->n_head += n + 1;
    if (r->n_head > HTTP_REPLY_HEAD_MAX)
        return -EPROTO;
    if (r->line.len || !end) {
        ol_buf_add(&r->line, text, n);
        if (ol_buf_status(&r->line) < 0)
            return -EPROTO;
        line = (struct text){r->line.data, r->line.len};
    }
    if (!end)
        return (ssize_t)n;
    e = on_line(r, line, ret);
    ol_buf_clear(&r->line);
    return e < 0 ? e : (ssize_t)n + 1;
}

/* --- bodies --- */

static ssize_t read_body(struct http_reply *r, const char *text, size_t len, struct http_piece *ret)
{
    if (r->state != HTTP_REPLY_BODY_TO_END) {
        if (len > r->left)
            len = (size_t)r->left;
        r->left -= len;
        if (!r->left && r->state == HTTP_REPLY_CHUNK)
            r->state = HTTP_REPLY_CHUNK_END;
    }
    *ret = (struct http_piece){HTTP_PIECE_BODY, text, len};
    return (ssize_t)len;
}

ssize_t http_reply_read(struct http_reply *r, const char *text, size_t len, struct http_piece *ret)
{
    size_t at = 0;

    *ret = (struct http_piece){.what = HTTP_PIECE_NONE};
    r->has_begun = r->has_begun || len;
    while (ret->what == HTTP_PIECE_NONE) {
        ssize_t n;

        if (r->state == HTTP_REPLY_DONE || (r->state == HTTP_REPLY_BODY && !r->left)) {
            r->state = HTTP_REPLY_DONE;
            ret->what = HTTP_PIECE_END;
            break;
        }
        if (at == len)
            break;
        if (r->state == HTTP_REPLY_BODY || r->state == HTTP_REPLY_BODY_TO_END
            || r->state == HTTP_REPLY_CHUNK)
            n = read_body(r, text + at, len - at, ret);
        else
            n = read_line(r, text + at, len - at, ret);
        if (n < 0)
            return n;
        at += (size_t)n;
    }
    return (ssize_t)at;
}

int http_reply_end(const struct http_reply *r)
{
    return r->state == HTTP_REPLY_BODY_TO_END ? 0 : -EPROTO;
}
