/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/buf.h"

/*
 * Sets of fields in the very form in which managedFields holds them (fieldsV1), so that an entry
 * that doesn't change is never taken apart: a map of path elements, "f:NAME" a member of a map,
 * "k:{…}" an item of a list by its keys, "v:…" one by its value. The value is the set below it. An
 * element is itself in the set when it is {} or has ".".
 *
 * Sets are never changed; results share with what they were made of. NULL is the empty set.
 */
enum fset_op { FSET_UNION, FSET_INTERSECTION, FSET_DIFFERENCE };

bool fset_is_empty(const struct ol_val *set);
/* The element 'node' of a set is itself a member. */
bool fset_is_member(const struct ol_val *node);
/* An element's value; NULL when there is nothing to tell. */
struct ol_val *fset_node(struct ol_arena *a, bool is_member, const struct ol_val *below);
/* Adds an element to a set that is being built; nothing when 'node' is NULL. */
void fset_add(struct ol_arena *a, struct ol_val **set, const char *element, struct ol_val *node);
/* A parent without its child and a child without its parent are different members. */
const struct ol_val *fset_combine(struct ol_arena *a, enum fset_op op, const struct ol_val *x,
                                  const struct ol_val *y);
/* In the order of structured-merge-diff; never NULL. */
struct ol_val *fset_sorted(struct ol_arena *a, const struct ol_val *set);
/* Tells every member as ".spec.containers[name=\"web\"].image", in the reference's order. */
void fset_each(struct ol_arena *a, const struct ol_val *set,
               void (*tell)(void *ctx, const char *path), void *ctx);
/* A value as it stands in an element: compact, with <, > and & escaped as Go does. */
void fset_add_json(struct ol_buf *to, const struct ol_val *v);
/* ".spec" of "f:spec", [name="web"] of "k:…". */
void fset_add_path(struct ol_arena *a, const char *element, struct ol_buf *to);
