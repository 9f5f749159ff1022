/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/check-internal.h"

enum {
    CONTEXT = 3,
    LINES_MAX = 2000, /* of each side; beyond that everything counts as changed */
};

struct lines {
    const char **at; /* n + 1 of them: a line ends where the next begins */
    size_t n;
};

/* A piece of the way from a to b: lines a[a0..a1) become b[b0..b1). */
struct hunk {
    size_t a0, a1, b0, b1;
};

static void lines_done(struct lines *l)
{
    free(l->at);
}

static struct lines split(const char *text)
{
    struct lines l = {.n = 0};
    size_t n = 1;

    for (const char *p = text; *p; p++)
        n += *p == '\n';
    l.at = ol_xcalloc(n + 1, sizeof(*l.at));
    for (const char *p = text; *p;) {
        const char *end = strchr(p, '\n');

        l.at[l.n++] = p;
        p = end ? end + 1 : p + strlen(p);
        l.at[l.n] = p;
    }
    return l;
}

static size_t length(const struct lines *l, size_t i)
{
    size_t n = (size_t)(l->at[i + 1] - l->at[i]);

    return n && l->at[i][n - 1] == '\n' ? n - 1 : n;
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
    size_t n = length(a, i);

    return n == length(b, k) && !memcmp(a->at[i], b->at[k], n);
}

/* Lengths of the longest common rest of a[i..] and b[k..], row by row. */
static uint16_t *common_rests(const struct lines *a, const struct lines *b)
{
    size_t row = b->n + 1;
    uint16_t *rest = ol_xcalloc((a->n + 1) * row, sizeof(*rest));

    for (size_t i = a->n; i-- > 0;)
        for (size_t k = b->n; k-- > 0;) {
            uint16_t down = rest[(i + 1) * row + k], right = rest[i * row + k + 1];

            if (same(a, i, b, k))
                rest[i * row + k] = (uint16_t)(rest[(i + 1) * row + k + 1] + 1);
            else
                rest[i * row + k] = down >= right ? down : right;
        }
    return rest;
}

static void add_line(struct ol_buf *to, char mark, const struct lines *l, size_t i)
{
    ol_buf_addc(to, mark);
    ol_buf_add(to, l->at[i], length(l, i));
    ol_buf_addc(to, '\n');
}

/* "3,7", with difflib's rules for none and one. */
static void add_range(struct ol_buf *to, size_t from, size_t until)
{
    size_t n = until - from;

    if (n == 1)
        ol_buf_printf(to, "%zu", from + 1);
    else
        ol_buf_printf(to, "%zu,%zu", n ? from + 1 : from, n);
}

/* The changes from 'first' to 'last', with the lines around them. */
static void add_group(const struct lines *a, const struct lines *b, const struct hunk *first,
                      const struct hunk *last, struct ol_buf *to)
{
    size_t before = first->a0 < CONTEXT ? first->a0 : CONTEXT;
    size_t after = a->n - last->a1 < CONTEXT ? a->n - last->a1 : CONTEXT;
    size_t i = first->a0 - before;

    ol_buf_adds(to, "@@ -");
    add_range(to, i, last->a1 + after);
    ol_buf_adds(to, " +");
    add_range(to, first->b0 - before, last->b1 + after);
    ol_buf_adds(to, " @@\n");
    for (const struct hunk *h = first; h <= last; h++) {
        for (; i < h->a0; i++)
            add_line(to, ' ', a, i);
        for (; i < h->a1; i++)
            add_line(to, '-', a, i);
        for (size_t k = h->b0; k < h->b1; k++)
            add_line(to, '+', b, k);
    }
    for (; i < last->a1 + after; i++)
        add_line(to, ' ', a, i);
}

struct walk {
    const struct lines *a, *b;
    const uint16_t *rest;
    size_t i, k; /* where we are in a and b */
};

static bool is_same_here(const struct walk *w)
{
    return w->i < w->a->n && w->k < w->b->n && same(w->a, w->i, w->b, w->k);
}

static bool is_at_end(const struct walk *w)
{
    return w->i >= w->a->n && w->k >= w->b->n;
}

/* Over one line that goes or comes, so that most of the rest is common. */
static void step(struct walk *w)
{
    size_t row = w->b->n + 1;

    if (w->k >= w->b->n
        || (w->i < w->a->n && w->rest[(w->i + 1) * row + w->k] >= w->rest[w->i * row + w->k + 1]))
        w->i++;
    else
        w->k++;
}

static size_t find_hunks(const struct lines *a, const struct lines *b, struct hunk *hunks)
{
    ol_autofree uint16_t *rest = common_rests(a, b);
    struct walk w = {.a = a, .b = b, .rest = rest};
    size_t n = 0;

    while (!is_at_end(&w)) {
        struct hunk h = {.a0 = w.i, .b0 = w.k};

        if (is_same_here(&w)) {
            w.i++;
            w.k++;
            continue;
        }
        while (!is_at_end(&w) && !is_same_here(&w))
            step(&w);
        h.a1 = w.i;
        h.b1 = w.k;
        hunks[n++] = h;
    }
    return n;
}

void check_diff(const char *a, const char *b, struct ol_buf *to)
{
    ol_auto(lines_done) struct lines x = split(a);
    ol_auto(lines_done) struct lines y = split(b);
    ol_autofree struct hunk *hunks = ol_xcalloc(x.n + y.n + 1, sizeof(*hunks));
    size_t n;

    if (x.n > LINES_MAX || y.n > LINES_MAX) {
        hunks[0] = (struct hunk){0, x.n, 0, y.n};
        n = 1;
    } else {
        n = find_hunks(&x, &y, hunks);
    }
    for (size_t i = 0, last; i < n; i = last + 1) {
        for (last = i; last + 1 < n && hunks[last + 1].a0 - hunks[last].a1 <= 2 * CONTEXT;)
            last++;
        add_group(&x, &y, &hunks[i], &hunks[last], to);
    }
}
