/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/check-internal.h"

enum { DRIVER_MAX = 63 };

static struct ol_quantity quantity_of(const struct ol_val *v)
{
    struct ol_quantity q = {0};

    if (ol_val_str(v) && ol_quantity_parse(ol_val_str(v), &q, NULL) < 0)
        return (struct ol_quantity){0};
    return q;
}

void check_quantity(const struct ol_val *quantity, const struct kube_path *at, bool is_positive,
                    struct kube_findings *to)
{
    struct ol_quantity q = quantity_of(quantity);

    if (q.nano < 0 || (is_positive && q.nano == 0))
        check_invalid(to, at, quantity,
                      is_positive ? "must be greater than zero"
                                  : "must be greater than or equal to 0");
}

int check_quantity_cmp(const struct ol_val *a, const struct ol_val *b)
{
    struct ol_quantity x = quantity_of(a), y = quantity_of(b);

    return ol_quantity_cmp(&x, &y);
}

void check_driver_name(const char *name, const struct kube_path *at, struct kube_findings *to)
{
    ol_autofree char *lower = ol_str_lower(ol_xstrdup(name));

    if (!*name)
        return; /* "Required value" is the table's */
    if (strlen(name) > DRIVER_MAX)
        check_too_long(to, at, DRIVER_MAX);
    check_form(to, at, lower, CHECK_SUBDOMAIN);
}

void check_access_modes(const struct ol_val *modes, const struct kube_path *at,
                        struct kube_findings *to)
{
    bool has_once_pod = false, has_other = false;

    for (size_t i = 0; i < ol_val_count(modes); i++) {
        const char *mode = ol_val_str(ol_val_item(modes, i));

        if (mode && !strcmp(mode, "ReadWriteOncePod"))
            has_once_pod = true;
        else
            has_other = true;
    }
    if (has_once_pod && has_other)
        check_forbidden(to, at, "may not use ReadWriteOncePod with other access modes");
}

static bool is_word(const char *s, const char *a, const char *b)
{
    return !strcmp(s, a) || !strcmp(s, b);
}

static void check_operator(const char *op, size_t n_values, const struct kube_path *at,
                           bool is_of_nodes, struct kube_findings *to)
{
    const struct kube_path *values_at = CHILD(at, "values");

    if (is_word(op, "In", "NotIn")) {
        if (n_values == 0)
            check_required(to, values_at, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (is_word(op, "Exists", "DoesNotExist")) {
        if (n_values > 0)
            check_forbidden(to, values_at,
                            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if (is_of_nodes && is_word(op, "Gt", "Lt")) {
        if (n_values != 1)
            check_required(to, values_at,
                           "must be specified single value when `operator` is 'Lt' or 'Gt'");
    } else {
        check_invalid_str(to, CHILD(at, "operator"), op, "not a valid selector operator");
    }
}

void check_requirement(const struct ol_val *requirement, const struct kube_path *at,
                       bool is_of_nodes, struct kube_findings *to)
{
    const struct ol_val *values = ol_val_get(requirement, "values");

    check_operator(check_str(requirement, "operator"), ol_val_count(values), at, is_of_nodes, to);
    check_form(to, CHILD(at, "key"), check_str(requirement, "key"), CHECK_KEY);
    for (size_t i = 0; i < ol_val_count(values); i++)
        if (ol_val_str(ol_val_item(values, i)))
            check_form(to, ITEM(CHILD(at, "values"), i), ol_val_str(ol_val_item(values, i)),
                       CHECK_LABEL_VALUE);
}

static void check_field_requirement(const struct ol_val *requirement, const struct kube_path *at,
                                    struct kube_findings *to)
{
    const char *op = check_str(requirement, "operator"), *key = check_str(requirement, "key");

    if (strcmp(op, "In") != 0 && strcmp(op, "NotIn") != 0)
        check_invalid_str(to, CHILD(at, "operator"), op, "not a valid selector operator");
    else if (ol_val_count(ol_val_get(requirement, "values")) != 1)
        check_required(to, CHILD(at, "values"),
                       "must be only one value when `operator` is 'In' or 'NotIn' for node field "
                       "selector");
    if (strcmp(key, "metadata.name") != 0)
        check_invalid_str(to, CHILD(at, "key"), key, "not a valid field selector key");
}

void check_node_selector(const struct ol_val *selector, const struct kube_path *at,
                         struct kube_findings *to)
{
    const struct ol_val *terms = ol_val_get(selector, "nodeSelectorTerms");
    const struct kube_path *terms_at = CHILD(at, "nodeSelectorTerms");

    if (ol_val_count(terms) == 0)
        check_required(to, terms_at, "must have at least one node selector term");
    for (size_t i = 0; i < ol_val_count(terms); i++) {
        const struct ol_val *expressions = ol_val_get(ol_val_item(terms, i), "matchExpressions");
        const struct ol_val *fields = ol_val_get(ol_val_item(terms, i), "matchFields");
        const struct kube_path *term = ITEM(terms_at, i);

        for (size_t k = 0; k < ol_val_count(expressions); k++)
            check_requirement(ol_val_item(expressions, k), ITEM(CHILD(term, "matchExpressions"), k),
                              true, to);
        for (size_t k = 0; k < ol_val_count(fields); k++)
            check_field_requirement(ol_val_item(fields, k), ITEM(CHILD(term, "matchFields"), k),
                                    to);
    }
}

void check_taints(const struct ol_val *taints, const struct kube_path *at, struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(taints); i++) {
        const struct ol_val *taint = ol_val_item(taints, i);

        check_form(to, CHILD(ITEM(at, i), "key"), check_str(taint, "key"), CHECK_KEY);
        check_form(to, CHILD(ITEM(at, i), "value"), check_str(taint, "value"), CHECK_LABEL_VALUE);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(check_str(taint, "key"), check_str(ol_val_item(taints, k), "key"))
                && !strcmp(check_str(taint, "effect"),
                           check_str(ol_val_item(taints, k), "effect"))) {
                check_duplicate(to, CHILD(ITEM(at, i), "key"), check_str(taint, "key"));
                break;
            }
    }
}
