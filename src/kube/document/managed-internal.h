/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/document/patch.h"
#include "kube/document/typed-internal.h"

/*
 * metadata.managedFields taken apart as far as needed: who holds which set. An entry that stays as
 * it was keeps its value. Reference: apimachinery pkg/util/managedfields.
 */
struct managed_entry {
    const struct ol_val *source; /* the entry as it was read; NULL = new or changed */
    const char *manager, *api_version, *time, *subresource; /* time NULL = none; subresource "" */
    bool is_apply;
    const struct ol_val *set; /* NULL = empty: the entry goes */
};

enum { MOST_MANAGED = 256 };

struct managed {
    struct ol_arena *arena;
    struct managed_entry *v; /* MOST_MANAGED of them */
    size_t n;
};

/* -EINVAL: the list makes no sense. It is empty then. */
int managed_load(struct managed *to, struct ol_arena *a, const struct ol_val *list)
    __attribute__((warn_unused_result));
/* The entry of the same manager, operation, version and subresource; NULL = none. */
struct managed_entry *managed_find(const struct managed *g, const struct managed_entry *like);
/* The same, made when there is none and room is left. */
struct managed_entry *managed_get(struct managed *g, const struct managed_entry *like);
void managed_set(struct managed_entry *e, const struct ol_val *set);
/* Drops empty entries. */
void managed_compact(struct managed *g);
/* The entry that a write of 'm' makes. */
struct managed_entry managed_entry_of(struct ol_arena *a, const struct kube_kind *kind,
                                      const struct kube_manager *m, bool is_apply);
/* Sorted entries; NULL when there are none. */
struct ol_val *managed_store(struct managed *g);
/* A set without what nobody manages: apiVersion, metadata.name … */
const struct ol_val *managed_strip(struct ol_arena *a, const struct ol_val *set);
/* -1, 0, 1 by the text that the reference tells managers apart by. */
int managed_compare(const struct managed_entry *a, const struct managed_entry *b);

/* 'object' with these entries in its metadata; NULL takes them away. 'object' itself is changed,
 * its metadata is not. */
void managed_put(struct ol_arena *a, struct ol_val *object, struct ol_val *entries);
