/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field storage_class_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_class, o.meta), .of = &kube_schema_object_meta},
    {"allowVolumeExpansion", KUBE_BOOL, KUBE_TRISTATE, M(kube_class, allow_expansion)},
    {"allowedTopologies", KUBE_LIST, KUBE_ATOMIC, M(kube_class, allowed_topologies),
     .of = &kube_schema_topology_selector_term},
    {"mountOptions", KUBE_STRS, KUBE_ATOMIC, M(kube_class, mount_options)},
    {"parameters", KUBE_STR_MAP, 0, M(kube_class, parameters)},
    {"provisioner", KUBE_STR, KUBE_REQUIRED, M(kube_class, provisioner)},
    {"reclaimPolicy", KUBE_ENUM, 0, M(kube_class, reclaim), .names = kube_reclaim_names},
    {"volumeBindingMode", KUBE_ENUM, 0, M(kube_class, binding_mode),
     .names = NAMES("Immediate", "WaitForFirstConsumer")},
    {NULL},
};
const struct kube_schema kube_schema_storage_class = {
    "io.k8s.api.storage.v1.StorageClass",
    NULL,
    storage_class_fields,
    sizeof(struct kube_class),
};

static const struct kube_field volume_attachment_source_fields[] = {
    {"inlineVolumeSpec", KUBE_OBJECT, .of = &kube_schema_pv_spec},
    {"persistentVolumeName", KUBE_STR, KUBE_NULLABLE, M(kube_va, pv_name)},
    {NULL},
};
static const struct kube_schema volume_attachment_source = {
    "io.k8s.api.storage.v1.VolumeAttachmentSource",
    NULL,
    volume_attachment_source_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_attachment_spec_fields[] = {
    {"attacher", KUBE_STR, KUBE_REQUIRED, M(kube_va, attacher)},
    {"nodeName", KUBE_STR, KUBE_REQUIRED, M(kube_va, node)},
    {"source", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &volume_attachment_source},
    {NULL},
};
static const struct kube_schema volume_attachment_spec = {
    "io.k8s.api.storage.v1.VolumeAttachmentSpec",
    NULL,
    volume_attachment_spec_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_error_fields[] = {
    {"errorCode", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE, M(kube_volume_error, code)},
    {"message", KUBE_STR, 0, M(kube_volume_error, message)},
    {"time", KUBE_TIME, 0, M(kube_volume_error, time)},
    {NULL},
};
static const struct kube_schema volume_error = {
    "io.k8s.api.storage.v1.VolumeError",
    NULL,
    volume_error_fields,
    sizeof(struct kube_volume_error),
};

static const struct kube_field volume_attachment_status_fields[] = {
    {"attachError", KUBE_OBJECT, 0, M(kube_va, status.attach_error), .of = &volume_error},
    {"attached", KUBE_BOOL, KUBE_REQUIRED, M(kube_va, status.is_attached)},
    {"attachmentMetadata", KUBE_STR_MAP, 0, M(kube_va, status.metadata)},
    {"detachError", KUBE_OBJECT, 0, M(kube_va, status.detach_error), .of = &volume_error},
    {NULL},
};
static const struct kube_schema volume_attachment_status = {
    "io.k8s.api.storage.v1.VolumeAttachmentStatus",
    NULL,
    volume_attachment_status_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_attachment_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_va, o.meta), .of = &kube_schema_object_meta},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &volume_attachment_spec},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &volume_attachment_status},
    {NULL},
};
const struct kube_schema kube_schema_volume_attachment = {
    "io.k8s.api.storage.v1.VolumeAttachment",
    NULL,
    volume_attachment_fields,
    sizeof(struct kube_va),
};

static const struct kube_field volume_node_resources_fields[] = {
    {"count", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE, M(kube_csinode_driver, max_volumes)},
    {NULL},
};
static const struct kube_schema volume_node_resources = {
    "io.k8s.api.storage.v1.VolumeNodeResources",
    NULL,
    volume_node_resources_fields,
    sizeof(struct kube_csinode_driver),
};

static const struct kube_field csi_node_driver_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED, M(kube_csinode_driver, name)},
    {"allocatable", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &volume_node_resources},
    {"nodeID", KUBE_STR, KUBE_REQUIRED, M(kube_csinode_driver, node_id)},
    {"topologyKeys", KUBE_STRS, KUBE_ATOMIC, M(kube_csinode_driver, topology_keys)},
    {NULL},
};
static const struct kube_schema csi_node_driver = {
    "io.k8s.api.storage.v1.CSINodeDriver",
    NULL,
    csi_node_driver_fields,
    sizeof(struct kube_csinode_driver),
};

