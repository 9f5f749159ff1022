/* SPDX-License-Identifier: Apache-2.0 */
#include "core/strv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"

void ol_strv_done(struct ol_strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct ol_strv)OL_STRV_INIT;
}

void ol_strv_take(struct ol_strv *l, char *s)
{
    if (l->n + 2 > l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->v = ol_xrealloc(l->v, l->cap, sizeof(*l->v));
    }
    l->v[l->n++] = s;
    l->v[l->n] = NULL;
}

void ol_strv_add(struct ol_strv *l, const char *s)
{
    ol_strv_take(l, ol_xstrdup(s));
}

void ol_strv_addn(struct ol_strv *l, const char *s, size_t len)
{
    ol_strv_take(l, ol_xstrndup(s, len));
}

void ol_strv_addf(struct ol_strv *l, const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        abort();
    va_end(ap);
    ol_strv_take(l, s);
}

void ol_strv_add_all(struct ol_strv *l, const char *const *all)
{
    for (; all && *all; all++)
        ol_strv_add(l, *all);
}

void ol_strv_remove(struct ol_strv *l, size_t at)
{
    assert(at < l->n);
    free(l->v[at]);
    memmove(l->v + at, l->v + at + 1, (l->n - at) * sizeof(*l->v));
    l->n--;
}

bool ol_strv_has(const struct ol_strv *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->v[i], s))
            return true;
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ol_strv_sort(struct ol_strv *l)
{
    if (l->n > 1)
        qsort(l->v, l->n, sizeof(*l->v), by_bytes);
}

const char *const *ol_strv_argv(const struct ol_strv *l)
{
    static const char *const none[] = {NULL};

    return l->v ? (const char *const *)l->v : none;
}

void ol_strv_split(struct ol_strv *l, const char *s, const char *separators)
{
    while (*s) {
        size_t len = strcspn(s, separators);

        if (len)
            ol_strv_addn(l, s, len);
        s += len;
        s += strspn(s, separators);
    }
}

char *ol_strv_join(const struct ol_strv *l, const char *glue)
{
    struct ol_buf b = OL_BUF_INIT((size_t)-1 / 4);

    for (size_t i = 0; i < l->n; i++) {
        if (i)
            ol_buf_adds(&b, glue);
        ol_buf_adds(&b, l->v[i]);
    }
    return ol_buf_take(&b);
}
