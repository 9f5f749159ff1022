/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field azure_file_pv_source_fields[] = {
    {"readOnly", KUBE_BOOL},
    {"secretName", KUBE_STR, KUBE_REQUIRED},
    {"secretNamespace", KUBE_STR},
    {"shareName", KUBE_STR, KUBE_REQUIRED},
    {NULL},
};
const struct kube_schema kube_schema_azure_file_pv_source = {
    "io.k8s.api.core.v1.AzureFilePersistentVolumeSource",
    NULL,
    azure_file_pv_source_fields,
    0,
};

static const struct kube_field ceph_fs_pv_source_fields[] = {
    {"monitors", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC},
    {"path", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretFile", KUBE_STR},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {"user", KUBE_STR},
    {NULL},
};
const struct kube_schema kube_schema_ceph_fs_pv_source = {
    "io.k8s.api.core.v1.CephFSPersistentVolumeSource",
    NULL,
    ceph_fs_pv_source_fields,
    0,
};

static const struct kube_field cinder_pv_source_fields[] = {
    {"fsType", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {"volumeID", KUBE_STR, KUBE_REQUIRED},
    {NULL},
};
const struct kube_schema kube_schema_cinder_pv_source = {
    "io.k8s.api.core.v1.CinderPersistentVolumeSource",
    NULL,
    cinder_pv_source_fields,
    0,
};

static const struct kube_field csi_pv_source_fields[] = {
    {"controllerExpandSecretRef", KUBE_OBJECT, KUBE_ATOMIC,
     M(kube_csi_source, controller_expand_secret), .of = &kube_schema_secret_reference},
    {"controllerPublishSecretRef", KUBE_OBJECT, KUBE_ATOMIC,
     M(kube_csi_source, controller_publish_secret), .of = &kube_schema_secret_reference},
    {"driver", KUBE_STR, KUBE_REQUIRED, M(kube_csi_source, driver)},
    {"fsType", KUBE_STR, 0, M(kube_csi_source, fs_type)},
    {"nodeExpandSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_source, node_expand_secret),
     .of = &kube_schema_secret_reference},
    {"nodePublishSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_source, node_publish_secret),
     .of = &kube_schema_secret_reference},
    {"nodeStageSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_source, node_stage_secret),
     .of = &kube_schema_secret_reference},
    {"readOnly", KUBE_BOOL, 0, M(kube_csi_source, is_read_only)},
    {"volumeAttributes", KUBE_STR_MAP, 0, M(kube_csi_source, attributes)},
    {"volumeHandle", KUBE_STR, KUBE_REQUIRED, M(kube_csi_source, handle)},
    {NULL},
};
const struct kube_schema kube_schema_csi_pv_source = {
    "io.k8s.api.core.v1.CSIPersistentVolumeSource",
    NULL,
    csi_pv_source_fields,
    sizeof(struct kube_csi_source),
};

static const struct kube_field flex_pv_source_fields[] = {
    {"driver", KUBE_STR, KUBE_REQUIRED},
    {"fsType", KUBE_STR},
    {"options", KUBE_STR_MAP},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {NULL},
};
const struct kube_schema kube_schema_flex_pv_source = {
    "io.k8s.api.core.v1.FlexPersistentVolumeSource",
    NULL,
    flex_pv_source_fields,
    0,
};

static const struct kube_field glusterfs_pv_source_fields[] = {
    {"endpoints", KUBE_STR, KUBE_REQUIRED},
    {"endpointsNamespace", KUBE_STR},
    {"path", KUBE_STR, KUBE_REQUIRED},
    {"readOnly", KUBE_BOOL},
    {NULL},
};
const struct kube_schema kube_schema_glusterfs_pv_source = {
    "io.k8s.api.core.v1.GlusterfsPersistentVolumeSource",
    NULL,
    glusterfs_pv_source_fields,
    0,
};

static const struct kube_field iscsi_pv_source_fields[] = {
    {"chapAuthDiscovery", KUBE_BOOL, 0, M(kube_iscsi_source, want_discovery_chap)},
    {"chapAuthSession", KUBE_BOOL, 0, M(kube_iscsi_source, want_session_chap)},
    {"fsType", KUBE_STR, 0, M(kube_iscsi_source, fs_type)},
    {"initiatorName", KUBE_STR, 0, M(kube_iscsi_source, initiator)},
    {"iqn", KUBE_STR, KUBE_REQUIRED, M(kube_iscsi_source, iqn)},
    {"iscsiInterface", KUBE_STR, 0, M(kube_iscsi_source, interface)},
    {"lun", KUBE_INT, KUBE_REQUIRED | KUBE_INT32, M(kube_iscsi_source, lun)},
    {"portals", KUBE_STRS, KUBE_ATOMIC, M(kube_iscsi_source, portals)},
    {"readOnly", KUBE_BOOL, 0, M(kube_iscsi_source, is_read_only)},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_iscsi_source, secret),
     .of = &kube_schema_secret_reference},
    {"targetPortal", KUBE_STR, KUBE_REQUIRED, M(kube_iscsi_source, portal)},
    {NULL},
};
const struct kube_schema kube_schema_iscsi_pv_source = {
    "io.k8s.api.core.v1.ISCSIPersistentVolumeSource",
    NULL,
    iscsi_pv_source_fields,
    sizeof(struct kube_iscsi_source),
};

static const struct kube_field local_volume_source_fields[] = {
    {"fsType", KUBE_STR, 0, M(kube_local_source, fs_type)},
    {"path", KUBE_STR, KUBE_REQUIRED, M(kube_local_source, path)},
    {NULL},
};
const struct kube_schema kube_schema_local_volume_source = {
    "io.k8s.api.core.v1.LocalVolumeSource",
    NULL,
    local_volume_source_fields,
    sizeof(struct kube_local_source),
};

static const struct kube_field rbd_pv_source_fields[] = {
    {"fsType", KUBE_STR},
    {"image", KUBE_STR, KUBE_REQUIRED},
    {"keyring", KUBE_STR},
    {"monitors", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC},
    {"pool", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {"user", KUBE_STR},
    {NULL},
};
const struct kube_schema kube_schema_rbd_pv_source = {
    "io.k8s.api.core.v1.RBDPersistentVolumeSource",
    NULL,
    rbd_pv_source_fields,
    0,
};

static const struct kube_field scale_io_pv_source_fields[] = {
    {"fsType", KUBE_STR},
    {"gateway", KUBE_STR, KUBE_REQUIRED},
    {"protectionDomain", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_REQUIRED | KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {"sslEnabled", KUBE_BOOL},
    {"storageMode", KUBE_STR},
    {"storagePool", KUBE_STR},
    {"system", KUBE_STR, KUBE_REQUIRED},
    {"volumeName", KUBE_STR},
    {NULL},
};
const struct kube_schema kube_schema_scale_io_pv_source = {
    "io.k8s.api.core.v1.ScaleIOPersistentVolumeSource",
    NULL,
    scale_io_pv_source_fields,
    0,
};

static const struct kube_field storage_os_pv_source_fields[] = {
    {"fsType", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_object_reference},
    {"volumeName", KUBE_STR},
    {"volumeNamespace", KUBE_STR},
    {NULL},
};
const struct kube_schema kube_schema_storage_os_pv_source = {
    "io.k8s.api.core.v1.StorageOSPersistentVolumeSource",
    NULL,
    storage_os_pv_source_fields,
    0,
};
