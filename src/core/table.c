/* SPDX-License-Identifier: Apache-2.0 */
#include "core/table.h"

#include <assert.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

enum { FIRST_SLOTS = 2 };

static uint32_t hash_of_string(const void *item)
{
    return ol_hash_str(OL_HASH_SEED, *(const char *const *)item);
}

static bool is_string(const void *item, const void *key)
{
    return strcmp(*(const char *const *)item, key) == 0;
}

const struct ol_table_type ol_table_of_strings = {hash_of_string, is_string};

uint32_t ol_hash(uint32_t seed, const void *data, size_t size)
{
    const unsigned char *at = data;

    for (size_t i = 0; i < size; i++)
        seed = (seed ^ at[i]) * UINT32_C(16777619);
    return seed;
}

uint32_t ol_hash_str(uint32_t seed, const char *s)
{
    return ol_hash(seed, s, strlen(s));
}

/* The upper bits of an FNV hash are the better ones. */
static size_t home(const struct ol_table *t, uint32_t hash)
{
    return (hash ^ hash >> 15) & (t->n_slots - 1);
}

static size_t next(const struct ol_table *t, size_t at)
{
    return (at + 1) & (t->n_slots - 1);
}

static void place(struct ol_table *t, void *item)
{
    size_t at = home(t, t->type->hash(item));

    while (t->slots[at])
        at = next(t, at);
    t->slots[at] = item;
}

static void resize(struct ol_table *t, size_t n_slots)
{
    ol_autofree void **old = t->slots;
    size_t n_old = t->n_slots;

    t->slots = ol_xcalloc(n_slots, sizeof(*t->slots));
    t->n_slots = n_slots;
    for (size_t i = 0; i < n_old; i++)
        if (old[i])
            place(t, old[i]);
}

void ol_table_done(struct ol_table *t)
{
    free(t->slots);
    t->slots = NULL;
    t->n = t->n_slots = 0;
}

void *ol_table_find(const struct ol_table *t, uint32_t hash, const void *key)
{
    if (!t->n)
        return NULL;
    for (size_t at = home(t, hash); t->slots[at]; at = next(t, at))
        if (t->type->is(t->slots[at], key))
            return t->slots[at];
    return NULL;
}

void *ol_table_find_str(const struct ol_table *t, const char *key)
{
    return ol_table_find(t, ol_hash_str(OL_HASH_SEED, key), key);
}

void ol_table_put(struct ol_table *t, void *item)
{
    if ((t->n + 1) * 4 > t->n_slots * 3)
        resize(t, t->n_slots ? t->n_slots * 2 : FIRST_SLOTS);
    place(t, item);
    t->n++;
}

static size_t slot_of(const struct ol_table *t, const void *item)
{
    size_t at;

    assert(t->n);
    at = home(t, t->type->hash(item));
    while (t->slots[at] != item) {
        assert(t->slots[at]);
        at = next(t, at);
    }
    return at;
}

void ol_table_replace(struct ol_table *t, const void *old, void *now)
{
    t->slots[slot_of(t, old)] = now;
}

/* What stands behind the gap moves up where its home allows it, so no marks of removed items are
 * needed. */
static void close_gap(struct ol_table *t, size_t gap)
{
    for (size_t at = next(t, gap); t->slots[at]; at = next(t, at)) {
        size_t want = home(t, t->type->hash(t->slots[at]));
        bool is_between = gap <= at ? gap < want && want <= at : gap < want || want <= at;

        if (is_between)
            continue;
        t->slots[gap] = t->slots[at];
        t->slots[at] = NULL;
        gap = at;
    }
}

void ol_table_remove(struct ol_table *t, const void *item)
{
    size_t at = slot_of(t, item);

    t->slots[at] = NULL;
    t->n--;
    close_gap(t, at);
    if (t->n_slots > FIRST_SLOTS && t->n * 8 < t->n_slots)
        resize(t, t->n_slots / 2);
}

void *ol_table_each(const struct ol_table *t, size_t *at)
{
    while (*at < t->n_slots) {
        void *item = t->slots[(*at)++];

        if (item)
            return item;
    }
    return NULL;
}
