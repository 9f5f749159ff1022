/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "volume/binder/patch-internal.h"

static const char *reclaim_name(uint8_t reclaim)
{
    static const char *const names[] = {
        [KUBE_RECLAIM_NONE] = "Delete",
        [KUBE_RETAIN] = "Retain",
        [KUBE_DELETE] = "Delete",
        [KUBE_RECYCLE] = "Recycle",
    };

    return names[reclaim];
}

static void write_metadata(struct ol_jw *w, const struct binder_order *order,
                           const struct binder_plugin *plugin, const struct binder_made *made,
                           bool want_finalizer)
{
    ol_jw_map(w, "metadata");
    ol_jw_str(w, "name", order->pv_name);
    if (made->labels)
        ol_jw_raw(w, "labels", made->labels, strlen(made->labels));
    ol_jw_map(w, "annotations");
    ol_jw_str(w, BINDER_BOUND_BY_CONTROLLER, "yes");
    ol_jw_str(w, BINDER_PROVISIONED_BY, plugin->name);
    ol_jw_end(w);
    if (want_finalizer) {
        ol_jw_list(w, "finalizers");
        ol_jw_str(w, NULL, BINDER_IN_TREE_FINALIZER);
        ol_jw_end(w);
    }
    ol_jw_end(w);
}

static void write_capacity(struct ol_jw *w, const struct kube_pvc *claim, const char *capacity)
{
    struct ol_quantity asked = binder_claim_size(claim);
    char text[OL_QUANTITY_MAX];

    ol_quantity_format(&asked, text);
    ol_jw_map(w, "capacity");
    ol_jw_str(w, "storage", capacity ? capacity : text);
    ol_jw_end(w);
}

static void write_strings(struct ol_jw *w, const char *key, const struct kube_strs *all)
{
    if (!all->n)
        return;
    ol_jw_list(w, key);
    for (uint32_t i = 0; i < all->n; i++)
        ol_jw_str(w, NULL, all->v[i]);
    ol_jw_end(w);
}

static void write_spec(struct ol_jw *w, const struct binder_order *order,
                       const struct binder_made *made)
{
    const struct kube_pvc *claim = order->claim;

    ol_jw_map(w, "spec");
    write_capacity(w, claim, made->capacity);
    binder_write_modes(w, claim->spec.access_modes);
    ol_jw_str(w, "volumeMode", claim->spec.volume_mode == KUBE_MODE_BLOCK ? "Block" : "Filesystem");
    ol_jw_str(w, "persistentVolumeReclaimPolicy", reclaim_name(order->cls->reclaim));
    ol_jw_str(w, "storageClassName", order->cls->o.meta.name);
    write_strings(w, "mountOptions", &order->cls->mount_options);
    binder_write_claim_ref(w, claim);
    if (made->affinity)
        ol_jw_raw(w, "nodeAffinity", made->affinity, strlen(made->affinity));
    ol_jw_raw(w, made->source_name, made->source, strlen(made->source));
    ol_jw_end(w);
}

void binder_write_made(struct ol_buf *to, const struct binder_order *order,
                       const struct binder_plugin *plugin, const struct binder_made *made,
                       unsigned off)
{
    bool is_deleted =
        order->cls->reclaim == KUBE_DELETE || order->cls->reclaim == KUBE_RECLAIM_NONE;
    struct ol_jw w;

    ol_buf_clear(to);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_str(&w, "kind", "PersistentVolume");
    write_metadata(&w, order, plugin, made, is_deleted && !(off & BINDER_OFF_HONOR_RECLAIM));
    write_spec(&w, order, made);
    /* An API server drops it; where it doesn't (tests' doubles) the volume is born bound. */
    ol_jw_map(&w, "status");
    ol_jw_str(&w, "phase", "Bound");
    ol_jw_end(&w);
    ol_jw_end(&w);
}
