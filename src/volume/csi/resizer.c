/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/resizer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/client/events.h"
#include "volume/csi/csi-error.h"
#include "volume/csi/csi-memo-internal.h"
#include "volume/csi/csi-message-internal.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/csi-work-internal.h"

#define RESYNC (10 * 60 * OL_SECOND)

enum { BODY_MAX = 1 << 20 };

static const struct ol_backoff backoff = {.first = OL_SECOND, .most = 300 * OL_SECOND};

struct resizer {
    const struct kube_context *k;
    const struct csi_options *o;
    struct csi_works works;
    struct kube_recorder *events;
    struct kube_controller *claims;
    struct kube_informer *claim_cache, *pv_cache;
    struct csi_memos memos;
};

/* A resize under way: the work's data. */
struct resize {
    struct resizer_plan plan;
    struct ol_quantity size; /* as the driver says */
    bool needs_node;
    struct ol_err err;
};

static struct resizer *owner(const struct csi_work *w)
{
    return w->ctx;
}

/* --- the objects --- */
static const struct kube_pvc *claim_of(const struct csi_work *w)
{
    return kube_as_pvc(kube_informer_get_key(owner(w)->claim_cache, kube_task_key(w->task)));
}

static const struct kube_pv *volume_of(const struct resizer *r, const struct kube_pvc *claim)
{
    return claim && claim->spec.volume_name && *claim->spec.volume_name
               ? kube_as_pv(kube_informer_get(r->pv_cache, "", claim->spec.volume_name))
               : NULL;
}

/* --- failing --- */
static void failure_told(struct csi_work *w, const struct kube_answer *a)
{
    const struct resize *z = w->data;

    csi_work_fail(w, &z->err);
}

static void fail(struct csi_work *w, enum csi_outcome o, const struct ol_err *err)
{
    struct resizer *r = owner(w);
    const struct kube_pvc *claim = claim_of(w);
    struct resize *z = w->data;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    z->err = *err;
    csi_memo_set(&r->memos, kube_task_key(w->task), o, ol_now_boot(r->k->loop->env));
    if (!claim) {
        csi_work_fail(w, err);
        return;
    }
    kube_event_add(r->events, &claim->o, KUBE_WARNING, "VolumeResizeFailed",
                   "resize volume \"%s\" by resizer \"%s\" failed: %s", claim->spec.volume_name,
                   w->driver ? w->driver->name : "", ol_err_text(err));
    if (o == CSI_OUTCOME_UNSURE) {
        csi_work_fail(w, err);
        return;
    }
    resizer_write_failed(&body, ol_err_text(err), o == CSI_OUTCOME_INFEASIBLE,
                         ol_now_wall(r->k->loop->env));
    csi_work_patch_claim(w, claim, &body, failure_told);
}

/* --- what comes after the driver --- */
static void finished(struct csi_work *w, const struct kube_answer *a)
{
    struct resizer *r = owner(w);
    const struct resize *z = w->data;
    const struct kube_pvc *claim = claim_of(w);

    if (a->reason == KUBE_OK && claim) {
        csi_memo_drop(&r->memos, kube_task_key(w->task));
        if (z->needs_node)
            kube_event_add(r->events, &claim->o, KUBE_NORMAL, "FileSystemResizeRequired",
                           "Require file system resize of volume on node");
        else
            kube_event_add(r->events, &claim->o, KUBE_NORMAL, "VolumeResizeSuccessful",
                           "Resize volume succeeded");
    }
    csi_work_next(w, a);
}

static void volume_patched(struct csi_work *w, const struct kube_answer *a)
{
    const struct resize *z = w->data;
    const struct kube_pvc *claim = claim_of(w);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    if (a->reason != KUBE_OK || !claim) {
        csi_work_next(w, a);
        return;
    }
    if (z->needs_node)
        resizer_write_pending(&body, claim, ol_now_wall(owner(w)->k->loop->env));
    else
        resizer_write_finished(&body, claim, &z->size);
    csi_work_patch_claim(w, claim, &body, finished);
}

static void expanded(struct csi_work *w)
{
    const struct resize *z = w->data;
    const struct kube_pvc *claim = claim_of(w);
    const struct kube_pv *pv = volume_of(owner(w), claim);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    bool has_old;

    if (!pv) {
        csi_work_done(w);
        return;
    }
    has_old = csi_annotation(&pv->o, "volume.alpha.kubernetes.io/pre-resize-capacity") != NULL;
    resizer_write_volume(
        &body, &z->size,
        z->needs_node && !has_old ? kube_resource_get(&claim->status.capacity, "storage") : NULL);
    csi_work_patch_volume(w, pv->o.meta.name, &body, volume_patched);
}

