/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pod/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "workload/pod/runner-internal.h"

/* The loop: each pod is looked at when something has changed, and takes one step at a time. */

#define SOON (2 * OL_MS)

enum { TOLD_MAX = 256 << 10 };

/* --- one pod --- */

static void view_clear(struct pod_view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->c[i].id);
        free(v->c[i].image_id);
        free(v->c[i].reason);
        free(v->c[i].waiting_text);
    }
    free(v->c);
    v->c = NULL;
    v->n = 0;
}

static void add_containers(struct pod_run *p, const struct kube_list *specs, bool is_init)
{
    const struct kube_container *c = specs->v;

    for (uint32_t i = 0; i < specs->n; i++) {
        p->view.c = ol_xrealloc(p->view.c, p->view.n + 1, sizeof(*p->view.c));
        p->view.c[p->view.n++] = (struct pod_container){.spec = &c[i], .is_init = is_init};
    }
}

/* The pod's newest version; its list of containers never changes. */
static void take_pod(struct pod_run *p, const struct kube_pod *pod)
{
    const struct kube_pod *old = p->pod;
    size_t n_init = pod->spec.init_containers.n;

    if (old == pod)
        return;
    kube_object_ref(&pod->o);
    p->pod = p->view.pod = pod;
    if (!old) {
        add_containers(p, &pod->spec.init_containers, true);
        add_containers(p, &pod->spec.containers, false);
    }
    for (size_t i = 0; i < p->view.n; i++) {
        const struct kube_container *init = pod->spec.init_containers.v;
        const struct kube_container *main = pod->spec.containers.v;

        if (i < n_init)
            p->view.c[i].spec = &init[i];
        else if (i - n_init < pod->spec.containers.n)
            p->view.c[i].spec = &main[i - n_init];
    }
    if (old)
        kube_object_unref(&old->o);
}

static void run_free(struct pod_run *p)
{
    pod_run_cancel(p);
    view_clear(&p->view);
    if (p->pod)
        kube_object_unref(&p->pod->o);
    ol_buf_done(&p->told);
    free(p->sandbox_id);
    free(p->new_id);
    free((char *)p->uid);
    free(p);
}

struct pod_run *runner_find(struct runner *r, const char *uid)
{
    return ol_table_find_str(&r->runs, uid);
}

static struct pod_run *add_run(struct runner *r, const struct kube_pod *pod)
{
    struct pod_run *p = ol_xcalloc(1, sizeof(*p));

    p->uid = ol_xstrdup(pod->o.meta.uid);
    p->r = r;
    ol_buf_init(&p->told, TOLD_MAX);
    take_pod(p, pod);
    ol_table_put(&r->runs, p);
    return p;
}

/* A sandbox of a pod that the API doesn't have: a pod of that name alone, to be ended. */
static const struct kube_object *stand_in(const char *uid, const char *ns, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(4096);
    const struct kube_object *o = NULL;

    ol_buf_printf(&json, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s\"}}",
                  name, ns, uid);
    if (kube_decode_text(&kube_pod_kind, json.data, json.len, &o, NULL) < 0)
        return NULL;
    return o;
}

struct pod_run *runner_adopt(struct runner *r, const char *uid, const char *ns, const char *name)
{
    struct pod_run *p = runner_find(r, uid);
    const struct kube_object *o;

    if (p)
        return p;
    o = stand_in(uid, ns, name);
    if (!o)
        return NULL;
    ol_info(r->env, "pod %s/%s is gone from the API: its containers are stopped", ns, name);
    p = add_run(r, kube_as_pod(o));
    kube_object_unref(o);
    p->view.is_gone = p->is_known = true;
    return p;
}

/* --- the loop --- */

static bool is_backing_off(const struct pod_run *p, const struct pod_container *c, ol_time now)
{
    return c->state == POD_EXITED && !c->waiting && c->delay && c->finished + c->delay > now
           && !p->pod->o.meta.deleted && !pod_is_over(&p->view);
}

/* A container that waits for its turn after an end is told as such. */
static void tell_back_off(struct pod_run *p, struct pod_container *c)
{
    const struct kube_meta *m = &p->pod->o.meta;

    c->waiting = "CrashLoopBackOff";
    free(c->waiting_text);
    c->waiting_text =
        ol_xasprintf("back-off %llds restarting failed container=%s pod=%s_%s(%s)",
                     (long long)(c->delay / OL_SECOND), c->spec->name, m->name, m->ns, p->uid);
    pod_run_event(p, KUBE_WARNING, "BackOff",
                  "Back-off restarting failed container %s in pod %s_%s(%s)", c->spec->name,
                  m->name, m->ns, p->uid);
}

static void act(struct pod_run *p, const struct pod_step *s)
{
    struct runner *r = p->r;

    if (s->verb == POD_RELEASE) {
        p->view.is_released = true;
        node_pod_release(r->node, p->uid);
        runner_wake(r);
    } else if (s->verb == POD_FORGET) {
        ol_table_remove(&r->runs, p);
        run_free(p);
    } else if (s->verb != POD_WAIT && r->was_listed) {
        pod_run_begin(p, s);
    }
}