static const struct kube_field csi_node_spec_fields[] = {
    {"drivers", KUBE_LIST, KUBE_REQUIRED, M(kube_csinode, drivers), .of = &csi_node_driver,
     .merge_keys = "name"},
    {NULL},
};
static const struct kube_schema csi_node_spec = {
    "io.k8s.api.storage.v1.CSINodeSpec",
    NULL,
    csi_node_spec_fields,
    sizeof(struct kube_csinode),
};

static const struct kube_field csi_node_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_csinode, o.meta), .of = &kube_schema_object_meta},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &csi_node_spec},
    {NULL},
};
const struct kube_schema kube_schema_csi_node = {
    "io.k8s.api.storage.v1.CSINode",
    NULL,
    csi_node_fields,
    sizeof(struct kube_csinode),
};

static const struct kube_field token_request_fields[] = {
    {"audience", KUBE_STR, KUBE_REQUIRED, M(kube_token_request, audience)},
    {"expirationSeconds", KUBE_INT, KUBE_TRISTATE, M(kube_token_request, expiration_seconds)},
    {NULL},
};
static const struct kube_schema token_request = {
    "io.k8s.api.storage.v1.TokenRequest",
    NULL,
    token_request_fields,
    sizeof(struct kube_token_request),
};

static const struct kube_field csi_driver_spec_fields[] = {
    {"attachRequired", KUBE_BOOL, KUBE_TRISTATE, M(kube_csidriver, attach_required)},
    {"fsGroupPolicy", KUBE_STR, 0, M(kube_csidriver, fs_group_policy)},
    {"nodeAllocatableUpdatePeriodSeconds", KUBE_INT},
    {"podInfoOnMount", KUBE_BOOL, KUBE_TRISTATE, M(kube_csidriver, pod_info)},
    {"requiresRepublish", KUBE_BOOL, KUBE_TRISTATE, M(kube_csidriver, requires_republish)},
    {"seLinuxMount", KUBE_BOOL, KUBE_TRISTATE, M(kube_csidriver, selinux_mount)},
    {"serviceAccountTokenInSecrets", KUBE_BOOL},
    {"storageCapacity", KUBE_BOOL, KUBE_TRISTATE, M(kube_csidriver, storage_capacity)},
    {"tokenRequests", KUBE_LIST, KUBE_ATOMIC, M(kube_csidriver, token_requests),
     .of = &token_request},
    {"volumeLifecycleModes", KUBE_STRS, KUBE_MERGE_SET | KUBE_APPLY_ONLY,
     M(kube_csidriver, lifecycle_modes)},
    {NULL},
};
static const struct kube_schema csi_driver_spec = {
    "io.k8s.api.storage.v1.CSIDriverSpec",
    NULL,
    csi_driver_spec_fields,
    sizeof(struct kube_csidriver),
};

static const struct kube_field csi_driver_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_csidriver, o.meta),
     .of = &kube_schema_object_meta},
    {"spec", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, HERE, .of = &csi_driver_spec},
    {NULL},
};
const struct kube_schema kube_schema_csi_driver = {
    "io.k8s.api.storage.v1.CSIDriver",
    NULL,
    csi_driver_fields,
    sizeof(struct kube_csidriver),
};

static const struct kube_field csi_storage_capacity_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_capacity, o.meta),
     .of = &kube_schema_object_meta},
    {"capacity", KUBE_QUANTITY, KUBE_NULLABLE, M(kube_capacity, capacity)},
    {"maximumVolumeSize", KUBE_QUANTITY, KUBE_NULLABLE, M(kube_capacity, max_size)},
    {"nodeTopology", KUBE_OBJECT, KUBE_ATOMIC, M(kube_capacity, topology),
     .of = &kube_schema_label_selector},
    {"storageClassName", KUBE_STR, KUBE_REQUIRED, M(kube_capacity, class_name)},
    {NULL},
};
const struct kube_schema kube_schema_csi_storage_capacity = {
    "io.k8s.api.storage.v1.CSIStorageCapacity",
    NULL,
    csi_storage_capacity_fields,
    sizeof(struct kube_capacity),
};

static const struct kube_field volume_attributes_class_fields[] = {
    {"apiVersion", KUBE_STR},
    {"kind", KUBE_STR},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_attributes_class, o.meta),
     .of = &kube_schema_object_meta},
    {"driverName", KUBE_STR, KUBE_REQUIRED, M(kube_attributes_class, driver)},
    {"parameters", KUBE_STR_MAP, 0, M(kube_attributes_class, parameters)},
    {NULL},
};
const struct kube_schema kube_schema_volume_attributes_class = {
    "io.k8s.api.storage.v1.VolumeAttributesClass",
    NULL,
    volume_attributes_class_fields,
    sizeof(struct kube_attributes_class),
};
