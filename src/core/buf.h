/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A growing run of bytes with a stated maximum. 'data' is always NUL-terminated and
 * never NULL, so it can be used as a string at any time.
 *
 * Adding past the maximum, or running out of memory, makes the buffer "failed": it
 * keeps what it had, further additions do nothing, and ol_buf_status() says why. So a
 * writer adds freely and looks once, at the end.
 *
 *     ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
 *     ol_buf_printf(&b, "%s\n", name);
 *     r = ol_buf_status(&b);
 */
struct ol_buf {
    char *data;
    size_t len; /* without the NUL */
    size_t cap; /* 0 while 'data' is the shared empty string */
    size_t max;
    int failed; /* positive errno, 0 = sound */
};

extern char ol_buf_empty[1];

#define OL_BUF_INIT(max_size)                                                                      \
    {                                                                                              \
        .data = ol_buf_empty, .len = 0, .cap = 0, .max = (max_size)                                \
    }

void ol_buf_init(struct ol_buf *b, size_t max_size);
void ol_buf_done(struct ol_buf *b);
/* Forgets the content and any failure, keeps the memory. */
void ol_buf_clear(struct ol_buf *b);
/* 0, -EFBIG (maximum reached) or -ENOMEM. */
int ol_buf_status(const struct ol_buf *b) __attribute__((warn_unused_result));

void ol_buf_add(struct ol_buf *b, const void *data, size_t len);
void ol_buf_adds(struct ol_buf *b, const char *s);
void ol_buf_addc(struct ol_buf *b, char c);
void ol_buf_addn(struct ol_buf *b, char c, size_t n);
void ol_buf_printf(struct ol_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ol_buf_vprintf(struct ol_buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Shortens to len bytes; longer is a bug of the caller. */
void ol_buf_truncate(struct ol_buf *b, size_t len);
/* Room for n more bytes to be filled by the caller, then ol_buf_commit(); NULL when failed. */
char *ol_buf_reserve(struct ol_buf *b, size_t n);
void ol_buf_commit(struct ol_buf *b, size_t n);
/* Moves the content out as a heap string that the caller frees; the buffer is empty after. */
char *ol_buf_take(struct ol_buf *b) __attribute__((warn_unused_result));
