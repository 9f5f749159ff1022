/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

const char *const kube_access_mode_names[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                              "ReadWriteOncePod", NULL};
const char *const kube_volume_mode_names[] = {"Filesystem", "Block", NULL};
const char *const kube_reclaim_names[] = {"Retain", "Delete", "Recycle", NULL};

static const struct kube_field pv_spec_fields[] = {
    {"accessModes", KUBE_ENUM_SET, KUBE_ATOMIC, M(kube_pv, spec.access_modes),
     .names = kube_access_mode_names, .doc = "The ways in which the volume can be mounted."},
    {"capacity", KUBE_RESOURCES, 0, M(kube_pv, spec.capacity),
     .doc = "Size of the volume: storage."},
    {"claimRef", KUBE_OBJECT, 0, M(kube_pv, spec.claim), .of = &kube_schema_object_reference,
     .doc = "The claim that this volume is bound to, or kept for."},
    {"mountOptions", KUBE_STRS, KUBE_ATOMIC, M(kube_pv, spec.mount_options),
     .doc = "Options for mount; a wrong one makes the mount fail."},
    {"nodeAffinity", KUBE_OBJECT, 0, M(kube_pv, spec.affinity),
     .of = &kube_schema_volume_node_affinity,
     .doc = "The nodes from which the volume can be reached."},
    {"persistentVolumeReclaimPolicy", KUBE_ENUM, KUBE_WITH_TEXT, M(kube_pv, spec.reclaim),
     .names = kube_reclaim_names,
     .doc = "What happens to the volume when its claim is gone: Retain, Delete or Recycle."},
    {"storageClassName", KUBE_STR, KUBE_NULLABLE, M(kube_pv, spec.class_name),
     .doc = "The class that the volume belongs to; empty for none."},
    {"volumeAttributesClassName", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP,
     M(kube_pv, spec.attributes_class),
     .doc = "The attributes class that the volume has been given."},
    {"volumeMode", KUBE_ENUM, KUBE_KEEP, M(kube_pv, spec.volume_mode),
     .names = kube_volume_mode_names, .doc = "Filesystem (default) or Block: a raw device."},
    {"hostPath", KUBE_OBJECT, KUBE_ONE_OF, M(kube_pv, spec.host_path),
     .of = &kube_schema_host_path_volume_source,
     .doc = "A directory of the node: for tests on a single node."},
    {"gcePersistentDisk", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_gce_persistent_disk_volume_source,
     .doc = "A GCE disk; served by its CSI driver."},
    {"awsElasticBlockStore", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_aws_elastic_block_store_volume_source,
     .doc = "An AWS disk; served by its CSI driver."},
    {"glusterfs", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_glusterfs_pv_source,
     .doc = "A GlusterFS volume; no longer supported."},
    {"flocker", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_flocker_volume_source,
     .doc = "A Flocker volume; no longer supported."},
    {"nfs", KUBE_OBJECT, KUBE_ONE_OF, M(kube_pv, spec.nfs), .of = &kube_schema_nfs_volume_source,
     .doc = "A directory of an NFS server."},
    {"rbd", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_rbd_pv_source,
     .doc = "An image of a Ceph cluster."},
    {"quobyte", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_quobyte_volume_source,
     .doc = "A Quobyte volume; no longer supported."},
    {"cephfs", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_ceph_fs_pv_source,
     .doc = "A directory of a Ceph file system."},
    {"iscsi", KUBE_OBJECT, KUBE_ONE_OF, M(kube_pv, spec.iscsi), .of = &kube_schema_iscsi_pv_source,
     .doc = "A disk reached by iSCSI."},
    {"cinder", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_cinder_pv_source,
     .doc = "An OpenStack volume; served by its CSI driver."},
    {"fc", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_fc_volume_source,
     .doc = "A disk of a Fibre Channel network."},
    {"flexVolume", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_flex_pv_source,
     .doc = "A volume of an exec driver; use CSI instead."},
    {"azureFile", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_azure_file_pv_source,
     .doc = "An Azure file share; served by its CSI driver."},
    {"vsphereVolume", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_vsphere_virtual_disk_volume_source,
     .doc = "A vSphere disk; served by its CSI driver."},
    {"photonPersistentDisk", KUBE_OBJECT, KUBE_ONE_OF,
     .of = &kube_schema_photon_persistent_disk_volume_source,
     .doc = "A Photon disk; no longer supported."},
    {"portworxVolume", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_portworx_volume_source,
     .doc = "A Portworx volume; served by its CSI driver."},
    {"azureDisk", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_azure_disk_volume_source,
     .doc = "An Azure data disk; served by its CSI driver."},
    {"scaleIO", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_scale_io_pv_source,
     .doc = "A ScaleIO volume; no longer supported."},
    {"local", KUBE_OBJECT, KUBE_ONE_OF, M(kube_pv, spec.local),
     .of = &kube_schema_local_volume_source,
     .doc = "A disk or directory of one node; needs nodeAffinity."},
    {"storageos", KUBE_OBJECT, KUBE_ONE_OF, .of = &kube_schema_storage_os_pv_source,
     .doc = "A StorageOS volume; no longer supported."},
    {"csi", KUBE_OBJECT, KUBE_ONE_OF, M(kube_pv, spec.csi), .of = &kube_schema_csi_pv_source,
     .doc = "A volume of a CSI driver."},
    {NULL},
};
const struct kube_schema kube_schema_pv_spec = {
    "io.k8s.api.core.v1.PersistentVolumeSpec",
    "What a volume is and how it may be used.",
    pv_spec_fields,
    sizeof(struct kube_pv),
};

