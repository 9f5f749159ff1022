/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field storage_class_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_class, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"allowVolumeExpansion", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP, M(kube_class, allow_expansion),
     .doc = "Claims of this class may ask for more later."},
    {"allowedTopologies", KUBE_LIST, KUBE_ATOMIC, M(kube_class, allowed_topologies),
     .of = &kube_schema_topology_selector_term, .doc = "Where volumes may be made."},
    {"mountOptions", KUBE_STRS, KUBE_ATOMIC, M(kube_class, mount_options),
     .doc = "Options for mount, given to each new volume."},
    {"parameters", KUBE_STR_MAP, 0, M(kube_class, parameters),
     .doc = "What the provisioner is told; its own words."},
    {"provisioner", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_class, provisioner),
     .doc = "Who makes the volumes."},
    {"reclaimPolicy", KUBE_ENUM, KUBE_KEEP, M(kube_class, reclaim),
     .names = NAMES("Retain", "Delete"), .fallback = "\"Delete\"",
     .doc = "The policy of new volumes: Delete (default) or Retain."},
    {"volumeBindingMode", KUBE_ENUM, KUBE_IMMUTABLE | KUBE_KEEP, M(kube_class, binding_mode),
     .names = NAMES("Immediate", "WaitForFirstConsumer"), .fallback = "\"Immediate\"",
     .doc = "Immediate (default), or WaitForFirstConsumer: when a pod uses the claim."},
    {NULL},
};
const struct kube_schema kube_schema_storage_class = {
    "io.k8s.api.storage.v1.StorageClass",
    "A template for volumes that are made on demand.",
    storage_class_fields,
    sizeof(struct kube_class),
};

static const struct kube_field volume_attachment_source_fields[] = {
    {"inlineVolumeSpec", KUBE_OBJECT, .of = &kube_schema_pv_spec,
     .doc = "A volume that has no object of its own."},
    {"persistentVolumeName", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP, M(kube_va, pv_name),
     .doc = "Name of the volume."},
    {NULL},
};
static const struct kube_schema volume_attachment_source = {
    "io.k8s.api.storage.v1.VolumeAttachmentSource",
    "A volume.",
    volume_attachment_source_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_attachment_spec_fields[] = {
    {"attacher", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_va, attacher),
     .doc = "The driver that attaches."},
    {"nodeName", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_va, node),
     .doc = "The node."},
    {"source", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &volume_attachment_source,
     .doc = "The volume."},
    {NULL},
};
static const struct kube_schema volume_attachment_spec = {
    "io.k8s.api.storage.v1.VolumeAttachmentSpec",
    "Which volume goes where.",
    volume_attachment_spec_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_error_fields[] = {
    {"errorCode", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE | KUBE_KEEP, M(kube_volume_error, code),
     .doc = "The gRPC code."},
    {"message", KUBE_STR, 0, M(kube_volume_error, message), .doc = "Why."},
    {"time", KUBE_TIME, 0, M(kube_volume_error, time), .doc = "When."},
    {NULL},
};
static const struct kube_schema volume_error = {
    "io.k8s.api.storage.v1.VolumeError",
    "A failure.",
    volume_error_fields,
    sizeof(struct kube_volume_error),
};

static const struct kube_field volume_attachment_status_fields[] = {
    {"attachError", KUBE_OBJECT, 0, M(kube_va, status.attach_error), .of = &volume_error,
     .doc = "The last failure to attach."},
    {"attached", KUBE_BOOL, KUBE_REQUIRED | KUBE_KEEP, M(kube_va, status.is_attached),
     .fallback = "false", .doc = "The volume is attached."},
    {"attachmentMetadata", KUBE_STR_MAP, 0, M(kube_va, status.metadata),
     .doc = "What the driver tells the node."},
    {"detachError", KUBE_OBJECT, 0, M(kube_va, status.detach_error), .of = &volume_error,
     .doc = "The last failure to detach."},
    {NULL},
};
static const struct kube_schema volume_attachment_status = {
    "io.k8s.api.storage.v1.VolumeAttachmentStatus",
    "How far an attachment is.",
    volume_attachment_status_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_attachment_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_va, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE | KUBE_IMMUTABLE, HERE,
     .of = &volume_attachment_spec, .doc = "What is wanted."},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &volume_attachment_status, .fallback = "{}",
     .doc = "What is: written by controllers."},
    {NULL},
};
const struct kube_schema kube_schema_volume_attachment = {
    "io.k8s.api.storage.v1.VolumeAttachment",
    "The wish to have a volume attached to a node, and how far that is.",
    volume_attachment_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_node_resources_fields[] = {
    {"count", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE | KUBE_NON_NEGATIVE | KUBE_KEEP,
     M(kube_csinode_driver, max_volumes), .doc = "Most volumes of this driver; absent: no limit."},
    {NULL},
};
static const struct kube_schema volume_node_resources = {
    "io.k8s.api.storage.v1.VolumeNodeResources",
    "Limits of a node.",
    volume_node_resources_fields,
    sizeof(struct kube_csinode_driver),
};

static const struct kube_field csi_node_driver_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_csinode_driver, name),
     .doc = "Name of the driver."},
    {"allocatable", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &volume_node_resources,
     .doc = "How many volumes the node takes."},
    {"nodeID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_csinode_driver, node_id),
     .doc = "What the driver calls the node."},
    {"topologyKeys", KUBE_STRS, KUBE_ATOMIC | KUBE_KEEP, M(kube_csinode_driver, topology_keys),
     .doc = "Labels of the node that the driver keeps."},
    {NULL},
};
static const struct kube_schema csi_node_driver = {
    "io.k8s.api.storage.v1.CSINodeDriver",
    "A driver on a node.",
    csi_node_driver_fields,
    sizeof(struct kube_csinode_driver),
};

