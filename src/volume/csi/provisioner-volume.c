/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "kube/base/kind.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/provisioner.h"

static void write_modes(struct ol_jw *w, unsigned modes)
{
    static const char *const names[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                        "ReadWriteOncePod"};

    ol_jw_list(w, "accessModes");
    for (unsigned i = 0; i < 4; i++)
        if (modes & (1u << i))
            ol_jw_str(w, NULL, names[i]);
    ol_jw_end(w);
}

static void write_secret_annotation(struct ol_jw *w, const char *key, const char *value)
{
    ol_jw_any(w, key, value ? value : "");
}

static void write_meta(struct ol_jw *w, const struct provision_ask *ask,
                       const struct provision_plan *plan, bool is_csi)
{
    const struct csi_secret_ref *remove = &plan->parameters.secrets[CSI_SECRET_PROVISIONER];
    const struct csi_secret_ref *modify = &plan->parameters.secrets[CSI_SECRET_CONTROLLER_MODIFY];

    ol_jw_map(w, "metadata");
    ol_jw_str(w, "name", plan->name);
    ol_jw_map(w, "annotations");
    ol_jw_any(w, "pv.kubernetes.io/provisioned-by", ask->class->provisioner);
    if (is_csi) {
        write_secret_annotation(w, "volume.kubernetes.io/provisioner-deletion-secret-name",
                                remove->name);
        write_secret_annotation(w, "volume.kubernetes.io/provisioner-deletion-secret-namespace",
                                remove->ns);
    }
    if (is_csi && modify->name) {
        write_secret_annotation(w, "volume.kubernetes.io/controller-modify-secret-name",
                                modify->name);
        write_secret_annotation(w, "volume.kubernetes.io/controller-modify-secret-namespace",
                                modify->ns);
    }
    ol_jw_end(w);
    ol_jw_list(w, "finalizers");
    if (ask->class->reclaim != KUBE_RETAIN)
        ol_jw_str(w, NULL, PROVISIONER_FINALIZER);
    ol_jw_end(w);
    ol_jw_end(w);
}

static void write_secret(struct ol_jw *w, const char *key, const struct csi_secret_ref *ref)
{
    if (!ref->name)
        return;
    ol_jw_map(w, key);
    ol_jw_str(w, "name", ref->name);
    ol_jw_str(w, "namespace", ref->ns);
    ol_jw_end(w);
}

static void write_csi(struct ol_jw *w, const struct provision_ask *ask,
                      const struct provision_plan *plan, const struct provision_volume *v,
                      const char *identity)
{
    static const char identity_key[] = "storage.kubernetes.io/csiProvisionerIdentity";
    const struct csi_secret_ref *s = plan->parameters.secrets;

    ol_jw_map(w, "csi");
    ol_jw_str(w, "driver", ask->class->provisioner);
    ol_jw_str(w, "volumeHandle", v->handle);
    if (plan->is_read_only)
        ol_jw_bool(w, "readOnly", true);
    if (!plan->is_block && *plan->parameters.fs_type)
        ol_jw_str(w, "fsType", plan->parameters.fs_type);
    ol_jw_map(w, "volumeAttributes");
    for (uint32_t i = 0; i < v->context.n; i++)
        if (strcmp(v->context.v[i].key, identity_key) != 0)
            ol_jw_any(w, v->context.v[i].key, v->context.v[i].value);
    ol_jw_any(w, identity_key, identity);
    ol_jw_end(w);
    write_secret(w, "controllerPublishSecretRef", &s[CSI_SECRET_CONTROLLER_PUBLISH]);
    write_secret(w, "nodeStageSecretRef", &s[CSI_SECRET_NODE_STAGE]);
    write_secret(w, "nodePublishSecretRef", &s[CSI_SECRET_NODE_PUBLISH]);
    write_secret(w, "controllerExpandSecretRef", &s[CSI_SECRET_CONTROLLER_EXPAND]);
    write_secret(w, "nodeExpandSecretRef", &s[CSI_SECRET_NODE_EXPAND]);
    ol_jw_end(w);
}

