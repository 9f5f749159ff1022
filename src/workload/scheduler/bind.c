/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/patch.h"
#include "volume/binder/pod-claims.h"
#include "workload/scheduler/scheduler-internal.h"

enum { BODY_MAX = 16 << 10 };

/* --- life --- */

static const struct kube_object *claim_object(const struct bind_volume *v)
{
    return &v->claim->o;
}

/* The pod counts on its node from now on, and its volumes are nobody else's. */
struct binding *binding_new(struct scheduler *s, const char *key, const struct kube_pod *pod,
                            const struct sched_decision *d)
{
    struct binding *b = ol_xcalloc(1, sizeof(*b));

    b->own_key = ol_xstrdup(key);
    b->key = b->own_key;
    b->node = ol_xstrdup(d->node->name);
    b->s = s;
    b->pod = pod;
    kube_object_ref(&pod->o);
    b->phase = d->n_volumes ? BIND_WRITE : BIND_POD;
    b->volumes = ol_xcalloc(d->n_volumes, sizeof(*b->volumes));
    b->n_volumes = d->n_volumes;
    for (size_t i = 0; i < d->n_volumes; i++) {
        struct bind_volume *v = &b->volumes[i];

        v->binding = b;
        v->claim = d->volumes[i].claim;
        v->pv = d->volumes[i].pv;
        kube_object_ref(claim_object(v));
        if (v->pv) {
            kube_object_ref(&v->pv->o);
            binder_index_hold(s->index, v->pv->o.meta.name);
        }
    }
    sched_nodes_add_pod(&s->node_cache, b->node, pod);
    b->is_counted = true;
    ol_table_put(&s->bindings, b);
    return b;
}

void binding_uncount(struct binding *b)
{
    if (b->is_counted)
        sched_nodes_remove_pod(&b->s->node_cache, b->node, b->pod);
    b->is_counted = false;
}

void binding_free(struct binding *b)
{
    binding_uncount(b);
    ol_table_remove(&b->s->bindings, b);
    kube_cancel(b->request);
    for (size_t i = 0; i < b->n_volumes; i++) {
        struct bind_volume *v = &b->volumes[i];

        kube_cancel(v->request);
        if (v->pv) {
            binder_index_release(b->s->index, v->pv->o.meta.name);
            kube_object_unref(&v->pv->o);
        }
        kube_object_unref(claim_object(v));
    }
    kube_object_unref(&b->pod->o);
    free(b->volumes);
    free(b->own_key);
    free(b->node);
    free(b);
}

static bool has_claim(const struct binding *b, const struct kube_object *claim)
{
    for (size_t i = 0; i < b->n_volumes; i++)
        if (strcmp(claim_object(&b->volumes[i])->meta.uid, claim->meta.uid) == 0)
            return true;
    return false;
}

static bool is_taken(const struct scheduler *s, const struct kube_pvc *claim)
{
    const struct binding *b;
    size_t at = 0;

    while ((b = ol_table_each(&s->bindings, &at)))
        if (has_claim(b, &claim->o))
            return true;
    return false;
}

bool binding_is_claim_taken(const struct scheduler *s, const struct kube_pod *pod)
{
    const struct kube_volume *volumes = pod->spec.volumes.v;
    char text[POD_CLAIM_MAX];

    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        const char *name = pod_claim_name(pod, &volumes[i], text);
        const struct kube_pvc *claim =
            name ? kube_as_pvc(kube_informer_get(s->claims, pod->o.meta.ns, name)) : NULL;

        if (claim && !sched_is_claim_bound(claim) && is_taken(s, claim))
            return true;
    }
    return false;
}

/* --- failing --- */

/* The pod is looked at anew, from the beginning. */
static void give_up(struct binding *b, struct kube_task *task, const struct ol_err *err,
                    bool is_usual)
{
    struct scheduler *s = b->s;
    ol_autofree char *message = ol_xasprintf(
        "running PreBind plugin \"VolumeBinding\": binding volumes: %s", ol_err_text(err));

    if (!is_usual) {
        scheduler_report(s, b->pod, "SchedulerError", message);
        scheduler_hold(s, b->key);
    }
    binding_free(b);
    scheduler_wake(s);
    kube_task_fail(task, err);
}

