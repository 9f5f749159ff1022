/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"

/*
 * Reviews: questions in the form of objects that are never stored. Whoever is known may do
 * everything here.
 */

static void allow(struct api_request *q, struct ol_val *review)
{
    struct ol_val *status = ol_val_new_map(&q->arena);

    ol_val_set_bool(&q->arena, status, "allowed", true);
    ol_val_set(&q->arena, review, "status", status);
}

static void allow_rules(struct api_request *q, struct ol_val *review)
{
    struct ol_arena *a = &q->arena;
    struct ol_val *status = ol_val_new_map(a), *star = ol_val_new_list(a);
    struct ol_val *resource = ol_val_new_map(a), *url = ol_val_new_map(a);
    struct ol_val *resources = ol_val_new_list(a), *urls = ol_val_new_list(a);

    ol_val_append(a, star, ol_val_new_str(a, "*"));
    ol_val_set(a, resource, "verbs", star);
    ol_val_set(a, resource, "apiGroups", star);
    ol_val_set(a, resource, "resources", star);
    ol_val_set(a, url, "verbs", star);
    ol_val_set(a, url, "nonResourceURLs", star);
    ol_val_append(a, resources, resource);
    ol_val_append(a, urls, url);
    ol_val_set(a, status, "resourceRules", resources);
    ol_val_set(a, status, "nonResourceRules", urls);
    ol_val_set_bool(a, status, "incomplete", false);
    ol_val_set(a, review, "status", status);
}

static void tell_self(struct api_request *q, struct ol_val *review)
{
    struct ol_arena *a = &q->arena;
    struct ol_val *status = ol_val_new_map(a), *info = ol_val_new_map(a);
    struct ol_val *groups = ol_val_new_list(a);

    ol_val_set_str(a, info, "username", q->user.name);
    if (q->user.uid && *q->user.uid)
        ol_val_set_str(a, info, "uid", q->user.uid);
    for (const char *const *g = q->user.groups; *g; g++)
        ol_val_append(a, groups, ol_val_new_str(a, *g));
    ol_val_set(a, info, "groups", groups);
    ol_val_set(a, status, "userInfo", info);
    ol_val_set(a, review, "status", status);
}

static const struct {
    const char *group, *plural;
    void (*answer)(struct api_request *q, struct ol_val *review);
} rows[] = {
    {"authorization.k8s.io", "selfsubjectaccessreviews", allow},
    {"authorization.k8s.io", "subjectaccessreviews", allow},
    {"authorization.k8s.io", "selfsubjectrulesreviews", allow_rules},
    {"authentication.k8s.io", "selfsubjectreviews", tell_self},
};

bool api_review(struct api_request *q)
{
    const struct api_route *r = &q->route;
    struct ol_val *review;

    if (r->n_parts != 4 || !r->group)
        return false;
    for (size_t i = 0; i < ol_count(rows); i++) {
        if (strcmp(r->group, rows[i].group) != 0 || strcmp(r->parts[3], rows[i].plural) != 0)
            continue;
        if (strcmp(q->method, "POST") != 0) {
            api_fail(q, KUBE_METHOD_NOT_ALLOWED,
                     "the server does not allow this method on the requested resource");
        } else if (api_body(q, &review)) {
            rows[i].answer(q, review);
            api_answer_val(q, 201, review);
        }
        return true;
    }
    return false;
}
