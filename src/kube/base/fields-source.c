/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field aws_elastic_block_store_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"partition", KUBE_INT, KUBE_INT32},
    {"readOnly", KUBE_BOOL},
    {"volumeID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_aws_elastic_block_store_volume_source = {
    "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource",
    NULL,
    aws_elastic_block_store_volume_source_fields,
    0,
};

static const struct kube_field azure_disk_volume_source_fields[] = {
    {"cachingMode", KUBE_STR, KUBE_KEEP, .fallback = "\"ReadWrite\""},
    {"diskName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"diskURI", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"fsType", KUBE_STR, KUBE_KEEP, .fallback = "\"ext4\""},
    {"kind", KUBE_STR, KUBE_KEEP, .fallback = "\"Shared\""},
    {"readOnly", KUBE_BOOL, KUBE_KEEP, .fallback = "false"},
    {NULL},
};
const struct kube_schema kube_schema_azure_disk_volume_source = {
    "io.k8s.api.core.v1.AzureDiskVolumeSource",
    NULL,
    azure_disk_volume_source_fields,
    0,
};

static const struct kube_field fc_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"lun", KUBE_INT, KUBE_INT32 | KUBE_KEEP},
    {"readOnly", KUBE_BOOL},
    {"targetWWNs", KUBE_STRS, KUBE_ATOMIC},
    {"wwids", KUBE_STRS, KUBE_ATOMIC},
    {NULL},
};
const struct kube_schema kube_schema_fc_volume_source = {
    "io.k8s.api.core.v1.FCVolumeSource",
    NULL,
    fc_volume_source_fields,
    0,
};

static const struct kube_field flocker_volume_source_fields[] = {
    {"datasetName", KUBE_STR},
    {"datasetUUID", KUBE_STR},
    {NULL},
};
const struct kube_schema kube_schema_flocker_volume_source = {
    "io.k8s.api.core.v1.FlockerVolumeSource",
    NULL,
    flocker_volume_source_fields,
    0,
};

static const struct kube_field gce_persistent_disk_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"partition", KUBE_INT, KUBE_INT32},
    {"pdName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"readOnly", KUBE_BOOL},
    {NULL},
};
const struct kube_schema kube_schema_gce_persistent_disk_volume_source = {
    "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource",
    NULL,
    gce_persistent_disk_volume_source_fields,
    0,
};

static const struct kube_field host_path_volume_source_fields[] = {
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_host_path, path),
     .doc = "The path on the node."},
    {"type", KUBE_STR, KUBE_KEEP, M(kube_host_path, type),
     .names = NAMES("BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
                    "FileOrCreate", "Socket"),
     .fallback = "\"\"",
     .doc = "What must be there, or is made: Directory, DirectoryOrCreate, File \u2026"},
    {NULL},
};
const struct kube_schema kube_schema_host_path_volume_source = {
    "io.k8s.api.core.v1.HostPathVolumeSource",
    "A file or directory of the node.",
    host_path_volume_source_fields,
    sizeof(struct kube_host_path),
};

static const struct kube_field nfs_volume_source_fields[] = {
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_nfs_source, path),
     .doc = "The exported directory."},
    {"readOnly", KUBE_BOOL, 0, M(kube_nfs_source, is_read_only), .doc = "Mount without writing."},
    {"server", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_nfs_source, server),
     .doc = "Name or address of the server."},
    {NULL},
};
const struct kube_schema kube_schema_nfs_volume_source = {
    "io.k8s.api.core.v1.NFSVolumeSource",
    "A directory of an NFS server.",
    nfs_volume_source_fields,
    sizeof(struct kube_nfs_source),
};

static const struct kube_field photon_persistent_disk_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"pdID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_photon_persistent_disk_volume_source = {
    "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource",
    NULL,
    photon_persistent_disk_volume_source_fields,
    0,
};

static const struct kube_field portworx_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"volumeID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_portworx_volume_source = {
    "io.k8s.api.core.v1.PortworxVolumeSource",
    NULL,
    portworx_volume_source_fields,
    0,
};

static const struct kube_field quobyte_volume_source_fields[] = {
    {"group", KUBE_STR},
    {"readOnly", KUBE_BOOL},
    {"registry", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"tenant", KUBE_STR},
    {"user", KUBE_STR},
    {"volume", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_quobyte_volume_source = {
    "io.k8s.api.core.v1.QuobyteVolumeSource",
    NULL,
    quobyte_volume_source_fields,
    0,
};

static const struct kube_field vsphere_virtual_disk_volume_source_fields[] = {
    {"fsType", KUBE_STR},
    {"storagePolicyID", KUBE_STR},
    {"storagePolicyName", KUBE_STR},
    {"volumePath", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_vsphere_virtual_disk_volume_source = {
    "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource",
    NULL,
    vsphere_virtual_disk_volume_source_fields,
    0,
};
