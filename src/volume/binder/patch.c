/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/patch.h"

#include <errno.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/patch-internal.h"

static const char *const mode_names[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                         "ReadWriteOncePod"};
static const char *const pv_phases[] = {
    [KUBE_PV_PENDING] = "Pending",   [KUBE_PV_AVAILABLE] = "Available", [KUBE_PV_BOUND] = "Bound",
    [KUBE_PV_RELEASED] = "Released", [KUBE_PV_FAILED] = "Failed",
};
static const char *const pvc_phases[] = {
    [KUBE_PVC_PENDING] = "Pending",
    [KUBE_PVC_BOUND] = "Bound",
    [KUBE_PVC_LOST] = "Lost",
};

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

void binder_patch_begin(struct ol_jw *w, struct binder_step *s, enum binder_act act,
                        const struct kube_object *o)
{
    const char *version = o->meta.resource_version;

    s->act = act;
    s->object = o;
    ol_buf_clear(&s->body);
    ol_jw_init(w, &s->body);
    ol_jw_map(w, NULL);
    ol_jw_map(w, "metadata");
    ol_jw_str(w, "resourceVersion", version[0] ? version : NULL);
}

void binder_patch_end(struct ol_jw *w)
{
    while (w->depth)
        ol_jw_end(w);
}

void binder_write_modes(struct ol_jw *w, unsigned modes)
{
    ol_jw_list(w, "accessModes");
    for (unsigned i = 0; i < ol_count(mode_names); i++) {
        if (modes & 1u << i)
            ol_jw_str(w, NULL, mode_names[i]);
    }
    ol_jw_end(w);
}

void binder_write_claim_ref(struct ol_jw *w, const struct kube_pvc *claim)
{
    const struct kube_meta *m = &claim->o.meta;

    ol_jw_map(w, "claimRef");
    ol_jw_str(w, "kind", "PersistentVolumeClaim");
    ol_jw_str(w, "apiVersion", "v1");
    ol_jw_str(w, "namespace", m->ns);
    ol_jw_str(w, "name", m->name);
    ol_jw_str(w, "uid", m->uid);
    ol_jw_str(w, "resourceVersion", m->resource_version[0] ? m->resource_version : NULL);
    ol_jw_end(w);
}

bool binder_patch_bind_pv(struct binder_step *s, const struct kube_pv *pv,
                          const struct kube_pvc *claim)
{
    const struct kube_ref *ref = pv->spec.claim;
    bool is_ours = ref && strcmp(ref->name, claim->o.meta.name) == 0
                   && strcmp(ref->ns, claim->o.meta.ns) == 0
                   && strcmp(ref->uid, claim->o.meta.uid) == 0;
    bool want_mark =
        !binder_is_bound_to(pv, claim) && !annotation(&pv->o, BINDER_BOUND_BY_CONTROLLER);
    struct ol_jw w;

    if (is_ours && !want_mark)
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH, &pv->o);
    if (want_mark) {
        ol_jw_map(&w, "annotations");
        ol_jw_str(&w, BINDER_BOUND_BY_CONTROLLER, "yes");
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
    ol_jw_map(&w, "spec");
    binder_write_claim_ref(&w, claim);
    binder_patch_end(&w);
    return true;
}

bool binder_patch_bind_claim(struct binder_step *s, const struct kube_pvc *claim,
                             const struct kube_pv *pv)
{
    bool want_name = strcmp(claim->spec.volume_name, pv->o.meta.name) != 0;
    bool is_complete = annotation(&claim->o, BINDER_BIND_COMPLETED) != NULL;
    struct ol_jw w;

    if (!want_name && is_complete)
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH, &claim->o);
    ol_jw_map(&w, "annotations");
    if (want_name && !annotation(&claim->o, BINDER_BOUND_BY_CONTROLLER))
        ol_jw_str(&w, BINDER_BOUND_BY_CONTROLLER, "yes");
    if (!is_complete)
        ol_jw_str(&w, BINDER_BIND_COMPLETED, "yes");
    ol_jw_end(&w);
    ol_jw_end(&w);
    if (want_name) {
        ol_jw_map(&w, "spec");
        ol_jw_str(&w, "volumeName", pv->o.meta.name);
    }
    binder_patch_end(&w);
    return true;
}

bool binder_patch_pv_phase(struct binder_step *s, const struct kube_pv *pv,
                           enum kube_pv_phase phase, const char *message)
{
    struct ol_jw w;

    if (pv->status.phase == phase)
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH_STATUS, &pv->o);
    ol_jw_end(&w);
    ol_jw_map(&w, "status");
    ol_jw_str(&w, "phase", pv_phases[phase]);
    if (message[0])
        ol_jw_str(&w, "message", message);
    else if (pv->status.message[0])
        ol_jw_null(&w, "message");
    binder_patch_end(&w);
    return true;
}

/* --- status of claims --- */
static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* Capacity is the volume's at the moment of binding and later the resizer's: it is copied when the
 * phase changes and never after. */
static bool want_capacity(const struct kube_pvc *claim, const struct kube_pv *pv)
{
    const struct ol_quantity *has = kube_resource_get(&claim->status.capacity, "storage");
    struct ol_quantity size = binder_pv_size(pv);

    if (claim->status.phase == KUBE_PVC_BOUND)
        return false;
    return annotation(&pv->o, BINDER_PRE_RESIZE_CAPACITY) || !has
           || ol_quantity_cmp(has, &size) != 0;
}

static bool want_attributes_class(const struct kube_pvc *claim, const struct kube_pv *pv)
{
    return claim->status.phase == KUBE_PVC_PENDING
           && strcmp(or_empty(claim->status.attributes_class), or_empty(pv->spec.attributes_class))
                  != 0;
}

