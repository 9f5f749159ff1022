/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"
#include "kube/apiserver/api-internal.h"

/*
 * The namespaces that there always are, and the emptying of those that are being deleted: what the
 * namespace controller of kube-controller-manager does.
 */
struct api_namespaces {
    struct apiserver *server;
    struct ol_timer timer;
    struct ol_strv ending; /* names */
};

static const char *const always[] = {"default", "kube-system", "kube-public", "kube-node-lease"};

static void ignore_answer(void *self, const struct ol_http_answer *a) {}

static const struct api_sink quiet_sink = {.answer = ignore_answer};

static struct api_request *own_request(struct apiserver *s, const struct kube_kind *kind,
                                       const char *ns, const char *name)
{
    struct api_request *q = api_request_new(s, &quiet_sink, NULL);

    q->route.kind = kind;
    q->route.ns = ol_arena_strdup(&q->arena, ns);
    q->route.name = ol_arena_strdup(&q->arena, name);
    q->user_agent = "orlop-apiserver";
    return q;
}

/* 1 = it is being deleted, 0, or -ENOENT. */
static int state_of(struct apiserver *s, const char *ns)
{
    ol_auto(store_text_unref_at) struct store_text *text = NULL;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(API_MAX_TREE);
    const struct store_key key = {api_resource(&kube_namespace_kind), "", ns};
    struct ol_val *v;
    int r = store_current(s->store, &key, &text);

    if (r < 0)
        return r;
    /* Most namespaces live: the word is not in them. */
    if (!strstr(text->data, "\"deletionTimestamp\""))
        return 0;
    return ol_json_load(text->data, text->len, &a, &v, NULL) == 0 && api_is_deleted(v);
}

int api_namespace_check(struct apiserver *s, const char *ns)
{
    int r = state_of(s, ns);

    return r == 1 ? -EBUSY : r;
}

static void make(struct apiserver *s, const char *name)
{
    struct api_request *q = own_request(s, &kube_namespace_kind, "", "");

    q->method = "POST";
    q->body = ol_arena_printf(&q->arena, "{\"metadata\":{\"name\":\"%s\"}}", name);
    q->size = strlen(q->body);
    api_create(q);
}

/* --- emptying --- */

struct content {
    struct ol_strv names;
    size_t n;
};

static void content_done(struct content *c)
{
    ol_strv_done(&c->names);
}

static bool on_content(void *ctx, const struct store_row *row)
{
    struct content *c = ctx;

    c->n++;
    if (!strstr(row->json, "\"deletionTimestamp\""))
        ol_strv_add(&c->names, row->key.name);
    return true;
}

static void delete_one(struct apiserver *s, const struct kube_kind *kind, const char *ns,
                       const char *name)
{
    struct api_request *q = own_request(s, kind, ns, name);

    q->method = "DELETE";
    api_delete(q);
}

/* Deletes what is in it; how many there are still. */
static size_t empty(struct apiserver *s, const char *ns)
{
    size_t n = 0;

    for (unsigned i = 0; kube_kinds[i]; i++) {
        ol_auto(content_done) struct content c = {.n = 0};
        const struct store_range range = {.resource = i, .ns = ns};
        uint64_t revision;

        if (!(kube_kinds[i]->flags & KUBE_NAMESPACED))
            continue;
        if (store_list(s->store, &range, on_content, &c, &revision) < 0)
            n++;
        n += c.n;
        for (size_t j = 0; j < c.names.n; j++)
            delete_one(s, kube_kinds[i], ns, c.names.v[j]);
    }
    return n;
}

/* Takes our finalizer off; the namespace goes unless somebody else's holds it. */
static void let_go(struct apiserver *s, const char *ns)
{
    struct api_request *q = own_request(s, &kube_namespace_kind, "", ns);
    struct api_current current;
    const struct store_key key = api_key(q);
    struct ol_val *object, *spec;

    q->method = "DELETE";
    if (!api_load_current(q, &key, &current))
        return;
    if (!current.text || !api_is_deleted(current.tree)) {
        api_fail_named(q, KUBE_NOT_FOUND, ns);
    } else {
        q->success = 200;
        object = ol_val_copy_top(&q->arena, current.tree);
        spec = ol_val_new_map(&q->arena);
        ol_val_set(&q->arena, object, "spec", spec);
        api_store(q, object, current.text, !api_has_finalizers(object));
    }
    store_text_unref(current.text);
}

static void on_timer(void *ctx)
{
    struct api_namespaces *n = ctx;

    for (size_t i = n->ending.n; i > 0; i--) {
        const char *ns = n->ending.v[i - 1];

        if (state_of(n->server, ns) != 1) {
            ol_strv_remove(&n->ending, i - 1);
        } else if (empty(n->server, ns) == 0) {
            let_go(n->server, ns);
            ol_strv_remove(&n->ending, i - 1);
        }
    }
}

void api_namespaces_changed(struct api_namespaces *n, const struct store_event *e)
{
    if (e->key.resource == api_resource(&kube_namespace_kind)) {
        if (e->change == STORE_DELETED || !strstr(e->now->data, "\"deletionTimestamp\"")
            || !strstr(e->now->data, "\"kubernetes\"") || ol_strv_has(&n->ending, e->key.name))
            return;
        ol_strv_add(&n->ending, e->key.name);
        ol_timer_set(&n->timer, 0);
    } else if (e->change == STORE_DELETED && n->ending.n && ol_strv_has(&n->ending, e->key.ns)) {
        ol_timer_set(&n->timer, 0);
    }
}

static bool on_namespace(void *ctx, const struct store_row *row)
{
    struct api_namespaces *n = ctx;

    if (strstr(row->json, "\"deletionTimestamp\""))
        ol_strv_add(&n->ending, row->key.name);
    return true;
}

void api_namespaces_begin(struct api_namespaces *n)
{
    const struct store_range range = {.resource = api_resource(&kube_namespace_kind)};
    uint64_t revision;

    for (size_t i = 0; i < ol_count(always); i++)
        if (state_of(n->server, always[i]) == -ENOENT)
            make(n->server, always[i]);
    if (store_list(n->server->store, &range, on_namespace, n, &revision) == 0 && n->ending.n)
        ol_timer_set(&n->timer, 0);
}

struct api_namespaces *api_namespaces_new(struct apiserver *s)
{
    struct api_namespaces *n = ol_xcalloc(1, sizeof(*n));

    n->server = s;
    ol_timer_init(&n->timer, s->loop, on_timer, n);
    return n;
}

void api_namespaces_free(struct api_namespaces *n)
{
    if (!n)
        return;
    ol_timer_done(&n->timer);
    ol_strv_done(&n->ending);
    free(n);
}
