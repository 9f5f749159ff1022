/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/base/kind.h"
#include "kube/document/document-internal.h"
#include "kube/document/field-set.h"

/*
 * Objects as server-side apply sees them: trees whose shape is that of the field table (reference:
 * sigs.k8s.io/structured-merge-diff, typed). What a table calls atomic, what merges in no way and
 * what is no container is a leaf; members that the table doesn't know are maps all the way down to
 * leaves. Nulls count as absent, except in the configuration that is applied.
 */
enum typed_shape { TYPED_LEAF, TYPED_MAP, TYPED_LIST };

struct typed {
    enum typed_shape shape;
    bool is_free;                     /* MAP without a table: its members are maps or leaves */
    const struct kube_schema *schema; /* MAP: its members; LIST: those of the items */
    const char *keys;                 /* LIST: "containerPort,protocol"; NULL = a set of scalars */
    const char *without;              /* a member that is left out; or NULL */
};

/* 'subresource': its part alone counts, or all but status. */
struct typed typed_root(const struct kube_kind *kind, const char *subresource);
/* *ret_is_known: the table has this member. */
struct typed typed_member(const struct typed *t, const char *name, bool *ret_is_known);
struct typed typed_item(const struct typed *t);
/* What the value really is: a MAP or LIST of the wrong type is a leaf. */
enum typed_shape typed_shape_of(const struct typed *t, const struct ol_val *v);

/* "f:NAME". */
const char *typed_field_element(struct ol_arena *a, const char *name);
/* "k:{…}" or "v:…" of a list's item; NULL when it has no key. */
const char *typed_item_element(struct ol_arena *a, const struct typed *t,
                               const struct ol_val *item);
/* A list's items by their elements; the first of equals. */
struct ol_val *typed_index(struct ol_arena *a, const struct typed *t, const struct ol_val *list);

/* What 'now' has added or changed, and what it has no more. */
struct typed_changes {
    struct ol_val *changed, *removed; /* sets */
};
struct typed_changes typed_compare(struct ol_arena *a, const struct typed *t,
                                   const struct ol_val *old, const struct ol_val *now);
/* All that 'v' tells. */
struct ol_val *typed_set(struct ol_arena *a, const struct typed *t, const struct ol_val *v);
/* 'v' with what 'config' tells; lists in the order of 'config'. */
const struct ol_val *typed_merge(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                                 const struct ol_val *config);
/* 'v' without the members of 'set'; NULL when nothing is left. */
const struct ol_val *typed_remove(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                                  const struct ol_val *set);
/* The set with those fields of tables as members that have members below them. */
const struct ol_val *typed_with_parents(struct ol_arena *a, const struct typed *t,
                                        const struct ol_val *set);
/* A configuration fits its table: -EINVAL with ".spec.x: field not declared in schema" and the
 * like. */
int typed_check(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                struct ol_err *err) __attribute__((warn_unused_result));
