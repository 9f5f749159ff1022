/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field azure_file_pv_source_fields[] = {
    {"readOnly", KUBE_BOOL},
    {"secretName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"secretNamespace", KUBE_STR, KUBE_KEEP},
    {"shareName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_azure_file_pv_source = {
    "io.k8s.api.core.v1.AzureFilePersistentVolumeSource",
    NULL,
    azure_file_pv_source_fields,
    0,
};

static const struct kube_field ceph_fs_pv_source_fields[] = {
    {"monitors", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP},
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
    {"volumeID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
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
     M(kube_csi_source, controller_expand_secret), .of = &kube_schema_secret_reference,
     .doc = "Secret for growing the volume."},
    {"controllerPublishSecretRef", KUBE_OBJECT, KUBE_ATOMIC,
     M(kube_csi_source, controller_publish_secret), .of = &kube_schema_secret_reference,
     .doc = "Secret for attaching and detaching."},
    {"driver", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_csi_source, driver),
     .doc = "Name of the driver."},
    {"fsType", KUBE_STR, 0, M(kube_csi_source, fs_type),
     .doc = "File system to make and mount: ext4, xfs \u2026"},
    {"nodeExpandSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_source, node_expand_secret),
     .of = &kube_schema_secret_reference, .doc = "Secret for growing the file system."},
    {"nodePublishSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_source, node_publish_secret),
     .of = &kube_schema_secret_reference, .doc = "Secret for the mount into a pod."},
    {"nodeStageSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_source, node_stage_secret),
     .of = &kube_schema_secret_reference, .doc = "Secret for the mount on the node."},
    {"readOnly", KUBE_BOOL, 0, M(kube_csi_source, is_read_only),
     .doc = "Attach and mount without writing."},
    {"volumeAttributes", KUBE_STR_MAP, 0, M(kube_csi_source, attributes),
     .doc = "What CreateVolume said of the volume; given to the driver again."},
    {"volumeHandle", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_csi_source, handle),
     .doc = "The name that the driver gave to the volume."},
    {NULL},
};
const struct kube_schema kube_schema_csi_pv_source = {
    "io.k8s.api.core.v1.CSIPersistentVolumeSource",
    "A volume of a CSI driver.",
    csi_pv_source_fields,
    sizeof(struct kube_csi_source),
};

static const struct kube_field flex_pv_source_fields[] = {
    {"driver", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
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
    {"endpoints", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"endpointsNamespace", KUBE_STR, KUBE_KEEP},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
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
    {"chapAuthDiscovery", KUBE_BOOL, 0, M(kube_iscsi_source, want_discovery_chap),
     .doc = "Use CHAP for discovery."},
    {"chapAuthSession", KUBE_BOOL, 0, M(kube_iscsi_source, want_session_chap),
     .doc = "Use CHAP for the session."},
    {"fsType", KUBE_STR, 0, M(kube_iscsi_source, fs_type), .doc = "File system to mount."},
    {"initiatorName", KUBE_STR, KUBE_KEEP, M(kube_iscsi_source, initiator),
     .doc = "Name of the initiator for this volume."},
    {"iqn", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_iscsi_source, iqn),
     .doc = "Name of the target."},
    {"iscsiInterface", KUBE_STR, 0, M(kube_iscsi_source, interface), .fallback = "\"default\"",
     .doc = "Interface of the initiator; default is tcp."},
    {"lun", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP, M(kube_iscsi_source, lun),
     .doc = "Number of the disk there."},
    {"portals", KUBE_STRS, KUBE_ATOMIC, M(kube_iscsi_source, portals),
     .doc = "More addresses of the same target."},
    {"readOnly", KUBE_BOOL, 0, M(kube_iscsi_source, is_read_only), .doc = "Mount without writing."},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_iscsi_source, secret),
     .of = &kube_schema_secret_reference, .doc = "CHAP secret."},
    {"targetPortal", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_iscsi_source, portal),
     .doc = "Address of the target, with the port when it is not 3260."},
    {NULL},
};
const struct kube_schema kube_schema_iscsi_pv_source = {
    "io.k8s.api.core.v1.ISCSIPersistentVolumeSource",
    "A disk reached by iSCSI.",
    iscsi_pv_source_fields,
    sizeof(struct kube_iscsi_source),
};

static const struct kube_field local_volume_source_fields[] = {
    {"fsType", KUBE_STR, KUBE_KEEP, M(kube_local_source, fs_type),
     .doc = "File system to make when the path is a block device."},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_local_source, path),
     .doc = "The path on the node: a directory or a block device."},
    {NULL},
};
const struct kube_schema kube_schema_local_volume_source = {
    "io.k8s.api.core.v1.LocalVolumeSource",
    "A disk or directory of one node.",
    local_volume_source_fields,
    sizeof(struct kube_local_source),
};

static const struct kube_field rbd_pv_source_fields[] = {
    {"fsType", KUBE_STR},
    {"image", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"keyring", KUBE_STR, .fallback = "\"/etc/ceph/keyring\""},
    {"monitors", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP},
    {"pool", KUBE_STR, .fallback = "\"rbd\""},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {"user", KUBE_STR, .fallback = "\"admin\""},
    {NULL},
};
const struct kube_schema kube_schema_rbd_pv_source = {
    "io.k8s.api.core.v1.RBDPersistentVolumeSource",
    NULL,
    rbd_pv_source_fields,
    0,
};

static const struct kube_field scale_io_pv_source_fields[] = {
    {"fsType", KUBE_STR, .fallback = "\"xfs\""},
    {"gateway", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"protectionDomain", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_REQUIRED | KUBE_ATOMIC, .of = &kube_schema_secret_reference},
    {"sslEnabled", KUBE_BOOL},
    {"storageMode", KUBE_STR, .fallback = "\"ThinProvisioned\""},
    {"storagePool", KUBE_STR},
    {"system", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
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
