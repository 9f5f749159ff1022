/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

const char *const kube_access_mode_names[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                              "ReadWriteOncePod", NULL};
const char *const kube_volume_mode_names[] = {"Filesystem", "Block", NULL};
const char *const kube_reclaim_names[] = {"Retain", "Delete", "Recycle", NULL};

static const struct kube_field pv_spec_fields[] = {
    {"accessModes", KUBE_ENUM_SET, KUBE_ATOMIC, M(kube_pv, spec.access_modes),
     .names = kube_access_mode_names},
    {"awsElasticBlockStore", KUBE_OBJECT, .of = &kube_schema_aws_elastic_block_store_volume_source},
    {"azureDisk", KUBE_OBJECT, .of = &kube_schema_azure_disk_volume_source},
    {"azureFile", KUBE_OBJECT, .of = &kube_schema_azure_file_pv_source},
    {"capacity", KUBE_RESOURCES, 0, M(kube_pv, spec.capacity)},
    {"cephfs", KUBE_OBJECT, .of = &kube_schema_ceph_fs_pv_source},
    {"cinder", KUBE_OBJECT, .of = &kube_schema_cinder_pv_source},
    {"claimRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_pv, spec.claim),
     .of = &kube_schema_object_reference},
    {"csi", KUBE_OBJECT, 0, M(kube_pv, spec.csi), .of = &kube_schema_csi_pv_source},
    {"fc", KUBE_OBJECT, .of = &kube_schema_fc_volume_source},
    {"flexVolume", KUBE_OBJECT, .of = &kube_schema_flex_pv_source},
    {"flocker", KUBE_OBJECT, .of = &kube_schema_flocker_volume_source},
    {"gcePersistentDisk", KUBE_OBJECT, .of = &kube_schema_gce_persistent_disk_volume_source},
    {"glusterfs", KUBE_OBJECT, .of = &kube_schema_glusterfs_pv_source},
    {"hostPath", KUBE_OBJECT, 0, M(kube_pv, spec.host_path),
     .of = &kube_schema_host_path_volume_source},
    {"iscsi", KUBE_OBJECT, 0, M(kube_pv, spec.iscsi), .of = &kube_schema_iscsi_pv_source},
    {"local", KUBE_OBJECT, 0, M(kube_pv, spec.local), .of = &kube_schema_local_volume_source},
    {"mountOptions", KUBE_STRS, KUBE_ATOMIC, M(kube_pv, spec.mount_options)},
    {"nfs", KUBE_OBJECT, 0, M(kube_pv, spec.nfs), .of = &kube_schema_nfs_volume_source},
    {"nodeAffinity", KUBE_OBJECT, 0, M(kube_pv, spec.affinity),
     .of = &kube_schema_volume_node_affinity},
    {"persistentVolumeReclaimPolicy", KUBE_ENUM, KUBE_WITH_TEXT, M(kube_pv, spec.reclaim),
     .names = kube_reclaim_names},
    {"photonPersistentDisk", KUBE_OBJECT, .of = &kube_schema_photon_persistent_disk_volume_source},
    {"portworxVolume", KUBE_OBJECT, .of = &kube_schema_portworx_volume_source},
    {"quobyte", KUBE_OBJECT, .of = &kube_schema_quobyte_volume_source},
    {"rbd", KUBE_OBJECT, .of = &kube_schema_rbd_pv_source},
    {"scaleIO", KUBE_OBJECT, .of = &kube_schema_scale_io_pv_source},
    {"storageClassName", KUBE_STR, KUBE_NULLABLE, M(kube_pv, spec.class_name)},
    {"storageos", KUBE_OBJECT, .of = &kube_schema_storage_os_pv_source},
    {"volumeAttributesClassName", KUBE_STR, KUBE_NULLABLE, M(kube_pv, spec.attributes_class)},
    {"volumeMode", KUBE_ENUM, 0, M(kube_pv, spec.volume_mode), .names = kube_volume_mode_names},
    {"vsphereVolume", KUBE_OBJECT, .of = &kube_schema_vsphere_virtual_disk_volume_source},
    {NULL},
};
const struct kube_schema kube_schema_pv_spec = {
    "io.k8s.api.core.v1.PersistentVolumeSpec",
    NULL,
    pv_spec_fields,
    sizeof(struct kube_pv),
};

static const struct kube_field pv_status_fields[] = {
    {"lastPhaseTransitionTime", KUBE_TIME},
    {"message", KUBE_STR, 0, M(kube_pv, status.message)},
    {"phase", KUBE_ENUM, 0, M(kube_pv, status.phase),
     .names = NAMES("Pending", "Available", "Bound", "Released", "Failed")},
    {"reason", KUBE_STR, 0, M(kube_pv, status.reason)},
    {NULL},
};
static const struct kube_schema pv_status = {
    "io.k8s.api.core.v1.PersistentVolumeStatus",
    NULL,
    pv_status_fields,
    sizeof(struct kube_pv),
};