/* --- telling volumes and claims --- */

static void on_told(void *ctx, const struct kube_answer *a)
{
    struct bind_volume *v = ctx;
    struct binding *b = v->binding;
    struct kube_task *task = b->task;

    v->request = NULL;
    b->n_pending--;
    if (a->object)
        kube_informer_store(v->pv ? b->s->volumes : b->s->claims, a->object);
    else if (!b->err.code) {
        int r = kube_answer_error(a, &b->err);

        b->is_conflict = r == -EAGAIN || r == -ENOENT;
    }
    if (b->n_pending)
        return;
    b->task = NULL;
    if (b->err.code) {
        struct ol_err err = b->err;

        give_up(b, task, &err, b->is_conflict);
        return;
    }
    b->phase = BIND_WAIT;
    b->deadline = ol_now_boot(b->s->k->loop->env) + b->s->bind_timeout;
    kube_task_again(task);
}

static void send_patch(struct bind_volume *v, const struct kube_object *o,
                       const struct ol_buf *body)
{
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE,
                           .kind = o->kind,
                           .ns = o->meta.ns,
                           .name = o->meta.name,
                           .body = body->data,
                           .size = body->len};

    v->binding->n_pending++;
    v->request = kube_send(v->binding->s->k->client, &ask, on_told, v);
}

static void tell_volume(struct bind_volume *v)
{
    struct binder_step step;

    binder_step_init(&step);
    if (binder_patch_bind_pv(&step, v->pv, v->claim))
        send_patch(v, &v->pv->o, &step.body);
    binder_step_done(&step);
}

static void tell_claim(struct bind_volume *v)
{
    const struct kube_object *o = claim_object(v);
    const char *selected = kube_map_get(&o->meta.annotations, SCHED_SELECTED_NODE);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct ol_jw w;

    if (selected && strcmp(selected, v->binding->node) == 0)
        return;
    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "resourceVersion", o->meta.resource_version);
    ol_jw_map(&w, "annotations");
    ol_jw_str(&w, SCHED_SELECTED_NODE, v->binding->node);
    while (w.depth)
        ol_jw_end(&w);
    send_patch(v, o, &body);
}

static void tell_all(struct binding *b, struct kube_task *task)
{
    b->task = task;
    b->err = OL_ERR_INIT;
    for (size_t i = 0; i < b->n_volumes; i++) {
        if (b->volumes[i].pv)
            tell_volume(&b->volumes[i]);
        else
            tell_claim(&b->volumes[i]);
    }
    if (b->n_pending)
        return;
    b->task = NULL;
    b->phase = BIND_WAIT;
    b->deadline = ol_now_boot(b->s->k->loop->env) + b->s->bind_timeout;
    kube_task_again(task);
}

/* --- waiting --- */

static int check_affinity(const struct binding *b, const struct kube_pv *pv, struct ol_err *err)
{
    const struct sched_node *n = sched_nodes_get(&b->s->node_cache, b->node);

    if (!n)
        return ol_err_set(err, ENOENT, "node \"%s\" not found", b->node);
    if (!binder_reaches_node(pv, n->node))
        return ol_err_set(err, EXDEV, "pv \"%s\" node affinity doesn't match node \"%s\"",
                          pv->o.meta.name, b->node);
    return 0;
}

/* 1: bound, 0: not yet, else this place has failed. */
static int check_static(const struct binding *b, const struct bind_volume *v,
                        const struct kube_pvc *claim, struct ol_err *err)
{
    const struct kube_pv *pv = binder_index_get(b->s->index, v->pv->o.meta.name);
    int r;

    if (!pv)
        return ol_err_set(err, ENOENT, "failed to check binding: persistentvolume \"%s\" not found",
                          v->pv->o.meta.name);
    r = check_affinity(b, pv, err);
    if (r < 0)
        return r;
    if (!pv->spec.claim || !*pv->spec.claim->uid)
        return ol_err_set(err, EAGAIN, "ClaimRef got reset for pv \"%s\"", pv->o.meta.name);
    return sched_is_claim_bound(claim);
}