static const struct kube_field pv_status_fields[] = {
    {"lastPhaseTransitionTime", KUBE_TIME, KUBE_KEEP, .doc = "When the phase changed last."},
    {"message", KUBE_STR, 0, M(kube_pv, status.message),
     .doc = "Why it is in this phase, for people."},
    {"phase", KUBE_ENUM, 0, M(kube_pv, status.phase),
     .names = NAMES("Pending", "Available", "Bound", "Released", "Failed"),
     .doc = "Pending, Available, Bound, Released or Failed."},
    {"reason", KUBE_STR, 0, M(kube_pv, status.reason), .doc = "Why it failed, in one word."},
    {NULL},
};
static const struct kube_schema pv_status = {
    "io.k8s.api.core.v1.PersistentVolumeStatus",
    "Where a volume is in its life.",
    pv_status_fields,
    sizeof(struct kube_pv),
};

static const struct kube_field pv_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_pv, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &kube_schema_pv_spec, .doc = "What is wanted."},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &pv_status,
     .doc = "What is: written by controllers."},
    {NULL},
};
const struct kube_schema kube_schema_pv = {
    "io.k8s.api.core.v1.PersistentVolume",
    "A piece of storage of the cluster; it lives apart from the pods that use it.",
    pv_fields,
    sizeof(struct kube_pv),
};

static const struct kube_field volume_resource_requirements_fields[] = {
    {"limits", KUBE_RESOURCES, 0, M(kube_pvc_spec, limits), .doc = "The most that is wanted."},
    {"requests", KUBE_RESOURCES, 0, M(kube_pvc_spec, requests), .doc = "The least that is needed."},
    {NULL},
};
static const struct kube_schema volume_resource_requirements = {
    "io.k8s.api.core.v1.VolumeResourceRequirements",
    "Sizes of a volume.",
    volume_resource_requirements_fields,
    sizeof(struct kube_pvc_spec),
};

static const struct kube_field pvc_spec_fields[] = {
    {"accessModes", KUBE_ENUM_SET, KUBE_ATOMIC, M(kube_pvc_spec, access_modes),
     .names = kube_access_mode_names, .doc = "The ways in which the volume must be usable."},
    {"dataSource", KUBE_OBJECT, KUBE_ATOMIC, M(kube_pvc_spec, data_source),
     .of = &kube_schema_typed_local_object_reference,
     .doc = "A snapshot or claim whose data the new volume begins with."},
    {"dataSourceRef", KUBE_OBJECT, 0, M(kube_pvc_spec, data_source_ref),
     .of = &kube_schema_typed_object_reference,
     .doc = "As dataSource, of any kind that a populator knows, in other namespaces too."},
    {"resources", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &volume_resource_requirements,
     .doc = "The least size that is asked for."},
    {"selector", KUBE_OBJECT, KUBE_ATOMIC, M(kube_pvc_spec, selector),
     .of = &kube_schema_label_selector,
     .doc = "Volumes must have these labels; no volume is made for such a claim."},
    {"storageClassName", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP, M(kube_pvc_spec, class_name),
     .doc =
         "The class to take a volume from: empty means no class, absent means the default class."},
    {"volumeAttributesClassName", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP,
     M(kube_pvc_spec, attributes_class),
     .doc = "The attributes class to give to the volume; may be changed later."},
    {"volumeMode", KUBE_ENUM, KUBE_KEEP, M(kube_pvc_spec, volume_mode),
     .names = kube_volume_mode_names, .fallback = "\"Filesystem\"",
     .doc = "Filesystem (default) or Block: a raw device."},
    {"volumeName", KUBE_STR, 0, M(kube_pvc_spec, volume_name),
     .doc = "The volume that the claim is bound to."},
    {NULL},
};
const struct kube_schema kube_schema_pvc_spec = {
    "io.k8s.api.core.v1.PersistentVolumeClaimSpec",
    "What storage is asked for.",
    pvc_spec_fields,
    sizeof(struct kube_pvc_spec),
};

