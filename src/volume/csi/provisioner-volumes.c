/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/cleanup.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/provisioner-internal.h"

/* Volumes that go: DeleteVolume, DELETE of the PersistentVolume, then our finalizer; and the
 * finalizer itself, which follows the reclaim policy. Each step can be done twice. */
enum { BODY_MAX = 1 << 20 };

static struct provisioner *owner(const struct csi_work *w)
{
    return w->ctx;
}

/* The volume of this work; NULL when it is gone meanwhile. */
static const struct kube_pv *volume_of(const struct csi_work *w)
{
    return kube_as_pv(kube_informer_get(owner(w)->pv_cache, "", kube_task_key(w->task)));
}

static void patch_finalizer(struct csi_work *w, const struct kube_pv *pv, enum csi_patch what)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {
        .verb = KUBE_VERB_PATCH_MERGE, .kind = &kube_pv_kind, .name = pv->o.meta.name};

    csi_patch_finalizer(&body, &pv->o, what, PROVISIONER_FINALIZER);
    ask.body = body.data;
    ask.size = body.len;
    csi_work_api(w, &ask, csi_work_next);
}

/* Last step: the object goes when no other finalizer holds it. */
static void object_deleted(struct csi_work *w, const struct kube_answer *a)
{
    const struct kube_pv *pv = volume_of(w);
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_NOT_FOUND || (a->reason == KUBE_OK && !pv)) {
        csi_work_done(w);
        return;
    }
    if (a->reason != KUBE_OK) {
        (void)kube_answer_error(a, &err);
        csi_work_fail(w, &err);
        return;
    }
    /* The answer carries the object as it is now, with a resource version that fits. */
    if (kube_as_pv(a->object))
        pv = kube_as_pv(a->object);
    if (csi_has_finalizer(&pv->o, PROVISIONER_FINALIZER))
        patch_finalizer(w, pv, CSI_PATCH_REMOVE);
    else
        csi_work_done(w);
}

static void volume_removed(struct csi_work *w, enum csi_outcome outcome, const struct ol_err *err)
{
    const struct kube_pv *pv = volume_of(w);
    struct kube_ask ask = {.verb = KUBE_VERB_DELETE, .kind = &kube_pv_kind};

    if (!pv) {
        csi_work_done(w);
        return;
    }
    if (outcome != CSI_OUTCOME_OK) {
        kube_event_add(owner(w)->events, &pv->o, KUBE_WARNING, "VolumeFailedDelete", "%s",
                       ol_err_text(err));
        csi_work_fail(w, err);
        return;
    }
    if (pv->o.meta.deleted != 0) {
        patch_finalizer(w, pv, CSI_PATCH_REMOVE);
        return;
    }
    ask.name = pv->o.meta.name;
    csi_work_api(w, &ask, object_deleted);
}

/* Which secret DeleteVolume takes: the annotations say, or for older volumes the class. */
static int secret_of(const struct provisioner *p, const struct kube_pv *pv,
                     const struct kube_class *class, struct ol_arena *a, struct csi_secret_ref *ret,
                     struct ol_err *err)
{
    const char *name =
        csi_annotation(&pv->o, "volume.kubernetes.io/provisioner-deletion-secret-name");
    const char *ns =
        csi_annotation(&pv->o, "volume.kubernetes.io/provisioner-deletion-secret-namespace");
    struct kube_meta claim = {0};

    *ret = (struct csi_secret_ref){NULL, NULL};
    if (name && ns) {
        if (*name && *ns)
            *ret = (struct csi_secret_ref){ns, name};
        return 0;
    }
    if (!class || !pv->spec.claim)
        return 0;
    claim.name = pv->spec.claim->name;
    claim.ns = pv->spec.claim->ns;
    return csi_parameters_secret(&class->parameters, CSI_SECRET_PROVISIONER, pv->o.meta.name,
                                 &claim, a, ret, err);
}

static void remove_volume(struct csi_work *w, const struct kube_pv *pv,
                          const struct provision_backend *b, const char *name)
{
    struct provisioner *p = owner(w);
    const struct kube_class *class =
        kube_as_class(kube_informer_get(p->class_cache, "", kube_pv_class(pv)));
    struct provision_volume v = {0};
    struct provision_removal r = {.class = class, .name = name, .removed = volume_removed};
    struct ol_err err = OL_ERR_INIT;
    int e = secret_of(p, pv, class, &w->arena, &r.secret, &err);

    if (pv->spec.csi)
        v.handle = pv->spec.csi->handle;
    if (pv->spec.nfs) {
        v.nfs_server = pv->spec.nfs->server;
        v.nfs_path = pv->spec.nfs->path;
    }
    if (e == 0 && !v.handle && !v.nfs_path)
        e = ol_err_set(&err, EINVAL, "invalid CSI PV");
    if (e < 0) {
        volume_removed(w, CSI_OUTCOME_FINAL, &err);
        return;
    }
    provision_volume_copy(&w->arena, &v, &r.volume);
    b->remove(w, &r);
}

static const struct kube_va *any_attachment(const struct provisioner *p, const struct kube_pv *pv)
{
    size_t at = 0;

    return kube_as_va(kube_index_each(p->va_by_pv, pv->o.meta.name, &at));
}

static void act(struct csi_work *w, const struct kube_pv *pv, const struct provision_backend *b,
                const char *name)
{
    const struct kube_va *va = any_attachment(owner(w), pv);
    struct ol_err err = OL_ERR_INIT;

    switch (remove_decide(pv, va)) {
    case REMOVE_ADD_FINALIZER: patch_finalizer(w, pv, CSI_PATCH_ADD); return;
    case REMOVE_DROP_FINALIZER: patch_finalizer(w, pv, CSI_PATCH_REMOVE); return;
    case REMOVE_VOLUME: remove_volume(w, pv, b, name); return;
    case REMOVE_TELL_ATTACHED:
        csi_error_say(&err, EBUSY, "persistentvolume %s is still attached to node %s",
                      pv->o.meta.name, va->node);
        volume_removed(w, CSI_OUTCOME_FINAL, &err);
        return;
    case REMOVE_NOTHING: break;
    }
    csi_work_done(w);
}

void provision_sync_volume(void *ctx, struct kube_task *task)
{
    struct provisioner *p = ctx;
    const struct kube_pv *pv = kube_as_pv(kube_informer_get(p->pv_cache, "", kube_task_key(task)));
    const char *name = pv ? remove_name_of(pv) : NULL;
    const struct provision_backend *b = name ? provision_backend_of(p, name) : NULL;
    enum remove_step step = b ? remove_decide(pv, any_attachment(p, pv)) : REMOVE_NOTHING;

    /* A driver that isn't there brings all its volumes back when it comes. */
    if (step == REMOVE_NOTHING || (step == REMOVE_VOLUME && !b->is_ready(p, name))) {
        kube_task_done(task);
        return;
    }
    act(csi_work_begin(&p->works, task, p), pv, b, name);
}
