/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/attach/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/alloc.h"
#include "volume/binder/pod-claims.h"

/* A driver that nobody has described wants it. */
static bool wants_attach(const struct attach_view *view, void *self, const char *driver)
{
    const struct kube_csidriver *d = view->driver(self, driver);

    return !d || d->attach_required != 0;
}

/* Several nodes at once: also where no mode says anything. */
static bool is_shareable(const struct kube_pv *pv)
{
    return !pv->spec.access_modes || (pv->spec.access_modes & (KUBE_ROX | KUBE_RWX));
}

static char *iscsi_name(const struct kube_iscsi_source *s)
{
    return ol_xasprintf("kubernetes.io/iscsi/%s:%s:%" PRId64, s->portal, s->iqn, s->lun);
}

int attach_spec_of_pv(const struct attach_view *view, void *self, const struct kube_pv *pv,
                      struct attach_spec *ret)
{
    const struct kube_csi_source *csi = pv->spec.csi;

    if (!pv->spec.iscsi && (!csi || !wants_attach(view, self, csi->driver)))
        return 0;
    *ret = (struct attach_spec){
        .pv_name = ol_xstrdup(pv->o.meta.name),
        .shown = ol_xstrdup(pv->o.meta.name),
        .is_shareable = is_shareable(pv),
    };
    if (csi) {
        ret->name = ol_xasprintf("kubernetes.io/csi/%s^%s", csi->driver, csi->handle);
        ret->driver = ol_xstrdup(csi->driver);
        ret->handle = ol_xstrdup(csi->handle);
    } else {
        ret->name = iscsi_name(pv->spec.iscsi);
    }
    return 1;
}

static int of_inline(const struct kube_volume *volume, struct attach_spec *ret)
{
    if (!volume->iscsi)
        return 0;
    *ret = (struct attach_spec){
        .name = iscsi_name(volume->iscsi),
        .shown = ol_xstrdup(volume->name),
        .is_shareable = true,
    };
    return 1;
}

/* The claim that was made for the pod, and not one that has its name by chance. */
static bool is_for_pod(const struct kube_pvc *claim, const struct kube_pod *pod)
{
    const struct kube_owner *owners = claim->o.meta.owners.v;

    for (uint32_t i = 0; i < claim->o.meta.owners.n; i++) {
        if (owners[i].is_controller)
            return strcmp(owners[i].uid, pod->o.meta.uid) == 0;
    }
    return false;
}

int attach_spec_of(const struct attach_view *view, void *self, const struct kube_pod *pod,
                   const struct kube_volume *volume, struct attach_spec *ret)
{
    char out[POD_CLAIM_MAX];
    const char *name = pod_claim_name(pod, volume, out);
    const struct kube_pvc *claim = NULL;
    const struct kube_pv *pv = NULL;

    if (!name)
        return of_inline(volume, ret);
    claim = view->claim(self, pod->o.meta.ns, name);
    if (!claim || claim->status.phase != KUBE_PVC_BOUND || !claim->spec.volume_name[0])
        return -ENOENT;
    if (volume->ephemeral && !is_for_pod(claim, pod))
        return -ENOENT;
    pv = view->pv(self, claim->spec.volume_name);
    if (!pv || !pv->spec.claim || strcmp(pv->spec.claim->uid, claim->o.meta.uid) != 0)
        return -ENOENT;
    return attach_spec_of_pv(view, self, pv, ret);
}