static const struct kube_field csi_node_spec_fields[] = {
    {"drivers", KUBE_LIST, KUBE_REQUIRED | KUBE_KEEP, M(kube_csinode, drivers),
     .of = &csi_node_driver, .merge_keys = "name", .doc = "Those that are registered."},
    {NULL},
};
static const struct kube_schema csi_node_spec = {
    "io.k8s.api.storage.v1.CSINodeSpec",
    "Drivers of a node.",
    csi_node_spec_fields,
    sizeof(struct kube_csinode),
};

static const struct kube_field csi_node_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_csinode, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &csi_node_spec,
     .doc = "What is wanted."},
    {NULL},
};
const struct kube_schema kube_schema_csi_node = {
    "io.k8s.api.storage.v1.CSINode",
    "The CSI drivers of a node, as they registered there.",
    csi_node_fields,
    sizeof(struct kube_csinode),
};

static const struct kube_field token_request_fields[] = {
    {"audience", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP,
     M(kube_token_request, audience), .doc = "For whom; empty: the API server."},
    {"expirationSeconds", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP,
     M(kube_token_request, expiration_seconds), .doc = "How long it is good."},
    {NULL},
};
static const struct kube_schema token_request = {
    "io.k8s.api.storage.v1.TokenRequest",
    "A token for a driver.",
    token_request_fields,
    sizeof(struct kube_token_request),
};

