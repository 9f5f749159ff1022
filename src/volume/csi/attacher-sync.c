/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/strv.h"
#include "volume/csi/attacher-internal.h"
#include "volume/csi/csi-error.h"
#include "volume/csi/csi-message-internal.h"
#include "volume/csi/csi-patch.h"

enum { BODY_MAX = 1 << 20 };

static struct attacher *owner(const struct csi_work *w)
{
    return w->ctx;
}

ol_time attacher_timeout(const struct attacher *a)
{
    return a->o->timeout ? a->o->timeout : 15 * OL_SECOND;
}

static const struct kube_va *va_of(const struct csi_work *w)
{
    return kube_as_va(kube_informer_get(owner(w)->va_cache, "", kube_task_key(w->task)));
}

static void take_forced(struct attacher *a, const char *name)
{
    for (size_t i = 0; i < a->forced.n; i++)
        if (strcmp(a->forced.v[i], name) == 0)
            ol_strv_remove(&a->forced, i--);
}

static void patch(struct csi_work *w, const struct kube_kind *kind, const char *subresource,
                  const struct ol_buf *body,
                  void (*then)(struct csi_work *w, const struct kube_answer *a))
{
    const struct kube_va *va = va_of(w);
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE,
                           .kind = kind,
                           .name =
                               kind == &kube_pv_kind && va ? va->pv_name : kube_task_key(w->task),
                           .subresource = subresource,
                           .body = body->data,
                           .size = body->len};

    csi_work_api(w, &ask, then);
}

/* --- failures --- */
struct failure {
    struct ol_err err;
};

static void failure_told(struct csi_work *w, const struct kube_answer *a)
{
    const struct failure *f = w->data;

    csi_work_fail(w, &f->err); /* the attachment's own error is the one to tell */
}

static void fail(struct csi_work *w, const struct ol_err *err)
{
    const struct kube_va *va = va_of(w);
    const char *member = va && va->o.meta.deleted != 0 ? "detachError" : "attachError";
    struct failure *f = ol_arena_alloc(&w->arena, sizeof(*f));
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    int code = err->domain && strcmp(err->domain, "gRPC") == 0 ? err->status : -1;

    f->err = *err;
    w->data = f;
    attacher_write_error(&body, member, ol_now_wall(owner(w)->k->loop->env),
                         strcmp(member, "attachError") == 0 ? code : -1, ol_err_text(err));
    patch(w, &kube_va_kind, "status", &body, failure_told);
}

/* --- attaching --- */
static void marked(struct csi_work *w, const struct kube_answer *a)
{
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_OK || a->reason == KUBE_NOT_FOUND) {
        csi_work_done(w);
        return;
    }
    (void)kube_answer_error(a, &err);
    csi_work_fail(w, &err);
}

static void mark(struct csi_work *w, const struct kube_map *metadata)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    attacher_write_attached(&body, metadata);
    patch(w, &kube_va_kind, "status", &body, marked);
}

static void published(struct csi_work *w, const struct csi_reply *r)
{
    const Csi__V1__ControllerPublishVolumeResponse *m = (const void *)r->message_body;
    struct kube_map metadata = {NULL, 0};
    struct ol_err err = OL_ERR_INIT;

    if (!m) {
        csi_error_set(&err, r->code, r->message);
        fail(w, &err);
        return;
    }
    csi_message_read_map(m->n_publish_context, m->publish_context, &w->arena, &metadata);
    mark(w, &metadata);
}

