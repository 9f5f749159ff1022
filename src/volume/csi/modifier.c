/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/modifier.h"

#include <errno.h>
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

#define RESYNC  (10 * 60 * OL_SECOND)
#define TIMEOUT (10 * OL_SECOND)

enum { BODY_MAX = 1 << 20 };

static const struct ol_backoff backoff = {.first = OL_SECOND, .most = 300 * OL_SECOND};

struct modifier {
    const struct kube_context *k;
    const struct csi_options *o;
    struct csi_works works;
    struct kube_recorder *events;
    struct kube_controller *claims;
    struct kube_informer *claim_cache, *pv_cache, *class_cache;
    struct csi_memos memos;
};

/* A change under way: the work's data. */
struct change {
    const char *class_name;
    enum csi_outcome outcome;
    struct ol_err err;
};

static struct modifier *owner(const struct csi_work *w)
{
    return w->ctx;
}

/* --- the objects --- */
static const struct kube_pvc *claim_of(const struct csi_work *w)
{
    return kube_as_pvc(kube_informer_get_key(owner(w)->claim_cache, kube_task_key(w->task)));
}

static const struct kube_pv *volume_of(const struct modifier *m, const struct kube_pvc *claim)
{
    return claim && *claim->spec.volume_name
               ? kube_as_pv(kube_informer_get(m->pv_cache, "", claim->spec.volume_name))
               : NULL;
}

static const struct kube_attributes_class *class_of(const struct modifier *m, const char *name)
{
    return *name ? kube_as_attributes_class(kube_informer_get(m->class_cache, "", name)) : NULL;
}

static const struct csi_driver *driver_of(const struct modifier *m, const struct kube_pv *pv)
{
    return pv && pv->spec.csi ? csi_driver_find(m->works.drivers, pv->spec.csi->driver) : NULL;
}

/* --- failing --- */
static void failure_told(struct csi_work *w, const struct kube_answer *a)
{
    const struct change *c = w->data;

    csi_work_fail(w, &c->err);
}

/* 'r' is what the driver has answered; NULL: it could not be asked. */
static void fail(struct csi_work *w, const struct csi_reply *r)
{
    struct modifier *m = owner(w);
    const struct change *c = w->data;
    const struct kube_pvc *claim = claim_of(w);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct modifier_failure f = {.class_name = c->class_name,
                                 .is_final = c->outcome != CSI_OUTCOME_UNSURE,
                                 .is_infeasible = c->outcome == CSI_OUTCOME_INFEASIBLE};

    csi_memo_set(&m->memos, kube_task_key(w->task), c->outcome, ol_now_boot(m->k->loop->env));
    if (!claim) {
        csi_work_fail(w, &c->err);
        return;
    }
    if (f.is_final)
        kube_event_add(m->events, &claim->o, KUBE_WARNING, "VolumeModifyFailed", "%s",
                       ol_err_text(&c->err));
    else
        kube_event_add(m->events, &claim->o, KUBE_WARNING, "VolumeModifyFailed",
                       "%s. Still modifying to VAC %s", ol_err_text(&c->err), c->class_name);
    if (!r) {
        csi_work_fail(w, &c->err);
        return;
    }
    f.code = ol_grpc_code_name(r->code);
    f.message = r->message;
    modifier_write_failed(&body, claim, &f, ol_now_wall(m->k->loop->env));
    csi_work_patch_claim(w, claim, &body, failure_told);
}

/* --- what comes after the driver --- */
static void finished(struct csi_work *w, const struct kube_answer *a)
{
    struct modifier *m = owner(w);
    const struct change *c = w->data;
    const struct kube_pvc *claim = claim_of(w);

    if (a->reason == KUBE_OK && claim) {
        csi_memo_drop(&m->memos, kube_task_key(w->task));
        kube_event_add(m->events, &claim->o, KUBE_NORMAL, "VolumeModifySuccessful",
                       "external resizer modified volume %s with vac %s successfully",
                       claim->o.meta.name, c->class_name);
    }
    csi_work_next(w, a);
}

static void volume_patched(struct csi_work *w, const struct kube_answer *a)
{
    const struct change *c = w->data;
    const struct kube_pvc *claim = claim_of(w);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    if (a->reason != KUBE_OK || !claim) {
        csi_work_next(w, a);
        return;
    }
    modifier_write_finished(&body, claim, c->class_name);
    csi_work_patch_claim(w, claim, &body, finished);
}

static void replied(struct csi_work *w, const struct csi_reply *r)
{
    struct modifier *m = owner(w);
    struct change *c = w->data;
    const struct kube_pv *pv = volume_of(m, claim_of(w));
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    if (!r->message_body) {
        c->outcome = r->is_from_peer ? csi_modify_outcome(r->code) : CSI_OUTCOME_UNSURE;
        csi_error_set(&c->err, r->code, r->message);
        fail(w, r);
        return;
    }
    if (!pv) {
        csi_work_done(w);
        return;
    }
    modifier_write_volume(&body, c->class_name);
    csi_work_patch_volume(w, pv->o.meta.name, &body, volume_patched);
}

