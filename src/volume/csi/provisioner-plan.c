/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/base/kind.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/provisioner.h"

/* --- data sources --- */
/* dataSourceRef is the one that is filled in always; older objects have dataSource alone. */
static const struct kube_data_source *data_source(const struct kube_pvc *claim)
{
    return claim->spec.data_source ? claim->spec.data_source : claim->spec.data_source_ref;
}

static bool is_claim_source(const struct kube_data_source *s)
{
    return s->kind && strcmp(s->kind, "PersistentVolumeClaim") == 0
           && (!s->api_group || !*s->api_group);
}

const char *provision_source_of(const struct kube_pvc *claim)
{
    const struct kube_data_source *s = data_source(claim);

    return s && is_claim_source(s) && s->name && *s->name ? s->name : NULL;
}

/* Rules between the new claim and its source that need no volume. */
static int check_source_claim(const struct provision_ask *ask, const char *name, struct ol_err *err)
{
    const struct kube_pvc *from = ask->source;
    bool from_has_class = false, has_class = false;

    if (!from)
        return ol_err_set(err, EAGAIN,
                          "error getting PVC %s (namespace \"%s\") from api server: "
                          "persistentvolumeclaim \"%s\" not found",
                          name, ask->claim->o.meta.ns, name);
    if (from->status.phase != KUBE_PVC_BOUND)
        return ol_err_set(err, EAGAIN, "the PVC DataSource %s must have a status of Bound", name);
    if (from->o.meta.deleted != 0)
        return ol_err_set(err, EAGAIN, "the PVC DataSource %s is currently being deleted", name);
    (void)kube_claim_class(from, &from_has_class);
    (void)kube_claim_class(ask->claim, &has_class);
    if (!from_has_class)
        return ol_err_set(err, EINVAL, "the source PVC (%s) storageclass cannot be empty", name);
    if (!has_class)
        return ol_err_set(err, EINVAL, "the requested PVC (%s) storageclass cannot be empty",
                          ask->claim->o.meta.name);
    return 0;
}

static int64_t requested_bytes(const struct kube_pvc *claim)
{
    const struct ol_quantity *q = kube_resource_get(&claim->spec.requests, "storage");

    return q ? ol_quantity_value(q) : 0;
}

static bool is_block(uint8_t volume_mode)
{
    return volume_mode == KUBE_MODE_BLOCK;
}

static int check_source_volume(const struct provision_ask *ask, struct ol_err *err)
{
    const struct kube_pvc *from = ask->source;
    const struct kube_pv *pv = ask->source_pv;

    if (!pv || !pv->spec.csi || !pv->spec.claim || pv->status.phase != KUBE_PV_BOUND
        || strcmp(pv->spec.csi->driver, ask->class->provisioner) != 0
        || strcmp(pv->spec.claim->uid, from->o.meta.uid) != 0)
        return ol_err_set(err, EAGAIN, "claim in dataSource not bound or invalid");
    if (is_block(pv->spec.volume_mode) == is_block(ask->claim->spec.volume_mode))
        return 0;
    return ol_err_set(err, EINVAL,
                      "the source PVC and destination PVCs must have the same volume mode for "
                      "cloning.  Source is %s, but new PVC requested %s",
                      is_block(pv->spec.volume_mode) ? "Block" : "Filesystem",
                      is_block(pv->spec.volume_mode) ? "Filesystem" : "Block");
}

static int plan_clone(const struct provision_ask *ask, const struct kube_data_source *s,
                      struct provision_plan *plan, struct ol_err *err)
{
    int r = check_source_claim(ask, s->name, err);
    int64_t want = requested_bytes(ask->claim);
    int64_t have = ask->source ? requested_bytes(ask->source) : 0;

