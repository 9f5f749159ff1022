/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

/* A term of topology lists values alone: one of them is meant. */
static const struct kube_requirement value_is_in = {.op = KUBE_OP_IN};

static const struct kube_field object_reference_fields[] = {
    {"name", KUBE_STR, 0, M(kube_ref, name), .doc = "Its name."},
    {"apiVersion", KUBE_STR, 0, M(kube_ref, api_version), .doc = "Group and version."},
    {"fieldPath", KUBE_STR, 0, M(kube_ref, field_path), .doc = "A part of the object."},
    {"kind", KUBE_STR, 0, M(kube_ref, kind), .doc = "Its kind."},
    {"namespace", KUBE_STR, 0, M(kube_ref, ns), .doc = "Its namespace."},
    {"resourceVersion", KUBE_STR, 0, M(kube_ref, resource_version),
     .doc = "The version that is meant."},
    {"uid", KUBE_STR, 0, M(kube_ref, uid), .doc = "Its UID."},
    {NULL},
};
const struct kube_schema kube_schema_object_reference = {
    "io.k8s.api.core.v1.ObjectReference",
    "Points to an object.",
    object_reference_fields,
    sizeof(struct kube_ref),
};

static const struct kube_field secret_reference_fields[] = {
    {"name", KUBE_STR, 0, M(kube_ref, name), .doc = "Its name."},
    {"namespace", KUBE_STR, 0, M(kube_ref, ns), .doc = "Its namespace."},
    {NULL},
};
const struct kube_schema kube_schema_secret_reference = {
    "io.k8s.api.core.v1.SecretReference",
    "Points to a secret.",
    secret_reference_fields,
    sizeof(struct kube_ref),
};

static const struct kube_field local_object_reference_fields[] = {
    {"name", KUBE_STR, 0, M(kube_ref, name), .doc = "Its name."},
    {NULL},
};
const struct kube_schema kube_schema_local_object_reference = {
    "io.k8s.api.core.v1.LocalObjectReference",
    "Points to an object of the same namespace.",
    local_object_reference_fields,
    sizeof(struct kube_ref),
};

static const struct kube_field typed_local_object_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_data_source, name), .doc = "Its name."},
    {"apiGroup", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP, M(kube_data_source, api_group),
     .doc = "Its group; absent for the core group."},
    {"kind", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_data_source, kind), .doc = "Its kind."},
    {NULL},
};
const struct kube_schema kube_schema_typed_local_object_reference = {
    "io.k8s.api.core.v1.TypedLocalObjectReference",
    "Points to an object of any kind.",
    typed_local_object_reference_fields,
    sizeof(struct kube_data_source),
};

static const struct kube_field typed_object_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_data_source, name), .doc = "Its name."},
    {"apiGroup", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP, M(kube_data_source, api_group),
     .doc = "Its group; absent for the core group."},
    {"kind", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_data_source, kind), .doc = "Its kind."},
    {"namespace", KUBE_STR, KUBE_NULLABLE | KUBE_KEEP, M(kube_data_source, ns),
     .doc = "Its namespace, when it is another one."},
    {NULL},
};
const struct kube_schema kube_schema_typed_object_reference = {
    "io.k8s.api.core.v1.TypedObjectReference",
    "Points to an object of any kind.",
    typed_object_reference_fields,
    sizeof(struct kube_data_source),
};

static const struct kube_field node_selector_requirement_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_requirement, key),
     .doc = "The key of the label."},
    {"operator", KUBE_ENUM, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_requirement, op),
     .names = NAMES("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
     .doc = "In, NotIn, Exists, DoesNotExist, Gt or Lt."},
    {"values", KUBE_STRS, KUBE_ATOMIC, M(kube_requirement, values),
     .doc = "Values for In and NotIn."},
    {NULL},
};
static const struct kube_schema node_selector_requirement = {
    "io.k8s.api.core.v1.NodeSelectorRequirement",
    "A condition for the value of a key.",
    node_selector_requirement_fields,
    sizeof(struct kube_requirement),
};

static const struct kube_field node_selector_term_fields[] = {
    {"matchExpressions", KUBE_LIST, KUBE_ATOMIC, M(kube_node_term, match_expressions),
     .of = &node_selector_requirement, .doc = "Requirements for labels."},
    {"matchFields", KUBE_LIST, KUBE_ATOMIC, M(kube_node_term, match_fields),
     .of = &node_selector_requirement, .doc = "Requirements for fields: metadata.name."},
    {NULL},
};
const struct kube_schema kube_schema_node_selector_term = {
    "io.k8s.api.core.v1.NodeSelectorTerm",
    "All of its requirements hold; an empty term fits nothing.",
    node_selector_term_fields,
    sizeof(struct kube_node_term),
};

static const struct kube_field node_selector_fields[] = {
    {"nodeSelectorTerms", KUBE_LIST, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP,
     M(kube_node_selector, terms), .of = &kube_schema_node_selector_term,
     .doc = "One of them is enough."},
    {NULL},
};
const struct kube_schema kube_schema_node_selector = {
    "io.k8s.api.core.v1.NodeSelector",
    "Nodes that fit one of the terms.",
    node_selector_fields,
    sizeof(struct kube_node_selector),
};

static const struct kube_field volume_node_affinity_fields[] = {
    {"required", KUBE_OBJECT, KUBE_ATOMIC, M(kube_volume_affinity, required),
     .of = &kube_schema_node_selector, .doc = "Nodes must fit this."},
    {NULL},
};
const struct kube_schema kube_schema_volume_node_affinity = {
    "io.k8s.api.core.v1.VolumeNodeAffinity",
    "From where a volume can be reached.",
    volume_node_affinity_fields,
    sizeof(struct kube_volume_affinity),
};

static const struct kube_field topology_selector_label_requirement_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_requirement, key),
     .doc = "The key of the label."},
    {"values", KUBE_STRS, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_KEEP, M(kube_requirement, values),
     .doc = "One of them."},
    {NULL},
};
static const struct kube_schema topology_selector_label_requirement = {
    "io.k8s.api.core.v1.TopologySelectorLabelRequirement",
    "Values of a label.",
    topology_selector_label_requirement_fields,
    sizeof(struct kube_requirement),
    .initial = &value_is_in,
};

static const struct kube_field topology_selector_term_fields[] = {
    {"matchLabelExpressions", KUBE_LIST, KUBE_ATOMIC, M(kube_topology_term, expressions),
     .of = &topology_selector_label_requirement, .doc = "All of them hold."},
    {NULL},
};
const struct kube_schema kube_schema_topology_selector_term = {
    "io.k8s.api.core.v1.TopologySelectorTerm",
    "A part of the cluster.",
    topology_selector_term_fields,
    sizeof(struct kube_topology_term),
};
