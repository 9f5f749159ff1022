/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/protection/protection.h"

#include <string.h>

#include "codec/json-writer.h"
#include "volume/binder/pod-claims.h"

enum protection_act protection_decide(const struct kube_object *o, const char *finalizer,
                                      enum protection_use use)
{
    bool has = kube_strs_has(&o->meta.finalizers, finalizer);

    if (!o->meta.deleted)
        return has ? PROTECTION_NOTHING : PROTECTION_ADD;
    if (!has || use == PROTECTION_USED)
        return PROTECTION_NOTHING;
    return use == PROTECTION_FREE ? PROTECTION_REMOVE : PROTECTION_LOOK;
}

/* Deleted for good; the kubelet is done with it. */
static bool is_shut_down(const struct kube_pod *pod)
{
    return pod->o.meta.deleted && pod->o.meta.grace_seconds == 0;
}

static bool is_controlled_by(const struct kube_meta *m, const char *uid)
{
    const struct kube_owner *owners = m->owners.v;

    for (uint32_t i = 0; i < m->owners.n; i++) {
        if (owners[i].is_controller)
            return strcmp(owners[i].uid, uid) == 0;
    }
    return false;
}

bool protection_pod_uses(const struct kube_pod *pod, const struct kube_pvc *claim)
{
    const struct kube_volume *volumes = pod->spec.volumes.v;
    char out[POD_CLAIM_MAX];

    if (!pod->spec.node[0] || strcmp(pod->o.meta.ns, claim->o.meta.ns) != 0)
        return false;
    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        const char *name = pod_claim_name(pod, &volumes[i], out);

        if (!name || strcmp(name, claim->o.meta.name) != 0)
            continue;
        if (volumes[i].claim
            || (!is_shut_down(pod) && is_controlled_by(&claim->o.meta, pod->o.meta.uid)))
            return true;
    }
    return false;
}

enum protection_use protection_use_of(const struct kube_pv *pv)
{
    return pv->status.phase == KUBE_PV_BOUND ? PROTECTION_USED : PROTECTION_FREE;
}

static void emit_class(const char *name, kube_emit_fn emit, void *to)
{
    if (name && *name)
        emit(to, name);
}

void protection_classes_index(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    const struct kube_pvc *claim = kube_as_pvc(o);

    if (!claim) {
        emit_class(kube_as_pv(o)->spec.attributes_class, emit, to);
        return;
    }
    emit_class(claim->spec.attributes_class, emit, to);
    emit_class(claim->status.attributes_class, emit, to);
    if (claim->status.modify)
        emit_class(claim->status.modify->target, emit, to);
}

bool protection_pod_matters(const struct kube_pod *now)
{
    return kube_pod_is_terminated(now) || now->o.meta.deleted || !now->spec.node[0];
}

void protection_write_patch(const struct kube_object *o, const char *finalizer,
                            enum protection_act act, struct ol_buf *to)
{
    const struct kube_strs *all = &o->meta.finalizers;
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "resourceVersion", o->meta.resource_version);
    ol_jw_list(&w, "finalizers");
    for (uint32_t i = 0; i < all->n; i++) {
        if (strcmp(all->v[i], finalizer) != 0)
            ol_jw_str(&w, NULL, all->v[i]);
    }
    if (act == PROTECTION_ADD)
        ol_jw_str(&w, NULL, finalizer);
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
