/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"

enum { POD_GRACE = 30 };

static void current_done(struct api_current *c)
{
    store_text_unref(c->text);
}

/* DeleteOptions of the body over those of the query; false: answered. */
static bool read_options(struct api_request *q, struct api_delete_options *o)
{
    const struct ol_val *pre, *dry, *propagation;
    struct ol_val *body = NULL;

    *o = (struct api_delete_options){.grace_seconds = q->query.grace_seconds,
                                     .is_dry_run = q->query.is_dry_run};
    if (q->size == 0)
        return true;
    if (!api_body(q, &body))
        return false;
    o->grace_seconds = ol_val_int(ol_val_get(body, "gracePeriodSeconds"), o->grace_seconds);
    propagation = ol_val_get(body, "propagationPolicy");
    if (propagation && !ol_val_str(propagation)) {
        api_fail(q, KUBE_BAD_REQUEST, "propagationPolicy is not a string");
        return false;
    }
    dry = ol_val_get(body, "dryRun");
    o->is_dry_run = o->is_dry_run || ol_val_count(dry) > 0;
    pre = ol_val_get(body, "preconditions");
    o->uid = ol_val_str(ol_val_get(pre, "uid"));
    o->resource_version = ol_val_str(ol_val_get(pre, "resourceVersion"));
    return true;
}

static bool check_preconditions(struct api_request *q, const struct ol_val *tree,
                                const struct api_delete_options *o)
{
    const struct {
        const char *name, *wanted, *have;
    } rows[] = {
        {"UID", o->uid, ol_val_str(ol_val_at(tree, "metadata/uid"))},
        {"ResourceVersion", o->resource_version,
         ol_val_str(ol_val_at(tree, "metadata/resourceVersion"))},
    };

    for (size_t i = 0; i < ol_count(rows); i++)
        if (rows[i].wanted && (!rows[i].have || strcmp(rows[i].wanted, rows[i].have) != 0)) {
            api_fail_conflict(q, q->route.name,
                              ol_arena_printf(&q->arena,
                                              "Precondition failed: %s in precondition: %s, %s in "
                                              "object meta: %s",
                                              rows[i].name, rows[i].wanted, rows[i].name,
                                              rows[i].have ? rows[i].have : ""));
            return false;
        }
    return true;
}

/* pkg/registry/core/pod CheckGracefulDelete: what runs nowhere goes at once. */
static int64_t pod_grace(const struct ol_val *pod, int64_t asked)
{
    const char *node = ol_val_str(ol_val_at(pod, "spec/nodeName"));
    const char *phase = ol_val_str(ol_val_at(pod, "status/phase"));

    if (!node || !*node
        || (phase && (strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0)))
        return 0;
    return asked >= 0 ? asked
                      : ol_val_int(ol_val_at(pod, "spec/terminationGracePeriodSeconds"), POD_GRACE);
}

static bool is_namespace_kept(struct api_request *q)
{
    static const char *const kept[] = {"default", "kube-system", "kube-public", NULL};
    struct kube_status st = {.reason = KUBE_FORBIDDEN, .kind = "namespaces", .name = q->route.name};

    if (q->route.kind != &kube_namespace_kind || !ol_str_in(q->route.name, kept))
        return false;
    st.message = ol_arena_printf(
        &q->arena, "namespaces \"%s\" is forbidden: this namespace may not be deleted",
        q->route.name);
    api_answer_status(q, &st);
    return true;
}

/* The object as it is while it is being deleted. */
static struct ol_val *marked(struct api_request *q, const struct ol_val *tree, int64_t grace)
{
    struct ol_arena *a = &q->arena;
    struct ol_val *object = ol_val_copy_top(a, tree);
    struct ol_val *meta = ol_val_copy_top(a, ol_val_get(tree, "metadata"));
    char when[32];

    api_time_text(ol_now_wall(q->server->env) + grace * OL_SECOND, when);
    ol_val_set_str(a, meta, "deletionTimestamp", when);
    ol_val_set_int(a, meta, "deletionGracePeriodSeconds", grace);
    ol_val_set(a, object, "metadata", meta);
    if (q->route.kind == &kube_namespace_kind) {
        struct ol_val *status = ol_val_new_map(a);

        ol_val_set_str(a, status, "phase", "Terminating");
        ol_val_set(a, object, "status", status);
    }
    return object;
}

/* Has something to be done before it may go? */
static bool is_held(const struct api_request *q, const struct ol_val *tree)
{
    return api_has_finalizers(tree)
           || (q->route.kind == &kube_namespace_kind
               && ol_val_count(ol_val_at(tree, "spec/finalizers")) > 0);
}

/* It waits already, and no longer than is asked for. */
static bool is_marked_so(const struct ol_val *tree, int64_t grace)
{
    return api_is_deleted(tree)
           && ol_val_int(ol_val_at(tree, "metadata/deletionGracePeriodSeconds"), 0) <= grace;
}

static void on_deleted(void *ctx, int r)
{
    struct api_request *q = ctx;

    if (r < 0)
        api_fail_store(q, r);
    else
        api_answer_text(q, 200, q->result);
}

/* Kinds whose DELETE answers with a Status (ReturnDeletedObject is not set). */
static bool answers_status(const struct kube_kind *kind)
{
    return kind == &kube_secret_kind || kind == &kube_config_map_kind || kind == &kube_node_kind
           || kind == &kube_lease_kind || kind == &kube_event_kind;
}

