/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Memory that is released all at once: trees of values, their strings and whatever
 * else lives as long as one document or one stage. Nothing in it is freed singly,
 * so values may share and even contain one another.
 *
 * An arena has a stated maximum. Allocation itself never fails (it aborts when the
 * machine is out of memory); whoever fills an arena from foreign bytes asks
 * ol_arena_is_over() after each item and gives up with -EFBIG.
 *
 *     ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(16 << 20);
 */
struct ol_arena_chunk;

struct ol_arena {
    struct ol_arena_chunk *chunks; /* newest first */
    size_t used;                   /* bytes handed out */
    size_t max;                    /* stated maximum in bytes */
};

#define OL_ARENA_INIT(max_size)                                                                    \
    {                                                                                              \
        .chunks = NULL, .used = 0, .max = (max_size)                                               \
    }

void ol_arena_init(struct ol_arena *a, size_t max_size);
/* Releases everything; the arena can be used again. */
void ol_arena_done(struct ol_arena *a);
/* True once more than the stated maximum was handed out. */
bool ol_arena_is_over(const struct ol_arena *a);

/* Zeroed memory, aligned for any type. Never NULL. */
void *ol_arena_alloc(struct ol_arena *a, size_t size)
    __attribute__((malloc, warn_unused_result, returns_nonnull));
/* A larger copy of 'old' (old_size bytes, may be NULL); the old memory stays in the arena
 * unless it was the newest allocation, which grows in place. */
void *ol_arena_grow(struct ol_arena *a, void *old, size_t old_size, size_t size)
    __attribute__((warn_unused_result, returns_nonnull));
char *ol_arena_strdup(struct ol_arena *a, const char *s)
    __attribute__((warn_unused_result, returns_nonnull));
/* Copies len bytes and adds a NUL; the bytes may contain NULs. */
char *ol_arena_memdup(struct ol_arena *a, const void *data, size_t len)
    __attribute__((warn_unused_result, returns_nonnull));
char *ol_arena_printf(struct ol_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result, returns_nonnull));
