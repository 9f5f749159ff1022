/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field azure_file_volume_source_fields[] = {
    {"readOnly", KUBE_BOOL},
    {"secretName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"shareName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema azure_file_volume_source = {
    "io.k8s.api.core.v1.AzureFileVolumeSource",
    NULL,
    azure_file_volume_source_fields,
    0,
};

static const struct kube_field ceph_fs_volume_source_fields[] = {
    {"monitors", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP},
    {"path", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretFile", KUBE_STR},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_local_object_reference},
    {"user", KUBE_STR},
    {NULL},
};
static const struct kube_schema ceph_fs_volume_source = {
    "io.k8s.api.core.v1.CephFSVolumeSource",
    NULL,
    ceph_fs_volume_source_fields,
    0,
};

static const struct kube_field cinder_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_local_object_reference},
    {"volumeID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema cinder_volume_source = {
    "io.k8s.api.core.v1.CinderVolumeSource",
    NULL,
    cinder_volume_source_fields,
    0,
};

static const struct kube_field csi_volume_source_fields[] = {
    {"driver", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_csi_inline, driver)},
    {"fsType", KUBE_STR, KUBE_KEEP, M(kube_csi_inline, fs_type)},
    {"nodePublishSecretRef", KUBE_OBJECT, KUBE_ATOMIC, M(kube_csi_inline, node_publish_secret),
     .of = &kube_schema_local_object_reference},
    {"readOnly", KUBE_BOOL, KUBE_KEEP, M(kube_csi_inline, is_read_only)},
    {"volumeAttributes", KUBE_STR_MAP, 0, M(kube_csi_inline, attributes)},
    {NULL},
};
static const struct kube_schema csi_volume_source = {
    "io.k8s.api.core.v1.CSIVolumeSource",
    NULL,
    csi_volume_source_fields,
    sizeof(struct kube_csi_inline),
};

static const struct kube_field empty_dir_volume_source_fields[] = {
    {"medium", KUBE_STR, 0, M(kube_empty_dir, medium)},
    {"sizeLimit", KUBE_QUANTITY, KUBE_NULLABLE | KUBE_KEEP, M(kube_empty_dir, size_limit)},
    {NULL},
};
static const struct kube_schema empty_dir_volume_source = {
    "io.k8s.api.core.v1.EmptyDirVolumeSource",
    NULL,
    empty_dir_volume_source_fields,
    sizeof(struct kube_empty_dir),
};

static const struct kube_field pvc_template_fields[] = {
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_claim_template, meta),
     .of = &kube_schema_object_meta},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, M(kube_claim_template, spec),
     .of = &kube_schema_pvc_spec},
    {NULL},
};
static const struct kube_schema pvc_template = {
    "io.k8s.api.core.v1.PersistentVolumeClaimTemplate",
    NULL,
    pvc_template_fields,
    sizeof(struct kube_claim_template),
};

static const struct kube_field ephemeral_volume_source_fields[] = {
    {"volumeClaimTemplate", KUBE_OBJECT, 0, M(kube_ephemeral_source, claim_template),
     .of = &pvc_template},
    {NULL},
};
static const struct kube_schema ephemeral_volume_source = {
    "io.k8s.api.core.v1.EphemeralVolumeSource",
    NULL,
    ephemeral_volume_source_fields,
    sizeof(struct kube_ephemeral_source),
};

static const struct kube_field flex_volume_source_fields[] = {
    {"driver", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"fsType", KUBE_STR},
    {"options", KUBE_STR_MAP},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_local_object_reference},
    {NULL},
};
static const struct kube_schema flex_volume_source = {
    "io.k8s.api.core.v1.FlexVolumeSource",
    NULL,
    flex_volume_source_fields,
    0,
};

static const struct kube_field git_repo_volume_source_fields[] = {
    {"directory", KUBE_STR},
    {"repository", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"revision", KUBE_STR},
    {NULL},
};
static const struct kube_schema git_repo_volume_source = {
    "io.k8s.api.core.v1.GitRepoVolumeSource",
    NULL,
    git_repo_volume_source_fields,
    0,
};

static const struct kube_field glusterfs_volume_source_fields[] = {
    {"endpoints", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"readOnly", KUBE_BOOL},
    {NULL},
};
static const struct kube_schema glusterfs_volume_source = {
    "io.k8s.api.core.v1.GlusterfsVolumeSource",
    NULL,
    glusterfs_volume_source_fields,
    0,
};

static const struct kube_field image_volume_source_fields[] = {
    {"pullPolicy", KUBE_STR},
    {"reference", KUBE_STR},
    {NULL},
};
static const struct kube_schema image_volume_source = {
    "io.k8s.api.core.v1.ImageVolumeSource",
    NULL,
    image_volume_source_fields,
    0,
};

static const struct kube_field iscsi_volume_source_fields[] = {
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
     .of = &kube_schema_local_object_reference, .doc = "CHAP secret."},
    {"targetPortal", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_iscsi_source, portal),
     .doc = "Address of the target, with the port when it is not 3260."},
    {NULL},
};
static const struct kube_schema iscsi_volume_source = {
    "io.k8s.api.core.v1.ISCSIVolumeSource",
    "A disk reached by iSCSI.",
    iscsi_volume_source_fields,
    sizeof(struct kube_iscsi_source),
};

