/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/provisioner-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/csi/csi-patch.h"

enum { BODY_MAX = 1 << 20 };
#define PROVISIONING_FAILED "ProvisioningFailed"

/* One round of one claim: the work's data. */
struct round {
    struct provision_op *op; /* NULL = nothing outstanding */
    const struct kube_pvc *claim;
    const struct kube_class *class;
    const struct provision_backend *backend;
    const char *name; /* the provisioner's */
    char *volume_name;
};

static struct provisioner *owner(const struct csi_work *w)
{
    return w->ctx;
}

static struct provision_op *op_of(const struct csi_work *w)
{
    return w->data;
}

static const struct kube_pvc *claim_of(const struct provision_op *op)
{
    return kube_as_pvc(op->claim);
}

/* The sentence of an event about the claim, with the words that people look for. */
static void tell_failed(const struct provisioner *p, const struct kube_object *claim,
                        const struct ol_err *err)
{
    kube_event_add(p->events, claim, KUBE_WARNING, PROVISIONING_FAILED,
                   "failed to provision volume with StorageClass \"%s\": %s",
                   kube_claim_class(kube_as_pvc(claim), &(bool){false}), ol_err_text(err));
}

/* Looks again within the same task, so that the failures of a claim keep being counted. */
static void next_round(struct csi_work *w);

/* --- the finalizer --- */
static void held(struct csi_work *w, const struct kube_answer *a)
{
    if (a->reason == KUBE_OK) {
        provision_op_event(owner(w), op_of(w), PROVISION_EV_HELD);
        next_round(w);
        return;
    }
    if (op_of(w)->state == PROVISION_IDLE)
        provision_op_remove(owner(w), op_of(w));
    csi_work_next(w, a);
}

static void let_go(struct csi_work *w, const struct kube_answer *a)
{
    if (a->reason == KUBE_OK || a->reason == KUBE_NOT_FOUND) {
        provision_op_event(owner(w), op_of(w), PROVISION_EV_LET_GO);
        provision_op_remove(owner(w), op_of(w));
        next_round(w);
        return;
    }
    csi_work_next(w, a);
}

static void patch_claim(struct csi_work *w, const struct kube_pvc *claim, enum csi_patch what,
                        void (*then)(struct csi_work *w, const struct kube_answer *a))
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE,
                           .kind = &kube_pvc_kind,
                           .ns = claim->o.meta.ns,
                           .name = claim->o.meta.name};

    csi_patch_finalizer(&body, &claim->o, what, PROVISIONER_IN_FLIGHT);
    ask.body = body.data;
    ask.size = body.len;
    csi_work_api(w, &ask, then);
}

/* A failure after which nothing is outstanding: the finalizer goes at once, then we wait. The
 * error is told when that is done. */
struct failure {
    struct provision_op *op;
    struct ol_err err;
};

static void failed_let_go(struct csi_work *w, const struct kube_answer *a)
{
    struct failure *f = w->data;

    if (a->reason == KUBE_OK || a->reason == KUBE_NOT_FOUND)
        provision_op_remove(owner(w), f->op);
    csi_work_fail(w, &f->err); /* if it still is there, the next round takes it off */
}

static void fail_and_let_go(struct csi_work *w, const struct ol_err *err)
{
    struct provision_op *op = op_of(w);
    struct failure *f = ol_arena_alloc(&w->arena, sizeof(*f));
    const struct kube_pvc *now = kube_as_pvc(kube_informer_get_key(owner(w)->claim_cache, op->key));

    f->op = op;
    f->err = *err;
    w->data = f;
    if (now && csi_has_finalizer(&now->o, PROVISIONER_IN_FLIGHT)) {
        patch_claim(w, now, CSI_PATCH_REMOVE, failed_let_go);
        return;
    }
    provision_op_remove(owner(w), op);
    csi_work_fail(w, &f->err);
}

/* --- asking --- */
static void rescheduled(struct csi_work *w, const struct kube_answer *a)
{
    struct provision_op *op = op_of(w);

    if (op->state == PROVISION_IDLE) /* it never was asked for */
        provision_op_remove(owner(w), op);
    csi_work_next(w, a);
}

