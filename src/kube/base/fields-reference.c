/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

/* A term of topology lists values alone: one of them is meant. */
static const struct kube_requirement value_is_in = {.op = KUBE_OP_IN};

static const struct kube_field object_reference_fields[] = {
    {"name", KUBE_STR, 0, M(kube_ref, name)},
    {"apiVersion", KUBE_STR, 0, M(kube_ref, api_version)},
    {"fieldPath", KUBE_STR, 0, M(kube_ref, field_path)},
    {"kind", KUBE_STR, 0, M(kube_ref, kind)},
    {"namespace", KUBE_STR, 0, M(kube_ref, ns)},
    {"resourceVersion", KUBE_STR, 0, M(kube_ref, resource_version)},
    {"uid", KUBE_STR, 0, M(kube_ref, uid)},
    {NULL},
};
const struct kube_schema kube_schema_object_reference = {
    "io.k8s.api.core.v1.ObjectReference",
    NULL,
    object_reference_fields,
    sizeof(struct kube_ref),
};

static const struct kube_field secret_reference_fields[] = {
    {"name", KUBE_STR, 0, M(kube_ref, name)},
    {"namespace", KUBE_STR, 0, M(kube_ref, ns)},
    {NULL},
};
const struct kube_schema kube_schema_secret_reference = {
    "io.k8s.api.core.v1.SecretReference",
    NULL,
    secret_reference_fields,
    sizeof(struct kube_ref),
};

static const struct kube_field local_object_reference_fields[] = {
    {"name", KUBE_STR, 0, M(kube_ref, name)},
    {NULL},
};
const struct kube_schema kube_schema_local_object_reference = {
    "io.k8s.api.core.v1.LocalObjectReference",
    NULL,
    local_object_reference_fields,
    sizeof(struct kube_ref),
};

static const struct kube_field typed_local_object_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED, M(kube_data_source, name)},
    {"apiGroup", KUBE_STR, KUBE_NULLABLE, M(kube_data_source, api_group)},
    {"kind", KUBE_STR, KUBE_REQUIRED, M(kube_data_source, kind)},
    {NULL},
};
const struct kube_schema kube_schema_typed_local_object_reference = {
    "io.k8s.api.core.v1.TypedLocalObjectReference",
    NULL,
    typed_local_object_reference_fields,
    sizeof(struct kube_data_source),
};

static const struct kube_field typed_object_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED, M(kube_data_source, name)},
    {"apiGroup", KUBE_STR, KUBE_NULLABLE, M(kube_data_source, api_group)},
    {"kind", KUBE_STR, KUBE_REQUIRED, M(kube_data_source, kind)},
    {"namespace", KUBE_STR, KUBE_NULLABLE, M(kube_data_source, ns)},
    {NULL},
};
const struct kube_schema kube_schema_typed_object_reference = {
    "io.k8s.api.core.v1.TypedObjectReference",
    NULL,
    typed_object_reference_fields,
    sizeof(struct kube_data_source),
};

static const struct kube_field node_selector_requirement_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED, M(kube_requirement, key)},
    {"operator", KUBE_ENUM, KUBE_REQUIRED, M(kube_requirement, op),
     .names = NAMES("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")},
    {"values", KUBE_STRS, KUBE_ATOMIC, M(kube_requirement, values)},
    {NULL},
};
static const struct kube_schema node_selector_requirement = {
    "io.k8s.api.core.v1.NodeSelectorRequirement",
    NULL,
    node_selector_requirement_fields,
    sizeof(struct kube_requirement),
};

static const struct kube_field node_selector_term_fields[] = {
    {"matchExpressions", KUBE_LIST, KUBE_ATOMIC, M(kube_node_term, match_expressions),
     .of = &node_selector_requirement},
    {"matchFields", KUBE_LIST, KUBE_ATOMIC, M(kube_node_term, match_fields),
     .of = &node_selector_requirement},
    {NULL},
};
const struct kube_schema kube_schema_node_selector_term = {
    "io.k8s.api.core.v1.NodeSelectorTerm",
    NULL,
    node_selector_term_fields,
    sizeof(struct kube_node_term),
};

static const struct kube_field node_selector_fields[] = {
    {"nodeSelectorTerms", KUBE_LIST, KUBE_REQUIRED | KUBE_ATOMIC, M(kube_node_selector, terms),
     .of = &kube_schema_node_selector_term},
    {NULL},
};
const struct kube_schema kube_schema_node_selector = {
    "io.k8s.api.core.v1.NodeSelector",
    NULL,
    node_selector_fields,
    sizeof(struct kube_node_selector),
};

static const struct kube_field volume_node_affinity_fields[] = {
    {"required", KUBE_OBJECT, KUBE_ATOMIC, M(kube_volume_affinity, required),
     .of = &kube_schema_node_selector},
    {NULL},
};
const struct kube_schema kube_schema_volume_node_affinity = {
    "io.k8s.api.core.v1.VolumeNodeAffinity",
    NULL,
    volume_node_affinity_fields,
    sizeof(struct kube_volume_affinity),
};

static const struct kube_field topology_selector_label_requirement_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED, M(kube_requirement, key)},
    {"values", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC, M(kube_requirement, values)},
    {NULL},
};
static const struct kube_schema topology_selector_label_requirement = {
    "io.k8s.api.core.v1.TopologySelectorLabelRequirement",
    NULL,
    topology_selector_label_requirement_fields,
    sizeof(struct kube_requirement),
    .initial = &value_is_in,
};

static const struct kube_field topology_selector_term_fields[] = {
    {"matchLabelExpressions", KUBE_LIST, KUBE_ATOMIC, M(kube_topology_term, expressions),
     .of = &topology_selector_label_requirement},
    {NULL},
};
const struct kube_schema kube_schema_topology_selector_term = {
    "io.k8s.api.core.v1.TopologySelectorTerm",
    NULL,
    topology_selector_term_fields,
    sizeof(struct kube_topology_term),
};