static void publish_with_secret(struct csi_work *w, int e, const struct ol_err *secret_err)
{
    struct attacher *a = owner(w);
    const struct attacher_plan *plan = w->data;
    const struct kube_va *va = va_of(w);
    const struct kube_pv *pv =
        va && va->pv_name ? kube_as_pv(kube_informer_get(a->pv_cache, "", va->pv_name)) : NULL;
    const struct csi_driver *d = va ? csi_driver_find(a->works.drivers, va->attacher) : NULL;
    Csi__V1__ControllerPublishVolumeRequest q = CSI__V1__CONTROLLER_PUBLISH_VOLUME_REQUEST__INIT;

    if (e < 0) {
        fail(w, secret_err);
        return;
    }
    if (!d || !pv || !pv->spec.csi || va->o.meta.deleted != 0) {
        csi_work_again(w); /* the world has changed meanwhile */
        return;
    }
    q.volume_id = (char *)plan->handle;
    q.node_id = (char *)plan->node_id;
    q.readonly = plan->is_read_only;
    q.volume_capability = csi_message_capability(
        plan->mode, pv->spec.volume_mode == KUBE_MODE_BLOCK,
        pv->spec.csi->fs_type && *pv->spec.csi->fs_type ? pv->spec.csi->fs_type
                                                        : a->o->default_fs_type,
        &pv->spec.mount_options, &w->arena);
    csi_message_map(&csi__v1__controller_publish_volume_request__volume_context_entry__descriptor,
                    &pv->spec.csi->attributes, &w->arena, &q.n_volume_context, &q.volume_context);
    csi_message_map(&csi__v1__controller_publish_volume_request__secrets_entry__descriptor,
                    &w->secrets, &w->arena, &q.n_secrets, &q.secrets);
    csi_work_call(w, d, &csi_controller_publish, &q.base, attacher_timeout(a), plan->handle,
                  published);
}

/* --- detaching --- */
static void freed(struct csi_work *w, const struct kube_answer *a)
{
    if (a->reason == KUBE_NOT_FOUND || a->reason == KUBE_OK)
        csi_work_done(w);
    else
        csi_work_next(w, a);
}

/* Last of all, since without the finalizer the attachment may be gone. */
static void detached(struct csi_work *w, const struct kube_answer *a)
{
    const struct kube_va *va = kube_as_va(a->object) ? kube_as_va(a->object) : va_of(w);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    char finalizer[320];

    if (a->reason != KUBE_OK || !va) {
        csi_work_next(w, a);
        return;
    }
    attacher_finalizer(va->attacher, finalizer);
    csi_patch_finalizer(&body, &va->o, CSI_PATCH_REMOVE, finalizer);
    patch(w, &kube_va_kind, NULL, &body, freed);
}

static void let_go(struct csi_work *w)
{
    const struct kube_va *va = va_of(w);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);

    if (!va) {
        csi_work_done(w);
        return;
    }
    attacher_write_detached(&body, va);
    patch(w, &kube_va_kind, "status", &body, detached);
}

static void unpublished(struct csi_work *w, const struct csi_reply *r)
{
    struct ol_err err = OL_ERR_INIT;

    if (csi_remove_outcome(r->code) == CSI_OUTCOME_OK) {
        let_go(w);
        return;
    }
    csi_error_set(&err, r->code, r->message);
    fail(w, &err);
}

static void unpublish_with_secret(struct csi_work *w, int e, const struct ol_err *secret_err)
{
    struct attacher *a = owner(w);
    const struct attacher_plan *plan = w->data;
    const struct kube_va *va = va_of(w);
    const struct csi_driver *d = va ? csi_driver_find(a->works.drivers, va->attacher) : NULL;
    Csi__V1__ControllerUnpublishVolumeRequest q =
        CSI__V1__CONTROLLER_UNPUBLISH_VOLUME_REQUEST__INIT;

    if (e < 0) {
        fail(w, secret_err);
        return;
    }
    if (!d) {
        csi_work_again(w);
        return;
    }
    q.volume_id = (char *)plan->handle;
    q.node_id = (char *)plan->node_id;
    csi_message_map(&csi__v1__controller_unpublish_volume_request__secrets_entry__descriptor,
                    &w->secrets, &w->arena, &q.n_secrets, &q.secrets);
    csi_work_call(w, d, &csi_controller_unpublish, &q.base, attacher_timeout(a), plan->handle,
                  unpublished);
}

/* --- the rounds --- */
static void hold_volume(struct csi_work *w, const struct kube_pv *pv, const char *driver)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    char finalizer[320];

    attacher_finalizer(driver, finalizer);
    csi_patch_finalizer(&body, &pv->o, CSI_PATCH_ADD, finalizer);
    patch(w, &kube_pv_kind, NULL, &body, csi_work_next);
}

static void hold(struct csi_work *w, const struct kube_va *va, const char *node_id)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    char finalizer[320];
    struct ol_jw j;

    attacher_finalizer(va->attacher, finalizer);
    csi_patch_begin(&j, &body, &va->o);
    csi_patch_finalizers(&j, &va->o, CSI_PATCH_ADD, finalizer);
    ol_jw_map(&j, "annotations");
    ol_jw_any(&j, "csi.alpha.kubernetes.io/node-id", node_id);
    ol_jw_end(&j);
    ol_jw_end(&j);
    ol_jw_end(&j);
    patch(w, &kube_va_kind, NULL, &body, csi_work_next);
}

