/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"

/*
 * A reader of HTTP/1.1 answers (RFC 9112) that come in pieces of any size. It is strict: what two
 * readers could understand differently (two lengths, folded lines, other transfer codings than
 * chunked) is an error, after which the connection is of no use.
 *
 *     for (size_t at = 0; at < len; at += (size_t)n) {
 *         n = http_reply_read(&r, text + at, len - at, &piece);
 *         if (n < 0) …
 *         switch (piece.what) …
 *     }
 */
enum {
    HTTP_REPLY_HEAD_MAX = 64 << 10, /* of the lines before a body, and again of those behind it */
    HTTP_REPLY_INTERIM_MAX = 8,     /* answers 1xx before the true one */
};

enum http_reply_state {
    HTTP_REPLY_STATUS,
    HTTP_REPLY_HEADERS,
    HTTP_REPLY_BODY, /* of a known length */
    HTTP_REPLY_BODY_TO_END,
    HTTP_REPLY_CHUNK_SIZE,
    HTTP_REPLY_CHUNK,
    HTTP_REPLY_CHUNK_END,
    HTTP_REPLY_TRAILERS,
    HTTP_REPLY_DONE,
};

struct http_reply {
    enum http_reply_state state;
    int status;     /* known from HTTP_PIECE_HEAD on */
    bool can_keep;  /* the connection, when the answer has ended by itself */
    bool has_begun; /* at least one byte came */
    bool is_chunked, has_length;
    int n_interim;
    uint64_t left;      /* of the body or chunk */
    size_t n_head;      /* bytes of the lines so far */
    struct ol_buf line; /* the begin of one whose end has not come yet */
};

enum http_piece_kind {
    HTTP_PIECE_NONE, /* all was taken in, and there is more to come */
    HTTP_PIECE_HEAD,
    HTTP_PIECE_BODY,
    HTTP_PIECE_END, /* nothing is read behind it */
};
struct http_piece {
    enum http_piece_kind what;
    const char *at; /* of a body: within the text */
    size_t len;
};

void http_reply_init(struct http_reply *r);
void http_reply_done(struct http_reply *r);
/* For the next answer. */
void http_reply_clear(struct http_reply *r);
/* How many bytes were used, up to and with the piece that is given; -EPROTO. */
ssize_t http_reply_read(struct http_reply *r, const char *text, size_t len, struct http_piece *ret)
    __attribute__((warn_unused_result));
/* The connection has ended: 0 when that is the end of this answer's body; -EPROTO. */
int http_reply_end(const struct http_reply *r) __attribute__((warn_unused_result));
