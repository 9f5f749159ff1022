/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/base/kind.h"
#include "kube/base/status.h"

/*
 * The patches that an API server knows, on JSON trees: pure, nothing of the input is changed,
 * results share with it. JSON patch (RFC 6902) itself is codec/json-patch.h.
 */

/* RFC 7386. */
struct ol_val *kube_patch_merge(struct ol_arena *a, const struct ol_val *doc,
                                const struct ol_val *patch);
/* Strategic merge by the table's merge keys, with $patch, $retainKeys, $deleteFromPrimitiveList,
 * $setElementOrder. -EINVAL: a directive or list that can't be (400). */
int kube_patch_strategic(struct ol_arena *a, const struct kube_schema *schema,
                         const struct ol_val *doc, const struct ol_val *patch, struct ol_val **ret,
                         struct ol_err *err) __attribute__((warn_unused_result));

/*
 * Server-side apply and the bookkeeping of managedFields (fieldsV1) for every write.
 */
struct kube_manager {
    const char *name;        /* fieldManager, or the user agent's first part */
    const char *subresource; /* "status"; NULL = none */
    const char *time;        /* RFC 3339 of now */
    bool is_apply, is_forced;
};
/* 'doc' NULL: apply creates. Conflicts become findings (reason "FieldManagerConflict", message as
 * kubectl shows it) and -EEXIST; nothing is applied then. */
int kube_apply(struct ol_arena *a, const struct kube_kind *kind, const struct ol_val *doc,
               const struct ol_val *config, const struct kube_manager *m, struct ol_val **ret,
               struct kube_findings *conflicts, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The message of the Status that tells them: "Apply failed with 1 conflict: conflict with "x" using
 * v1: .spec.y". */
const char *kube_apply_conflict_text(struct ol_arena *a, const struct kube_findings *conflicts);
/* After any other write: what 'now' has differently from 'old' belongs to m. Sets
 * metadata.managedFields of 'now'. */
void kube_managed_update(struct ol_arena *a, const struct kube_kind *kind, const struct ol_val *old,
                         struct ol_val *now, const struct kube_manager *m);