/* Terms are ORed, the keys of one ANDed. */
static void write_affinity(struct ol_jw *w, const struct csi_terms *terms)
{
    if (terms->n == 0)
        return;
    ol_jw_map(w, "nodeAffinity");
    ol_jw_map(w, "required");
    ol_jw_list(w, "nodeSelectorTerms");
    for (uint32_t i = 0; i < terms->n; i++) {
        const struct kube_map *term = &terms->v[i];

        if (term->n == 0)
            continue;
        ol_jw_map(w, NULL);
        ol_jw_list(w, "matchExpressions");
        for (uint32_t k = 0; k < term->n; k++) {
            ol_jw_map(w, NULL);
            ol_jw_str(w, "key", term->v[k].key);
            ol_jw_str(w, "operator", "In");
            ol_jw_list(w, "values");
            ol_jw_str(w, NULL, term->v[k].value);
            ol_jw_end(w);
            ol_jw_end(w);
        }
        ol_jw_end(w);
        ol_jw_end(w);
    }
    ol_jw_end(w);
    ol_jw_end(w);
    ol_jw_end(w);
}

static void write_claim(struct ol_jw *w, const struct kube_pvc *claim)
{
    ol_jw_map(w, "claimRef");
    ol_jw_str(w, "kind", "PersistentVolumeClaim");
    ol_jw_str(w, "apiVersion", "v1");
    ol_jw_str(w, "namespace", claim->o.meta.ns);
    ol_jw_str(w, "name", claim->o.meta.name);
    ol_jw_str(w, "uid", claim->o.meta.uid);
    ol_jw_str(w, "resourceVersion",
              *claim->o.meta.resource_version ? claim->o.meta.resource_version : NULL);
    ol_jw_end(w);
}

static void write_capacity(struct ol_jw *w, const struct provision_ask *ask,
                           const struct provision_volume *v)
{
    const struct ol_quantity *asked = kube_resource_get(&ask->claim->spec.requests, "storage");
    struct ol_quantity q = ol_quantity_of(v->capacity_bytes);
    char text[OL_QUANTITY_MAX];

    /* A driver rounds to bytes; as a directory the claim gets what it asked for, word for word. */
    if (v->capacity_bytes == 0 && asked)
        q = v->handle ? ol_quantity_of(ol_quantity_value(asked)) : *asked;
    ol_quantity_format(&q, text);
    ol_jw_map(w, "capacity");
    ol_jw_str(w, "storage", text);
    ol_jw_end(w);
}

static void write_spec(struct ol_jw *w, const struct provision_ask *ask,
                       const struct provision_plan *plan, const struct provision_volume *v)
{
    const char *vac = ask->claim->spec.attributes_class;

    write_capacity(w, ask, v);
    write_modes(w, ask->claim->spec.access_modes);
    write_claim(w, ask->claim);
    ol_jw_str(w, "persistentVolumeReclaimPolicy",
              ask->class->reclaim == KUBE_RETAIN ? "Retain" : "Delete");
    ol_jw_str(w, "storageClassName", kube_claim_class(ask->claim, &(bool){false}));
    ol_jw_str(w, "volumeMode", plan->is_block ? "Block" : "Filesystem");
    if (vac && *vac)
        ol_jw_str(w, "volumeAttributesClassName", vac);
    if (plan->mount_flags->n > 0) {
        ol_jw_list(w, "mountOptions");
        for (uint32_t i = 0; i < plan->mount_flags->n; i++)
            ol_jw_str(w, NULL, plan->mount_flags->v[i]);
        ol_jw_end(w);
    }
    if (ask->plugin & CSI_PLUGIN_ACCESSIBILITY)
        write_affinity(w, &v->topology);
}

void provision_write_pv(const struct provision_ask *ask, const struct provision_plan *plan,
                        const struct provision_volume *v, const char *identity, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_str(&w, "kind", "PersistentVolume");
    write_meta(&w, ask, plan, v->handle != NULL);
    ol_jw_map(&w, "spec");
    write_spec(&w, ask, plan, v);
    if (v->handle) {
        write_csi(&w, ask, plan, v, identity);
    } else {
        ol_jw_map(&w, "nfs");
        ol_jw_str(&w, "server", v->nfs_server);
        ol_jw_str(&w, "path", v->nfs_path);
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
    ol_jw_end(&w);
}
