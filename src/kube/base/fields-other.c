/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field secret_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_data, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"data", KUBE_BYTES_MAP, 0, M(kube_data, data)},
    {"immutable", KUBE_BOOL, KUBE_KEEP},
    {"stringData", KUBE_STR_MAP},
    {"type", KUBE_STR, KUBE_IMMUTABLE, M(kube_data, type), .fallback = "\"Opaque\""},
    {NULL},
};
const struct kube_schema kube_schema_secret = {
    "io.k8s.api.core.v1.Secret",
    "Small confidential data.",
    secret_fields,
    sizeof(struct kube_data),
};

static const struct kube_field config_map_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_data, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"binaryData", KUBE_BYTES_MAP, 0, M(kube_data, data)},
    {"data", KUBE_STR_MAP, 0, M(kube_data, text)},
    {"immutable", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_config_map = {
    "io.k8s.api.core.v1.ConfigMap",
    "Small plain data.",
    config_map_fields,
    sizeof(struct kube_data),
};

static const struct kube_field service_account_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_service_account, o.meta),
     .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"automountServiceAccountToken", KUBE_BOOL, KUBE_KEEP},
    {"imagePullSecrets", KUBE_LIST, KUBE_ATOMIC, .of = &kube_schema_local_object_reference},
    {"secrets", KUBE_LIST, 0, M(kube_service_account, secrets), .of = &kube_schema_object_reference,
     .merge_keys = "name"},
    {NULL},
};
const struct kube_schema kube_schema_service_account = {
    "io.k8s.api.core.v1.ServiceAccount",
    "An identity for what runs in pods.",
    service_account_fields,
    sizeof(struct kube_service_account),
};

static const struct kube_field lease_spec_fields[] = {
    {"acquireTime", KUBE_TIME, KUBE_MICRO | KUBE_KEEP, M(kube_lease, acquired)},
    {"holderIdentity", KUBE_STR, KUBE_KEEP, M(kube_lease, holder)},
    {"leaseDurationSeconds", KUBE_INT, KUBE_INT32 | KUBE_KEEP, M(kube_lease, duration_seconds)},
    {"leaseTransitions", KUBE_INT, KUBE_INT32 | KUBE_KEEP, M(kube_lease, transitions)},
    {"preferredHolder", KUBE_STR, KUBE_KEEP},
    {"renewTime", KUBE_TIME, KUBE_MICRO | KUBE_KEEP, M(kube_lease, renewed)},
    {"strategy", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema lease_spec = {
    "io.k8s.api.coordination.v1.LeaseSpec",
    NULL,
    lease_spec_fields,
    sizeof(struct kube_lease),
};

static const struct kube_field lease_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_lease, o.meta), .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &lease_spec, .doc = "What is wanted."},
    {NULL},
};
const struct kube_schema kube_schema_lease = {
    "io.k8s.api.coordination.v1.Lease",
    "A lock with an end: leader election and heartbeats.",
    lease_fields,
    sizeof(struct kube_lease),
};

static const struct kube_field namespace_spec_fields[] = {
    {"finalizers", KUBE_STRS, KUBE_ATOMIC},
    {NULL},
};
static const struct kube_schema namespace_spec = {
    "io.k8s.api.core.v1.NamespaceSpec",
    NULL,
    namespace_spec_fields,
    0,
};

static const struct kube_field namespace_condition_fields[] = {
    {"lastTransitionTime", KUBE_TIME},
    {"message", KUBE_STR},
    {"reason", KUBE_STR},
    {"status", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema namespace_condition = {
    "io.k8s.api.core.v1.NamespaceCondition",
    NULL,
    namespace_condition_fields,
    0,
};

static const struct kube_field namespace_status_fields[] = {
    {"conditions", KUBE_LIST, .of = &namespace_condition, .merge_keys = "type"},
    {"phase", KUBE_STR, 0, M(kube_namespace, phase)},
    {NULL},
};
static const struct kube_schema namespace_status = {
    "io.k8s.api.core.v1.NamespaceStatus",
    NULL,
    namespace_status_fields,
    sizeof(struct kube_namespace),
};

static const struct kube_field namespace_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_INLINE, M(kube_namespace, o.meta),
     .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"spec", KUBE_OBJECT, .of = &namespace_spec, .doc = "What is wanted."},
    {"status", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &namespace_status,
     .doc = "What is: written by controllers."},
    {NULL},
};
const struct kube_schema kube_schema_namespace = {
    "io.k8s.api.core.v1.Namespace",
    "A room of names.",
    namespace_fields,
    sizeof(struct kube_namespace),
};