static void with_secret(struct csi_work *w, const struct kube_pv *pv,
                        const struct attacher_plan *plan,
                        void (*then)(struct csi_work *w, int r, const struct ol_err *err))
{
    const struct kube_ref *ref = pv->spec.csi->controller_publish_secret;
    struct csi_secret_ref secret = {ref ? ref->ns : NULL, ref ? ref->name : NULL};
    struct attacher_plan *copy = ol_arena_alloc(&w->arena, sizeof(*copy));

    /* What it points to may change while the secret is fetched. */
    *copy = *plan;
    copy->node_id = ol_arena_strdup(&w->arena, plan->node_id);
    copy->handle = ol_arena_strdup(&w->arena, plan->handle);
    w->data = copy;
    csi_work_secret(w, &secret, then);
}

static void act(struct csi_work *w, const struct attacher_view *v)
{
    struct attacher_plan plan;
    struct ol_err err = OL_ERR_INIT;

    switch (attacher_decide(v, &plan, &err)) {
    case ATTACHER_MARK: mark(w, &(struct kube_map){NULL, 0}); return;
    case ATTACHER_FAIL: fail(w, &err); return;
    case ATTACHER_HOLD_VOLUME: hold_volume(w, v->pv, v->va->attacher); return;
    case ATTACHER_HOLD: hold(w, v->va, plan.node_id); return;
    case ATTACHER_PUBLISH:
        take_forced(owner(w), v->va->o.meta.name);
        with_secret(w, v->pv, &plan, publish_with_secret);
        return;
    case ATTACHER_UNPUBLISH:
        take_forced(owner(w), v->va->o.meta.name);
        with_secret(w, v->pv, &plan, unpublish_with_secret);
        return;
    case ATTACHER_LET_GO: let_go(w); return;
    case ATTACHER_NOTHING: break;
    }
    take_forced(owner(w), kube_task_key(w->task));
    csi_work_done(w);
}

void attacher_sync(void *ctx, struct kube_task *task)
{
    struct attacher *a = ctx;
    const char *key = kube_task_key(task);
    struct attacher_view v = {.va = kube_as_va(kube_informer_get(a->va_cache, "", key))};
    const struct csi_driver *d = v.va ? csi_driver_find(a->works.drivers, v.va->attacher) : NULL;

    /* A driver that isn't there brings all its attachments back when it comes. */
    if (!d) {
        take_forced(a, key);
        kube_task_done(task);
        return;
    }
    if (v.va->pv_name)
        v.pv = kube_as_pv(kube_informer_get(a->pv_cache, "", v.va->pv_name));
    v.csinode = kube_as_csinode(kube_informer_get(a->csinode_cache, "", v.va->node));
    v.controller = d->controller;
    v.is_forced = ol_strv_has(&a->forced, key);
    act(csi_work_begin(&a->works, task, a), &v);
}

/* --- volumes --- */
void attacher_sync_volume(void *ctx, struct kube_task *task)
{
    struct attacher *a = ctx;
    const struct kube_pv *pv = kube_as_pv(kube_informer_get(a->pv_cache, "", kube_task_key(task)));
    const char *driver = pv && pv->spec.csi ? pv->spec.csi->driver : NULL;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    char finalizer[320];
    size_t at = 0;

    if (!driver || !csi_driver_find(a->works.drivers, driver)
        || !attacher_frees_volume(pv, driver,
                                  kube_as_va(kube_index_each(a->va_by_pv, pv->o.meta.name, &at)))) {
        kube_task_done(task);
        return;
    }
    attacher_finalizer(driver, finalizer);
    csi_patch_finalizer(&body, &pv->o, CSI_PATCH_REMOVE, finalizer);
    csi_work_api(csi_work_begin(&a->works, task, a),
                 &(struct kube_ask){.verb = KUBE_VERB_PATCH_MERGE,
                                    .kind = &kube_pv_kind,
                                    .name = pv->o.meta.name,
                                    .body = body.data,
                                    .size = body.len},
                 csi_work_next);
}
