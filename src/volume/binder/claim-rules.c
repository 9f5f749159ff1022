/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/patch.h"

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

/* A class that doesn't exist delays nothing: the claim then hears that it is missing. */
static bool is_delayed(const struct binder_rules *r, const char *class_name)
{
    const struct kube_class *c = class_name[0] ? r->view->class_of(r->self, class_name) : NULL;

    return c && c->binding_mode == KUBE_WAIT_FOR_FIRST_CONSUMER;
}

/* The phase without a volume; nothing when it is that already. Ends the round. */
static void set_phase(struct binder_step *s, const struct kube_pvc *claim,
                      enum kube_pvc_phase phase)
{
    s->is_last = true;
    if (binder_patch_claim_status(s, claim, phase, NULL) == 0)
        s->act = BINDER_NOTHING;
}

/* Four writes, each left out when it would change nothing: volume, its phase, claim, its status. */
static void decide_bind(struct binder_step *s, const struct kube_pv *pv,
                        const struct kube_pvc *claim)
{
    int r = 0;

    if (binder_patch_bind_pv(s, pv, claim)) {
        s->name = pv->o.meta.name;
        return;
    }
    if (binder_patch_pv_phase(s, pv, KUBE_PV_BOUND, ""))
        return;
    if (binder_patch_bind_claim(s, claim, pv))
        return;
    r = binder_patch_claim_status(s, claim, KUBE_PVC_BOUND, pv);
    s->is_last = true;
    if (r < 0)
        s->act = BINDER_FAIL;
    else if (r == 0)
        s->act = BINDER_NOTHING;
}

static void add_name(struct ol_buf *names, const char *name, size_t *n)
{
    if ((*n)++)
        ol_buf_addc(names, ',');
    ol_buf_adds(names, name);
}

/* The delayed claim's pods that have no node yet are what it waits for; without any, for the
 * first. */
static void tell_waiting(const struct binder_rules *r, const struct kube_pvc *claim,
                         struct binder_step *s)
{
    ol_auto(ol_buf_done) struct ol_buf names = OL_BUF_INIT(900);
    const struct kube_pod *pod = NULL;
    size_t n = 0;

    for (size_t at = 0;
         (pod = r->view->each_pod(r->self, claim->o.meta.ns, claim->o.meta.name, &at));) {
        if (!kube_pod_is_terminated(pod) && !pod->spec.node[0])
            add_name(&names, pod->o.meta.name, &n);
    }
    if (!n)
        binder_step_event(s, &claim->o, KUBE_NORMAL, "WaitForFirstConsumer",
                          "waiting for first consumer to be created before binding");
    else
        binder_step_event(s, &claim->o, KUBE_NORMAL, "WaitForPodScheduled",
                          "waiting for pod%s %s to be scheduled", n > 1 ? "s" : "", names.data);
}

static void decide_provision(const struct binder_rules *r, const struct kube_pvc *claim,
                             struct binder_step *s)
{
    struct ol_err err = OL_ERR_INIT;

    s->is_last = true;
    if (r->options->off & BINDER_OFF_PROVISIONING)
        return;
    if (binder_find_provisioner(r, claim, &s->plugin, &s->cls, &err) < 0) {
        binder_step_event(s, &claim->o, KUBE_WARNING, "ProvisioningFailed", "%s",
                          ol_err_text(&err));
        return;
    }
    s->act = BINDER_START;
    s->object = &claim->o;
    s->op = s->plugin ? BINDER_PROVISION : BINDER_PROVISION_EXTERNAL;
}

static void decide_without_match(const struct binder_rules *r, const struct kube_pvc *claim,
                                 struct binder_step *s)
{
    bool has_class = false;
    const char *class_name = kube_claim_class(claim, &has_class);
    const struct kube_class *fallback = has_class ? NULL : binder_default_class(r);

    s->is_waiting = !fallback && !is_delayed(r, class_name);
    if (fallback) {
        binder_patch_class(s, claim, fallback->o.meta.name);
        s->is_last = true;
    } else if (is_delayed(r, class_name) && !annotation(&claim->o, BINDER_SELECTED_NODE)) {
        tell_waiting(r, claim, s);
        set_phase(s, claim, KUBE_PVC_PENDING);
    } else if (class_name[0]) {
        decide_provision(r, claim, s);
    } else {
        binder_step_event(
            s, &claim->o, KUBE_NORMAL, "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set");
        set_phase(s, claim, KUBE_PVC_PENDING);
    }
}