/* --- the driver --- */
static void modify_with_secret(struct csi_work *w, int e, const struct ol_err *err)
{
    struct modifier *m = owner(w);
    struct change *c = w->data;
    const struct kube_pv *pv = volume_of(m, claim_of(w));
    const struct kube_attributes_class *class = class_of(m, c->class_name);
    const struct csi_driver *d = driver_of(m, pv);
    Csi__V1__ControllerModifyVolumeRequest q = CSI__V1__CONTROLLER_MODIFY_VOLUME_REQUEST__INIT;

    if (e < 0) {
        c->outcome = CSI_OUTCOME_UNSURE;
        c->err = *err;
        fail(w, NULL);
        return;
    }
    if (!d || !class) { /* they went while we read the secret */
        csi_work_again(w);
        return;
    }
    q.volume_id = (char *)pv->spec.csi->handle;
    csi_message_map(&csi__v1__controller_modify_volume_request__secrets_entry__descriptor,
                    &w->secrets, &w->arena, &q.n_secrets, &q.secrets);
    csi_message_map(
        &csi__v1__controller_modify_volume_request__mutable_parameters_entry__descriptor,
        &class->parameters, &w->arena, &q.n_mutable_parameters, &q.mutable_parameters);
    csi_work_call(w, d, &csi_controller_modify, &q.base, m->o->timeout ? m->o->timeout : TIMEOUT,
                  q.volume_id, replied);
}

/* The volume's own secret for this call, else the one for growing. */
static struct csi_secret_ref secret_of(const struct kube_pv *pv)
{
    const char *name = csi_annotation(&pv->o, "volume.kubernetes.io/controller-modify-secret-name");
    const char *ns =
        csi_annotation(&pv->o, "volume.kubernetes.io/controller-modify-secret-namespace");
    const struct kube_ref *ref = pv->spec.csi->controller_expand_secret;

    if (name && *name && ns && *ns)
        return (struct csi_secret_ref){ns, name};
    return (struct csi_secret_ref){ref ? ref->ns : NULL, ref ? ref->name : NULL};
}

static void modify(struct csi_work *w)
{
    struct modifier *m = owner(w);
    const struct kube_pv *pv = volume_of(m, claim_of(w));
    struct csi_secret_ref secret;

    w->driver = driver_of(m, pv);
    if (!w->driver) {
        csi_work_done(w);
        return;
    }
    secret = secret_of(pv);
    csi_work_secret(w, &secret, modify_with_secret);
}

static void marked(struct csi_work *w, const struct kube_answer *a)
{
    const struct change *c = w->data;
    const struct kube_pvc *claim = claim_of(w);

    if (a->reason != KUBE_OK || !claim) {
        csi_work_next(w, a);
        return;
    }
    kube_event_add(owner(w)->events, &claim->o, KUBE_NORMAL, "VolumeModify",
                   "external resizer is modifying volume %s with vac %s", claim->o.meta.name,
                   c->class_name);
    modify(w);
}

/* --- the rounds --- */
static void mark(struct csi_work *w, const struct kube_pvc *claim)
{
    const struct change *c = w->data;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    modifier_write_mark(&body, claim, c->class_name, ol_now_wall(owner(w)->k->loop->env));
    csi_work_patch_claim(w, claim, &body, marked);
}

static void cancel(struct csi_work *w, const struct kube_pvc *claim)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    kube_event_add(owner(w)->events, &claim->o, KUBE_NORMAL, "VolumeModifyCanceled",
                   "Cancelled modify.");
    modifier_write_cancelled(&body, claim);
    csi_work_patch_claim(w, claim, &body, csi_work_next);
}

static void tell_missing(struct csi_work *w, const struct kube_pvc *claim)
{
    const struct change *c = w->data;

    kube_event_add(owner(w)->events, &claim->o, KUBE_WARNING, "VolumeModifyFailed",
                   "VAC \"%s\" does not exist.", c->class_name);
}

static void pended(struct csi_work *w, const struct kube_answer *a)
{
    if (a->reason == KUBE_OK)
        csi_work_done(w); /* the class brings the claim back */
    else
        csi_work_next(w, a);
}

static void pend(struct csi_work *w, const struct kube_pvc *claim)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    tell_missing(w, claim);
    modifier_write_pending(&body, claim);
    csi_work_patch_claim(w, claim, &body, pended);
}

static void miss(struct csi_work *w, const struct kube_pvc *claim)
{
    const struct change *c = w->data;
    struct ol_err err = OL_ERR_INIT;

    tell_missing(w, claim);
    csi_error_say(&err, ENOENT, "VolumeAttributesClass '%s' does not exist", c->class_name);
    csi_work_fail(w, &err);
}

