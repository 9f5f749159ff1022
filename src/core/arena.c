/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_SIZE = 16 << 10,
    ALIGN = 16,
};

struct ol_arena_chunk {
    struct ol_arena_chunk *next;
    size_t size, used;
    _Alignas(ALIGN) unsigned char data[];
};

void ol_arena_init(struct ol_arena *a, size_t max_size)
{
    *a = (struct ol_arena)OL_ARENA_INIT(max_size);
}

void ol_arena_done(struct ol_arena *a)
{
    struct ol_arena_chunk *c = a->chunks, *next;

    for (; c; c = next) {
        next = c->next;
        free(c);
    }
    ol_arena_init(a, a->max);
}

bool ol_arena_is_over(const struct ol_arena *a)
{
    return a->used > a->max;
}

static size_t aligned(size_t size)
{
    if (size > SIZE_MAX / 2)
        abort();
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static struct ol_arena_chunk *chunk_new(size_t size)
{
    struct ol_arena_chunk *c = calloc(1, sizeof(*c) + size);

    if (!c)
        abort();
    c->size = size;
    return c;
}

void *ol_arena_alloc(struct ol_arena *a, size_t size)
{
    size_t need = aligned(size ? size : 1);
    struct ol_arena_chunk *c = a->chunks;
    void *p;

    if (!c || c->size - c->used < need) {
        struct ol_arena_chunk *fresh = chunk_new(need > CHUNK_SIZE / 4 ? need : CHUNK_SIZE);

        /* A chunk made for one big item goes behind the one that still has room. */
        if (c && need > CHUNK_SIZE / 4) {
            fresh->next = c->next;
            c->next = fresh;
        } else {
            fresh->next = c;
            a->chunks = fresh;
        }
        c = fresh;
    }
    p = c->data + c->used;
    c->used += need;
    a->used += need;
    return p;
}

void *ol_arena_grow(struct ol_arena *a, void *old, size_t old_size, size_t size)
{
    struct ol_arena_chunk *c = a->chunks;
    size_t had = aligned(old_size ? old_size : 1), need = aligned(size ? size : 1);
    void *p;

    if (old && need <= had)
        return old;
    if (old && c && (unsigned char *)old + had == c->data + c->used
        && c->size - c->used >= need - had) {
        c->used += need - had;
        a->used += need - had;
        return old;
    }
    p = ol_arena_alloc(a, size);
    if (old)
        memcpy(p, old, old_size);
    return p;
}

char *ol_arena_memdup(struct ol_arena *a, const void *data, size_t len)
{
    char *p = ol_arena_alloc(a, len + 1);

    if (len)
        memcpy(p, data, len);
    return p;
}

char *ol_arena_strdup(struct ol_arena *a, const char *s)
{
    return ol_arena_memdup(a, s, strlen(s));
}

char *ol_arena_printf(struct ol_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char small[256], *p;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    if ((size_t)n < sizeof(small)) {
        p = ol_arena_memdup(a, small, (size_t)n);
    } else {
        p = ol_arena_alloc(a, (size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return p;
}
