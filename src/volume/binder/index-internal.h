/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/table.h"
#include "volume/binder/match.h"

/*
 * How the index is made: entries are in a hash by name; free ones also in the skip list of their
 * shelf, those with a claimRef in the chain of the claim that it names.
 */
enum { INDEX_LEVELS = 16 };

struct entry {
    const char *name; /* of pv */
    const struct kube_pv *pv;
    __int128 size;       /* capacity in nano bytes */
    struct shelf *shelf; /* NULL = not free */
    struct chain *chain; /* NULL = no claimRef */
    struct entry *chain_next;
    bool is_held;
    unsigned n_levels;
    struct entry *next[]; /* n_levels of them */
};

/* Free volumes that differ in nothing but capacity, labels and reach, the smallest first. */
struct shelf_key {
    unsigned modes; /* enum kube_access_mode */
    bool is_block;
    const char *class_name, *attributes_class; /* never NULL */
};
struct shelf {
    struct shelf_key key; /* strings are the shelf's */
    struct entry *first[INDEX_LEVELS];
};

/* Volumes whose claimRef names one claim. */
struct chain_key {
    const char *ns, *name;
};
struct chain {
    struct chain_key key; /* strings are the chain's */
    struct entry *first;
};

struct binder_index {
    struct ol_table entries, shelves, chains;
    size_t n_of_set[16]; /* volumes by their set of access modes */
    uint32_t random;
};

/* NULL when there is none. */
const struct shelf *binder_shelf_find(const struct binder_index *x, const struct shelf_key *key);
const struct chain *binder_chain_find(const struct binder_index *x, const char *ns,
                                      const char *name);
/* The smallest of at least this size; follow next[0]. */
const struct entry *binder_shelf_from(const struct shelf *s, __int128 size);
