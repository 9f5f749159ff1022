/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field pod_condition_fields[] = {
    {"lastProbeTime", KUBE_TIME, 0, M(kube_condition, probed)},
    {"lastTransitionTime", KUBE_TIME, 0, M(kube_condition, changed)},
    {"message", KUBE_STR, 0, M(kube_condition, message)},
    {"observedGeneration", KUBE_INT},
    {"reason", KUBE_STR, 0, M(kube_condition, reason)},
    {"status", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_condition, status)},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_condition, type)},
    {NULL},
};
static const struct kube_schema pod_condition = {
    "io.k8s.api.core.v1.PodCondition",
    NULL,
    pod_condition_fields,
    sizeof(struct kube_condition),
};

static const struct kube_field resource_health_fields[] = {
    {"health", KUBE_STR},
    {"message", KUBE_STR, KUBE_KEEP},
    {"resourceID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema resource_health = {
    "io.k8s.api.core.v1.ResourceHealth",
    NULL,
    resource_health_fields,
    0,
};

static const struct kube_field resource_status_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resources", KUBE_LIST, KUBE_APPLY_ONLY, .of = &resource_health, .merge_keys = "resourceID"},
    {NULL},
};
static const struct kube_schema resource_status = {
    "io.k8s.api.core.v1.ResourceStatus",
    NULL,
    resource_status_fields,
    0,
};

static const struct kube_field container_state_running_fields[] = {
    {"startedAt", KUBE_TIME, 0, M(kube_container_running, started)},
    {NULL},
};
static const struct kube_schema container_state_running = {
    "io.k8s.api.core.v1.ContainerStateRunning",
    NULL,
    container_state_running_fields,
    sizeof(struct kube_container_running),
};

static const struct kube_field container_state_terminated_fields[] = {
    {"containerID", KUBE_STR},
    {"exitCode", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP,
     M(kube_container_terminated, exit_code)},
    {"finishedAt", KUBE_TIME, 0, M(kube_container_terminated, finished)},
    {"message", KUBE_STR, 0, M(kube_container_terminated, message)},
    {"reason", KUBE_STR, 0, M(kube_container_terminated, reason)},
    {"signal", KUBE_INT, KUBE_INT32, M(kube_container_terminated, signal)},
    {"startedAt", KUBE_TIME, 0, M(kube_container_terminated, started)},
    {NULL},
};
static const struct kube_schema container_state_terminated = {
    "io.k8s.api.core.v1.ContainerStateTerminated",
    NULL,
    container_state_terminated_fields,
    sizeof(struct kube_container_terminated),
};

static const struct kube_field container_state_waiting_fields[] = {
    {"message", KUBE_STR, 0, M(kube_container_waiting, message)},
    {"reason", KUBE_STR, 0, M(kube_container_waiting, reason)},
    {NULL},
};
static const struct kube_schema container_state_waiting = {
    "io.k8s.api.core.v1.ContainerStateWaiting",
    NULL,
    container_state_waiting_fields,
    sizeof(struct kube_container_waiting),
};

static const struct kube_field container_state_fields[] = {
    {"running", KUBE_OBJECT, 0, M(kube_container_state, running), .of = &container_state_running},
    {"terminated", KUBE_OBJECT, 0, M(kube_container_state, terminated),
     .of = &container_state_terminated},
    {"waiting", KUBE_OBJECT, 0, M(kube_container_state, waiting), .of = &container_state_waiting},
    {NULL},
};
static const struct kube_schema container_state = {
    "io.k8s.api.core.v1.ContainerState",
    NULL,
    container_state_fields,
    sizeof(struct kube_container_state),
};

static const struct kube_field linux_container_user_fields[] = {
    {"gid", KUBE_INT, KUBE_REQUIRED | KUBE_KEEP},
    {"supplementalGroups", KUBE_INTS, KUBE_ATOMIC},
    {"uid", KUBE_INT, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema linux_container_user = {
    "io.k8s.api.core.v1.LinuxContainerUser",
    NULL,
    linux_container_user_fields,
    0,
};

static const struct kube_field container_user_fields[] = {
    {"linux", KUBE_OBJECT, .of = &linux_container_user},
    {NULL},
};
static const struct kube_schema container_user = {
    "io.k8s.api.core.v1.ContainerUser",
    NULL,
    container_user_fields,
    0,
};

static const struct kube_field image_volume_status_fields[] = {
    {"imageRef", KUBE_STR, KUBE_REQUIRED},
    {NULL},
};
static const struct kube_schema image_volume_status = {
    "io.k8s.api.core.v1.ImageVolumeStatus",
    NULL,
    image_volume_status_fields,
    0,
};

static const struct kube_field volume_status_fields[] = {
    {"image", KUBE_OBJECT, .of = &image_volume_status},
    {NULL},
};
static const struct kube_schema volume_status = {
    "io.k8s.api.core.v1.VolumeStatus",
    NULL,
    volume_status_fields,
    0,
};

static const struct kube_field volume_mount_status_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"mountPath", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"readOnly", KUBE_BOOL},
    {"recursiveReadOnly", KUBE_STR, KUBE_KEEP},
    {"volumeStatus", KUBE_OBJECT, .of = &volume_status},
    {NULL},
};
static const struct kube_schema volume_mount_status = {
    "io.k8s.api.core.v1.VolumeMountStatus",
    NULL,
    volume_mount_status_fields,
    0,
};