static const struct kube_field pvc_volume_source_fields[] = {
    {"claimName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_claim_source, claim)},
    {"readOnly", KUBE_BOOL, 0, M(kube_claim_source, is_read_only)},
    {NULL},
};
static const struct kube_schema pvc_volume_source = {
    "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource",
    NULL,
    pvc_volume_source_fields,
    sizeof(struct kube_claim_source),
};

static const struct kube_field rbd_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"image", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"keyring", KUBE_STR, .fallback = "\"/etc/ceph/keyring\""},
    {"monitors", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP},
    {"pool", KUBE_STR, .fallback = "\"rbd\""},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_local_object_reference},
    {"user", KUBE_STR, .fallback = "\"admin\""},
    {NULL},
};
static const struct kube_schema rbd_volume_source = {
    "io.k8s.api.core.v1.RBDVolumeSource",
    NULL,
    rbd_volume_source_fields,
    0,
};

static const struct kube_field scale_io_volume_source_fields[] = {
    {"fsType", KUBE_STR, .fallback = "\"xfs\""},
    {"gateway", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"protectionDomain", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_REQUIRED | KUBE_ATOMIC,
     .of = &kube_schema_local_object_reference},
    {"sslEnabled", KUBE_BOOL},
    {"storageMode", KUBE_STR, .fallback = "\"ThinProvisioned\""},
    {"storagePool", KUBE_STR},
    {"system", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"volumeName", KUBE_STR},
    {NULL},
};
static const struct kube_schema scale_io_volume_source = {
    "io.k8s.api.core.v1.ScaleIOVolumeSource",
    NULL,
    scale_io_volume_source_fields,
    0,
};

static const struct kube_field storage_os_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"secretRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_local_object_reference},
    {"volumeName", KUBE_STR},
    {"volumeNamespace", KUBE_STR},
    {NULL},
};
static const struct kube_schema storage_os_volume_source = {
    "io.k8s.api.core.v1.StorageOSVolumeSource",
    NULL,
    storage_os_volume_source_fields,
    0,
};

static const struct kube_field volume_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_volume, name)},
    {"emptyDir", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, empty_dir),
     .of = &empty_dir_volume_source},
    {"hostPath", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, host_path),
     .of = &kube_schema_host_path_volume_source},
    {"gitRepo", KUBE_OBJECT, KUBE_ONE_OF, .of = &git_repo_volume_source},
    {"gcePersistentDisk", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_gce_persistent_disk_volume_source},
    {"awsElasticBlockStore", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_aws_elastic_block_store_volume_source},
    {"secret", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, secret),
     .of = &kube_schema_secret_volume_source},
    {"nfs", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, nfs), .of = &kube_schema_nfs_volume_source},
    {"iscsi", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, iscsi), .of = &iscsi_volume_source},
    {"glusterfs", KUBE_OBJECT, KUBE_ONE_OF, .of = &glusterfs_volume_source},
    {"persistentVolumeClaim", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, claim),
     .of = &pvc_volume_source},
    {"rbd", KUBE_OBJECT, KUBE_ONE_OF, .of = &rbd_volume_source},
    {"cinder", KUBE_OBJECT, KUBE_ONE_OF, .of = &cinder_volume_source},
    {"cephfs", KUBE_OBJECT, KUBE_ONE_OF, .of = &ceph_fs_volume_source},
    {"flocker", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_flocker_volume_source},
    {"downwardAPI", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_downward_api_volume_source},
    {"fc", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_fc_volume_source},
    {"flexVolume", KUBE_OBJECT, KUBE_ONE_OF, .of = &flex_volume_source},
    {"configMap", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, config_map),
     .of = &kube_schema_config_map_volume_source},
    {"azureFile", KUBE_OBJECT, KUBE_ONE_OF, .of = &azure_file_volume_source},
    {"vsphereVolume", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_vsphere_virtual_disk_volume_source},
    {"photonPersistentDisk", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_photon_persistent_disk_volume_source},
    {"portworxVolume", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_portworx_volume_source},
    {"azureDisk", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_azure_disk_volume_source},
    {"quobyte", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_quobyte_volume_source},
    {"storageos", KUBE_OBJECT, KUBE_ONE_OF, .of = &storage_os_volume_source},
    {"scaleIO", KUBE_OBJECT, KUBE_ONE_OF, .of = &scale_io_volume_source},
    {"projected", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_projected_volume_source},
    {"csi", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, csi), .of = &csi_volume_source},
    {"ephemeral", KUBE_OBJECT, KUBE_ONE_OF, M(kube_volume, ephemeral),
     .of = &ephemeral_volume_source},
    {"image", KUBE_OBJECT, KUBE_ONE_OF, .of = &image_volume_source},
    {NULL},
};
const struct kube_schema kube_schema_volume = {
    "io.k8s.api.core.v1.Volume",
    NULL,
    volume_fields,
    sizeof(struct kube_volume),
};
