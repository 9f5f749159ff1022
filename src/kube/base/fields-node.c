/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field config_map_node_config_source_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"kubeletConfigKey", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"namespace", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resourceVersion", KUBE_STR},
    {"uid", KUBE_STR},
    {NULL},
};
static const struct kube_schema config_map_node_config_source = {
    "io.k8s.api.core.v1.ConfigMapNodeConfigSource",
    NULL,
    config_map_node_config_source_fields,
    0,
};

static const struct kube_field node_config_source_fields[] = {
    {"configMap", KUBE_OBJECT, .of = &config_map_node_config_source},
    {NULL},
};
static const struct kube_schema node_config_source = {
    "io.k8s.api.core.v1.NodeConfigSource",
    NULL,
    node_config_source_fields,
    0,
};

static const struct kube_field taint_fields[] = {
    {"effect", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_taint, effect),
     .names = NAMES("NoExecute", "NoSchedule", "PreferNoSchedule")},
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_taint, key)},
    {"timeAdded", KUBE_TIME, KUBE_KEEP},
    {"value", KUBE_STR, 0, M(kube_taint, value)},
    {NULL},
};
static const struct kube_schema taint = {
    "io.k8s.api.core.v1.Taint",
    NULL,
    taint_fields,
    sizeof(struct kube_taint),
};

static const struct kube_field node_spec_fields[] = {
    {"configSource", KUBE_OBJECT, .of = &node_config_source},
    {"externalID", KUBE_STR},
    {"podCIDR", KUBE_STR},
    {"podCIDRs", KUBE_STRS, KUBE_MERGE_SET},
    {"providerID", KUBE_STR},
    {"taints", KUBE_LIST, KUBE_ATOMIC, M(kube_node, taints), .of = &taint},
    {"unschedulable", KUBE_BOOL, 0, M(kube_node, is_unschedulable)},
    {NULL},
};
static const struct kube_schema node_spec = {
    "io.k8s.api.core.v1.NodeSpec",
    NULL,
    node_spec_fields,
    sizeof(struct kube_node),
};

static const struct kube_field node_address_fields[] = {
    {"address", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_node_address, address)},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_node_address, type)},
    {NULL},
};
static const struct kube_schema node_address = {
    "io.k8s.api.core.v1.NodeAddress",
    NULL,
    node_address_fields,
    sizeof(struct kube_node_address),
};

static const struct kube_field node_condition_fields[] = {
    {"lastHeartbeatTime", KUBE_TIME, 0, M(kube_condition, probed)},
    {"lastTransitionTime", KUBE_TIME, 0, M(kube_condition, changed)},
    {"message", KUBE_STR, 0, M(kube_condition, message)},
    {"reason", KUBE_STR, 0, M(kube_condition, reason)},
    {"status", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_condition, status)},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_condition, type)},
    {NULL},
};
static const struct kube_schema node_condition = {
    "io.k8s.api.core.v1.NodeCondition",
    NULL,
    node_condition_fields,
    sizeof(struct kube_condition),
};

static const struct kube_field node_config_status_fields[] = {
    {"active", KUBE_OBJECT, .of = &node_config_source},
    {"assigned", KUBE_OBJECT, .of = &node_config_source},
    {"error", KUBE_STR},
    {"lastKnownGood", KUBE_OBJECT, .of = &node_config_source},
    {NULL},
};
static const struct kube_schema node_config_status = {
    "io.k8s.api.core.v1.NodeConfigStatus",
    NULL,
    node_config_status_fields,
    0,
};

