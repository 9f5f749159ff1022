/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/document/document-internal.h"
#include "kube/document/patch.h"

/* One run of a strategic merge. Reference: apimachinery pkg/util/strategicpatch. */
struct strategic {
    struct ol_arena *arena;
    struct ol_err *err;
    int depth;
};

/* How the lists of a field merge. */
struct strategic_list {
    const struct kube_schema *schema; /* of the items; NULL = not objects, or unknown */
    const char *key;                  /* merge key of maps; NULL = scalars */
    bool is_merging;                  /* else the patch replaces */
};

/* 'schema' NULL: nothing is known, maps merge and lists are replaced. 'doc' NULL: empty. */
int strategic_merge_map(struct strategic *s, const struct kube_schema *schema,
                        const struct ol_val *doc, const struct ol_val *patch, struct ol_val **ret)
    __attribute__((warn_unused_result));

int strategic_merge_list(struct strategic *s, const struct strategic_list *l,
                         const struct ol_val *doc, const struct ol_val *patch, struct ol_val **ret)
    __attribute__((warn_unused_result));
/* $deleteFromPrimitiveList. */
struct ol_val *strategic_delete(struct strategic *s, const struct ol_val *doc,
                                const struct ol_val *patch);
/* Brings 'merged' into the order of $setElementOrder; what 'order' doesn't name stays where it
 * stood in 'doc'. */
int strategic_order(struct strategic *s, const struct strategic_list *l,
                    const struct ol_val *merged, const struct ol_val *order,
                    const struct ol_val *doc, struct ol_val **ret)
    __attribute__((warn_unused_result));
/* The patch has no item that 'order' lacks, and the same order. */
int strategic_check_order(struct strategic *s, const struct strategic_list *l,
                          const struct ol_val *patch, const struct ol_val *order)
    __attribute__((warn_unused_result));
/* The order of the document's items that counts once 'patch' was merged. */
int strategic_document_order(struct strategic *s, const struct strategic_list *l,
                             const struct ol_val *doc, const struct ol_val *patch,
                             struct ol_val **ret) __attribute__((warn_unused_result));
