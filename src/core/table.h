/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A hash table of pointers whose keys lie inside what they point to: eight bytes per item and the
 * free slots beside. It owns nothing but its slots.
 *
 *     struct thing { const char *key; ... };
 *     struct ol_table things = OL_TABLE_INIT(&ol_table_of_strings);
 *     ol_table_put(&things, thing);
 *     struct thing *t = ol_table_find_str(&things, "default/claim");
 */
struct ol_table_type {
    uint32_t (*hash)(const void *item); /* ol_hash() of the item's key */
    bool (*is)(const void *item, const void *key);
};
/* Items begin with their key, a const char * that stays as it is. */
extern const struct ol_table_type ol_table_of_strings;

struct ol_table {
    const struct ol_table_type *type;
    void **slots; /* NULL = free; a power of two of them */
    size_t n, n_slots;
};
#define OL_TABLE_INIT(type_)                                                                       \
    {                                                                                              \
        .type = (type_), .slots = NULL, .n = 0, .n_slots = 0                                       \
    }

/* FNV-1a; 'seed' is OL_HASH_SEED or the hash of what stands before. */
#define OL_HASH_SEED UINT32_C(2166136261)
uint32_t ol_hash(uint32_t seed, const void *data, size_t size);
uint32_t ol_hash_str(uint32_t seed, const char *s);

/* Releases the slots; the items are the owner's. */
void ol_table_done(struct ol_table *t);
/* NULL when there is none. 'hash' is that of the key. */
void *ol_table_find(const struct ol_table *t, uint32_t hash, const void *key);
void *ol_table_find_str(const struct ol_table *t, const char *key);
/* Adds an item whose key is not in the table. */
void ol_table_put(struct ol_table *t, void *item);
/* Puts 'now' where 'old' is, which has the same key. */
void ol_table_replace(struct ol_table *t, const void *old, void *now);
/* Takes out an item that is in the table. */
void ol_table_remove(struct ol_table *t, const void *item);
/* All items in no order: *at starts with 0; NULL ends. The table must not change meanwhile. */
void *ol_table_each(const struct ol_table *t, size_t *at);