static const struct kube_field csi_driver_spec_fields[] = {
    {"attachRequired", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP, M(kube_csidriver, attach_required),
     .fallback = "true", .doc = "Volumes must be attached before they are mounted."},
    {"fsGroupPolicy", KUBE_STR, KUBE_KEEP, M(kube_csidriver, fs_group_policy),
     .names = NAMES("File", "None", "ReadWriteOnceWithFSType"),
     .fallback = "\"ReadWriteOnceWithFSType\"",
     .doc = "When the owner of files is changed: ReadWriteOnceWithFSType, File or None."},
    {"nodeAllocatableUpdatePeriodSeconds", KUBE_INT, KUBE_KEEP,
     .doc = "How often the limit of volumes is asked for anew."},
    {"podInfoOnMount", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP, M(kube_csidriver, pod_info),
     .fallback = "false", .doc = "The driver wants to know the pod."},
    {"preventPodSchedulingIfMissing", KUBE_BOOL, KUBE_KEEP,
     .doc = "Pods with its volumes go only where it is registered."},
    {"requiresRepublish", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP,
     M(kube_csidriver, requires_republish), .fallback = "false",
     .doc = "NodePublishVolume is called again and again."},
    {"seLinuxMount", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP, M(kube_csidriver, selinux_mount),
     .fallback = "false", .doc = "The driver can mount with an SELinux context."},
    {"serviceAccountTokenInSecrets", KUBE_BOOL, KUBE_KEEP,
     .doc = "Tokens come as secrets rather than in the volume context."},
    {"storageCapacity", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP, M(kube_csidriver, storage_capacity),
     .fallback = "false",
     .doc = "Pods are placed where CSIStorageCapacity says that there is room."},
    {"tokenRequests", KUBE_LIST, KUBE_ATOMIC, M(kube_csidriver, token_requests),
     .of = &token_request, .doc = "Tokens of the pod's service account that the driver wants."},
    {"volumeLifecycleModes", KUBE_STRS, KUBE_MERGE_SET | KUBE_APPLY_ONLY | KUBE_IMMUTABLE,
     M(kube_csidriver, lifecycle_modes), .names = NAMES("Persistent", "Ephemeral"),
     .fallback = "[\"Persistent\"]", .doc = "Persistent, Ephemeral or both."},
    {NULL},
};
static const struct kube_schema csi_driver_spec = {
    "io.k8s.api.storage.v1.CSIDriverSpec",
    "What a driver needs.",
    csi_driver_spec_fields,
    sizeof(struct kube_csidriver),
};

static const struct kube_field csi_driver_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_csidriver, o.meta),
     .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &csi_driver_spec,
     .doc = "What is wanted."},
    {NULL},
};
const struct kube_schema kube_schema_csi_driver = {
    "io.k8s.api.storage.v1.CSIDriver",
    "A CSI driver of the cluster and what it needs.",
    csi_driver_fields,
    sizeof(struct kube_csidriver),
};

static const struct kube_field csi_storage_capacity_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_capacity, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"capacity", KUBE_QUANTITY, KUBE_NULLABLE | KUBE_KEEP, M(kube_capacity, capacity),
     .doc = "How much is left."},
    {"maximumVolumeSize", KUBE_QUANTITY, KUBE_NULLABLE | KUBE_KEEP, M(kube_capacity, max_size),
     .doc = "The largest volume that can be made."},
    {"nodeTopology", KUBE_OBJECT, KUBE_ATOMIC | KUBE_IMMUTABLE, M(kube_capacity, topology),
     .of = &kube_schema_label_selector, .doc = "The nodes that reach this storage."},
    {"storageClassName", KUBE_STR, KUBE_REQUIRED | KUBE_IMMUTABLE | KUBE_MAY_BE_EMPTY | KUBE_KEEP,
     M(kube_capacity, class_name), .doc = "The class."},
    {NULL},
};
const struct kube_schema kube_schema_csi_storage_capacity = {
    "io.k8s.api.storage.v1.CSIStorageCapacity",
    "How much storage of a class is left in a part of the cluster.",
    csi_storage_capacity_fields,
    sizeof(struct kube_capacity),
};

static const struct kube_field volume_attributes_class_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_attributes_class, o.meta),
     .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"driverName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_attributes_class, driver),
     .doc = "The driver."},
    {"parameters", KUBE_STR_MAP, 0, M(kube_attributes_class, parameters),
     .doc = "What the driver is told."},
    {NULL},
};
const struct kube_schema kube_schema_volume_attributes_class = {
    "io.k8s.api.storage.v1.VolumeAttributesClass",
    "Named parameters that may be changed while a volume is in use.",
    volume_attributes_class_fields,
    sizeof(struct kube_attributes_class),
};
