/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/store-internal.h"

enum { FIRST_CAP = 256 };

void store_ring_init(struct store_ring *r, size_t max_bytes, size_t max_events, uint64_t floor)
{
    *r = (struct store_ring){
        .cap = FIRST_CAP, .max_bytes = max_bytes, .max_events = max_events, .floor = floor};
    r->v = ol_xcalloc(r->cap, sizeof(*r->v));
}

static size_t size_of(const struct store_event *e)
{
    return sizeof(*e) + e->now->len + (e->old ? e->old->len : 0) + strlen(e->key.ns)
           + strlen(e->key.name) + 2;
}

const struct store_event *store_ring_at(const struct store_ring *r, size_t i)
{
    return &r->v[(r->first + i) & (r->cap - 1)];
}

static void drop(struct store_event *e)
{
    store_text_unref(e->now);
    store_text_unref(e->old);
    free((void *)(uintptr_t)e->key.ns);
}

static void drop_oldest(struct store_ring *r)
{
    struct store_event *e = &r->v[r->first];

    r->floor = e->revision;
    r->bytes -= size_of(e);
    drop(e);
    r->first = (r->first + 1) & (r->cap - 1);
    r->n--;
}

void store_ring_done(struct store_ring *r)
{
    while (r->n)
        drop_oldest(r);
    free(ol_take_ptr(r->v));
}

static void widen(struct store_ring *r)
{
    struct store_event *wide = ol_xcalloc(r->cap * 2, sizeof(*wide));

    for (size_t i = 0; i < r->n; i++)
        wide[i] = *store_ring_at(r, i);
    free(r->v);
    r->v = wide;
    r->cap *= 2;
    r->first = 0;
}

void store_ring_add(struct store_ring *r, const struct store_event *e)
{
    size_t ns_size = strlen(e->key.ns) + 1, name_size = strlen(e->key.name) + 1;
    char *key = ol_xcalloc(1, ns_size + name_size);
    struct store_event copy = *e;

    memcpy(key, e->key.ns, ns_size);
    memcpy(key + ns_size, e->key.name, name_size);
    copy.key.ns = key;
    copy.key.name = key + ns_size;
    store_text_ref(copy.now);
    if (copy.old)
        store_text_ref(copy.old);
    if (r->n == r->cap)
        widen(r);
    r->v[(r->first + r->n++) & (r->cap - 1)] = copy;
    r->bytes += size_of(&copy);
    while (r->n > 1 && (r->bytes > r->max_bytes || r->n > r->max_events))
        drop_oldest(r);
}

size_t store_ring_after(const struct store_ring *r, uint64_t revision)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (store_ring_at(r, middle)->revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