/* The volume that this round has begun to bind, if it is still the claim's. */
static const struct kube_pv *begun(const struct binder_rules *r, const struct kube_pvc *claim,
                                   const struct binder_learnt *learnt)
{
    const struct kube_pv *pv = learnt->volume ? binder_index_get(r->index, learnt->volume) : NULL;

    return pv && pv->spec.claim && binder_is_bound_to(pv, claim) ? pv : NULL;
}

static void decide_any_volume(const struct binder_rules *r, const struct kube_pvc *claim,
                              const struct binder_learnt *learnt, struct binder_step *s)
{
    bool has_class = false;
    const struct kube_pv *pv = begun(r, claim, learnt);

    if (!pv)
        pv = binder_find_best(r->index, claim, is_delayed(r, kube_claim_class(claim, &has_class)));
    if (pv)
        decide_bind(s, pv, claim);
    else
        decide_without_match(r, claim, s);
}

static void decide_taken(const struct kube_pv *pv, const struct kube_pvc *claim,
                         struct binder_step *s)
{
    const struct kube_ref *ref = pv->spec.claim;

    binder_step_event(s, &claim->o, KUBE_WARNING, "FailedBinding",
                      "volume \"%s\" already bound to a different claim.", pv->o.meta.name);
    if (!annotation(&claim->o, BINDER_BOUND_BY_CONTROLLER)) {
        set_phase(s, claim, KUBE_PVC_PENDING);
        return;
    }
    s->act = BINDER_FAIL;
    (void)!ol_err_set(
        &s->err, EINVAL,
        "invalid binding of claim \"%s/%s\" to volume \"%s\": volume already claimed by \"%s/%s\"",
        claim->o.meta.ns, claim->o.meta.name, pv->o.meta.name, ref->ns, ref->name);
}

static void decide_named_volume(const struct binder_rules *r, const struct kube_pvc *claim,
                                struct binder_step *s)
{
    const struct kube_pv *pv = binder_index_get(r->index, claim->spec.volume_name);
    bool has_attributes_classes = !(r->options->off & BINDER_OFF_ATTRIBUTES_CLASS);
    char why[320];

    if (!pv) {
        set_phase(s, claim, KUBE_PVC_PENDING);
    } else if (pv->spec.claim) {
        if (binder_is_bound_to(pv, claim))
            decide_bind(s, pv, claim);
        else
            decide_taken(pv, claim, s);
    } else if (binder_mismatch(pv, claim, has_attributes_classes, why)) {
        binder_step_event(s, &claim->o, KUBE_WARNING, "VolumeMismatch",
                          "Cannot bind to requested volume \"%s\": %s", pv->o.meta.name, why);
        set_phase(s, claim, KUBE_PVC_PENDING);
    } else {
        decide_bind(s, pv, claim);
    }
}

static void lose(struct binder_step *s, const struct kube_pvc *claim, const char *reason,
                 const char *text)
{
    if (claim->status.phase == KUBE_PVC_LOST)
        return;
    binder_step_event(s, &claim->o, KUBE_WARNING, reason, "%s", text);
    set_phase(s, claim, KUBE_PVC_LOST);
}

static void decide_bound(const struct binder_rules *r, const struct kube_pvc *claim,
                         struct binder_step *s)
{
    const struct kube_pv *pv =
        claim->spec.volume_name[0] ? binder_index_get(r->index, claim->spec.volume_name) : NULL;

    if (!claim->spec.volume_name[0])
        lose(s, claim, "ClaimLost",
             "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
    else if (!pv)
        lose(s, claim, "ClaimLost",
             "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    else if (!pv->spec.claim || strcmp(pv->spec.claim->uid, claim->o.meta.uid) == 0)
        decide_bind(s, pv, claim);
    else
        lose(s, claim, "ClaimMisbound",
             "Two claims are bound to the same volume, this one is bound incorrectly");
}

void binder_decide_claim(const struct binder_rules *r, const struct kube_pvc *claim,
                         const struct binder_learnt *learnt, struct binder_step *ret)
{
    if (binder_patch_migrated_claim(ret, r, claim))
        return;
    if (annotation(&claim->o, BINDER_BIND_COMPLETED))
        decide_bound(r, claim, ret);
    else if (claim->spec.volume_name[0])
        decide_named_volume(r, claim, ret);
    else
        decide_any_volume(r, claim, learnt, ret);
}
