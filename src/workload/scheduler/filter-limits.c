/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"
#include "core/table.h"
#include "kube/base/kind.h"
#include "volume/binder/pod-claims.h"
#include "workload/scheduler/decide-internal.h"

/* How many volumes of a CSI driver a node takes (plug-in NodeVolumeLimits). */

/* Volumes by "driver^handle", or by their claim while they have no handle. */
struct volume {
    const char *key; /* first, for the table */
    const char *driver;
    bool is_new;
    char text[];
};

static void add_volume(struct ol_table *all, const char *driver, const char *kind, const char *id,
                       bool is_new)
{
    ol_autofree char *key = ol_xasprintf("%s^%s^%s", driver, kind, id);
    size_t len = strlen(driver), size = strlen(key) + 1;
    struct volume *v = ol_table_find_str(all, key);

    if (v) {
        v->is_new = v->is_new && is_new;
        return;
    }
    v = ol_xcalloc(1, sizeof(*v) + size + len + 1);
    memcpy(v->text, key, size);
    memcpy(v->text + size, driver, len);
    v->key = v->text;
    v->driver = v->text + size;
    v->is_new = is_new;
    ol_table_put(all, v);
}

static void add_pv(struct ol_table *all, const struct kube_pv *pv, bool is_new)
{
    if (pv && pv->spec.csi)
        add_volume(all, pv->spec.csi->driver, "volume", pv->spec.csi->handle, is_new);
}

static void add_claim(const struct sched_try *t, struct ol_table *all, const struct kube_pvc *claim,
                      bool is_new)
{
    ol_autofree char *id = NULL;
    const struct kube_class *c;
    bool is_set = false;

    if (*claim->spec.volume_name) {
        add_pv(all, binder_index_get(t->w->volumes, claim->spec.volume_name), is_new);
        return;
    }
    c = t->w->view->class_of(t->w->self, kube_claim_class(claim, &is_set));
    if (!c || !*c->provisioner)
        return;
    id = ol_xasprintf("%s/%s", claim->o.meta.ns, claim->o.meta.name);
    add_volume(all, c->provisioner, "claim", id, is_new);
}

static void add_pod(const struct sched_try *t, struct ol_table *all, const struct kube_pod *pod,
                    bool is_new)
{
    const struct kube_volume *volumes = pod->spec.volumes.v;
    char text[POD_CLAIM_MAX];

    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        const char *name = pod_claim_name(pod, &volumes[i], text);
        const struct kube_pvc *claim =
            name ? t->w->view->claim(t->w->self, pod->o.meta.ns, name) : NULL;

        if (claim)
            add_claim(t, all, claim, is_new);
    }
}

static void add_attachments(const struct sched_try *t, struct ol_table *all, const char *node)
{
    const struct kube_va *va;
    size_t at = 0;

    while ((va = t->w->view->each_attachment(t->w->self, node, &at)))
        if (va->pv_name)
            add_pv(all, binder_index_get(t->w->volumes, va->pv_name), false);
}

static void free_volumes(struct ol_table *all)
{
    struct volume *v;
    size_t at = 0;

    while ((v = ol_table_each(all, &at)))
        free(v);
    ol_table_done(all);
}

/* The limit counts where the pod brings something new alone. */
static bool is_exceeded(const struct ol_table *all, const struct kube_csinode_driver *driver)
{
    const struct volume *v;
    int64_t n = 0;
    bool has_new = false;
    size_t at = 0;

    while ((v = ol_table_each(all, &at))) {
        if (strcmp(v->driver, driver->name) != 0)
            continue;
        n++;
        has_new = has_new || v->is_new;
    }
    return has_new && n > driver->max_volumes;
}

void sched_filter_limits(struct sched_try *t, const struct sched_node *n, struct sched_reasons *to)
{
    const struct kube_csinode *csinode = t->w->view->csinode(t->w->self, n->name);
    const struct kube_csinode_driver *drivers = csinode ? csinode->drivers.v : NULL;
    ol_auto(free_volumes) struct ol_table all = OL_TABLE_INIT(&ol_table_of_strings);

    if (!csinode || !(t->n_bound + t->n_delayed))
        return;
    add_pod(t, &all, t->pod, true);
    if (!all.n)
        return;
    for (size_t i = 0; i < n->n_pods; i++)
        add_pod(t, &all, n->pods[i], false);
    add_attachments(t, &all, n->name);
    for (uint32_t i = 0; i < csinode->drivers.n; i++)
        if (drivers[i].max_volumes >= 0 && is_exceeded(&all, &drivers[i])) {
            sched_refuse(to, "node(s) exceed max volume count");
            return;
        }
}