static void act(struct csi_work *w, const struct modifier_view *v)
{
    struct change *c = ol_arena_alloc(&w->arena, sizeof(*c));
    const char *class_name = "";
    enum modifier_step step = modifier_decide(v, &class_name);

    *c = (struct change){.class_name = ol_arena_strdup(&w->arena, class_name)};
    w->data = c;
    switch (step) {
    case MODIFIER_CANCEL: cancel(w, v->claim); return;
    case MODIFIER_PEND: pend(w, v->claim); return;
    case MODIFIER_MISSING: miss(w, v->claim); return;
    case MODIFIER_MARK: mark(w, v->claim); return;
    case MODIFIER_MODIFY: modify(w); return;
    case MODIFIER_WAIT: csi_work_after(w, CSI_SLOW_DELAY); return;
    case MODIFIER_NOTHING:
    case MODIFIER_N_STEPS: break;
    }
    csi_memo_drop(&owner(w)->memos, kube_task_key(w->task));
    csi_work_done(w);
}

static void sync_claim(void *ctx, struct kube_task *task)
{
    struct modifier *m = ctx;
    const char *key = kube_task_key(task);
    const struct csi_memo *memo = csi_memo_find(&m->memos, key);
    struct modifier_view v = {.claim = kube_as_pvc(kube_informer_get_key(m->claim_cache, key))};
    const struct csi_driver *d;

    v.pv = volume_of(m, v.claim);
    d = driver_of(m, v.pv);
    /* A driver that isn't there brings all claims back when it comes. */
    if (!d) {
        if (!v.claim)
            csi_memo_drop(&m->memos, key);
        kube_task_done(task);
        return;
    }
    v.controller = d->controller;
    v.has_final_error = memo && memo->has_final_error;
    v.is_slow = memo && memo->slow_until > ol_now_boot(m->k->loop->env);
    v.has_wanted_class = class_of(m, modifier_wanted(v.claim)) != NULL;
    v.has_target_class = class_of(m, modifier_target(v.claim)) != NULL;
    act(csi_work_begin(&m->works, task, m), &v);
}

/* --- life --- */
static void claim_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct modifier *m = ctx;

    if (modifier_is_news(kube_as_pvc(old), kube_as_pvc(now)))
        kube_controller_add_object(m->claims, now ? now : old);
}

/* Those that wait for it; without a name all. */
static void add_claims(struct modifier *m, const char *class_name)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(m->claim_cache, &at)))
        if (!class_name || strcmp(modifier_wanted(kube_as_pvc(o)), class_name) == 0
            || strcmp(modifier_target(kube_as_pvc(o)), class_name) == 0)
            kube_controller_add_object(m->claims, o);
}

static void class_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    if (!old && now)
        add_claims(ctx, now->meta.name);
}

static void all_claims(void *ctx, struct kube_controller *c)
{
    add_claims(ctx, NULL);
}

static void driver_changed(void *ctx, const struct csi_driver *d)
{
    if (d->state == CSI_DRIVER_READY && (d->controller & CSI_CAN_MODIFY))
        add_claims(ctx, NULL);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct modifier *m = ol_xcalloc(1, sizeof(*m));
    struct kube_controller_options o = {.name = "csi-modifier",
                                        .backoff = backoff,
                                        .resync = RESYNC,
                                        .sync = sync_claim,
                                        .resync_all = all_claims,
                                        .ctx = m};
    char host[256] = "";

    m->k = k;
    m->o = options;
    m->works = (struct csi_works){.k = k, .drivers = m->o->drivers};
    (void)gethostname(host, sizeof(host) - 1);
    m->events = kube_recorder_new(k->client, "external-resizer", host);
    m->claims = kube_controller_new(k->loop, &o);
    m->claim_cache = kube_informer_of(k->informers, &kube_pvc_kind);
    m->pv_cache = kube_informer_of(k->informers, &kube_pv_kind);
    m->class_cache = kube_informer_of(k->informers, &kube_attributes_class_kind);
    kube_informer_add_handler(m->claim_cache,
                              &(struct kube_handler){.changed = claim_changed, .ctx = m});
    kube_informer_add_handler(m->class_cache,
                              &(struct kube_handler){.changed = class_changed, .ctx = m});
    *ret_state = m;
    return 0;
}

static void run(void *state)
{
    struct modifier *m = state;

    csi_drivers_listen(m->o->drivers,
                       &(struct csi_driver_listener){.changed = driver_changed, .ctx = m});
    kube_controller_run(m->claims);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct modifier *m = state;

    csi_drivers_unlisten(m->o->drivers, m);
    csi_works_cancel(&m->works);
    kube_controller_free(m->claims);
    kube_recorder_free(m->events);
    csi_memos_done(&m->memos);
    free(m);
    stopped(ctx);
}

const struct kube_component csi_modifier_component = {
    .name = "csi-modifier", .start = start, .run = run, .stop = stop};