    if (r == 0 && want < have)
        r = ol_err_set(err, EINVAL,
                       "error, new PVC request must be greater than or equal in size to the "
                       "specified PVC data source, requested %lld but source is %lld",
                       (long long)want, (long long)have);
    if (r == 0)
        r = check_source_volume(ask, err);
    if (r < 0)
        return ol_err_prefix(err, r, "error getting handle for DataSource Type %s by Name %s",
                             s->kind, s->name);
    plan->source_volume = ask->source_pv->spec.csi->handle;
    return 0;
}

/* --- capabilities --- */
static int require(unsigned have, unsigned bit, const char *what, const char *name,
                   struct ol_err *err)
{
    if (have & bit)
        return 0;
    return ol_err_set(err, EOPNOTSUPP,
                      "CSI driver does not support %s: %s capability is not reported", what, name);
}

static int check_driver(const struct provision_ask *ask, const struct kube_data_source *s,
                        struct ol_err *err)
{
    const char *vac = ask->claim->spec.attributes_class;
    int r = require(ask->plugin, CSI_PLUGIN_CONTROLLER_SERVICE, "dynamic provisioning",
                    "plugin CONTROLLER_SERVICE", err);

    if (r == 0)
        r = require(ask->controller, CSI_CAN_CREATE_DELETE, "dynamic provisioning",
                    "controller CREATE_DELETE_VOLUME", err);
    if (r == 0 && s)
        r = require(ask->controller, CSI_CAN_CLONE, "clone operations", "controller CLONE_VOLUME",
                    err);
    if (r == 0 && vac && *vac)
        r = require(ask->controller, CSI_CAN_MODIFY, "VolumeAttributesClass",
                    "controller MODIFY_VOLUME", err);
    return r;
}

/* 0, PROVISION_NOT_OURS, or why not. */
static int check_source_kind(const struct kube_data_source *s, const struct kube_pvc *claim,
                             struct ol_err *err)
{
    if (!s)
        return 0;
    if (!s->name || !*s->name)
        return ol_err_set(err, EINVAL, "the PVC source not found for PVC %s", claim->o.meta.name);
    if (s->kind && strcmp(s->kind, "VolumeSnapshot") == 0)
        return ol_err_set(err, EOPNOTSUPP,
                          "volumes from snapshots are not supported: dataSource VolumeSnapshot %s",
                          s->name);
    if (s->ns && *s->ns && strcmp(s->ns, claim->o.meta.ns) != 0)
        return ol_err_set(err, EOPNOTSUPP,
                          "data sources of other namespaces are not supported: %s/%s", s->ns,
                          s->name);
    return is_claim_source(s) ? 0 : PROVISION_NOT_OURS;
}

static int plan_modes(const struct provision_ask *ask, struct provision_plan *plan,
                      struct ol_err *err)
{
    bool knows = ask->controller & CSI_CAN_SINGLE_NODE_MULTI_WRITER;

    for (unsigned bit = KUBE_RWO; bit <= KUBE_RWOP; bit <<= 1) {
        int r;

        if (!(ask->claim->spec.access_modes & bit))
            continue;
        r = csi_access_of(bit, knows, &plan->modes[plan->n_modes], err);
        if (r < 0)
            return r;
        plan->n_modes++;
    }
    plan->is_read_only = plan->n_modes == 1 && plan->modes[0] == CSI_ACCESS_MULTI_NODE_READER_ONLY
                         && (ask->controller & CSI_CAN_PUBLISH_READONLY);
    return 0;
}

static int pair_cmp(const void *a, const void *b)
{
    const struct kube_pair *x = a, *y = b;

    return strcmp(x->key, y->key);
}

static void add_metadata(const struct provision_ask *ask, struct ol_arena *a,
                         struct provision_plan *plan)
{
    const struct kube_pair more[] = {
        {"csi.storage.k8s.io/pvc/name", ask->claim->o.meta.name},
        {"csi.storage.k8s.io/pvc/namespace", ask->claim->o.meta.ns},
        {"csi.storage.k8s.io/pv/name", plan->name},
    };
    struct kube_map *p = &plan->parameters.passed;
    struct kube_pair *v = ol_arena_alloc(a, (p->n + 3) * sizeof(*v));