/* Tells the scheduler to choose another node, and lets the claim go in the same patch. */
static void reschedule(struct csi_work *w)
{
    struct provision_op *op = op_of(w);
    const struct kube_object *now = kube_informer_get_key(owner(w)->claim_cache, op->key);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE, .kind = &kube_pvc_kind};
    struct ol_jw j;

    if (!now) {
        csi_work_again(w);
        return;
    }
    csi_patch_begin(&j, &body, now);
    ol_jw_map(&j, "annotations");
    ol_jw_any_null(&j, "volume.kubernetes.io/selected-node");
    ol_jw_end(&j);
    csi_patch_finalizers(&j, now, CSI_PATCH_REMOVE, PROVISIONER_IN_FLIGHT);
    ol_jw_end(&j);
    ol_jw_end(&j);
    ask.ns = now->meta.ns;
    ask.name = now->meta.name;
    ask.body = body.data;
    ask.size = body.len;
    csi_work_api(w, &ask, rescheduled);
}

static void made(struct csi_work *w, const struct provision_volume *volume)
{
    struct provisioner *p = owner(w);
    struct provision_op *op = op_of(w);
    struct ol_err err = OL_ERR_INIT;

    provision_volume_copy(&op->arena, volume, &op->volume);
    if (provision_check(&op->plan, &op->volume, &err) == 0) {
        provision_op_event(p, op, PROVISION_EV_MADE);
    } else {
        tell_failed(p, op->claim, &err);
        op->why_wrong = err;
        provision_op_event(p, op, PROVISION_EV_MADE_WRONG);
    }
    next_round(w);
}

void provision_made(struct csi_work *w, enum csi_outcome outcome,
                    const struct provision_volume *volume, const struct ol_err *err)
{
    struct provisioner *p = owner(w);
    struct provision_op *op = op_of(w);

    if (outcome == CSI_OUTCOME_OK) {
        made(w, volume);
        return;
    }
    tell_failed(p, op->claim, err);
    if (outcome == CSI_OUTCOME_UNSURE) {
        provision_op_event(p, op, PROVISION_EV_ASK_UNSURE);
        csi_work_fail(w, err);
        return;
    }
    provision_op_event(p, op, PROVISION_EV_ASK_FAILED);
    if (outcome == CSI_OUTCOME_RESCHEDULE)
        reschedule(w);
    else
        fail_and_let_go(w, err);
}

static void fill_ask(const struct provisioner *p, const struct provision_op *op,
                     const struct provision_backend *b, struct provision_ask *ret)
{
    const struct kube_pvc *claim = claim_of(op);
    const struct kube_class *class = kube_as_class(op->class);
    const char *source = provision_source_of(claim), *vac = claim->spec.attributes_class;
    struct provision_ask ask = {.claim = claim,
                                .class = class,
                                .plugin = b->plugin(p, class->provisioner),
                                .controller = b->controller(p, class->provisioner),
                                .default_fs_type = p->o->default_fs_type,
                                .want_metadata = p->o->want_create_metadata};

    if (source)
        ask.source = kube_as_pvc(kube_informer_get(p->claim_cache, claim->o.meta.ns, source));
    if (ask.source && ask.source->spec.volume_name)
        ask.source_pv =
            kube_as_pv(kube_informer_get(p->pv_cache, "", ask.source->spec.volume_name));
    if (vac && *vac)
        ask.attributes = kube_as_attributes_class(kube_informer_get(p->attributes_cache, "", vac));
    *ret = ask;
}

/* The plan of the first time is kept until the answer is final: a driver is asked for the same
 * volume each time, whatever became of nodes and classes meanwhile. Who adopts another process'
 * claim has none; when the node it was for is gone, it asks for the volume anywhere. */
