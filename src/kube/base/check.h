/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/base/kind.h"
#include "kube/base/status.h"

/*
 * What an API server does with a document before it is stored, driven by the kind's field table.
 * All on the JSON form; the tree is changed in place, new values come from the arena.
 */

/* Members that the table doesn't know. Sentences as kubectl shows them for strict decoding:
 * 'unknown field "spec.foo"', into 'to' with path and message. Duplicate keys are the parser's
 * business. */
void kube_check_unknown(const struct kube_kind *kind, const struct ol_val *object,
                        struct kube_findings *to);
/* Removes what the table doesn't know (as a structural decoder drops it) and what Go leaves out
 * when it writes (null, "" and the like where they mean absent), and brings scalars into canonical
 * form: quantities, times. -EINVAL with Go's words for a member of the wrong type ("json: cannot
 * unmarshal …"): the request is then a 400. */
int kube_normalize(const struct kube_kind *kind, struct ol_val *object, struct ol_arena *a,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* Defaults of the table and kind->prepare. */
void kube_default(const struct kube_kind *kind, struct ol_val *object, const struct ol_val *old,
                  struct ol_arena *a);
/* Required, enums, immutable, formats of names and labels, and kind->validate. 'old' NULL: create.
 * 'is_status': the object comes from the status subresource. */
void kube_validate(const struct kube_kind *kind, const struct ol_val *object,
                   const struct ol_val *old, bool is_status, struct kube_findings *to);
