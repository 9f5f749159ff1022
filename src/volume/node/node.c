/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "volume/node/machine.h"
#include "volume/node/node-internal.h"
#include "volume/node/populate.h"
#include "volume/plugin/run.h"

/*
 * The loop: what the API wants goes into the world, what has to be done comes out of it. It turns
 * when something has changed, and when the reconciler asked to be called again.
 */

#define SOON (2 * OL_MS) /* changes that come together are looked at together */

const struct ol_job_function node_job_functions[] = {{VOLUME_JOB, volume_job}, {NULL, NULL}};

/* --- the world as the caches have it --- */

static const struct kube_pvc *find_claim(void *ctx, const char *ns, const char *name)
{
    const struct node *n = ctx;

    return kube_as_pvc(kube_informer_get(n->claims, ns, name));
}

static const struct kube_pv *find_pv(void *ctx, const char *name)
{
    const struct node *n = ctx;

    return kube_as_pv(kube_informer_get(n->pvs, "", name));
}

static const struct kube_csidriver *find_csidriver(void *ctx, const char *name)
{
    const struct node *n = ctx;

    return kube_as_csidriver(kube_informer_get(n->csidrivers, "", name));
}

const struct kube_node *node_own_object(const struct node *n)
{
    return kube_as_node(kube_informer_get(n->nodes, "", n->name));
}

static const struct kube_node *find_node(void *ctx)
{
    return node_own_object(ctx);
}

static void populate(struct node *n)
{
    const struct node_lookup lookup = {n, find_claim, find_pv, find_csidriver, find_node};
    ol_autofree const struct kube_pod **pods = NULL;
    const struct kube_object *o;
    size_t at = 0, count = 0;

    while ((o = kube_index_each(n->pods_here, n->name, &at))) {
        const struct kube_pod *pod = kube_as_pod(o);

        if (pod->o.meta.deleted || kube_pod_is_terminated(pod))
            continue;
        pods = ol_xrealloc(pods, count + 1, sizeof(*pods));
        pods[count++] = pod;
    }
    node_populate(&n->world, &lookup, pods, count, ol_now_boot(n->env));
    n->world.may_tear_down = !n->link || !n->link->expects_runner || n->is_runner_ready;
}

static bool is_listed(const struct kube_node *node, const char *name)
{
    const struct kube_attached_volume *v = node ? node->status.volumes_attached.v : NULL;

    for (uint32_t i = 0; node && i < node->status.volumes_attached.n; i++) {
        if (!strcmp(v[i].name, name))
            return true;
    }
    return false;
}

/* The handshake as the API has it now. */
static void look_at_attachments(struct node *n)
{
    const struct kube_node *node = node_own_object(n);

    for (size_t i = 0; i < n->world.n_volumes; i++) {
        struct node_volume *v = n->world.volumes[i];
        const struct kube_va *va = node_attachment_of(n, v);

        v->is_reported = node && kube_strs_has(&node->status.volumes_in_use, v->name);
        v->is_listed = is_listed(node, v->name);
        v->is_attached = v->plugin == &volume_csi ? va && va->status.is_attached : v->is_listed;
    }
    node_attach_look(n);
}

static void turn(void *ctx)
{
    struct node *n = ctx;
    ol_time now = ol_now_boot(n->env), next;
    struct node_actions actions;

    if (!n->is_running)
        return;
    n->is_ticking = true;
    n->wants_tick = false;
    populate(n);
    look_at_attachments(n);
    node_self_report(n->self);
    next = node_reconcile(&n->world, now, &actions);
    for (size_t i = 0; i < actions.n; i++)
        node_act(n, &actions.v[i]);
    free(actions.v);
    if (n->wants_sweep && n->world.may_tear_down) {
        n->wants_sweep = false;
        node_remove_orphans(n);
    }
    n->is_ticking = false;
    if (n->wants_tick)
        ol_timer_set(&n->tick, SOON);
    else if (next >= 0)
        ol_timer_set(&n->tick, next - now);
    if (n->changed)
        n->changed(n->changed_ctx);
}

void node_wake(struct node *n)
{
    n->wants_tick = true;
    if (n->is_running && !n->is_ticking)
        ol_timer_set(&n->tick, SOON);
}

/* --- what changes it --- */

static void emit_node(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    const struct kube_pod *pod = kube_as_pod(o);

    if (pod->spec.node && *pod->spec.node)
        emit(to, pod->spec.node);
}

static bool is_ours(const struct node *n, const struct kube_object *o)
{
    const struct kube_pod *pod = o ? kube_as_pod(o) : NULL;

    return pod && pod->spec.node && !strcmp(pod->spec.node, n->name);
}

static void pod_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct node *n = ctx;

    if (!is_ours(n, old) && !is_ours(n, now))
        return;
    n->wants_sweep = n->wants_sweep || !now;
    node_wake(n);
}

static void anything_changed(void *ctx, const struct kube_object *old,
                             const struct kube_object *now)
{
    node_wake(ctx);
}