static void write_capacity(struct ol_jw *w, const struct kube_pvc *claim, const struct kube_pv *pv)
{
    const char *before = annotation(&pv->o, BINDER_PRE_RESIZE_CAPACITY);
    const struct kube_resources *all = &pv->spec.capacity;
    char text[OL_QUANTITY_MAX];
    struct ol_quantity resized;
    bool has_resized = before && ol_quantity_parse(before, &resized, NULL) == 0;

    ol_jw_map(w, "capacity");
    for (uint32_t i = 0; i < all->n; i++) {
        bool is_storage = strcmp(all->v[i].name, "storage") == 0;

        ol_quantity_format(is_storage && has_resized ? &resized : &all->v[i].amount, text);
        ol_jw_any(w, all->v[i].name, text);
    }
    for (uint32_t i = 0; i < claim->status.capacity.n; i++) {
        if (!kube_resource_get(all, claim->status.capacity.v[i].name))
            ol_jw_any_null(w, claim->status.capacity.v[i].name);
    }
    ol_jw_end(w);
}

static void write_cleared(struct ol_jw *w, const struct kube_pvc *claim)
{
    if (claim->status.capacity.n)
        ol_jw_null(w, "capacity");
    if (claim->status.access_modes)
        ol_jw_null(w, "accessModes");
    if (or_empty(claim->status.attributes_class)[0])
        ol_jw_null(w, "currentVolumeAttributesClassName");
}

static void write_filled(struct ol_jw *w, const struct kube_pvc *claim, const struct kube_pv *pv)
{
    const char *attributes_class = or_empty(pv->spec.attributes_class);

    if (claim->status.access_modes != pv->spec.access_modes)
        binder_write_modes(w, pv->spec.access_modes);
    if (want_capacity(claim, pv))
        write_capacity(w, claim, pv);
    if (!want_attributes_class(claim, pv))
        return;
    if (attributes_class[0])
        ol_jw_str(w, "currentVolumeAttributesClassName", attributes_class);
    else
        ol_jw_null(w, "currentVolumeAttributesClassName");
}

static bool is_status_as(const struct kube_pvc *claim, enum kube_pvc_phase phase,
                         const struct kube_pv *pv)
{
    if (claim->status.phase != phase)
        return false;
    if (pv)
        return claim->status.access_modes == pv->spec.access_modes;
    return !claim->status.capacity.n && !claim->status.access_modes
           && !or_empty(claim->status.attributes_class)[0];
}

int binder_patch_claim_status(struct binder_step *s, const struct kube_pvc *claim,
                              enum kube_pvc_phase phase, const struct kube_pv *pv)
{
    struct ol_jw w;

    if (is_status_as(claim, phase, pv))
        return 0;
    if (pv && claim->status.phase != phase && !kube_resource_get(&pv->spec.capacity, "storage"))
        return ol_err_set(&s->err, EINVAL, "PersistentVolume \"%s\" is without a storage capacity",
                          pv->o.meta.name);
    binder_patch_begin(&w, s, BINDER_PATCH_STATUS, &claim->o);
    ol_jw_end(&w);
    ol_jw_map(&w, "status");
    ol_jw_str(&w, "phase", pvc_phases[phase]);
    if (pv)
        write_filled(&w, claim, pv);
    else
        write_cleared(&w, claim);
    binder_patch_end(&w);
    return 1;
}

/* --- small ones --- */
void binder_patch_unbind(struct binder_step *s, const struct kube_pv *pv)
{
    struct ol_jw w;

    binder_patch_begin(&w, s, BINDER_PATCH, &pv->o);
    if (annotation(&pv->o, BINDER_BOUND_BY_CONTROLLER)) {
        ol_jw_map(&w, "annotations");
        ol_jw_null(&w, BINDER_BOUND_BY_CONTROLLER);
        ol_jw_end(&w);
        ol_jw_end(&w);
        ol_jw_map(&w, "spec");
        ol_jw_null(&w, "claimRef");
    } else {
        ol_jw_end(&w);
        ol_jw_map(&w, "spec");
        ol_jw_map(&w, "claimRef");
        ol_jw_null(&w, "uid");
    }
    binder_patch_end(&w);
}

void binder_patch_class(struct binder_step *s, const struct kube_pvc *claim, const char *name)
{
    struct ol_jw w;

    binder_patch_begin(&w, s, BINDER_PATCH, &claim->o);
    ol_jw_end(&w);
    ol_jw_map(&w, "spec");
    ol_jw_str(&w, "storageClassName", name);
    binder_patch_end(&w);
}

void binder_patch_drop(struct binder_step *s, const struct kube_object *o, const char *key)
{
    struct ol_jw w;

    binder_patch_begin(&w, s, BINDER_PATCH, o);
    ol_jw_map(&w, "annotations");
    ol_jw_null(&w, key);
    binder_patch_end(&w);
}

/* Adds the list without 'gone', with 'added' at the end; either may be NULL. */
static void write_finalizers(struct ol_jw *w, const struct kube_strs *all, const char *gone,
                             const char *added)
{
    ol_jw_list(w, "finalizers");
    for (uint32_t i = 0; i < all->n; i++) {
        if (!gone || strcmp(all->v[i], gone) != 0)
            ol_jw_str(w, NULL, all->v[i]);
    }
    ol_jw_str(w, NULL, added);
    ol_jw_end(w);
}

bool binder_patch_finalizer(struct binder_step *s, const struct kube_object *o, const char *gone)
{
    struct ol_jw w;

    if (!kube_strs_has(&o->meta.finalizers, gone))
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH, o);
    write_finalizers(&w, &o->meta.finalizers, gone, NULL);
    binder_patch_end(&w);
    return true;
}