static int make_plan(struct provisioner *p, struct provision_op *op,
                     const struct provision_backend *b, const char *volume_name, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena scratch = OL_ARENA_INIT(64 << 20);
    struct csi_topology_ask world;
    struct provision_ask ask;
    int r;

    if (op->has_plan)
        return 0;
    fill_ask(p, op, b, &ask);
    ask.volume_name = ol_arena_strdup(&op->arena, volume_name);
    provision_world(p, &scratch, &world);
    ask.topology = &world;
    r = provision_plan(&ask, &op->arena, &op->plan, err);
    if (r < 0 && op->state == PROVISION_UNSURE) {
        struct ol_err again = OL_ERR_INIT;

        ask.topology = NULL;
        if (provision_plan(&ask, &op->arena, &op->plan, &again) == 0)
            r = 0;
    }
    op->has_plan = r == 0;
    return r;
}

/* The texts of nodes in a plan are borrowed from objects that may go; they are copied into the
 * op. */
static void own_terms(struct ol_arena *a, struct csi_terms *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        for (uint32_t k = 0; k < t->v[i].n; k++) {
            t->v[i].v[k].key = ol_arena_strdup(a, t->v[i].v[k].key);
            t->v[i].v[k].value = ol_arena_strdup(a, t->v[i].v[k].value);
        }
    }
}

static void own_plan(struct provision_op *op)
{
    struct kube_map *m = &op->plan.mutable_parameters;
    struct provision_volume copy = {.context = *m};

    provision_volume_copy(&op->arena, &copy, &copy);
    *m = copy.context;
    own_terms(&op->arena, &op->plan.topology.requisite);
    own_terms(&op->arena, &op->plan.topology.preferred);
    if (op->plan.source_volume)
        op->plan.source_volume = ol_arena_strdup(&op->arena, op->plan.source_volume);
}

static void refuse(struct csi_work *w, struct provision_op *op, int r, struct ol_err *err)
{
    struct provisioner *p = owner(w);

    if (r == PROVISION_NOT_OURS) {
        kube_event_add(p->events, op->claim, KUBE_NORMAL, "Provisioning",
                       "Assuming an external populator will provision the volume");
    } else {
        tell_failed(p, op->claim, err);
    }
    w->data = op;
    if (op->state == PROVISION_UNSURE) { /* somebody may have asked before: keep at it */
        if (r == PROVISION_NOT_OURS)
            csi_error_say(err, EINVAL, "its data source is not ours any more");
        csi_work_fail(w, err);
        return;
    }
    if (r == PROVISION_NOT_OURS) {
        provision_op_remove(p, op);
        csi_work_done(w);
        return;
    }
    provision_op_event(p, op, PROVISION_EV_ASK_FAILED);
    if (r == -ENOENT)
        reschedule(w);
    else
        fail_and_let_go(w, err);
}

static void cloning_held(struct csi_work *w, const struct kube_answer *a)
{
    if (a->reason == KUBE_OK)
        next_round(w);
    else
        csi_work_next(w, a);
}

/* The source of a clone must not go while it is read. True when a step was begun. */
static bool protect_source(struct csi_work *w, const struct provision_op *op)
{
    struct provisioner *p = owner(w);
    const struct kube_pvc *claim = claim_of(op);
    const char *source = provision_source_of(claim);
    const struct kube_object *o =
        source ? kube_informer_get(p->claim_cache, claim->o.meta.ns, source) : NULL;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE, .kind = &kube_pvc_kind};

    if (!o || o->meta.deleted != 0 || csi_has_finalizer(o, PROVISIONER_CLONING))
        return false;
    csi_patch_finalizer(&body, o, CSI_PATCH_ADD, PROVISIONER_CLONING);
    ask.ns = o->meta.ns;
    ask.name = o->meta.name;
    ask.body = body.data;
    ask.size = body.len;
    csi_work_api(w, &ask, cloning_held);
    return true;
}

static void ask_backend(struct csi_work *w, const struct round *r)
{
    struct provisioner *p = owner(w);
    struct ol_err err = OL_ERR_INIT;
    bool had_plan = r->op->has_plan;
    int e = make_plan(p, r->op, r->backend, r->volume_name, &err);

    if (e != 0) {
        refuse(w, r->op, e, &err);
        return;
    }
    if (!had_plan)
        own_plan(r->op);
    if (protect_source(w, r->op))
        return;
    w->data = r->op;
    kube_event_add(p->events, r->op->claim, KUBE_NORMAL, "Provisioning",
                   "External provisioner is provisioning volume for claim \"%s\"", r->op->key);
    r->backend->create(w, r->name);
}

