/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "net/http-reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    int status; /* -1 = no HTTP */
    size_t used, n_body, n_heads;
    uint64_t sum;
    bool has_ended, can_keep;
};

static void on_piece(struct result *to, const struct http_reply *r, const struct http_piece *piece,
                     const char *text, size_t len)
{
    if (piece->what == HTTP_PIECE_HEAD) {
        to->n_heads++;
        to->status = r->status;
    } else if (piece->what == HTTP_PIECE_BODY) {
        if (!to->n_heads || !piece->len || piece->at < text || piece->at + piece->len > text + len)
            abort();
        to->n_body += piece->len;
        for (size_t i = 0; i < piece->len; i++)
            to->sum = to->sum * 31 + (unsigned char)piece->at[i];
    } else if (piece->what == HTTP_PIECE_END) {
        to->has_ended = true;
        to->can_keep = r->can_keep;
    }
}

/* One piece of the text; it is broken or has ended when that is said. */
static void feed(struct http_reply *r, const char *text, size_t len, struct result *to)
{
    struct http_piece piece = {.what = HTTP_PIECE_HEAD};
    size_t at = 0;

    while (!to->has_ended && (at < len || piece.what != HTTP_PIECE_NONE)) {
        ssize_t n = http_reply_read(r, text + at, len - at, &piece);

        if (n < 0) {
            to->status = -1;
            return;
        }
        if ((size_t)n > len - at)
            abort();
        on_piece(to, r, &piece, text + at, len - at);
        at += (size_t)n;
    }
    to->used += at;
}

static struct result read_all(const char *text, size_t size, size_t step)
{
    struct result to = {.status = 0};
    struct http_reply r;

    http_reply_init(&r);
    for (size_t at = 0; at < size && to.status >= 0 && !to.has_ended; at += step) {
        size_t len = size - at < step ? size - at : step;
        char *part = ol_xstrndup("", 0);

        /* Of its own, so that reading past it is seen. */
        part = ol_xrealloc(part, len, 1);
        memcpy(part, text + at, len);
        feed(&r, part, len, &to);
        free(part);
    }
    if (to.status >= 0 && !to.has_ended && http_reply_end(&r) == 0 && !to.n_heads)
        abort();
    http_reply_done(&r);
    return to;
}

/* What is read doesn't depend on how it comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct result whole = read_all(text, size, size + 1), bytes = read_all(text, size, 1);

    if (whole.status != bytes.status || whole.has_ended != bytes.has_ended)
        abort();
    if (whole.status >= 0
        && (whole.n_body != bytes.n_body || whole.sum != bytes.sum || whole.used != bytes.used
            || whole.can_keep != bytes.can_keep || whole.n_heads > 1))
        abort();
    return 0;
}