static const struct kube_field pvc_condition_fields[] = {
    {"lastProbeTime", KUBE_TIME, 0, M(kube_condition, probed),
     .doc = "When it was looked at last."},
    {"lastTransitionTime", KUBE_TIME, 0, M(kube_condition, changed),
     .doc = "When the status changed last."},
    {"message", KUBE_STR, 0, M(kube_condition, message), .doc = "Why, for people."},
    {"reason", KUBE_STR, 0, M(kube_condition, reason), .doc = "Why, in one word."},
    {"status", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_condition, status),
     .doc = "True, False or Unknown."},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_condition, type),
     .doc = "Resizing, FileSystemResizePending and others."},
    {NULL},
};
static const struct kube_schema pvc_condition = {
    "io.k8s.api.core.v1.PersistentVolumeClaimCondition",
    "One thing that goes on with a claim.",
    pvc_condition_fields,
    sizeof(struct kube_condition),
};

static const struct kube_field modify_volume_status_fields[] = {
    {"status", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_modify_status, status),
     .doc = "Pending, InProgress or Infeasible."},
    {"targetVolumeAttributesClassName", KUBE_STR, 0, M(kube_modify_status, target),
     .doc = "The attributes class that is on its way."},
    {NULL},
};
static const struct kube_schema modify_volume_status = {
    "io.k8s.api.core.v1.ModifyVolumeStatus",
    "A change of attributes.",
    modify_volume_status_fields,
    sizeof(struct kube_modify_status),
};

static const struct kube_field pvc_status_fields[] = {
    {"accessModes", KUBE_ENUM_SET, KUBE_ATOMIC, M(kube_pvc, status.access_modes),
     .names = kube_access_mode_names, .doc = "The ways in which the volume can be mounted."},
    {"allocatedResourceStatuses", KUBE_STR_MAP, 0, M(kube_pvc, status.allocated_statuses),
     .doc = "How far a resize is."},
    {"allocatedResources", KUBE_RESOURCES, 0, M(kube_pvc, status.allocated),
     .doc = "The size that a resize is on its way to."},
    {"capacity", KUBE_RESOURCES, 0, M(kube_pvc, status.capacity),
     .doc = "The size that the volume really has."},
    {"conditions", KUBE_LIST, 0, M(kube_pvc, status.conditions), .of = &pvc_condition,
     .merge_keys = "type", .doc = "What goes on: resizing, for example."},
    {"currentVolumeAttributesClassName", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP,
     M(kube_pvc, status.attributes_class), .doc = "The attributes class that is in effect."},
    {"modifyVolumeStatus", KUBE_OBJECT, 0, M(kube_pvc, status.modify), .of = &modify_volume_status,
     .doc = "How far a change of attributes is."},
    {"phase", KUBE_ENUM, 0, M(kube_pvc, status.phase), .names = NAMES("Pending", "Bound", "Lost"),
     .doc = "Pending, Bound or Lost."},
    {NULL},
};
static const struct kube_schema pvc_status = {
    "io.k8s.api.core.v1.PersistentVolumeClaimStatus",
    "What a claim has got.",
    pvc_status_fields,
    sizeof(struct kube_pvc),
};

static const struct kube_field pvc_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_pvc, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_INLINE, M(kube_pvc, spec), .of = &kube_schema_pvc_spec,
     .doc = "What is wanted."},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &pvc_status,
     .doc = "What is: written by controllers."},
    {NULL},
};
const struct kube_schema kube_schema_pvc = {
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    "A request for storage by a user, in a namespace.",
    pvc_fields,
    sizeof(struct kube_pvc),
};