/* Before the finalizer is written: a claim that can't be served doesn't get it. */
static void hold(struct csi_work *w, const struct round *r)
{
    struct provisioner *p = owner(w);
    struct provision_op *op = r->op;
    struct ol_err err = OL_ERR_INIT;
    int e;

    if (!op)
        op = provision_op_add(p, kube_task_key(w->task), r->claim);
    if (!op->class)
        op->class = kube_object_ref(&r->class->o);
    e = make_plan(p, op, r->backend, r->volume_name, &err);
    if (e == 0) {
        own_plan(op);
        w->data = op;
        patch_claim(w, r->claim, CSI_PATCH_ADD, held);
        return;
    }
    refuse(w, op, e, &err);
}

/* --- saving --- */
static void saved(struct csi_work *w, const struct kube_answer *a)
{
    struct provisioner *p = owner(w);
    struct provision_op *op = op_of(w);
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_OK || a->reason == KUBE_ALREADY_EXISTS) {
        provision_op_event(p, op, PROVISION_EV_SAVED);
        kube_event_add(p->events, op->claim, KUBE_NORMAL, "ProvisioningSucceeded",
                       "Successfully provisioned volume %s", op->plan.name);
        next_round(w);
        return;
    }
    provision_op_event(
        p, op, kube_answer_is_transient(a) ? PROVISION_EV_SAVE_UNSURE : PROVISION_EV_SAVE_REFUSED);
    (void)kube_answer_error(a, &err);
    tell_failed(p, op->claim, &err);
    csi_work_fail(w, &err);
}

static void save(struct csi_work *w, const struct round *r)
{
    struct provisioner *p = owner(w);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_CREATE, .kind = &kube_pv_kind};
    struct provision_ask made;

    fill_ask(p, r->op, r->backend, &made);
    provision_write_pv(&made, &r->op->plan, &r->op->volume,
                       p->o->identity ? p->o->identity : "orlop", &body);
    ask.body = body.data;
    ask.size = body.len;
    w->data = r->op;
    csi_work_api(w, &ask, saved);
}

/* --- cleaning --- */
static void cleaned(struct csi_work *w, enum csi_outcome outcome, const struct ol_err *err)
{
    struct provisioner *p = owner(w);
    struct provision_op *op = op_of(w);

    if (outcome == CSI_OUTCOME_OK) {
        provision_op_event(p, op, PROVISION_EV_REMOVED);
        if (op->why_wrong.code) /* asking again at once would make the same */
            fail_and_let_go(w, &op->why_wrong);
        else
            next_round(w);
        return;
    }
    kube_event_add(p->events, op->claim, KUBE_WARNING, PROVISIONING_FAILED,
                   "volume %s was made and is not wanted, deleting it failed: %s", op->plan.name,
                   ol_err_text(err));
    provision_op_event(p, op, PROVISION_EV_REMOVE_FAILED);
    csi_work_fail(w, err);
}

static void clean_looked(struct csi_work *w, const struct kube_answer *a)
{
    struct provisioner *p = owner(w);
    struct provision_op *op = op_of(w);
    const struct kube_class *class = kube_as_class(op->class);
    const struct provision_backend *b = provision_backend_of(p, class->provisioner);
    struct provision_removal r = {.volume = op->volume,
                                  .secret = op->plan.parameters.secrets[CSI_SECRET_PROVISIONER],
                                  .class = class,
                                  .name = class->provisioner,
                                  .is_unused = true,
                                  .removed = cleaned};
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_OK) { /* deleting goes the way of all volumes */
        provision_op_event(p, op, PROVISION_EV_SAVED);
        next_round(w);
    } else if (a->reason != KUBE_NOT_FOUND) {
        (void)kube_answer_error(a, &err);
        csi_work_fail(w, &err);
    } else if (b && b->is_ready(p, class->provisioner)) {
        b->remove(w, &r);
    } else {
        next_round(w);
    }
}

static void clean(struct csi_work *w, const struct round *r)
{
    struct kube_ask ask = {.verb = KUBE_VERB_GET, .kind = &kube_pv_kind, .name = r->op->plan.name};

    w->data = r->op;
    csi_work_api(w, &ask, clean_looked);
}

