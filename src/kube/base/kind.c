/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/kind.h"

#include <stdio.h>
#include <string.h>

#include "kube/base/kind-internal.h"
#include "kube/base/schema-internal.h"

#define CORE       .group = "", .version = "v1"
#define STORAGE    .group = "storage.k8s.io", .version = "v1"
#define NAMED(k)   .kind = k, .list_kind = k "List"
#define SHORT(...) .short_names = NAMES(__VA_ARGS__)

const struct kube_kind kube_pv_kind = {
    CORE,
    NAMED("PersistentVolume"),
    "persistentvolumes",
    "persistentvolume",
    SHORT("pv"),
    .flags = KUBE_HAS_STATUS,
    .schema = &kube_schema_pv,
    .columns = kube_pv_columns,
    .select = kube_select_path,
    .prepare = kube_prepare_pv,
    .validate = kube_validate_pv,
};
const struct kube_kind kube_pvc_kind = {
    CORE,
    NAMED("PersistentVolumeClaim"),
    "persistentvolumeclaims",
    "persistentvolumeclaim",
    SHORT("pvc"),
    .flags = KUBE_NAMESPACED | KUBE_HAS_STATUS,
    .schema = &kube_schema_pvc,
    .columns = kube_pvc_columns,
    .select = kube_select_path,
    .prepare = kube_prepare_pvc,
    .validate = kube_validate_pvc,
};
const struct kube_kind kube_class_kind = {
    STORAGE,
    NAMED("StorageClass"),
    "storageclasses",
    "storageclass",
    SHORT("sc"),
    .schema = &kube_schema_storage_class,
    .columns = kube_class_columns,
    .select = kube_select_path,
    .validate = kube_validate_class,
};
const struct kube_kind kube_va_kind = {
    STORAGE,
    NAMED("VolumeAttachment"),
    "volumeattachments",
    "volumeattachment",
    .flags = KUBE_HAS_STATUS,
    .schema = &kube_schema_volume_attachment,
    .columns = kube_va_columns,
    .select = kube_select_path,
    .validate = kube_validate_va,
};
const struct kube_kind kube_csinode_kind = {
    STORAGE,
    NAMED("CSINode"),
    "csinodes",
    "csinode",
    .schema = &kube_schema_csi_node,
    .columns = kube_csinode_columns,
    .select = kube_select_path,
    .validate = kube_validate_csinode,
};
const struct kube_kind kube_csidriver_kind = {
    STORAGE,
    NAMED("CSIDriver"),
    "csidrivers",
    "csidriver",
    .schema = &kube_schema_csi_driver,
    .columns = kube_csidriver_columns,
    .select = kube_select_path,
    .validate = kube_validate_csidriver,
};
const struct kube_kind kube_capacity_kind = {
    STORAGE,
    NAMED("CSIStorageCapacity"),
    "csistoragecapacities",
    "csistoragecapacity",
    .flags = KUBE_NAMESPACED,
    .schema = &kube_schema_csi_storage_capacity,
    .columns = kube_capacity_columns,
    .select = kube_select_path,
    .validate = kube_validate_capacity,
};
const struct kube_kind kube_attributes_class_kind = {
    STORAGE,
    NAMED("VolumeAttributesClass"),
    "volumeattributesclasses",
    "volumeattributesclass",
    SHORT("vac"),
    .schema = &kube_schema_volume_attributes_class,
    .columns = kube_attributes_class_columns,
    .select = kube_select_path,
    .validate = kube_validate_attributes_class,
};
const struct kube_kind kube_node_kind = {
    CORE,
    NAMED("Node"),
    "nodes",
    "node",
    SHORT("no"),
    .flags = KUBE_HAS_STATUS,
    .schema = &kube_schema_node,
    .columns = kube_node_columns,
    .selectable = NAMES("spec.unschedulable"),
    .select = kube_select_flag,
    .prepare = kube_prepare_node,
    .validate = kube_validate_node,
};
const struct kube_kind kube_pod_kind = {
    CORE,
    NAMED("Pod"),
    "pods",
    "pod",
    SHORT("po"),
    .categories = NAMES("all"),
    .flags = KUBE_NAMESPACED | KUBE_HAS_STATUS,
    .schema = &kube_schema_pod,
    .columns = kube_pod_columns,
    .selectable = NAMES("spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
                        "spec.serviceAccountName", "spec.hostNetwork", "status.phase",
                        "status.podIP", "status.nominatedNodeName"),
    .select = kube_select_flag,
    .prepare = kube_prepare_pod,
    .validate = kube_validate_pod,
};
const struct kube_kind kube_secret_kind = {
    CORE,
    NAMED("Secret"),
    "secrets",
    "secret",
    .flags = KUBE_NAMESPACED,
    .schema = &kube_schema_secret,
    .columns = kube_secret_columns,
    .selectable = NAMES("type"),
    .select = kube_select_path,
    .prepare = kube_prepare_secret,
    .validate = kube_validate_secret,
};
const struct kube_kind kube_config_map_kind = {
    CORE,
    NAMED("ConfigMap"),
    "configmaps",
    "configmap",
    SHORT("cm"),
    .flags = KUBE_NAMESPACED,
    .schema = &kube_schema_config_map,
    .columns = kube_config_map_columns,
    .select = kube_select_path,
    .validate = kube_validate_config_map,
};
const struct kube_kind kube_service_account_kind = {
    CORE,
    NAMED("ServiceAccount"),
    "serviceaccounts",
    "serviceaccount",
    SHORT("sa"),
    .flags = KUBE_NAMESPACED,
    .schema = &kube_schema_service_account,
    .columns = kube_service_account_columns,
    .select = kube_select_path,
};
const struct kube_kind kube_lease_kind = {
    .group = "coordination.k8s.io",
    .version = "v1",
    NAMED("Lease"),
    "leases",
    "lease",
    .flags = KUBE_NAMESPACED,
    .schema = &kube_schema_lease,
    .columns = kube_lease_columns,
    .select = kube_select_path,
    .validate = kube_validate_lease,
};
const struct kube_kind kube_event_kind = {
    CORE,
    NAMED("Event"),
    "events",
    "event",
    SHORT("ev"),
    .flags = KUBE_NAMESPACED,
    .schema = &kube_schema_event,
    .columns = kube_event_columns,
    .selectable =
        NAMES("involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
              "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
              "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"),
    .select = kube_select_event,
};
const struct kube_kind kube_namespace_kind = {
    CORE,
    NAMED("Namespace"),
    "namespaces",
    "namespace",
    SHORT("ns"),
    .flags = KUBE_HAS_STATUS,
    .schema = &kube_schema_namespace,
    .columns = kube_namespace_columns,
    .selectable = NAMES("status.phase"),
    .select = kube_select_path,
    .prepare = kube_prepare_namespace,
};