static int check_dynamic(const struct binding *b, const struct kube_pvc *claim, struct ol_err *err)
{
    const char *selected = kube_map_get(&claim->o.meta.annotations, SCHED_SELECTED_NODE);
    const struct kube_pv *pv;
    int r = 0;

    /* How a provisioner says that it can't serve this node. */
    if (!selected || strcmp(selected, b->node) != 0)
        return ol_err_set(err, EXDEV, "provisioning failed for PVC \"%s\"", claim->o.meta.name);
    if (!*claim->spec.volume_name)
        return 0;
    pv = binder_index_get(b->s->index, claim->spec.volume_name);
    if (!pv)
        return 0;
    r = check_affinity(b, pv, err);
    return r < 0 ? r : sched_is_claim_bound(claim);
}

static int check_one(const struct binding *b, const struct bind_volume *v, struct ol_err *err)
{
    const struct kube_object *was = claim_object(v);
    const struct kube_pvc *claim =
        kube_as_pvc(kube_informer_get(b->s->claims, was->meta.ns, was->meta.name));

    if (!claim || strcmp(claim->o.meta.uid, was->meta.uid) != 0)
        return ol_err_set(err, ENOENT,
                          "failed to check binding: persistentvolumeclaim \"%s\" not found",
                          was->meta.name);
    return v->pv ? check_static(b, v, claim, err) : check_dynamic(b, claim, err);
}

static void wait_for_claims(struct binding *b, struct kube_task *task)
{
    struct ol_err err = OL_ERR_INIT;
    ol_time left = b->deadline - ol_now_boot(b->s->k->loop->env);
    int all = 1;

    for (size_t i = 0; i < b->n_volumes; i++) {
        int r = check_one(b, &b->volumes[i], &err);

        if (r < 0) {
            give_up(b, task, &err, r == -EAGAIN);
            return;
        }
        all = all && r;
    }
    if (all) {
        b->phase = BIND_POD;
        kube_task_again(task);
        return;
    }
    if (left <= 0 && ol_err_set(&err, ETIMEDOUT, "context deadline exceeded") < 0) {
        give_up(b, task, &err, false);
        return;
    }
    /* A change of a claim brings the pod back before that. */
    kube_task_after(task, left);
}

/* --- binding the pod --- */

static void on_bound(void *ctx, const struct kube_answer *a)
{
    struct binding *b = ctx;
    struct kube_task *task = b->task;
    struct ol_err err = OL_ERR_INIT;

    b->request = NULL;
    b->task = NULL;
    if (a->reason == KUBE_OK) {
        b->phase = BIND_DONE;
        scheduler_unpark(b->s, b->key);
        kube_event_add(b->s->recorder, &b->pod->o, KUBE_NORMAL, "Scheduled",
                       "Successfully assigned %s/%s to %s", b->pod->o.meta.ns, b->pod->o.meta.name,
                       b->node);
        kube_task_done(task);
        return;
    }
    if (kube_answer_error(a, &err) < 0 && !kube_answer_is_transient(a)) {
        scheduler_wake(b->s);
        binding_free(b); /* gone, or somebody else has bound it: look again */
    }
    kube_task_fail(task, &err);
}

static void bind_pod(struct binding *b, struct kube_task *task)
{
    const struct kube_meta *meta = &b->pod->o.meta;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_CREATE,
                           .kind = &kube_pod_kind,
                           .ns = meta->ns,
                           .name = meta->name,
                           .subresource = "binding"};
    struct ol_jw w;

    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "Binding");
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "name", meta->name);
    ol_jw_str(&w, "namespace", meta->ns);
    ol_jw_str(&w, "uid", meta->uid);
    ol_jw_end(&w);
    ol_jw_map(&w, "target");
    ol_jw_str(&w, "kind", "Node");
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_str(&w, "name", b->node);
    while (w.depth)
        ol_jw_end(&w);
    ask.body = body.data;
    ask.size = body.len;
    b->task = task;
    b->request = kube_send(b->s->k->client, &ask, on_bound, b);
}

void binding_step(struct binding *b, struct kube_task *task)
{
    switch (b->phase) {
    case BIND_WRITE: tell_all(b, task); break;
    case BIND_WAIT: wait_for_claims(b, task); break;
    case BIND_POD: bind_pod(b, task); break;
    case BIND_DONE: kube_task_done(task); break;
    }
}
