/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field managed_fields_entry_fields[] = {
    {"apiVersion", KUBE_STR},       {"fieldsType", KUBE_STR},
    {"fieldsV1", KUBE_ANY},         {"manager", KUBE_STR},
    {"operation", KUBE_STR},        {"subresource", KUBE_STR},
    {"time", KUBE_TIME, KUBE_KEEP}, {NULL},
};
static const struct kube_schema managed_fields_entry = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
    NULL,
    managed_fields_entry_fields,
    0,
};

static const struct kube_field owner_reference_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_owner, name)},
    {"apiVersion", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP,
     M(kube_owner, api_version)},
    {"blockOwnerDeletion", KUBE_BOOL, KUBE_KEEP},
    {"controller", KUBE_BOOL, KUBE_KEEP, M(kube_owner, is_controller)},
    {"kind", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_owner, kind)},
    {"uid", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_owner, uid)},
    {NULL},
};
static const struct kube_schema owner_reference = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
    NULL,
    owner_reference_fields,
    sizeof(struct kube_owner),
};

static const struct kube_field object_meta_fields[] = {
    {"name", KUBE_STR, 0, M(kube_meta, name),
     .doc = "Unique in its namespace; can not be changed."},
    {"annotations", KUBE_STR_MAP, 0, M(kube_meta, annotations),
     .doc = "Keys and values for tools and people; not selected by."},
    {"creationTimestamp", KUBE_TIME, KUBE_READ_ONLY, M(kube_meta, created),
     .doc = "When the server made the object."},
    {"deletionGracePeriodSeconds", KUBE_INT, KUBE_TRISTATE | KUBE_READ_ONLY | KUBE_KEEP,
     M(kube_meta, grace_seconds), .doc = "Seconds between the deletion and its end."},
    {"deletionTimestamp", KUBE_TIME, KUBE_READ_ONLY | KUBE_KEEP, M(kube_meta, deleted),
     .doc = "When deletion was asked for; finalizers hold the object until they are gone."},
    {"finalizers", KUBE_STRS, KUBE_MERGE_SET, M(kube_meta, finalizers),
     .doc = "While one is listed, the object is not removed."},
    {"generateName", KUBE_STR, 0, M(kube_meta, generate_name),
     .doc = "A prefix from which the server makes a name when none is given."},
    {"generation", KUBE_INT, KUBE_READ_ONLY | KUBE_NON_NEGATIVE, M(kube_meta, generation),
     .doc = "Counts changes of what is wanted."},
    {"labels", KUBE_STR_MAP, 0, M(kube_meta, labels),
     .doc = "Keys and values that selectors look at."},
    {"managedFields", KUBE_LIST, KUBE_ATOMIC, .of = &managed_fields_entry,
     .doc = "Who set which fields last."},
    {"namespace", KUBE_STR, 0, M(kube_meta, ns),
     .doc = "The namespace; empty for kinds of the whole cluster."},
    {"ownerReferences", KUBE_LIST, 0, M(kube_meta, owners), .of = &owner_reference,
     .merge_keys = "uid", .doc = "Objects without which this one is garbage."},
    {"resourceVersion", KUBE_STR, KUBE_READ_ONLY, M(kube_meta, resource_version),
     .doc = "Changes with each write; give it back to notice changes by others."},
    {"selfLink", KUBE_STR, KUBE_READ_ONLY, .doc = "No longer used."},
    {"uid", KUBE_STR, KUBE_READ_ONLY, M(kube_meta, uid),
     .doc = "Unique for all time; set by the server."},
    {NULL},
};
const struct kube_schema kube_schema_object_meta = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "What every object has.",
    object_meta_fields,
    sizeof(struct kube_meta),
};

static const struct kube_field label_selector_requirement_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_requirement, key),
     .doc = "The key of the label."},
    {"operator", KUBE_ENUM, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP, M(kube_requirement, op),
     .names = NAMES("In", "NotIn", "Exists", "DoesNotExist"),
     .doc = "In, NotIn, Exists or DoesNotExist."},
    {"values", KUBE_STRS, KUBE_ATOMIC, M(kube_requirement, values),
     .doc = "Values for In and NotIn."},
    {NULL},
};
static const struct kube_schema label_selector_requirement = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
    "A condition for the value of a key.",
    label_selector_requirement_fields,
    sizeof(struct kube_requirement),
};

static const struct kube_field label_selector_fields[] = {
    {"matchExpressions", KUBE_LIST, KUBE_ATOMIC, M(kube_label_selector, match_expressions),
     .of = &label_selector_requirement, .doc = "Further requirements; all of them hold."},
    {"matchLabels", KUBE_STR_MAP, 0, M(kube_label_selector, match_labels),
     .doc = "Labels that must have these values."},
    {NULL},
};
const struct kube_schema kube_schema_label_selector = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    "Objects whose labels fit; an empty selector fits all.",
    label_selector_fields,
    sizeof(struct kube_label_selector),
};
