/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"

unsigned api_resource(const struct kube_kind *kind)
{
    unsigned i = 0;

    while (kube_kinds[i] != kind)
        i++;
    return i;
}

struct api_request *api_request_new(struct apiserver *s, const struct api_sink *sink, void *self)
{
    struct api_request *q = ol_xcalloc(1, sizeof(*q));

    q->server = s;
    q->sink = sink;
    q->self = self;
    q->method = "";
    q->route = (struct api_route){.path = "", .ns = "", .name = ""};
    q->user = api_admin;
    q->body = "";
    q->began = ol_now_boot(s->env);
    ol_arena_init(&q->arena, API_MAX_TREE);
    ol_buf_init(&q->warnings, 65536);
    if (api_query_parse("", &q->arena, &q->query) < 0)
        q->query.wrong = "no query"; /* it can't be: there is nothing in it */
    return q;
}

void api_request_free(struct api_request *q)
{
    store_text_unref(q->result);
    ol_buf_done(&q->warnings);
    ol_arena_done(&q->arena);
    free(q);
}

static void serve_finalize(struct api_request *q)
{
    q->route.subresource = NULL;
    api_update(q);
}

static const struct kube_kind *const pods_only[] = {&kube_pod_kind, NULL};
static const struct kube_kind *const accounts_only[] = {&kube_service_account_kind, NULL};
static const struct kube_kind *const namespaces_only[] = {&kube_namespace_kind, NULL};

/* The first row that fits. 'subresource' NULL: the object itself. */
static const struct handler {
    const char *method, *subresource;
    bool is_collection;
    const struct kube_kind *const *kinds; /* NULL = all; of status those that have one */
    void (*serve)(struct api_request *q);
} handlers[] = {
    {"GET", NULL, true, NULL, api_list},
    {"POST", NULL, true, NULL, api_create},
    {"DELETE", NULL, true, NULL, api_delete_collection},
    {"GET", NULL, false, NULL, api_get},
    {"PUT", NULL, false, NULL, api_update},
    {"PATCH", NULL, false, NULL, api_patch},
    {"DELETE", NULL, false, NULL, api_delete},
    {"GET", "status", false, NULL, api_get},
    {"PUT", "status", false, NULL, api_update},
    {"PATCH", "status", false, NULL, api_patch},
    {"POST", "binding", false, pods_only, api_bind},
    {"POST", "eviction", false, pods_only, api_evict},
    {"POST", "token", false, accounts_only, api_token},
    {"PUT", "finalize", false, namespaces_only, serve_finalize},
};

static bool is_of_kind(const struct handler *h, const struct kube_kind *kind)
{
    if (h->subresource && strcmp(h->subresource, "status") == 0)
        return (kind->flags & KUBE_HAS_STATUS) != 0;
    for (size_t i = 0; h->kinds && h->kinds[i]; i++)
        if (h->kinds[i] == kind)
            return true;
    return !h->kinds;
}

static bool fits(const struct handler *h, const struct api_route *r)
{
    const char *sub = r->subresource;

    if (h->is_collection != (*r->name == '\0') || !is_of_kind(h, r->kind))
        return false;
    return sub ? h->subresource && strcmp(h->subresource, sub) == 0 : !h->subresource;
}

static void serve_object(struct api_request *q)
{
    bool is_known = false;

    for (size_t i = 0; i < ol_count(handlers); i++) {
        if (!fits(&handlers[i], &q->route))
            continue;
        is_known = true;
        if (strcmp(handlers[i].method, q->method) == 0) {
            handlers[i].serve(q);
            return;
        }
    }
    if (is_known)
        api_fail(q, KUBE_METHOD_NOT_ALLOWED,
                 "the server does not allow this method on the requested resource");
    else
        api_fail(q, KUBE_NOT_FOUND, "the server could not find the requested resource%s%s%s",
                 q->route.subresource ? ": this server does not serve '" : "",
                 q->route.subresource ? q->route.subresource : "", q->route.subresource ? "'" : "");
}

void api_handle(struct api_request *q)
{
    /* Namespaced kinds are created in a namespace. */
    bool has_no_place = q->route.kind && (q->route.kind->flags & KUBE_NAMESPACED) && !*q->route.ns
                        && strcmp(q->method, "POST") == 0;

    if (q->query.wrong)
        api_fail(q, KUBE_BAD_REQUEST, "%s", q->query.wrong);
    else if (has_no_place)
        api_fail(q, KUBE_METHOD_NOT_ALLOWED,
                 "the server does not allow this method on the requested resource");
    else if (q->route.kind)
        serve_object(q);
    else if (!api_review(q) && !api_info(q))
        api_fail(q, KUBE_NOT_FOUND, "the server could not find the requested resource");
}
