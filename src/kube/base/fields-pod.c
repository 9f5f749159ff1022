/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field pod_dns_config_option_fields[] = {
    {"name", KUBE_STR},
    {"value", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_dns_config_option = {
    "io.k8s.api.core.v1.PodDNSConfigOption",
    NULL,
    pod_dns_config_option_fields,
    0,
};

static const struct kube_field pod_dns_config_fields[] = {
    {"nameservers", KUBE_STRS, KUBE_ATOMIC},
    {"options", KUBE_LIST, KUBE_ATOMIC, .of = &pod_dns_config_option},
    {"searches", KUBE_STRS, KUBE_ATOMIC},
    {NULL},
};
static const struct kube_schema pod_dns_config = {
    "io.k8s.api.core.v1.PodDNSConfig",
    NULL,
    pod_dns_config_fields,
    0,
};

static const struct kube_field host_alias_fields[] = {
    {"hostnames", KUBE_STRS, KUBE_ATOMIC},
    {"ip", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema host_alias = {
    "io.k8s.api.core.v1.HostAlias",
    NULL,
    host_alias_fields,
    0,
};

static const struct kube_field pod_os_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_os = {
    "io.k8s.api.core.v1.PodOS",
    NULL,
    pod_os_fields,
    0,
};

static const struct kube_field pod_readiness_gate_fields[] = {
    {"conditionType", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_readiness_gate, condition)},
    {NULL},
};
static const struct kube_schema pod_readiness_gate = {
    "io.k8s.api.core.v1.PodReadinessGate",
    NULL,
    pod_readiness_gate_fields,
    sizeof(struct kube_readiness_gate),
};

static const struct kube_field pod_resource_claim_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resourceClaimName", KUBE_STR, KUBE_KEEP},
    {"resourceClaimTemplateName", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_resource_claim = {
    "io.k8s.api.core.v1.PodResourceClaim",
    NULL,
    pod_resource_claim_fields,
    0,
};

static const struct kube_field pod_scheduling_gate_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_scheduling_gate, name)},
    {NULL},
};
static const struct kube_schema pod_scheduling_gate = {
    "io.k8s.api.core.v1.PodSchedulingGate",
    NULL,
    pod_scheduling_gate_fields,
    sizeof(struct kube_scheduling_gate),
};

static const struct kube_field pod_scheduling_group_fields[] = {
    {"podGroupName", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_scheduling_group = {
    "io.k8s.api.core.v1.PodSchedulingGroup",
    NULL,
    pod_scheduling_group_fields,
    0,
};

static const struct kube_field workload_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED},
    {"podGroup", KUBE_STR, KUBE_REQUIRED},
    {"podGroupReplicaKey", KUBE_STR},
    {NULL},
};
static const struct kube_schema workload_reference = {
    "io.k8s.api.core.v1.WorkloadReference",
    NULL,
    workload_reference_fields,
    0,
};

static const struct kube_field pod_spec_fields[] = {
    {"activeDeadlineSeconds", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP,
     M(kube_pod, spec.active_deadline_seconds)},
    {"affinity", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &kube_schema_affinity},
    {"automountServiceAccountToken", KUBE_BOOL, KUBE_KEEP},
    {"containers", KUBE_LIST, KUBE_REQUIRED | KUBE_KEEP, M(kube_pod, spec.containers),
     .of = &kube_schema_container, .merge_keys = "name"},
    {"dnsConfig", KUBE_OBJECT, .of = &pod_dns_config},
    {"dnsPolicy", KUBE_STR,
     .names = NAMES("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
     .fallback = "\"ClusterFirst\""},
    {"enableServiceLinks", KUBE_BOOL, KUBE_KEEP, .fallback = "true"},
    {"ephemeralContainers", KUBE_LIST, .of = &kube_schema_ephemeral_container,
     .merge_keys = "name"},
    {"hostAliases", KUBE_LIST, .of = &host_alias, .merge_keys = "ip"},
    {"hostIPC", KUBE_BOOL},
    {"hostNetwork", KUBE_BOOL, 0, M(kube_pod, spec.has_host_network)},
    {"hostPID", KUBE_BOOL},
    {"hostUsers", KUBE_BOOL, KUBE_KEEP},
    {"hostname", KUBE_STR, 0, M(kube_pod, spec.hostname)},
    {"hostnameOverride", KUBE_STR, KUBE_KEEP},
    {"imagePullSecrets", KUBE_LIST, .of = &kube_schema_local_object_reference,
     .merge_keys = "name"},
    {"initContainers", KUBE_LIST, 0, M(kube_pod, spec.init_containers),
     .of = &kube_schema_container, .merge_keys = "name"},
    {"nodeName", KUBE_STR, 0, M(kube_pod, spec.node)},
    {"nodeSelector", KUBE_STR_MAP, KUBE_ATOMIC, M(kube_pod, spec.node_selector)},
    {"os", KUBE_OBJECT, .of = &pod_os},
    {"overhead", KUBE_RESOURCES},
    {"preemptionPolicy", KUBE_STR, KUBE_KEEP, .names = NAMES("Never", "PreemptLowerPriority")},
    {"priority", KUBE_INT, KUBE_INT32 | KUBE_KEEP, M(kube_pod, spec.priority)},
    {"priorityClassName", KUBE_STR},
    {"readinessGates", KUBE_LIST, KUBE_ATOMIC, M(kube_pod, spec.readiness_gates),
     .of = &pod_readiness_gate},
    {"resourceClaims", KUBE_LIST, KUBE_RETAIN_KEYS, .of = &pod_resource_claim,
     .merge_keys = "name"},
    {"resources", KUBE_OBJECT, .of = &kube_schema_resource_requirements},
    {"restartPolicy", KUBE_STR, 0, M(kube_pod, spec.restart_policy),
     .names = NAMES("Always", "Never", "OnFailure"), .fallback = "\"Always\""},
    {"runtimeClassName", KUBE_STR, KUBE_KEEP},
    {"schedulerName", KUBE_STR, 0, M(kube_pod, spec.scheduler),
     .fallback = "\"default-scheduler\""},
    {"schedulingGates", KUBE_LIST, 0, M(kube_pod, spec.scheduling_gates),
     .of = &pod_scheduling_gate, .merge_keys = "name"},
    {"schedulingGroup", KUBE_OBJECT, .of = &pod_scheduling_group},
    {"securityContext", KUBE_OBJECT, 0, M(kube_pod, spec.security),
     .of = &kube_schema_pod_security_context, .fallback = "{}"},
    {"serviceAccount", KUBE_STR},
    {"serviceAccountName", KUBE_STR, 0, M(kube_pod, spec.service_account)},
    {"setHostnameAsFQDN", KUBE_BOOL, KUBE_KEEP},
    {"shareProcessNamespace", KUBE_BOOL, KUBE_KEEP},
    {"subdomain", KUBE_STR},
    {"terminationGracePeriodSeconds", KUBE_INT, KUBE_TRISTATE | KUBE_NON_NEGATIVE | KUBE_KEEP,
     M(kube_pod, spec.grace_seconds), .fallback = "30"},
    {"tolerations", KUBE_LIST, KUBE_ATOMIC, M(kube_pod, spec.tolerations),
     .of = &kube_schema_toleration},
    {"topologySpreadConstraints", KUBE_LIST, .of = &kube_schema_topology_spread_constraint,
     .merge_keys = "topologyKey,whenUnsatisfiable"},
    {"volumes", KUBE_LIST, KUBE_RETAIN_KEYS, M(kube_pod, spec.volumes), .of = &kube_schema_volume,
     .merge_keys = "name"},
    {"workloadRef", KUBE_OBJECT, .of = &workload_reference},
    {NULL},
};
static const struct kube_schema pod_spec = {
    "io.k8s.api.core.v1.PodSpec",
    NULL,
    pod_spec_fields,
    sizeof(struct kube_pod),
};

static const struct kube_field pod_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_pod, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &pod_spec, .doc = "What is wanted."},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &kube_schema_pod_status,
     .doc = "What is: written by controllers."},
    {NULL},
};
const struct kube_schema kube_schema_pod = {
    "io.k8s.api.core.v1.Pod",
    "Containers that run together on one node.",
    pod_fields,
    sizeof(struct kube_pod),
};
