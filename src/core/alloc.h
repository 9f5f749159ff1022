/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Small, bounded allocations that cannot sensibly fail: they abort instead of
 * returning NULL. What grows with foreign input belongs into an ol_buf or an
 * ol_arena, which have a stated maximum.
 */
void *ol_xcalloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));
void *ol_xrealloc(void *p, size_t n, size_t size) __attribute__((warn_unused_result));
char *ol_xstrdup(const char *s) __attribute__((malloc, nonnull, warn_unused_result));
char *ol_xstrndup(const char *s, size_t len) __attribute__((malloc, nonnull, warn_unused_result));
char *ol_xasprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), malloc, warn_unused_result));

/*
 * For a daemon with threads that works in bursts. The C library keeps a heap for each thread and
 * what was freed in all of them: ten builds at once or a thousand instances at the start would be
 * paid for until the process ends. Both do nothing where it has no such thing.
 */
/* Before the first thread: two heaps for all, and large blocks are the kernel's again at once. */
void ol_alloc_be_frugal(void);
/* After a burst: gives back what is free. Takes a millisecond for each 10 MiB or so. */
void ol_alloc_trim(void);