static const struct kube_field pv_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_pv, o.meta), .of = &kube_schema_object_meta},
    {"spec", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &kube_schema_pv_spec},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &pv_status},
    {NULL},
};
const struct kube_schema kube_schema_pv = {
    "io.k8s.api.core.v1.PersistentVolume",
    NULL,
    pv_fields,
    sizeof(struct kube_pv),
};

static const struct kube_field volume_resource_requirements_fields[] = {
    {"limits", KUBE_RESOURCES, 0, M(kube_pvc_spec, limits)},
    {"requests", KUBE_RESOURCES, 0, M(kube_pvc_spec, requests)},
    {NULL},
};
static const struct kube_schema volume_resource_requirements = {
    "io.k8s.api.core.v1.VolumeResourceRequirements",
    NULL,
    volume_resource_requirements_fields,
    sizeof(struct kube_pvc_spec),
};

static const struct kube_field pvc_spec_fields[] = {
    {"accessModes", KUBE_ENUM_SET, KUBE_ATOMIC, M(kube_pvc_spec, access_modes),
     .names = kube_access_mode_names},
    {"dataSource", KUBE_OBJECT, KUBE_ATOMIC, M(kube_pvc_spec, data_source),
     .of = &kube_schema_typed_local_object_reference},
    {"dataSourceRef", KUBE_OBJECT, 0, M(kube_pvc_spec, data_source_ref),
     .of = &kube_schema_typed_object_reference},
    {"resources", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &volume_resource_requirements},
    {"selector", KUBE_OBJECT, KUBE_ATOMIC, M(kube_pvc_spec, selector),
     .of = &kube_schema_label_selector},
    {"storageClassName", KUBE_STR, KUBE_NULLABLE, M(kube_pvc_spec, class_name)},
    {"volumeAttributesClassName", KUBE_STR, KUBE_NULLABLE, M(kube_pvc_spec, attributes_class)},
    {"volumeMode", KUBE_ENUM, 0, M(kube_pvc_spec, volume_mode), .names = kube_volume_mode_names},
    {"volumeName", KUBE_STR, 0, M(kube_pvc_spec, volume_name)},
    {NULL},
};
const struct kube_schema kube_schema_pvc_spec = {
    "io.k8s.api.core.v1.PersistentVolumeClaimSpec",
    NULL,
    pvc_spec_fields,
    sizeof(struct kube_pvc_spec),
};

static const struct kube_field pvc_condition_fields[] = {
    {"lastProbeTime", KUBE_TIME, 0, M(kube_condition, probed)},
    {"lastTransitionTime", KUBE_TIME, 0, M(kube_condition, changed)},
    {"message", KUBE_STR, 0, M(kube_condition, message)},
    {"reason", KUBE_STR, 0, M(kube_condition, reason)},
    {"status", KUBE_STR, KUBE_REQUIRED, M(kube_condition, status)},
    {"type", KUBE_STR, KUBE_REQUIRED, M(kube_condition, type)},
    {NULL},
};
static const struct kube_schema pvc_condition = {
    "io.k8s.api.core.v1.PersistentVolumeClaimCondition",
    NULL,
    pvc_condition_fields,
    sizeof(struct kube_condition),
};

static const struct kube_field modify_volume_status_fields[] = {
    {"status", KUBE_STR, KUBE_REQUIRED},
    {"targetVolumeAttributesClassName", KUBE_STR},
    {NULL},
};
static const struct kube_schema modify_volume_status = {
    "io.k8s.api.core.v1.ModifyVolumeStatus",
    NULL,
    modify_volume_status_fields,
    0,
};

static const struct kube_field pvc_status_fields[] = {
    {"accessModes", KUBE_ENUM_SET, KUBE_ATOMIC, M(kube_pvc, status.access_modes),
     .names = kube_access_mode_names},
    {"allocatedResourceStatuses", KUBE_STR_MAP, 0, M(kube_pvc, status.allocated_statuses)},
    {"allocatedResources", KUBE_RESOURCES, 0, M(kube_pvc, status.allocated)},
    {"capacity", KUBE_RESOURCES, 0, M(kube_pvc, status.capacity)},
    {"conditions", KUBE_LIST, 0, M(kube_pvc, status.conditions), .of = &pvc_condition,
     .merge_keys = "type"},
    {"currentVolumeAttributesClassName", KUBE_STR, KUBE_NULLABLE,
     M(kube_pvc, status.attributes_class)},
    {"modifyVolumeStatus", KUBE_OBJECT, .of = &modify_volume_status},
    {"phase", KUBE_ENUM, 0, M(kube_pvc, status.phase), .names = NAMES("Pending", "Bound", "Lost")},
    {NULL},
};
static const struct kube_schema pvc_status = {
    "io.k8s.api.core.v1.PersistentVolumeClaimStatus",
    NULL,
    pvc_status_fields,
    sizeof(struct kube_pvc),
};

static const struct kube_field pvc_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_pvc, o.meta), .of = &kube_schema_object_meta},
    {"spec", KUBE_OBJECT, KUBE_INLINE, M(kube_pvc, spec), .of = &kube_schema_pvc_spec},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &pvc_status},
    {NULL},
};
const struct kube_schema kube_schema_pvc = {
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    NULL,
    pvc_fields,
    sizeof(struct kube_pvc),
};