static void on_gone(void *ctx, int r)
{
    struct api_request *q = ctx;
    struct ol_val *v;

    if (r < 0) {
        api_fail_store(q, r);
        return;
    }
    if (!answers_status(q->route.kind)
        || ol_json_load(q->result->data, q->result->len, &q->arena, &v, NULL) < 0)
        api_answer_text(q, 200, q->result);
    else
        api_answer_deleted(q, q->route.name, ol_val_str(ol_val_at(v, "metadata/uid")));
}

/* Nothing has to be waited for: the last words are the state it had. */
static void remove_now(struct api_request *q, const struct api_current *c)
{
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(API_MAX_BODY * 2);
    struct ol_val *object = ol_val_copy_top(&q->arena, c->tree);
    struct ol_val *meta = ol_val_copy_top(&q->arena, ol_val_get(c->tree, "metadata"));
    struct store_write w = {
        .key = api_key(q), .old = c->text, .is_delete = true, .done = on_gone, .ctx = q};
    uint64_t revision = store_next_revision(q->server->store);

    ol_val_set_str(&q->arena, meta, "resourceVersion",
                   ol_arena_printf(&q->arena, "%llu", (unsigned long long)revision));
    ol_val_set(&q->arena, object, "metadata", meta);
    if (ol_json_dump(object, &ol_json_compact, &json) < 0) {
        api_fail(q, KUBE_INTERNAL_ERROR, "the object can't be written as JSON");
        return;
    }
    w.now = q->result = store_text_new(revision, json.data, json.len);
    store_write(q->server->store, &w);
}

void api_delete_object(struct api_request *q, const struct api_current *c,
                       const struct api_delete_options *o)
{
    int64_t grace = q->route.kind == &kube_pod_kind ? pod_grace(c->tree, o->grace_seconds) : 0;

    if (is_namespace_kept(q) || !check_preconditions(q, c->tree, o))
        return;
    q->success = 200;
    if (o->is_dry_run) {
        api_answer_text(q, 200, c->text);
    } else if (grace <= 0 && !is_held(q, c->tree)) {
        remove_now(q, c);
    } else if (is_marked_so(c->tree, grace)) {
        q->result = store_text_ref(c->text);
        store_wait(q->server->store, on_deleted, q);
    } else {
        api_store(q, marked(q, c->tree, grace), c->text, false);
    }
}

void api_delete(struct api_request *q)
{
    ol_auto(current_done) struct api_current current = {0};
    struct api_delete_options o;
    struct store_key key = api_key(q);

    if (!read_options(q, &o) || !api_load_current(q, &key, &current))
        return;
    if (!current.text)
        api_fail_named(q, KUBE_NOT_FOUND, q->route.name);
    else
        api_delete_object(q, &current, &o);
}

/* --- all that a selector selects --- */

struct sweep {
    struct api_request *q;
    struct api_selector labels, fields;
    struct api_delete_options options;
    struct ol_strv names, namespaces;
    size_t n_under_way;
};

static void sweep_free(struct sweep *w)
{
    ol_strv_done(&w->names);
    ol_strv_done(&w->namespaces);
    free(w);
}

static bool on_row(void *ctx, const struct store_row *row)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(API_MAX_TREE);
    struct sweep *w = ctx;
    struct ol_val *tree;

    if (ol_json_load(row->json, row->len, &a, &tree, NULL) == 0
        && api_selector_has_labels(&w->labels, tree)
        && api_selector_has_fields(&w->fields, w->q->route.kind, tree)) {
        ol_strv_add(&w->names, row->key.name);
        ol_strv_add(&w->namespaces, row->key.ns);
    }
    return true;
}

static void sweep_end_one(struct sweep *w)
{
    if (--w->n_under_way > 0)
        return;
    api_answer_deleted(w->q, NULL, NULL);
    sweep_free(w);
}

static void on_swept(void *self, const struct ol_http_answer *a)
{
    sweep_end_one(self);
}

static const struct api_sink sweep_sink = {.answer = on_swept};

static void sweep_one(struct sweep *w, const char *ns, const char *name)
{
    struct api_request *one = api_request_new(w->q->server, &sweep_sink, w);
    ol_auto(current_done) struct api_current current = {0};
    struct store_key key;

    one->user = w->q->user;
    one->method = "DELETE";
    one->route.kind = w->q->route.kind;
    one->route.ns = ol_arena_strdup(&one->arena, ns);
    one->route.name = ol_arena_strdup(&one->arena, name);
    key = api_key(one);
    w->n_under_way++;
    if (!api_load_current(one, &key, &current))
        return;
    if (!current.text)
        api_fail_named(one, KUBE_NOT_FOUND, name);
    else
        api_delete_object(one, &current, &w->options);
}

void api_delete_collection(struct api_request *q)
{
    struct sweep *w = ol_xcalloc(1, sizeof(*w));
    const struct store_range range = {.resource = api_resource(q->route.kind), .ns = q->route.ns};
    uint64_t revision;
    int r;

    w->q = q;
    w->n_under_way = 1;
    if (!read_options(q, &w->options) || !api_selectors(q, &w->labels, &w->fields)) {
        sweep_free(w);
        return;
    }
    r = store_list(q->server->store, &range, on_row, w, &revision);
    if (r < 0) {
        sweep_free(w);
        api_fail_store(q, r);
        return;
    }
    for (size_t i = 0; i < w->names.n; i++)
        sweep_one(w, w->namespaces.v[i], w->names.v[i]);
    sweep_end_one(w);
}