static void replied(struct csi_work *w, const struct csi_reply *r)
{
    const Csi__V1__ControllerExpandVolumeResponse *m = (const void *)r->message_body;
    struct resize *z = w->data;
    struct ol_err err = OL_ERR_INIT;
    enum csi_outcome o = csi_expand_outcome(r->code);

    if (!m) {
        csi_error_set(&err, r->code, r->message);
        fail(w, r->is_from_peer ? o : CSI_OUTCOME_UNSURE, &err);
        return;
    }
    z->size = m->capacity_bytes > 0 ? ol_quantity_of(m->capacity_bytes) : z->plan.size;
    z->needs_node = m->node_expansion_required;
    expanded(w);
}

/* --- the driver --- */
static void expand_with_secret(struct csi_work *w, int e, const struct ol_err *err)
{
    struct resizer *r = owner(w);
    struct resize *z = w->data;
    const struct kube_pv *pv = volume_of(r, claim_of(w));
    const struct csi_driver *d =
        pv && pv->spec.csi ? csi_driver_find(r->works.drivers, pv->spec.csi->driver) : NULL;
    Csi__V1__ControllerExpandVolumeRequest q = CSI__V1__CONTROLLER_EXPAND_VOLUME_REQUEST__INIT;
    Csi__V1__CapacityRange range = CSI__V1__CAPACITY_RANGE__INIT;
    enum csi_access_mode mode;
    struct ol_err none = OL_ERR_INIT;

    if (e < 0) {
        fail(w, CSI_OUTCOME_UNSURE, err);
        return;
    }
    if (!d) {
        csi_work_done(w);
        return;
    }
    range.required_bytes = ol_quantity_value(&z->plan.size);
    q.volume_id = (char *)pv->spec.csi->handle;
    q.capacity_range = &range;
    if (csi_access_of(pv->spec.access_modes, d->controller & CSI_CAN_SINGLE_NODE_MULTI_WRITER,
                      &mode, &none)
        == 0)
        q.volume_capability =
            csi_message_capability(mode, pv->spec.volume_mode == KUBE_MODE_BLOCK,
                                   pv->spec.csi->fs_type, &pv->spec.mount_options, &w->arena);
    csi_message_map(&csi__v1__controller_expand_volume_request__secrets_entry__descriptor,
                    &w->secrets, &w->arena, &q.n_secrets, &q.secrets);
    csi_work_call(w, d, &csi_controller_expand, &q.base,
                  r->o->timeout ? r->o->timeout : 10 * OL_SECOND, q.volume_id, replied);
}

static void expand(struct csi_work *w)
{
    struct resizer *r = owner(w);
    struct resize *z = w->data;
    const struct kube_pvc *claim = claim_of(w);
    const struct kube_pv *pv = volume_of(r, claim);
    const struct csi_driver *d =
        pv && pv->spec.csi ? csi_driver_find(r->works.drivers, pv->spec.csi->driver) : NULL;
    const struct kube_ref *ref = d ? pv->spec.csi->controller_expand_secret : NULL;
    struct csi_secret_ref secret = {ref ? ref->ns : NULL, ref ? ref->name : NULL};

    if (!d) {
        csi_work_done(w);
        return;
    }
    kube_event_add(r->events, &claim->o, KUBE_NORMAL, "Resizing",
                   "External resizer is resizing volume %s", pv->o.meta.name);
    w->driver = d;
    if (d->controller & CSI_CAN_EXPAND) {
        csi_work_secret(w, &secret, expand_with_secret);
        return;
    }
    z->size = z->plan.size; /* the node alone does it */
    z->needs_node = true;
    expanded(w);
}

static void marked(struct csi_work *w, const struct kube_answer *a)
{
    if (a->reason == KUBE_OK)
        expand(w);
    else
        csi_work_next(w, a);
}

/* --- the rounds --- */
static void mark(struct csi_work *w, const struct kube_pvc *claim, const struct resizer_plan *plan)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    resizer_write_mark(&body, claim, plan, ol_now_wall(owner(w)->k->loop->env));
    csi_work_patch_claim(w, claim, &body, marked);
}

