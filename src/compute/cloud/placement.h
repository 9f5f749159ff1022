/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/cloud/cloud.h"
#include "core/arena.h"

/*
 * What a provider should be against what it is: pure. placement.c asks and writes.
 */

/* A provider as it was last seen. */
struct placement_seen {
    struct placement_seen *next;
    char uuid[64];
    int64_t generation;
    ol_time at; /* boot clock: when it was read */
    struct ol_arena arena;
    const struct ol_val *inventories; /* by class, as placement gave them */
    const struct ol_val *traits;      /* list of names */
};

/* The inventories by class as they are sent. Those of classes that 'keep' has and the provider
 * hasn't are added as they are, for they are in use; 'keep' may be NULL. */
struct ol_val *placement_inventories(struct ol_arena *a, const struct placement_provider *p,
                                     const struct ol_val *keep);
/* The same classes with the same six numbers. */
bool placement_same_inventories(const struct ol_val *a, const struct ol_val *b);
/* Ours in their order, and those of 'seen' that others have set: all but COMPUTE_… and HW_CPU_…,
 * which say what a compute can do. */
void placement_traits(const struct placement_provider *p, const struct ol_val *seen,
                      struct ol_strv *ret);
/* The same names in any order. */
bool placement_same_traits(const struct ol_strv *a, const struct ol_val *b);

/* What a 409 means: by errors[].code (placement ≥ 1.23), else by its text. */
enum placement_conflict {
    CONFLICT_GENERATION, /* somebody else was faster: read anew */
    CONFLICT_IN_USE,     /* an inventory would go that has allocations */
    CONFLICT_NAME,       /* another provider has the name */
};
enum placement_conflict placement_conflict(const struct ol_val *body);
