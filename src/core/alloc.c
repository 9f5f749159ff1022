/* SPDX-License-Identifier: Apache-2.0 */
#include "core/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p)
        abort();
    return p;
}

void *ol_xcalloc(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *ol_xrealloc(void *p, size_t n, size_t size)
{
    return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *ol_xstrdup(const char *s)
{
    return checked(strdup(s));
}

char *ol_xstrndup(const char *s, size_t len)
{
    return checked(strndup(s, len));
}

char *ol_xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        abort();
    va_end(ap);
    return s;
}

void ol_alloc_be_frugal(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 << 10); /* else it grows with the first large block */
#endif
}

void ol_alloc_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