const struct kube_kind *const kube_kinds[] = {
    &kube_config_map_kind,
    &kube_event_kind,
    &kube_namespace_kind,
    &kube_node_kind,
    &kube_pvc_kind,
    &kube_pv_kind,
    &kube_pod_kind,
    &kube_secret_kind,
    &kube_service_account_kind,
    &kube_lease_kind,
    &kube_csidriver_kind,
    &kube_csinode_kind,
    &kube_capacity_kind,
    &kube_class_kind,
    &kube_va_kind,
    &kube_attributes_class_kind,
    NULL,
};

const struct kube_kind *kube_kind_by_plural(const char *group, const char *version,
                                            const char *plural)
{
    for (size_t i = 0; kube_kinds[i]; i++)
        if (!strcmp(kube_kinds[i]->plural, plural) && !strcmp(kube_kinds[i]->group, group)
            && !strcmp(kube_kinds[i]->version, version))
            return kube_kinds[i];
    return NULL;
}

const struct kube_kind *kube_kind_by_name(const char *api_version, const char *kind)
{
    char have[96];

    for (size_t i = 0; kube_kinds[i]; i++) {
        if (strcmp(kube_kinds[i]->kind, kind) != 0)
            continue;
        kube_api_version(kube_kinds[i], have);
        if (!strcmp(have, api_version))
            return kube_kinds[i];
    }
    return NULL;
}

void kube_api_version(const struct kube_kind *kind, char out[96])
{
    snprintf(out, 96, "%s%s%s", kind->group, *kind->group ? "/" : "", kind->version);
}