static void look(struct pod_run *p, ol_time *next)
{
    struct runner *r = p->r;
    ol_time now = ol_now_wall(r->env);
    struct pod_step s;

    p->view.has_runtime = r->has_runtime;
    p->view.has_volumes = node_pod_mounts_ready(r->node, p->uid);
    p->view.lost_volumes = node_pod_mounts_gone(r->node, p->uid);
    if (p->is_busy)
        return;
    if (!p->view.is_overdue && !p->view.is_gone && pod_is_late(&p->view, now)) {
        p->view.is_overdue = true;
        pod_run_event(p, KUBE_NORMAL, "DeadlineExceeded", POD_LATE);
    }
    s = pod_decide(&p->view, now);
    for (size_t i = 0; i < p->view.n; i++) {
        struct pod_container *c = &p->view.c[i];

        if (s.verb == POD_WAIT && is_backing_off(p, c, now))
            tell_back_off(p, c);
    }
    pod_run_tell(p);
    if (s.verb == POD_WAIT && s.again && (!*next || s.again < *next))
        *next = s.again;
    act(p, &s);
}

/* Pods of the API become runs; runs whose pod is gone are ended. */
static void take_all(struct runner *r)
{
    const struct kube_object *o;
    struct pod_run *p;
    size_t at = 0;

    while ((o = kube_index_each(r->here, node_name(r->node), &at))) {
        p = runner_find(r, o->meta.uid);
        if (p)
            take_pod(p, kube_as_pod(o));
        else
            add_run(r, kube_as_pod(o));
    }
    at = 0;
    while ((p = ol_table_each(&r->runs, &at))) {
        const struct kube_object *now =
            kube_informer_get(r->pods, p->pod->o.meta.ns, p->pod->o.meta.name);

        p->view.is_gone = !now || strcmp(now->meta.uid, p->uid) != 0;
    }
}

static void turn(void *ctx)
{
    struct runner *r = ctx;
    ol_auto(ol_strv_done) struct ol_strv uids = OL_STRV_INIT;
    struct pod_run *p;
    ol_time next = 0, now = ol_now_wall(r->env);
    size_t at = 0;

    if (!r->is_running)
        return;
    take_all(r);
    while ((p = ol_table_each(&r->runs, &at)))
        ol_strv_add(&uids, p->uid);
    ol_strv_sort(&uids);
    ol_strv_each (uid, &uids) {
        p = runner_find(r, uid);
        if (p)
            look(p, &next);
    }
    if (next)
        ol_timer_set(&r->again, next > now ? next - now : 0);
}

void runner_wake(struct runner *r)
{
    if (r->is_running)
        ol_timer_set(&r->sync, SOON);
}

void pod_run_end(struct pod_run *p)
{
    p->is_busy = p->is_known = false;
    runner_wake(p->r);
}

static void relist(void *ctx)
{
    runner_list(ctx);
}

/* --- the component --- */

static void emit_node(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    const struct kube_pod *pod = kube_as_pod(o);

    if (pod->spec.node && *pod->spec.node)
        emit(to, pod->spec.node);
}

static void pod_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct runner *r = ctx;
    const struct kube_pod *pod = kube_as_pod(now ? now : old);

    if (pod && pod->spec.node && !strcmp(pod->spec.node, node_name(r->node)))
        runner_wake(r);
}

static void volumes_changed(void *ctx)
{
    runner_wake(ctx);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    const struct pods_options *o = options;
    struct runner *r;

    if (!o || !o->link || !o->link->node)
        return ol_err_set(err, EINVAL, "pods need the component 'node' before them");
    r = ol_xcalloc(1, sizeof(*r));
    *r = (struct runner){
        .k = *k,
        .env = k->loop->env,
        .node = o->link->node,
        .socket = ol_xstrdup(o->runtime ? o->runtime : "/run/containerd/containerd.sock"),
        .log_dir = ol_xstrdup(o->log_dir ? o->log_dir : "/var/log/pods"),
        .memory_bytes = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE),
        .runs = OL_TABLE_INIT(&ol_table_of_strings),
    };
    o->link->expects_runner = true;
    r->pods = kube_informer_of(k->informers, &kube_pod_kind);
    r->here = kube_informer_add_index(r->pods, emit_node);
    kube_informer_add_handler(r->pods, &(struct kube_handler){pod_changed, r});
    r->recorder = kube_recorder_new(k->client, "kubelet", node_name(r->node));
    r->channel = ol_grpc_channel_new(k->loop, r->socket);
    ol_timer_init(&r->sync, k->loop, turn, r);
    ol_timer_init(&r->again, k->loop, turn, r);
    ol_timer_init(&r->relist, k->loop, relist, r);
    node_listen(r->node, volumes_changed, r);
    *ret_state = r;
    return 0;
}

static void run(void *state)
{
    struct runner *r = state;

    r->is_running = true;
    take_all(r);
    runner_list(r);
    runner_wake(r);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct runner *r = state;
    struct pod_run *p;
    size_t at = 0;

    node_listen(r->node, NULL, NULL);
    runner_list_free(r);
    while ((p = ol_table_each(&r->runs, &at)))
        run_free(p);
    ol_table_done(&r->runs);
    ol_grpc_channel_free(r->channel);
    ol_timer_done(&r->sync);
    ol_timer_done(&r->again);
    ol_timer_done(&r->relist);
    kube_recorder_free(r->recorder);
    free(r->socket);
    free(r->log_dir);
    free(r);
    stopped(ctx);
}

const struct kube_component pods_component = {
    .name = "pods",
    .start = start,
    .run = run,
    .stop = stop,
};
