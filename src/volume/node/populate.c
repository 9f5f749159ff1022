/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/populate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"

/* The kubelet comes by a pod about once a minute. */
#define REDO (60 * OL_SECOND)

/* How a pod's containers use its volumes. */
enum use { USED_AS_FILES = 1 << 0, USED_AS_DEVICE = 1 << 1 };

static unsigned use_by(const struct kube_list *containers, const char *name)
{
    const struct kube_container *c = containers->v;
    unsigned use = 0;

    for (uint32_t i = 0; i < containers->n; i++) {
        const struct kube_volume_mount *m = c[i].mounts.v;
        const struct kube_volume_device *d = c[i].devices.v;

        for (uint32_t k = 0; k < c[i].mounts.n; k++)
            use |= !strcmp(m[k].name, name) ? USED_AS_FILES : 0;
        for (uint32_t k = 0; k < c[i].devices.n; k++)
            use |= !strcmp(d[k].name, name) ? USED_AS_DEVICE : 0;
    }
    return use;
}

static unsigned use_of(const struct kube_pod *pod, const char *name)
{
    return use_by(&pod->spec.containers, name) | use_by(&pod->spec.init_containers, name);
}

const char *node_claim_name(const struct kube_pod *pod, const struct kube_volume *v, char out[254])
{
    if (v->claim)
        snprintf(out, 254, "%s", v->claim->claim);
    else if (v->ephemeral)
        snprintf(out, 254, "%s-%s", pod->o.meta.name, v->name);
    else
        return NULL;
    return out;
}

bool node_csi_needs_attach(const struct kube_csidriver *d)
{
    return !d || d->attach_required != 0;
}

bool node_wants_expansion(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    const struct ol_quantity *has = kube_resource_get(&claim->status.capacity, "storage");
    const struct ol_quantity *is = kube_resource_get(&pv->spec.capacity, "storage");

    return pv->spec.csi && has && is && ol_quantity_cmp(is, has) > 0;
}

static bool is_owned_by(const struct kube_pvc *claim, const struct kube_pod *pod)
{
    const struct kube_owner *o = claim->o.meta.owners.v;

    for (uint32_t i = 0; i < claim->o.meta.owners.n; i++) {
        if (o[i].is_controller && !strcmp(o[i].uid, pod->o.meta.uid))
            return true;
    }
    return false;
}

/* What keeps a claim from being used; sentences of getPVCExtractPV. */
static int check_claim(const struct kube_pod *pod, const struct kube_volume *v,
                       const struct kube_pvc *claim, const char *name, struct ol_err *err)
{
    const char *ns = pod->o.meta.ns;

    if (!claim)
        return ol_err_set(err, ENOENT,
                          "error processing PVC %s/%s: failed to fetch PVC from API server: "
                          "persistentvolumeclaims \"%s\" not found",
                          ns, name, name);
    if (v->ephemeral && !is_owned_by(claim, pod))
        return ol_err_set(err, EEXIST, "PVC %s/%s was not created for pod %s/%s (pod is not owner)",
                          ns, name, ns, pod->o.meta.name);
    if (claim->o.meta.deleted)
        return ol_err_set(
            err, EBUSY, "error processing PVC %s/%s: can't start pod because PVC is being deleted",
            ns, name);
    if (claim->status.phase != KUBE_PVC_BOUND)
        return ol_err_set(err, EAGAIN, "error processing PVC %s/%s: PVC is not bound", ns, name);
    if (!claim->spec.volume_name || !*claim->spec.volume_name)
        return ol_err_set(
            err, EAGAIN, "error processing PVC %s/%s: PVC has empty pvc.Spec.VolumeName", ns, name);
    return 0;
}

static int check_pv(const struct kube_pvc *claim, const struct kube_pv *pv,
                    const struct kube_node *node, struct ol_err *err)
{
    const char *name = claim->spec.volume_name;

    if (!pv)
        return ol_err_set(err, ENOENT,
                          "error processing PVC %s/%s: failed to fetch PV \"%s\" from API server: "
                          "persistentvolumes \"%s\" not found",
                          claim->o.meta.ns, claim->o.meta.name, name, name);
    if (!pv->spec.claim || !pv->spec.claim->uid)
        return ol_err_set(err, EAGAIN,
                          "found PV object %s with nil or empty claimRef indicating it is not yet "
                          "bound to the claim",
                          name);
    if (strcmp(pv->spec.claim->uid, claim->o.meta.uid) != 0)
        return ol_err_set(err, EEXIST,
                          "found PV object %s with a claimRef.UID %s that does not point to claim "
                          "PVC %s",
                          name, pv->spec.claim->uid, claim->o.meta.uid);
    if (pv->spec.affinity && pv->spec.affinity->required && node
        && !kube_node_matches(pv->spec.affinity->required, node))
        return ol_err_set(err, EXDEV,
                          "MountVolume.NodeAffinity check failed for volume \"%s\" : no matching "
                          "NodeSelectorTerms",
                          name);
    return 0;
}

