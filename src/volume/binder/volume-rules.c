/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/base/kind.h"
#include "volume/binder/patch.h"

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

static bool is_reclaimed(const struct kube_pv *pv)
{
    return pv->status.phase == KUBE_PV_RELEASED || pv->status.phase == KUBE_PV_FAILED;
}

static void set_phase(struct binder_step *s, const struct kube_pv *pv, enum kube_pv_phase phase)
{
    s->is_last = true;
    if (!binder_patch_pv_phase(s, pv, phase, ""))
        s->act = BINDER_NOTHING;
}

static void start(struct binder_step *s, const struct kube_pv *pv, enum binder_op_kind op)
{
    s->act = BINDER_START;
    s->is_last = true;
    s->object = &pv->o;
    s->op = op;
}

static void decide_reclaim(const struct kube_pv *pv, struct binder_step *s)
{
    static const char unknown[] = "Volume has unrecognized PersistentVolumeReclaimPolicy";
    const char *migrated = annotation(&pv->o, BINDER_MIGRATED_TO);

    if (migrated && migrated[0])
        return;
    switch (pv->spec.reclaim) {
    case KUBE_RETAIN: return;
    case KUBE_RECYCLE: start(s, pv, BINDER_RECYCLE); return;
    case KUBE_DELETE: start(s, pv, BINDER_DELETE); return;
    default:
        s->is_last = true;
        if (binder_patch_pv_phase(s, pv, KUBE_PV_FAILED, unknown))
            binder_step_event(s, &pv->o, KUBE_WARNING, "VolumeUnknownReclaimPolicy", "%s", unknown);
    }
}

/* First the phase, so that people see it; the next look reclaims. */
static void decide_release(const struct kube_pv *pv, struct binder_step *s)
{
    if (is_reclaimed(pv))
        decide_reclaim(pv, s);
    else
        binder_patch_pv_phase(s, pv, KUBE_PV_RELEASED, "");
}

/*
 * The claim that the volume belongs to; NULL: there is none. The cache may be old in both
 * directions, and what is decided here may destroy data: unless the API itself has been asked, an
 * absent claim and one of another UID are not believed. False: ask first.
 */
static bool find_claim(const struct binder_rules *r, const struct kube_pv *pv,
                       const struct binder_learnt *learnt, const struct kube_pvc **ret)
{
    const struct kube_ref *ref = pv->spec.claim;
    const struct kube_pvc *claim = r->view->claim(r->self, ref->ns, ref->name);

    if (!claim && !is_reclaimed(pv)) {
        if (!learnt->has_looked)
            return false;
        claim = learnt->claim;
    }
    if (claim && strcmp(claim->o.meta.uid, ref->uid) != 0) {
        if (!learnt->has_looked)
            return false;
        claim = learnt->claim;
    }
    *ret = claim && strcmp(claim->o.meta.uid, ref->uid) == 0 ? claim : NULL;
    return true;
}

static void decide_unbound_claim(const struct kube_pv *pv, const struct kube_pvc *claim,
                                 struct binder_step *s)
{
    s->is_last = true;
    if (binder_has_mode(pv, claim)) {
        s->act = BINDER_QUEUE_CLAIM;
        s->ref = pv->spec.claim;
        return;
    }
    binder_step_event(s, &pv->o, KUBE_WARNING, "VolumeMismatch",
                      "Cannot bind PersistentVolume to requested PersistentVolumeClaim \"%s\" due "
                      "to incompatible volumeMode.",
                      claim->o.meta.name);
    binder_step_event(s, &claim->o, KUBE_WARNING, "VolumeMismatch",
                      "Cannot bind PersistentVolume \"%s\" to requested PersistentVolumeClaim due "
                      "to incompatible volumeMode.",
                      pv->o.meta.name);
}

/* The claim uses another volume. */
static void decide_unused(const struct kube_pv *pv, struct binder_step *s)
{
    if (annotation(&pv->o, BINDER_PROVISIONED_BY) && pv->spec.reclaim == KUBE_DELETE)
        decide_release(pv, s);
    else
        binder_patch_unbind(s, pv);
}

void binder_decide_volume(const struct binder_rules *r, const struct kube_pv *pv,
                          const struct binder_learnt *learnt, struct binder_step *ret)
{
    const struct kube_pvc *claim = NULL;

    if (binder_patch_migrated_pv(ret, r, pv))
        return;
    if (!pv->spec.claim || !pv->spec.claim->uid[0]) {
        set_phase(ret, pv, KUBE_PV_AVAILABLE);
        return;
    }
    if (!find_claim(r, pv, learnt, &claim)) {
        ret->act = BINDER_GET_CLAIM;
        ret->ref = pv->spec.claim;
    } else if (!claim) {
        decide_release(pv, ret);
    } else if (!claim->spec.volume_name[0]) {
        decide_unbound_claim(pv, claim, ret);
    } else if (strcmp(claim->spec.volume_name, pv->o.meta.name) == 0) {
        set_phase(ret, pv, KUBE_PV_BOUND);
    } else {
        decide_unused(pv, ret);
    }
}