    if (p->n > 0)
        memcpy(v, p->v, p->n * sizeof(*v));
    memcpy(v + p->n, more, sizeof(more));
    p->v = v;
    p->n += 3;
    qsort(v, p->n, sizeof(*v), pair_cmp);
}

static int plan_topology(const struct provision_ask *ask, struct ol_arena *a,
                         struct provision_plan *plan, struct ol_err *err)
{
    struct csi_topology_ask t;
    const char *node = csi_annotation(&ask->claim->o, "volume.kubernetes.io/selected-node");

    if (!(ask->plugin & CSI_PLUGIN_ACCESSIBILITY) || !ask->topology)
        return 0;
    t = *ask->topology;
    t.driver = ask->class->provisioner;
    t.claim = ask->claim->o.meta.name;
    t.selected_node = node && *node ? node : NULL;
    t.allowed = &ask->class->allowed_topologies;
    return csi_topology_require(&t, a, &plan->topology, err);
}

static int plan_attributes(const struct provision_ask *ask, struct provision_plan *plan,
                           struct ol_err *err)
{
    const char *name = ask->claim->spec.attributes_class;

    if (!name || !*name)
        return 0;
    if (!ask->attributes)
        return ol_err_set(err, EAGAIN, "volumeattributesclasses.storage.k8s.io \"%s\" not found",
                          name);
    if (strcmp(ask->attributes->driver, ask->class->provisioner) != 0)
        return ol_err_set(err, EINVAL,
                          "VAC %s referenced in PVC is for driver %s which does not match driver "
                          "name %s",
                          name, ask->attributes->driver, ask->class->provisioner);
    plan->mutable_parameters = ask->attributes->parameters;
    return 0;
}

static int plan_rest(const struct provision_ask *ask, struct ol_arena *a,
                     struct provision_plan *plan, struct ol_err *err)
{
    int r = csi_parameters_read(&ask->class->parameters, ask->volume_name, &ask->claim->o.meta, a,
                                &plan->parameters, err);

    if (r < 0)
        return r;
    if (!*plan->parameters.fs_type && ask->default_fs_type)
        plan->parameters.fs_type = ask->default_fs_type;
    if (ask->want_metadata)
        add_metadata(ask, a, plan);
    return plan_attributes(ask, plan, err);
}

int provision_plan(const struct provision_ask *ask, struct ol_arena *a, struct provision_plan *ret,
                   struct ol_err *err)
{
    const struct kube_data_source *s = data_source(ask->claim);
    struct provision_plan plan = {.name = ask->volume_name,
                                  .required_bytes = requested_bytes(ask->claim),
                                  .is_block = is_block(ask->claim->spec.volume_mode),
                                  .mount_flags = &ask->class->mount_options};
    int r = check_source_kind(s, ask->claim, err);

    if (r != 0)
        return r;
    r = check_driver(ask, s, err);
    if (r == 0 && ask->claim->spec.selector)
        r = ol_err_set(err, EINVAL, "claim Selector is not supported");
    if (r == 0)
        r = plan_modes(ask, &plan, err);
    if (r == 0)
        r = plan_rest(ask, a, &plan, err);
    if (r == 0 && s)
        r = plan_clone(ask, s, &plan, err);
    if (r == 0)
        r = plan_topology(ask, a, &plan, err);
    if (r == 0)
        *ret = plan;
    return r;
}

int provision_check(const struct provision_plan *plan, const struct provision_volume *v,
                    struct ol_err *err)
{
    if (v->capacity_bytes != 0 && v->capacity_bytes < plan->required_bytes)
        return ol_err_set(err, EINVAL,
                          "created volume capacity %lld less than requested capacity %lld",
                          (long long)v->capacity_bytes, (long long)plan->required_bytes);
    if (plan->source_volume && !v->has_source)
        return ol_err_set(err, EINVAL, "volume content source missing");
    return 0;
}
