/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"

static void current_done(struct api_current *c)
{
    store_text_unref(c->text);
}

static bool load_pod(struct api_request *q, struct api_current *ret)
{
    struct store_key key = api_key(q);

    if (!api_load_current(q, &key, ret))
        return false;
    if (!ret->text)
        api_fail_named(q, KUBE_NOT_FOUND, q->route.name);
    return ret->text != NULL;
}

static void answer_created(struct api_request *q, int r)
{
    static const char text[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                               "\"status\":\"Success\",\"code\":201}";
    const struct ol_buf b = {.data = (char *)(uintptr_t)text, .len = sizeof(text) - 1};

    if (r < 0)
        api_fail_store(q, r);
    else
        api_answer_bytes(q, 201, "application/json", &b);
}

/* Ends the request of the subresource when the write has ended. */
static void on_written(void *self, const struct ol_http_answer *a)
{
    struct api_request *q = self;

    if (a->status < 300) {
        answer_created(q, 0);
    } else {
        struct ol_buf b = {.data = (char *)(uintptr_t)a->body, .len = a->size};

        api_answer_bytes(q, a->status, a->content_type, &b);
    }
}

static const struct api_sink inner_sink = {.answer = on_written};

/* A write upon the pod on behalf of 'q', which waits for it. */
static struct api_request *inner_request(struct api_request *q)
{
    struct api_request *inner = api_request_new(q->server, &inner_sink, q);

    inner->user = q->user;
    inner->user_agent = q->user_agent;
    inner->method = "PUT";
    inner->route.kind = q->route.kind;
    inner->route.ns = q->route.ns;
    inner->route.name = q->route.name;
    inner->query.is_dry_run = q->query.is_dry_run;
    inner->success = 200;
    return inner;
}

static void add_condition(struct api_request *q, struct ol_val *pod)
{
    struct ol_arena *a = &q->arena;
    const struct ol_val *old = ol_val_get(pod, "status");
    struct ol_val *status =
        ol_val_is(old, OL_VAL_MAP) ? ol_val_copy_top(a, old) : ol_val_new_map(a);
    const struct ol_val *had = ol_val_get(status, "conditions");
    struct ol_val *list = ol_val_new_list(a), *c = ol_val_new_map(a);
    char now[32];

    for (size_t i = 0; i < ol_val_count(had); i++) {
        const char *type = ol_val_str(ol_val_get(ol_val_item(had, i), "type"));

        if (!type || strcmp(type, "PodScheduled") != 0)
            ol_val_append(a, list, ol_val_copy(a, ol_val_item(had, i)));
    }
    api_time_text(ol_now_wall(q->server->env), now);
    ol_val_set_str(a, c, "type", "PodScheduled");
    ol_val_set_str(a, c, "status", "True");
    ol_val_set(a, c, "lastProbeTime", ol_val_new_null(a));
    ol_val_set_str(a, c, "lastTransitionTime", now);
    ol_val_append(a, list, c);
    ol_val_set(a, status, "conditions", list);
    ol_val_set(a, pod, "status", status);
}

void api_bind(struct api_request *q)
{
    ol_auto(current_done) struct api_current current = {0};
    struct ol_val *body, *pod, *spec;
    const char *node, *old;
    struct api_request *inner;

    if (!api_body(q, &body) || !load_pod(q, &current))
        return;
    node = ol_val_str(ol_val_at(body, "target/name"));
    old = ol_val_str(ol_val_at(current.tree, "spec/nodeName"));
    if (!node || !*node) {
        api_fail(q, KUBE_INVALID, "Binding \"%s\" is invalid: target.name: Required value",
                 q->route.name);
        return;
    }
    if (api_is_deleted(current.tree) || (old && *old)) {
        api_fail_conflict(q, q->route.name,
                          old && *old ? ol_arena_printf(&q->arena,
                                                        "pod %s is already assigned to node \"%s\"",
                                                        q->route.name, old)
                                      : "pod is being deleted, cannot be assigned to a host");
        return;
    }
    inner = inner_request(q);
    pod = ol_val_copy_top(&inner->arena, current.tree);
    spec = ol_val_copy_top(&inner->arena, ol_val_get(current.tree, "spec"));
    ol_val_set_str(&inner->arena, spec, "nodeName", node);
    ol_val_set(&inner->arena, pod, "spec", spec);
    add_condition(inner, pod);
    if (q->query.is_dry_run)
        api_answer_val(inner, 200, pod);
    else
        api_store(inner, pod, current.text, false);
}

void api_evict(struct api_request *q)
{
    ol_auto(current_done) struct api_current current = {0};
    struct api_delete_options o = {.grace_seconds = -1, .is_dry_run = q->query.is_dry_run};
    const struct ol_val *options;
    struct ol_val *body;

    if (!api_body(q, &body) || !load_pod(q, &current))
        return;
    options = ol_val_get(body, "deleteOptions");
    o.grace_seconds = ol_val_int(ol_val_get(options, "gracePeriodSeconds"), -1);
    o.uid = ol_val_str(ol_val_at(options, "preconditions/uid"));
    o.is_dry_run = o.is_dry_run || ol_val_count(ol_val_get(options, "dryRun")) > 0;
    api_delete_object(inner_request(q), &current, &o);
}

void api_token(struct api_request *q)
{
    api_fail(q, KUBE_METHOD_NOT_ALLOWED, "this server does not issue service account tokens");
}
