/* SPDX-License-Identifier: Apache-2.0 */
#include "core/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

char ol_buf_empty[1];

void ol_buf_init(struct ol_buf *b, size_t max_size)
{
    *b = (struct ol_buf)OL_BUF_INIT(max_size);
}

void ol_buf_done(struct ol_buf *b)
{
    if (b->cap)
        free(b->data);
    ol_buf_init(b, b->max);
}

void ol_buf_clear(struct ol_buf *b)
{
    b->len = 0;
    b->failed = 0;
    if (b->cap)
        b->data[0] = '\0';
}

int ol_buf_status(const struct ol_buf *b)
{
    return -b->failed;
}

char *ol_buf_reserve(struct ol_buf *b, size_t n)
{
    size_t need = b->len + n + 1;
    size_t cap = b->cap ? b->cap : 64;
    char *data;

    if (b->failed)
        return NULL;
    if (n > b->max || b->len > b->max - n) {
        b->failed = EFBIG;
        return NULL;
    }
    if (need <= b->cap)
        return b->data + b->len;
    while (cap < need)
        cap += cap / 2;
    data = realloc(b->cap ? b->data : NULL, cap);
    if (!data) {
        b->failed = ENOMEM;
        return NULL;
    }
    if (!b->cap)
        data[0] = '\0';
    b->data = data;
    b->cap = cap;
    return data + b->len;
}

void ol_buf_commit(struct ol_buf *b, size_t n)
{
    assert(b->len + n < b->cap);
    b->len += n;
    b->data[b->len] = '\0';
}

void ol_buf_add(struct ol_buf *b, const void *data, size_t len)
{
    char *at;

    if (!len)
        return;
    at = ol_buf_reserve(b, len);
    if (!at)
        return;
    memcpy(at, data, len);
    ol_buf_commit(b, len);
}

void ol_buf_adds(struct ol_buf *b, const char *s)
{
    ol_buf_add(b, s, strlen(s));
}

void ol_buf_addc(struct ol_buf *b, char c)
{
    if (b->failed || b->len >= b->max || b->len + 1 >= b->cap) {
        ol_buf_add(b, &c, 1);
        return;
    }
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void ol_buf_addn(struct ol_buf *b, char c, size_t n)
{
    char *at = n ? ol_buf_reserve(b, n) : NULL;

    if (!at)
        return;
    memset(at, c, n);
    ol_buf_commit(b, n);
}

void ol_buf_vprintf(struct ol_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    char small[256], *at;
    int n;

    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, again);
    va_end(again);
    if (n < 0) {
        b->failed = EINVAL;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        ol_buf_add(b, small, (size_t)n);
        return;
    }
    at = ol_buf_reserve(b, (size_t)n);
    if (!at)
        return;
    vsnprintf(at, (size_t)n + 1, fmt, ap);
    ol_buf_commit(b, (size_t)n);
}

void ol_buf_printf(struct ol_buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    ol_buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void ol_buf_truncate(struct ol_buf *b, size_t len)
{
    assert(len <= b->len);
    if (len == b->len)
        return;
    b->len = len;
    b->data[len] = '\0';
}

char *ol_buf_take(struct ol_buf *b)
{
    char *taken = b->cap ? b->data : ol_xstrdup("");

    ol_buf_init(b, b->max);
    return taken;
}