static void attachment_changed(void *ctx, const struct kube_object *old,
                               const struct kube_object *now)
{
    struct node *n = ctx;
    const struct kube_va *va = kube_as_va(now ? now : old);

    if (va && va->node && !strcmp(va->node, n->name))
        node_wake(n);
}

static void node_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct node *n = ctx;

    if (!strcmp((now ? now : old)->meta.name, n->name))
        node_wake(n);
}

/* --- the component --- */

static struct kube_informer *informer(struct node *n, const struct kube_kind *kind,
                                      void (*changed)(void *, const struct kube_object *,
                                                      const struct kube_object *))
{
    struct kube_informer *i = kube_informer_of(n->k.informers, kind);

    kube_informer_add_handler(i, &(struct kube_handler){changed, n});
    return i;
}

static void node_free(struct node *n)
{
    if (n->link)
        n->link->node = NULL;
    node_ops_cancel(n);
    node_parts_cancel(n);
    node_registry_free(n->registry);
    node_self_free(n->self);
    ol_timer_done(&n->tick);
    if (n->recorder)
        kube_recorder_free(n->recorder);
    node_world_done(&n->world);
    ol_strv_done(&n->held);
    free(n->name);
    free(n->root);
    free(n->address);
    free(n);
}

static char *host_name(void)
{
    char name[256] = "";

    if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
        return ol_xstrdup("localhost");
    return ol_str_lower(ol_xstrdup(name));
}

static char *real_root(struct ol_env *env, const char *root)
{
    ol_autofree char *real = ol_env_is_host(env) ? realpath(root, NULL) : NULL;

    return ol_xstrdup(real ? real : root);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    const struct node_options *o = options ? options : &(struct node_options){0};
    struct node *n = ol_xcalloc(1, sizeof(*n));
    const char *root = o->root ? o->root : "/var/lib/kubelet";
    char address[64];
    int r;

    *n = (struct node){.k = *k,
                       .env = k->loop->env,
                       .link = o->link,
                       .left = o->left,
                       .left_ctx = o->left_ctx,
                       .wants_sweep = true};
    node_world_init(&n->world);
    n->world.attaches_itself = o->attaches_itself;
    n->world.held = &n->held;
    ol_timer_init(&n->tick, k->loop, turn, n);
    r = ol_mkdir_p(n->env, root, 0750, err);
    if (r < 0) {
        node_free(n);
        return r;
    }
    node_machine_address(address);
    n->name = o->name ? ol_xstrdup(o->name) : host_name();
    n->root = real_root(n->env, root);
    n->address = ol_xstrdup(o->address ? o->address : address);
    n->pods = informer(n, &kube_pod_kind, pod_changed);
    n->pods_here = kube_informer_add_index(n->pods, emit_node);
    n->claims = informer(n, &kube_pvc_kind, anything_changed);
    n->pvs = informer(n, &kube_pv_kind, anything_changed);
    n->attachments = informer(n, &kube_va_kind, attachment_changed);
    n->csidrivers = informer(n, &kube_csidriver_kind, anything_changed);
    n->nodes = informer(n, &kube_node_kind, node_changed);
    n->recorder = kube_recorder_new(k->client, "kubelet", n->name);
    n->self = node_self_new(n);
    n->registry = node_registry_new(n, o->csi_sockets);
    if (n->link)
        n->link->node = n;
    *ret_state = n;
    return 0;
}

static void run(void *state)
{
    struct node *n = state;

    node_reconstruct(n);
    n->is_running = true;
    node_self_run(n->self);
    node_wake(n);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    node_free(state);
    stopped(ctx);
}

const struct kube_component node_component = {
    .name = "node",
    .start = start,
    .run = run,
    .stop = stop,
};

/* --- for who runs the containers --- */

void node_runner_is_ready(struct node *n)
{
    n->is_runner_ready = true;
    node_wake(n);
}

void node_pod_hold(struct node *n, const char *uid)
{
    if (!ol_strv_has(&n->held, uid))
        ol_strv_add(&n->held, uid);
}

void node_pod_release(struct node *n, const char *uid)
{
    for (size_t i = n->held.n; i-- > 0;) {
        if (!strcmp(n->held.v[i], uid))
            ol_strv_remove(&n->held, i);
    }
    n->wants_sweep = true;
    node_wake(n);
}

bool node_pod_mounts_ready(const struct node *n, const char *uid)
{
    const struct node_pod *p = ol_table_find_str(&n->world.pods, uid);

    return p && node_pod_is_ready(&n->world, p);
}

bool node_pod_mounts_gone(const struct node *n, const char *uid)
{
    return n->world.is_populated && node_pod_is_gone(&n->world, uid);
}

void node_listen(struct node *n, void (*changed)(void *ctx), void *ctx)
{
    n->changed = changed;
    n->changed_ctx = ctx;
}

const char *node_name(const struct node *n)
{
    return n->name;
}

const char *node_root(const struct node *n)
{
    return n->root;
}

const char *node_address(const struct node *n)
{
    return n->address;
}
