/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue.h"

#include <assert.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/table.h"

enum { NOWHERE = -1 };

struct item {
    const char *key;   /* 'text' below; first, for the table */
    struct item *next; /* in the line of those whose time has come */
    ol_time when;      /* in the heap; in hand: when it is to come again, if it 'is_due' */
    uint64_t order;    /* of equal times, the one that was added first comes first */
    ssize_t heap_at;   /* NOWHERE = not in the heap */
    unsigned failures;
    bool is_in_line, is_in_hand;
    bool is_dirty; /* in hand: comes again at once */
    bool is_due;   /* in hand: comes again at 'when' */
    char text[];
};

struct ol_queue {
    struct ol_backoff backoff;
    struct ol_table items;
    struct item *first, *last;
    size_t n_line, n_hand;
    struct item **heap; /* smallest time on top */
    size_t n_heap, cap_heap;
    uint64_t order;
};

struct ol_queue *ol_queue_new(const struct ol_backoff *backoff)
{
    struct ol_queue *q = ol_xcalloc(1, sizeof(*q));

    q->backoff = *backoff;
    q->items = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    return q;
}

void ol_queue_free(struct ol_queue *q)
{
    struct item *i;
    size_t at = 0;

    if (!q)
        return;
    while ((i = ol_table_each(&q->items, &at)))
        free(i);
    ol_table_done(&q->items);
    free(q->heap);
    free(q);
}

static struct item *item_of(struct ol_queue *q, const char *key)
{
    struct item *i = ol_table_find_str(&q->items, key);
    size_t size = strlen(key) + 1;

    if (i)
        return i;
    i = ol_xcalloc(1, sizeof(*i) + size);
    memcpy(i->text, key, size);
    i->key = i->text;
    i->heap_at = NOWHERE;
    ol_table_put(&q->items, i);
    return i;
}

/* --- the heap --- */

static bool is_before(const struct item *a, const struct item *b)
{
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void heap_set(struct ol_queue *q, size_t at, struct item *i)
{
    q->heap[at] = i;
    i->heap_at = (ssize_t)at;
}

static void sift_up(struct ol_queue *q, size_t at, struct item *i)
{
    while (at > 0 && is_before(i, q->heap[(at - 1) / 2])) {
        heap_set(q, at, q->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_set(q, at, i);
}

static void sift_down(struct ol_queue *q, size_t at, struct item *i)
{
    for (;;) {
        size_t child = at * 2 + 1;

        if (child + 1 < q->n_heap && is_before(q->heap[child + 1], q->heap[child]))
            child++;
        if (child >= q->n_heap || !is_before(q->heap[child], i))
            break;
        heap_set(q, at, q->heap[child]);
        at = child;
    }
    heap_set(q, at, i);
}

static void heap_add(struct ol_queue *q, struct item *i, ol_time when)
{
    if (q->n_heap == q->cap_heap) {
        q->cap_heap = q->cap_heap ? q->cap_heap * 2 : 16;
        q->heap = ol_xrealloc(q->heap, q->cap_heap, sizeof(struct item *));
    }
    i->when = when;
    i->order = q->order++;
    sift_up(q, q->n_heap++, i);
}

static void heap_remove(struct ol_queue *q, struct item *i)
{
    size_t at = (size_t)i->heap_at;
    struct item *last = q->heap[--q->n_heap];

    i->heap_at = NOWHERE;
    if (last == i)
        return;
    if (is_before(last, i))
        sift_up(q, at, last);
    else
        sift_down(q, at, last);
}

/* --- the line --- */

static void line_add(struct ol_queue *q, struct item *i)
{
    i->is_in_line = true;
    i->next = NULL;
    if (q->last)
        q->last->next = i;
    else
        q->first = i;
    q->last = i;
    q->n_line++;
}

static struct item *line_take(struct ol_queue *q)
{
    struct item *i = q->first;

    if (!i)
        return NULL;
    q->first = i->next;
    if (!q->first)
        q->last = NULL;
    i->next = NULL;
    i->is_in_line = false;
    q->n_line--;
    return i;
}

/* --- the queue --- */

/* Nothing is known of the key any more. */
static void drop_idle(struct ol_queue *q, struct item *i)
{
    if (i->is_in_line || i->is_in_hand || i->heap_at != NOWHERE || i->failures)
        return;
    ol_table_remove(&q->items, i);
    free(i);
}

void ol_queue_add(struct ol_queue *q, const char *key)
{
    struct item *i = item_of(q, key);

    if (i->is_in_hand) {
        i->is_dirty = true;
        return;
    }
    if (i->heap_at != NOWHERE)
        heap_remove(q, i);
    if (!i->is_in_line)
        line_add(q, i);
}

void ol_queue_add_at(struct ol_queue *q, const char *key, ol_time when)
{
    struct item *i = item_of(q, key);

    if (i->is_in_line)
        return;
    if (i->is_in_hand) {
        if (!i->is_due || when < i->when)
            i->when = when;
        i->is_due = true;
        return;
    }
    if (i->heap_at != NOWHERE) {
        if (when >= i->when)
            return;
        heap_remove(q, i);
    }
    heap_add(q, i, when);
}

void ol_queue_retry(struct ol_queue *q, const char *key, ol_time now)
{
    struct item *i = item_of(q, key);

    i->failures++;
    ol_queue_add_at(q, key, now + ol_backoff_delay(&q->backoff, i->failures));
}

void ol_queue_forget(struct ol_queue *q, const char *key)
{
    struct item *i = ol_table_find_str(&q->items, key);

    if (!i)
        return;
    i->failures = 0;
    drop_idle(q, i);
}

unsigned ol_queue_failures(const struct ol_queue *q, const char *key)
{
    const struct item *i = ol_table_find_str(&q->items, key);

    return i ? i->failures : 0;
}

const char *ol_queue_take(struct ol_queue *q, ol_time now)
{
    struct item *i;

    while (q->n_heap && q->heap[0]->when <= now) {
        i = q->heap[0];
        heap_remove(q, i);
        line_add(q, i);
    }
    i = line_take(q);
    if (!i)
        return NULL;
    i->is_in_hand = true;
    q->n_hand++;
    return i->key;
}

void ol_queue_done(struct ol_queue *q, const char *key)
{
    struct item *i = ol_table_find_str(&q->items, key);

    assert(i && i->is_in_hand);
    i->is_in_hand = false;
    q->n_hand--;
    if (i->is_dirty)
        line_add(q, i);
    else if (i->is_due)
        heap_add(q, i, i->when);
    i->is_dirty = i->is_due = false;
    drop_idle(q, i);
}

ol_time ol_queue_next(const struct ol_queue *q, ol_time now)
{
    if (q->n_line)
        return 0;
    if (!q->n_heap)
        return -1;
    return q->heap[0]->when <= now ? 0 : q->heap[0]->when;
}

size_t ol_queue_length(const struct ol_queue *q)
{
    return q->n_line + q->n_heap;
}

bool ol_queue_is_idle(const struct ol_queue *q)
{
    return !q->n_line && !q->n_heap && !q->n_hand;
}

ol_time ol_backoff_delay(const struct ol_backoff *b, unsigned n)
{
    ol_time delay = b->first;

    for (unsigned i = 1; i < n && delay < b->most; i++)
        delay = delay > b->most / 2 ? b->most : delay * 2;
    return delay < b->most ? delay : b->most;
}