static const struct kube_field container_status_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_container_status, name)},
    {"allocatedResources", KUBE_RESOURCES},
    {"allocatedResourcesStatus", KUBE_LIST, .of = &resource_status, .merge_keys = "name"},
    {"containerID", KUBE_STR, 0, M(kube_container_status, container_id)},
    {"image", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_container_status, image)},
    {"imageID", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_container_status, image_id)},
    {"lastState", KUBE_OBJECT, 0, M(kube_container_status, last_state), .of = &container_state},
    {"ready", KUBE_BOOL, KUBE_REQUIRED | KUBE_KEEP, M(kube_container_status, is_ready)},
    {"resources", KUBE_OBJECT, .of = &kube_schema_resource_requirements},
    {"restartCount", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP,
     M(kube_container_status, restarts)},
    {"started", KUBE_BOOL, KUBE_KEEP, M(kube_container_status, is_started)},
    {"state", KUBE_OBJECT, 0, M(kube_container_status, state), .of = &container_state},
    {"stopSignal", KUBE_STR, KUBE_KEEP},
    {"user", KUBE_OBJECT, .of = &container_user},
    {"volumeMounts", KUBE_LIST, .of = &volume_mount_status, .merge_keys = "mountPath"},
    {NULL},
};
static const struct kube_schema container_status = {
    "io.k8s.api.core.v1.ContainerStatus",
    NULL,
    container_status_fields,
    sizeof(struct kube_container_status),
};

static const struct kube_field container_extended_resource_request_fields[] = {
    {"containerName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"requestName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resourceName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema container_extended_resource_request = {
    "io.k8s.api.core.v1.ContainerExtendedResourceRequest",
    NULL,
    container_extended_resource_request_fields,
    0,
};

static const struct kube_field pod_extended_resource_claim_status_fields[] = {
    {"requestMappings", KUBE_LIST, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP,
     .of = &container_extended_resource_request},
    {"resourceClaimName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_extended_resource_claim_status = {
    "io.k8s.api.core.v1.PodExtendedResourceClaimStatus",
    NULL,
    pod_extended_resource_claim_status_fields,
    0,
};

static const struct kube_field host_ip_fields[] = {
    {"ip", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema host_ip = {
    "io.k8s.api.core.v1.HostIP",
    NULL,
    host_ip_fields,
    0,
};

static const struct kube_field pod_ip_fields[] = {
    {"ip", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_ip = {
    "io.k8s.api.core.v1.PodIP",
    NULL,
    pod_ip_fields,
    0,
};

static const struct kube_field pod_resource_claim_status_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resourceClaimName", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_resource_claim_status = {
    "io.k8s.api.core.v1.PodResourceClaimStatus",
    NULL,
    pod_resource_claim_status_fields,
    0,
};

static const struct kube_field node_allocatable_resource_claim_status_fields[] = {
    {"containers", KUBE_STRS, KUBE_MERGE_SET | KUBE_APPLY_ONLY},
    {"resourceClaimName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resources", KUBE_RESOURCES, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema node_allocatable_resource_claim_status = {
    "io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus",
    NULL,
    node_allocatable_resource_claim_status_fields,
    0,
};

static const struct kube_field pod_status_fields[] = {
    {"allocatedResources", KUBE_RESOURCES},
    {"conditions", KUBE_LIST, 0, M(kube_pod, status.conditions), .of = &pod_condition,
     .merge_keys = "type"},
    {"containerStatuses", KUBE_LIST, KUBE_ATOMIC, M(kube_pod, status.containers),
     .of = &container_status},
    {"ephemeralContainerStatuses", KUBE_LIST, KUBE_ATOMIC, .of = &container_status},
    {"extendedResourceClaimStatus", KUBE_OBJECT, .of = &pod_extended_resource_claim_status},
    {"hostIP", KUBE_STR},
    {"hostIPs", KUBE_LIST, KUBE_ATOMIC, .of = &host_ip, .merge_keys = "ip"},
    {"initContainerStatuses", KUBE_LIST, KUBE_ATOMIC, M(kube_pod, status.init_containers),
     .of = &container_status},
    {"message", KUBE_STR},
    {"nodeAllocatableResourceClaimStatuses", KUBE_LIST, KUBE_ATOMIC,
     .of = &node_allocatable_resource_claim_status},
    {"nominatedNodeName", KUBE_STR, 0, M(kube_pod, status.nominated_node)},
    {"observedGeneration", KUBE_INT},
    {"phase", KUBE_STR, 0, M(kube_pod, status.phase)},
    {"podIP", KUBE_STR, 0, M(kube_pod, status.pod_ip)},
    {"podIPs", KUBE_LIST, .of = &pod_ip, .merge_keys = "ip"},
    {"qosClass", KUBE_STR},
    {"reason", KUBE_STR, 0, M(kube_pod, status.reason)},
    {"resize", KUBE_STR},
    {"resourceClaimStatuses", KUBE_LIST, KUBE_RETAIN_KEYS, .of = &pod_resource_claim_status,
     .merge_keys = "name"},
    {"resources", KUBE_OBJECT, .of = &kube_schema_resource_requirements},
    {"startTime", KUBE_TIME, KUBE_KEEP, M(kube_pod, status.started)},
    {NULL},
};
const struct kube_schema kube_schema_pod_status = {
    "io.k8s.api.core.v1.PodStatus",
    NULL,
    pod_status_fields,
    sizeof(struct kube_pod),
};