/* --- the rounds --- */
static void tell_down(struct csi_work *w, const struct round *r)
{
    struct ol_err err = OL_ERR_INIT;

    csi_error_say(&err, ENOTCONN, "CSI driver %s is not running or does not answer", r->name);
    tell_failed(owner(w), &r->claim->o, &err);
    csi_work_fail(w, &err);
}

static void tell_class(struct csi_work *w, const struct round *r)
{
    struct ol_err err = OL_ERR_INIT;

    csi_error_say(&err, ENOENT, "storageclass.storage.k8s.io \"%s\" not found",
                  kube_claim_class(r->claim, &(bool){false}));
    tell_failed(owner(w), &r->claim->o, &err);
    csi_work_fail(w, &err);
}

static void act(struct csi_work *w, enum provision_step step, const struct round *r)
{
    switch (step) {
    case PROVISION_DO_HOLD: hold(w, r); return;
    case PROVISION_DO_ASK: ask_backend(w, r); return;
    case PROVISION_DO_SAVE: save(w, r); return;
    case PROVISION_DO_CLEAN: clean(w, r); return;
    case PROVISION_DO_LET_GO:
        w->data = r->op;
        patch_claim(w, r->claim, CSI_PATCH_REMOVE, let_go);
        return;
    case PROVISION_DO_TELL_DOWN: tell_down(w, r); return;
    case PROVISION_DO_TELL_CLASS: tell_class(w, r); return;
    case PROVISION_DO_FORGET:
        provision_op_remove(owner(w), r->op);
        next_round(w);
        return;
    case PROVISION_DO_NOTHING: break;
    }
    csi_work_done(w);
}

/* What the decision looks at. An op of a claim whose name was given to another since is done
 * with the claim as it was. */
static bool look(struct provisioner *p, const char *key, struct round *r, struct provision_view *v)
{
    const struct kube_pvc *now = kube_as_pvc(kube_informer_get_key(p->claim_cache, key));
    const struct kube_pvc *was = NULL;

    r->op = provision_op_find(p, key);
    was = r->op ? claim_of(r->op) : NULL;
    v->is_gone = was && (!now || strcmp(now->o.meta.uid, was->o.meta.uid) != 0);
    r->claim = v->is_gone || !now ? was : now;
    if (!r->claim)
        return false;
    r->name = provision_name_of(r->claim);
    r->backend = r->name ? provision_backend_of(p, r->name) : NULL;
    if (!r->backend)
        return false;
    r->class =
        r->op && r->op->class ? kube_as_class(r->op->class)
                              : kube_as_class(kube_informer_get(
                                  p->class_cache, "", kube_claim_class(r->claim, &(bool){false})));
    r->volume_name = provision_volume_name(p->o->volume_name_prefix, r->claim);
    v->claim = r->claim;
    v->class = r->class;
    v->pv = kube_as_pv(kube_informer_get(p->pv_cache, "", r->volume_name));
    v->is_ready = r->backend->is_ready(p, r->name);
    v->state = r->op ? r->op->state : PROVISION_IDLE;
    return true;
}

static void next_round(struct csi_work *w)
{
    struct provisioner *p = owner(w);
    const char *key = kube_task_key(w->task);
    struct provision_view v = {0};
    struct round r = {0};
    enum provision_step step;
    uint8_t state;

    if (!look(p, key, &r, &v)) {
        csi_work_done(w);
        return;
    }
    state = v.state;
    step = provision_decide(&v, &state);
    if (!r.op && state != PROVISION_IDLE) /* another process' claim, now ours */
        r.op = provision_op_add(p, key, r.claim);
    if (r.op) {
        r.op->state = state;
        if (!r.op->class && r.class)
            r.op->class = kube_object_ref(&r.class->o);
    }
    w->data = NULL;
    act(w, step, &r);
    free(r.volume_name);
}

void provision_sync_claim(void *ctx, struct kube_task *task)
{
    struct provisioner *p = ctx;

    next_round(csi_work_begin(&p->works, task, p));
}
