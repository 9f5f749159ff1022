/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "kube/base/check.h"
#include "kube/base/path-internal.h"

/*
 * Findings in the words of apimachinery pkg/util/validation/field. Paths are chains on the stack:
 * check_required(to, CHILD(spec, "driver"), NULL).
 */
#define CHILD(path, member) (&(struct kube_path){.up = (path), .name = (member)})
#define ENTRY(path, k)      (&(struct kube_path){.up = (path), .key = (k)})
#define ITEM(path, i)       (&(struct kube_path){.up = (path), .index = (i)})

/* 'detail' NULL: none. */
void check_required(struct kube_findings *to, const struct kube_path *at, const char *detail);
void check_forbidden(struct kube_findings *to, const struct kube_path *at, const char *detail);
/* The value is shown: strings quoted, others as JSON. */
void check_invalid(struct kube_findings *to, const struct kube_path *at, const struct ol_val *value,
                   const char *detail);
void check_invalid_str(struct kube_findings *to, const struct kube_path *at, const char *value,
                       const char *detail);
void check_invalid_int(struct kube_findings *to, const struct kube_path *at, int64_t value,
                       const char *detail);
void check_duplicate(struct kube_findings *to, const struct kube_path *at, const char *value);
void check_too_long(struct kube_findings *to, const struct kube_path *at, size_t max);
/* 'names' ends with NULL; "" among them is skipped. */
void check_unsupported(struct kube_findings *to, const struct kube_path *at, const char *value,
                       const char *const *names);

/* Forms of names; each has its sentences in apimachinery pkg/util/validation. */
enum check_form {
    CHECK_SUBDOMAIN,
    CHECK_LABEL,
    CHECK_KEY, /* of labels, annotations, finalizers: a qualified name */
    CHECK_LABEL_VALUE,
    CHECK_DATA_KEY, /* of ConfigMaps and Secrets */
};
/* Finds what is wrong with the form of 'value'. */
void check_form(struct kube_findings *to, const struct kube_path *at, const char *value,
                enum check_form form);

/* Names, labels, annotations and what must not change of metadata. */
void check_meta(const struct kube_kind *kind, const struct ol_val *object, const struct ol_val *old,
                struct kube_findings *to);

/* Parts that several kinds share. */
void check_label_selector(const struct ol_val *selector, const struct kube_path *at,
                          struct kube_findings *to);
/* A term of a label selector, or (is_of_nodes) of a node selector. */
void check_requirement(const struct ol_val *requirement, const struct kube_path *at,
                       bool is_of_nodes, struct kube_findings *to);
void check_node_selector(const struct ol_val *selector, const struct kube_path *at,
                         struct kube_findings *to);
void check_taints(const struct ol_val *taints, const struct kube_path *at,
                  struct kube_findings *to);
void check_driver_name(const char *name, const struct kube_path *at, struct kube_findings *to);
void check_access_modes(const struct ol_val *modes, const struct kube_path *at,
                        struct kube_findings *to);
/* The quantity must be > 0 (is_positive) or >= 0. */
void check_quantity(const struct ol_val *quantity, const struct kube_path *at, bool is_positive,
                    struct kube_findings *to);
/* Of two quantities as JSON; absent ones are 0. */
int check_quantity_cmp(const struct ol_val *a, const struct ol_val *b);
/* Both absent, or equal. */
bool check_same(const struct ol_val *a, const struct ol_val *b);
/* "x: field is immutable" when it changed. */
void check_immutable(const struct ol_val *now, const struct ol_val *old, const struct kube_path *at,
                     struct kube_findings *to);
const char *check_str(const struct ol_val *map, const char *key); /* "" when absent */

/* The spec of a claim, or of a pod's template of one. */
void check_claim_spec(const struct ol_val *spec, const struct kube_path *at,
                      struct kube_findings *to);
/* "spec is immutable after creation …", with what changed. */
void check_forbid_claim_change(const struct ol_val *now, const struct ol_val *old,
                               struct kube_findings *to);

/* What changed, as a unified diff of two texts of lines (difflib's form, three lines of
 * context). */
void check_diff(const char *a, const char *b, struct ol_buf *to);
