/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field preferred_scheduling_term_fields[] = {
    {"preference", KUBE_OBJECT, KUBE_REQUIRED | KUBE_ATOMIC, M(kube_preferred_term, preference),
     .of = &kube_schema_node_selector_term},
    {"weight", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP, M(kube_preferred_term, weight)},
    {NULL},
};
static const struct kube_schema preferred_scheduling_term = {
    "io.k8s.api.core.v1.PreferredSchedulingTerm",
    NULL,
    preferred_scheduling_term_fields,
    sizeof(struct kube_preferred_term),
};

static const struct kube_field node_affinity_fields[] = {
    {"preferredDuringSchedulingIgnoredDuringExecution", KUBE_LIST, KUBE_ATOMIC,
     M(kube_pod, spec.preferred_nodes), .of = &preferred_scheduling_term},
    {"requiredDuringSchedulingIgnoredDuringExecution", KUBE_OBJECT, KUBE_ATOMIC,
     M(kube_pod, spec.required_nodes), .of = &kube_schema_node_selector},
    {NULL},
};
static const struct kube_schema node_affinity = {
    "io.k8s.api.core.v1.NodeAffinity",
    NULL,
    node_affinity_fields,
    sizeof(struct kube_pod),
};

static const struct kube_field pod_affinity_term_fields[] = {
    {"labelSelector", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_label_selector},
    {"matchLabelKeys", KUBE_STRS, KUBE_ATOMIC},
    {"mismatchLabelKeys", KUBE_STRS, KUBE_ATOMIC},
    {"namespaceSelector", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_label_selector},
    {"namespaces", KUBE_STRS, KUBE_ATOMIC},
    {"topologyKey", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema pod_affinity_term = {
    "io.k8s.api.core.v1.PodAffinityTerm",
    NULL,
    pod_affinity_term_fields,
    0,
};

static const struct kube_field weighted_pod_affinity_term_fields[] = {
    {"podAffinityTerm", KUBE_OBJECT, KUBE_REQUIRED, .of = &pod_affinity_term},
    {"weight", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema weighted_pod_affinity_term = {
    "io.k8s.api.core.v1.WeightedPodAffinityTerm",
    NULL,
    weighted_pod_affinity_term_fields,
    0,
};

static const struct kube_field pod_affinity_fields[] = {
    {"preferredDuringSchedulingIgnoredDuringExecution", KUBE_LIST, KUBE_ATOMIC,
     .of = &weighted_pod_affinity_term},
    {"requiredDuringSchedulingIgnoredDuringExecution", KUBE_LIST, KUBE_ATOMIC,
     .of = &pod_affinity_term},
    {NULL},
};
static const struct kube_schema pod_affinity = {
    "io.k8s.api.core.v1.PodAffinity",
    NULL,
    pod_affinity_fields,
    0,
};

static const struct kube_field pod_anti_affinity_fields[] = {
    {"preferredDuringSchedulingIgnoredDuringExecution", KUBE_LIST, KUBE_ATOMIC,
     .of = &weighted_pod_affinity_term},
    {"requiredDuringSchedulingIgnoredDuringExecution", KUBE_LIST, KUBE_ATOMIC,
     .of = &pod_affinity_term},
    {NULL},
};
static const struct kube_schema pod_anti_affinity = {
    "io.k8s.api.core.v1.PodAntiAffinity",
    NULL,
    pod_anti_affinity_fields,
    0,
};

static const struct kube_field affinity_fields[] = {
    {"nodeAffinity", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &node_affinity},
    {"podAffinity", KUBE_OBJECT, .of = &pod_affinity},
    {"podAntiAffinity", KUBE_OBJECT, .of = &pod_anti_affinity},
    {NULL},
};
const struct kube_schema kube_schema_affinity = {
    "io.k8s.api.core.v1.Affinity",
    NULL,
    affinity_fields,
    sizeof(struct kube_pod),
};

static const struct kube_field toleration_fields[] = {
    {"effect", KUBE_STR, 0, M(kube_toleration, effect),
     .names = NAMES("NoExecute", "NoSchedule", "PreferNoSchedule")},
    {"key", KUBE_STR, 0, M(kube_toleration, key)},
    {"operator", KUBE_ENUM, 0, M(kube_toleration, op),
     .names = NAMES("", "", "Exists", "", "Gt", "Lt", "Equal")},
    {"tolerationSeconds", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP, M(kube_toleration, seconds)},
    {"value", KUBE_STR, 0, M(kube_toleration, value)},
    {NULL},
};
const struct kube_schema kube_schema_toleration = {
    "io.k8s.api.core.v1.Toleration",
    NULL,
    toleration_fields,
    sizeof(struct kube_toleration),
};

static const struct kube_field topology_spread_constraint_fields[] = {
    {"labelSelector", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_label_selector},
    {"matchLabelKeys", KUBE_STRS, KUBE_ATOMIC},
    {"maxSkew", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP},
    {"minDomains", KUBE_INT, KUBE_INT32 | KUBE_KEEP},
    {"nodeAffinityPolicy", KUBE_STR, KUBE_KEEP},
    {"nodeTaintsPolicy", KUBE_STR, KUBE_KEEP},
    {"topologyKey", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"whenUnsatisfiable", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP,
     .names = NAMES("DoNotSchedule", "ScheduleAnyway")},
    {NULL},
};
const struct kube_schema kube_schema_topology_spread_constraint = {
    "io.k8s.api.core.v1.TopologySpreadConstraint",
    NULL,
    topology_spread_constraint_fields,
    0,
};
