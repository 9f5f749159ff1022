/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field managed_fields_entry_fields[] = {
    {"apiVersion", KUBE_STR}, {"fieldsType", KUBE_STR},
    {"fieldsV1", KUBE_ANY},   {"manager", KUBE_STR},
    {"operation", KUBE_STR},  {"subresource", KUBE_STR},
    {"time", KUBE_TIME},      {NULL},
};
static const struct kube_schema managed_fields_entry = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
    NULL,
    managed_fields_entry_fields,
    0,
};

static const struct kube_field owner_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED, M(kube_owner, name)},
    {"apiVersion", KUBE_STR, KUBE_REQUIRED, M(kube_owner, api_version)},
    {"blockOwnerDeletion", KUBE_BOOL},
    {"controller", KUBE_BOOL, 0, M(kube_owner, is_controller)},
    {"kind", KUBE_STR, KUBE_REQUIRED, M(kube_owner, kind)},
    {"uid", KUBE_STR, KUBE_REQUIRED, M(kube_owner, uid)},
    {NULL},
};
static const struct kube_schema owner_reference = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
    NULL,
    owner_reference_fields,
    sizeof(struct kube_owner),
};

static const struct kube_field object_meta_fields[] = {
    {"name", KUBE_STR, 0, M(kube_meta, name)},
    {"annotations", KUBE_STR_MAP, 0, M(kube_meta, annotations)},
    {"creationTimestamp", KUBE_TIME, 0, M(kube_meta, created)},
    {"deletionGracePeriodSeconds", KUBE_INT, KUBE_TRISTATE, M(kube_meta, grace_seconds)},
    {"deletionTimestamp", KUBE_TIME, 0, M(kube_meta, deleted)},
    {"finalizers", KUBE_STRS, KUBE_MERGE_SET, M(kube_meta, finalizers)},
    {"generateName", KUBE_STR, 0, M(kube_meta, generate_name)},
    {"generation", KUBE_INT, 0, M(kube_meta, generation)},
    {"labels", KUBE_STR_MAP, 0, M(kube_meta, labels)},
    {"managedFields", KUBE_LIST, KUBE_ATOMIC, .of = &managed_fields_entry},
    {"namespace", KUBE_STR, 0, M(kube_meta, ns)},
    {"ownerReferences", KUBE_LIST, 0, M(kube_meta, owners), .of = &owner_reference,
     .merge_keys = "uid"},
    {"resourceVersion", KUBE_STR, 0, M(kube_meta, resource_version)},
    {"selfLink", KUBE_STR},
    {"uid", KUBE_STR, 0, M(kube_meta, uid)},
    {NULL},
};
const struct kube_schema kube_schema_object_meta = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    NULL,
    object_meta_fields,
    sizeof(struct kube_meta),
};

static const struct kube_field label_selector_requirement_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED, M(kube_requirement, key)},
    {"operator", KUBE_ENUM, KUBE_REQUIRED, M(kube_requirement, op),
     .names = NAMES("In", "NotIn", "Exists", "DoesNotExist")},
    {"values", KUBE_STRS, KUBE_ATOMIC, M(kube_requirement, values)},
    {NULL},
};
static const struct kube_schema label_selector_requirement = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
    NULL,
    label_selector_requirement_fields,
    sizeof(struct kube_requirement),
};

static const struct kube_field label_selector_fields[] = {
    {"matchExpressions", KUBE_LIST, KUBE_ATOMIC, M(kube_label_selector, match_expressions),
     .of = &label_selector_requirement},
    {"matchLabels", KUBE_STR_MAP, 0, M(kube_label_selector, match_labels)},
    {NULL},
};
const struct kube_schema kube_schema_label_selector = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    NULL,
    label_selector_fields,
    sizeof(struct kube_label_selector),
};