/* CSI: whether the driver takes volumes of this life cycle at all, and whether it is attached. */
static int ask_driver(const struct node_lookup *l, struct node_want *want, struct ol_err *err)
{
    const struct volume_spec *s = &want->spec;
    const char *driver = s->pv ? s->pv->spec.csi->driver : s->volume->csi->driver;
    const char *mode = s->pv ? "Persistent" : "Ephemeral";
    const struct kube_csidriver *d = l->csidriver(l->ctx, driver);
    bool has_modes = d && d->lifecycle_modes.n;

    if (has_modes ? !kube_strs_has(&d->lifecycle_modes, mode) : !s->pv)
        return ol_err_set(err, EINVAL,
                          "volume mode \"%s\" not supported by driver %s (only "
                          "supports [\"%s\"])",
                          mode, driver, s->pv ? "Ephemeral" : "Persistent");
    want->is_attachable = s->pv && node_csi_needs_attach(d);
    if (d && d->requires_republish > 0)
        want->redo_every = REDO;
    return 0;
}

static int check_mode(const struct volume_spec *spec, const char *outer, unsigned use,
                      struct ol_err *err)
{
    bool is_block = volume_spec_mode(spec) == KUBE_MODE_BLOCK;

    if (is_block && (use & USED_AS_FILES))
        return ol_err_set(
            err, EINVAL, "volume %s has volumeMode Block, but is specified in volumeMounts", outer);
    if (!is_block && (use & USED_AS_DEVICE))
        return ol_err_set(err, EINVAL,
                          "volume %s has volumeMode Filesystem, but is specified in volumeDevices",
                          outer);
    return 0;
}

/* ReadWriteOncePod: another pod of this node has it. */
static int check_exclusive(const struct node_world *w, const struct node_want *want,
                           struct ol_err *err)
{
    const struct kube_pv *pv = want->spec.pv;
    const struct node_volume *v = node_volume_find(w, want->name);

    if (!pv || !(pv->spec.access_modes & KUBE_RWOP) || !v)
        return 0;
    for (size_t i = 0; i < v->n_mounts; i++) {
        const struct node_mount *m = v->mounts[i];

        if (strcmp(m->pod_uid, want->pod->o.meta.uid) != 0
            && (m->is_marked || node_life_is_owed(m->life)))
            return ol_err_set(err, EBUSY,
                              "volume uses the ReadWriteOncePod access mode and is "
                              "already in use by another pod");
    }
    return 0;
}

static int resolve(const struct node_lookup *l, const struct kube_volume *v, struct node_want *want,
                   const struct kube_pvc **ret_claim, struct ol_err *err)
{
    const struct kube_pod *pod = want->pod;
    char name[254];
    int r;

    want->spec = (struct volume_spec){.volume = v};
    if (!node_claim_name(pod, v, name))
        return 0;
    *ret_claim = l->claim(l->ctx, pod->o.meta.ns, name);
    r = check_claim(pod, v, *ret_claim, name, err);
    if (r < 0)
        return r;
    want->spec.pv = l->pv(l->ctx, (*ret_claim)->spec.volume_name);
    want->spec.is_read_only = v->claim && v->claim->is_read_only;
    return check_pv(*ret_claim, want->spec.pv, l->node(l->ctx), err);
}

static int want_one(struct node_world *w, const struct node_lookup *l, const struct kube_volume *v,
                    struct node_want *want, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf name = OL_BUF_INIT(8192);
    const struct volume_plugin *plugin;
    const struct kube_pvc *claim = NULL;
    struct node_mount *m;
    int r = resolve(l, v, want, &claim, err);

    if (r < 0)
        return r;
    plugin = volume_plugin_of(&want->spec);
    if (!plugin)
        return ol_err_set(err, EINVAL, "no volume plugin matched");
    want->is_attachable = plugin->flags & VOLUME_ATTACHABLE;
    want->redo_every = (plugin->flags & VOLUME_IS_DATA) ? REDO : 0;
    r = plugin == &volume_csi ? ask_driver(l, want, err) : 0;
    if (r == 0)
        r = check_mode(&want->spec, v->name, use_of(want->pod, v->name), err);
    if (r < 0)
        return r;
    r = volume_unique_name(&want->spec, want->pod->o.meta.uid, &name);
    if (r < 0)
        return ol_err_set(err, -r, "its name is too long");
    want->name = name.data;
    r = check_exclusive(w, want, err);
    if (r < 0)
        return r;
    m = node_want_volume(w, want);
    if (claim && want->spec.pv && !volume_spec_is_read_only(&want->spec))
        m->volume->want_expansion = node_wants_expansion(want->spec.pv, claim);
    return 0;
}

static void want_pod(struct node_world *w, const struct node_lookup *l, const struct kube_pod *pod,
                     ol_time now)
{
    struct node_pod *p = node_want_pod(w, pod, now);
    const struct kube_volume *v = pod->spec.volumes.v;

    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        struct node_want want = {.pod = pod, .outer = v[i].name};
        struct ol_err err = OL_ERR_INIT;

        if (!use_of(pod, v[i].name))
            continue;
        ol_strv_add(&p->wanted, v[i].name);
        if (want_one(w, l, &v[i], &want, &err) < 0)
            node_want_failed(w, p, v[i].name, ol_err_text(&err));
    }
}

void node_populate(struct node_world *w, const struct node_lookup *l,
                   const struct kube_pod *const *pods, size_t n, ol_time now)
{
    node_want_begin(w);
    for (size_t i = 0; i < n; i++)
        want_pod(w, l, pods[i], now);
    node_want_end(w);
}