static void forget_old(struct csi_work *w, const struct kube_pv *pv)
{
    static const char text[] = "{\"metadata\":{\"annotations\":"
                               "{\"volume.alpha.kubernetes.io/pre-resize-capacity\":null}}}";
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    ol_buf_adds(&body, text);
    csi_work_patch_volume(w, pv->o.meta.name, &body, csi_work_next);
}

static void act(struct csi_work *w, const struct resizer_view *v)
{
    struct resize *z = ol_arena_alloc(&w->arena, sizeof(*z));
    struct kube_task *task = w->task;

    w->data = z;
    switch (resizer_decide(v, &z->plan)) {
    case RESIZER_FORGET_OLD: forget_old(w, v->pv); return;
    case RESIZER_MARK: mark(w, v->claim, &z->plan); return;
    case RESIZER_EXPAND: expand(w); return;
    case RESIZER_WAIT: csi_work_after(w, CSI_SLOW_DELAY); return;
    case RESIZER_NOTHING: break;
    }
    csi_memo_drop(&owner(w)->memos, kube_task_key(task));
    csi_work_done(w);
}

static void sync_claim(void *ctx, struct kube_task *task)
{
    struct resizer *r = ctx;
    const char *key = kube_task_key(task);
    const struct csi_memo *m = csi_memo_find(&r->memos, key);
    struct resizer_view v = {.claim = kube_as_pvc(kube_informer_get_key(r->claim_cache, key))};
    const struct csi_driver *d;

    v.pv = volume_of(r, v.claim);
    d = v.pv && v.pv->spec.csi ? csi_driver_find(r->works.drivers, v.pv->spec.csi->driver) : NULL;
    /* A driver that isn't there brings all claims back when it comes. */
    if (!d) {
        if (!v.claim)
            csi_memo_drop(&r->memos, key);
        kube_task_done(task);
        return;
    }
    v.controller = d->controller;
    v.node = d->node;
    v.has_final_error = m && m->has_final_error;
    v.is_slow = m && m->slow_until > ol_now_boot(r->k->loop->env);
    act(csi_work_begin(&r->works, task, r), &v);
}

/* --- life --- */
static void claim_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct resizer *r = ctx;

    if (resizer_is_news(kube_as_pvc(old), kube_as_pvc(now)))
        kube_controller_add_object(r->claims, now ? now : old);
}

static void all_claims(void *ctx, struct kube_controller *c)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(((struct resizer *)ctx)->claim_cache, &at)))
        kube_controller_add_object(c, o);
}

static void driver_changed(void *ctx, const struct csi_driver *d)
{
    if (d->state == CSI_DRIVER_READY)
        all_claims(ctx, ((struct resizer *)ctx)->claims);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct resizer *r = ol_xcalloc(1, sizeof(*r));
    struct kube_controller_options o = {.name = "csi-resizer",
                                        .backoff = backoff,
                                        .resync = RESYNC,
                                        .sync = sync_claim,
                                        .resync_all = all_claims,
                                        .ctx = r};
    char host[256] = "";

    r->k = k;
    r->o = options;
    r->works = (struct csi_works){.k = k, .drivers = r->o->drivers};
    (void)gethostname(host, sizeof(host) - 1);
    r->events = kube_recorder_new(k->client, "external-resizer", host);
    r->claims = kube_controller_new(k->loop, &o);
    r->claim_cache = kube_informer_of(k->informers, &kube_pvc_kind);
    r->pv_cache = kube_informer_of(k->informers, &kube_pv_kind);
    kube_informer_add_handler(r->claim_cache,
                              &(struct kube_handler){.changed = claim_changed, .ctx = r});
    *ret_state = r;
    return 0;
}

static void run(void *state)
{
    struct resizer *r = state;

    csi_drivers_listen(r->o->drivers,
                       &(struct csi_driver_listener){.changed = driver_changed, .ctx = r});
    kube_controller_run(r->claims);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct resizer *r = state;

    csi_drivers_unlisten(r->o->drivers, r);
    csi_works_cancel(&r->works);
    kube_controller_free(r->claims);
    kube_recorder_free(r->events);
    csi_memos_done(&r->memos);
    free(r);
    stopped(ctx);
}

const struct kube_component csi_resizer_component = {
    .name = "csi-resizer", .start = start, .run = run, .stop = stop};