static const struct kube_field daemon_endpoint_fields[] = {
    {"Port", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema daemon_endpoint = {
    "io.k8s.api.core.v1.DaemonEndpoint",
    NULL,
    daemon_endpoint_fields,
    0,
};

static const struct kube_field node_daemon_endpoints_fields[] = {
    {"kubeletEndpoint", KUBE_OBJECT, .of = &daemon_endpoint},
    {NULL},
};
static const struct kube_schema node_daemon_endpoints = {
    "io.k8s.api.core.v1.NodeDaemonEndpoints",
    NULL,
    node_daemon_endpoints_fields,
    0,
};

static const struct kube_field node_features_fields[] = {
    {"supplementalGroupsPolicy", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema node_features = {
    "io.k8s.api.core.v1.NodeFeatures",
    NULL,
    node_features_fields,
    0,
};

static const struct kube_field container_image_fields[] = {
    {"names", KUBE_STRS, KUBE_ATOMIC | KUBE_KEEP},
    {"sizeBytes", KUBE_INT},
    {NULL},
};
static const struct kube_schema container_image = {
    "io.k8s.api.core.v1.ContainerImage",
    NULL,
    container_image_fields,
    0,
};

static const struct kube_field node_swap_status_fields[] = {
    {"capacity", KUBE_INT, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema node_swap_status = {
    "io.k8s.api.core.v1.NodeSwapStatus",
    NULL,
    node_swap_status_fields,
    0,
};

static const struct kube_field node_system_info_fields[] = {
    {"architecture", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"bootID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"containerRuntimeVersion", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP,
     M(kube_node, status.runtime_version)},
    {"kernelVersion", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_node, status.kernel_version)},
    {"kubeProxyVersion", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"kubeletVersion", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_node, status.kubelet_version)},
    {"machineID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"operatingSystem", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"osImage", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_node, status.os_image)},
    {"swap", KUBE_OBJECT, .of = &node_swap_status},
    {"systemUUID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema node_system_info = {
    "io.k8s.api.core.v1.NodeSystemInfo",
    NULL,
    node_system_info_fields,
    sizeof(struct kube_node),
};

static const struct kube_field node_runtime_handler_features_fields[] = {
    {"recursiveReadOnlyMounts", KUBE_BOOL, KUBE_KEEP},
    {"userNamespaces", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema node_runtime_handler_features = {
    "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures",
    NULL,
    node_runtime_handler_features_fields,
    0,
};

static const struct kube_field node_runtime_handler_fields[] = {
    {"name", KUBE_STR, KUBE_KEEP},
    {"features", KUBE_OBJECT, .of = &node_runtime_handler_features},
    {NULL},
};
static const struct kube_schema node_runtime_handler = {
    "io.k8s.api.core.v1.NodeRuntimeHandler",
    NULL,
    node_runtime_handler_fields,
    0,
};

static const struct kube_field attached_volume_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_attached_volume, name)},
    {"devicePath", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_attached_volume, device_path)},
    {NULL},
};
static const struct kube_schema attached_volume = {
    "io.k8s.api.core.v1.AttachedVolume",
    NULL,
    attached_volume_fields,
    sizeof(struct kube_attached_volume),
};

static const struct kube_field node_status_fields[] = {
    {"addresses", KUBE_LIST, 0, M(kube_node, status.addresses), .of = &node_address,
     .merge_keys = "type"},
    {"allocatable", KUBE_RESOURCES, 0, M(kube_node, status.allocatable)},
    {"capacity", KUBE_RESOURCES, 0, M(kube_node, status.capacity)},
    {"conditions", KUBE_LIST, 0, M(kube_node, status.conditions), .of = &node_condition,
     .merge_keys = "type"},
    {"config", KUBE_OBJECT, .of = &node_config_status},
    {"daemonEndpoints", KUBE_OBJECT, .of = &node_daemon_endpoints},
    {"declaredFeatures", KUBE_STRS, KUBE_ATOMIC},
    {"features", KUBE_OBJECT, .of = &node_features},
    {"images", KUBE_LIST, KUBE_ATOMIC, .of = &container_image},
    {"nodeInfo", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &node_system_info},
    {"phase", KUBE_STR},
    {"runtimeHandlers", KUBE_LIST, KUBE_ATOMIC, .of = &node_runtime_handler},
    {"volumesAttached", KUBE_LIST, KUBE_ATOMIC, M(kube_node, status.volumes_attached),
     .of = &attached_volume},
    {"volumesInUse", KUBE_STRS, KUBE_ATOMIC, M(kube_node, status.volumes_in_use)},
    {NULL},
};
static const struct kube_schema node_status = {
    "io.k8s.api.core.v1.NodeStatus",
    NULL,
    node_status_fields,
    sizeof(struct kube_node),
};

static const struct kube_field node_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_node, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &node_spec, .doc = "What is wanted."},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &node_status,
     .doc = "What is: written by controllers."},
    {NULL},
};
const struct kube_schema kube_schema_node = {
    "io.k8s.api.core.v1.Node",
    "A machine that runs pods.",
    node_fields,
    sizeof(struct kube_node),
};
