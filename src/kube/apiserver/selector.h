/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/err.h"
#include "kube/base/kind.h"

/*
 * labelSelector and fieldSelector of list and watch requests (apimachinery pkg/labels, pkg/fields).
 * Pure. Requirements are ANDed.
 */
enum api_operator {
    API_EQUALS,     /* =, == and in (…): one of the values */
    API_NOT_EQUALS, /* != and notin (…): also when the key is absent */
    API_EXISTS,
    API_ABSENT, /* !key */
    API_GREATER,
    API_LESS,
};
struct api_requirement {
    const char *key;
    enum api_operator op;
    const char *const *values; /* NULL-terminated */
};
struct api_selector {
    struct api_requirement *v;
    size_t n;
};

/* -EINVAL with the sentence of what is wrong. "" gives an empty selector, which selects all. */
int api_selector_labels(const char *text, struct ol_arena *a, struct api_selector *ret,
                        struct ol_err *err) __attribute__((warn_unused_result));
/* Also -EINVAL for a path that can't be selected by: "field label not supported: spec.x". */
int api_selector_fields(const char *text, const struct kube_kind *kind, struct ol_arena *a,
                        struct api_selector *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

bool api_selector_has_labels(const struct api_selector *s, const struct ol_val *object);
bool api_selector_has_fields(const struct api_selector *s, const struct kube_kind *kind,
                             const struct ol_val *object);
/* The value that a field has to have by "path=value"; NULL = any. */
const char *api_selector_exact(const struct api_selector *s, const char *path);
