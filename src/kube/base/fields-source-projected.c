/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field key_to_path_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_key_path, key)},
    {"mode", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE | KUBE_KEEP, M(kube_key_path, mode)},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_key_path, path)},
    {NULL},
};
static const struct kube_schema key_to_path = {
    "io.k8s.api.core.v1.KeyToPath",
    NULL,
    key_to_path_fields,
    sizeof(struct kube_key_path),
};

static const struct kube_field config_map_volume_source_fields[] = {
    {"name", KUBE_STR, 0, M(kube_keyed_source, name)},
    {"defaultMode", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE | KUBE_KEEP,
     M(kube_keyed_source, default_mode), .fallback = "420"},
    {"items", KUBE_LIST, KUBE_ATOMIC, M(kube_keyed_source, items), .of = &key_to_path},
    {"optional", KUBE_BOOL, KUBE_KEEP, M(kube_keyed_source, is_optional)},
    {NULL},
};
const struct kube_schema kube_schema_config_map_volume_source = {
    "io.k8s.api.core.v1.ConfigMapVolumeSource",
    NULL,
    config_map_volume_source_fields,
    sizeof(struct kube_keyed_source),
};

static const struct kube_field secret_volume_source_fields[] = {
    {"defaultMode", KUBE_INT, KUBE_INT32 | KUBE_TRISTATE | KUBE_KEEP,
     M(kube_keyed_source, default_mode), .fallback = "420"},
    {"items", KUBE_LIST, KUBE_ATOMIC, M(kube_keyed_source, items), .of = &key_to_path},
    {"optional", KUBE_BOOL, KUBE_KEEP, M(kube_keyed_source, is_optional)},
    {"secretName", KUBE_STR, 0, M(kube_keyed_source, name)},
    {NULL},
};
const struct kube_schema kube_schema_secret_volume_source = {
    "io.k8s.api.core.v1.SecretVolumeSource",
    NULL,
    secret_volume_source_fields,
    sizeof(struct kube_keyed_source),
};

static const struct kube_field object_field_selector_fields[] = {
    {"apiVersion", KUBE_STR, .fallback = "\"v1\""},
    {"fieldPath", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_object_field_selector = {
    "io.k8s.api.core.v1.ObjectFieldSelector",
    NULL,
    object_field_selector_fields,
    0,
};

static const struct kube_field resource_field_selector_fields[] = {
    {"containerName", KUBE_STR},
    {"divisor", KUBE_QUANTITY},
    {"resource", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
const struct kube_schema kube_schema_resource_field_selector = {
    "io.k8s.api.core.v1.ResourceFieldSelector",
    NULL,
    resource_field_selector_fields,
    0,
};

static const struct kube_field downward_api_volume_file_fields[] = {
    {"fieldRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_object_field_selector},
    {"mode", KUBE_INT, KUBE_INT32 | KUBE_KEEP},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"resourceFieldRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_resource_field_selector},
    {NULL},
};
static const struct kube_schema downward_api_volume_file = {
    "io.k8s.api.core.v1.DownwardAPIVolumeFile",
    NULL,
    downward_api_volume_file_fields,
    0,
};

static const struct kube_field downward_api_volume_source_fields[] = {
    {"defaultMode", KUBE_INT, KUBE_INT32 | KUBE_KEEP, .fallback = "420"},
    {"items", KUBE_LIST, KUBE_ATOMIC, .of = &downward_api_volume_file},
    {NULL},
};
const struct kube_schema kube_schema_downward_api_volume_source = {
    "io.k8s.api.core.v1.DownwardAPIVolumeSource",
    NULL,
    downward_api_volume_source_fields,
    0,
};

static const struct kube_field cluster_trust_bundle_projection_fields[] = {
    {"name", KUBE_STR, KUBE_KEEP},
    {"labelSelector", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_label_selector},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"signerName", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema cluster_trust_bundle_projection = {
    "io.k8s.api.core.v1.ClusterTrustBundleProjection",
    NULL,
    cluster_trust_bundle_projection_fields,
    0,
};

static const struct kube_field config_map_projection_fields[] = {
    {"name", KUBE_STR},
    {"items", KUBE_LIST, KUBE_ATOMIC, .of = &key_to_path},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema config_map_projection = {
    "io.k8s.api.core.v1.ConfigMapProjection",
    NULL,
    config_map_projection_fields,
    0,
};

static const struct kube_field downward_api_projection_fields[] = {
    {"items", KUBE_LIST, KUBE_ATOMIC, .of = &downward_api_volume_file},
    {NULL},
};
static const struct kube_schema downward_api_projection = {
    "io.k8s.api.core.v1.DownwardAPIProjection",
    NULL,
    downward_api_projection_fields,
    0,
};

static const struct kube_field pod_certificate_projection_fields[] = {
    {"certificateChainPath", KUBE_STR},
    {"credentialBundlePath", KUBE_STR},
    {"keyPath", KUBE_STR},
    {"keyType", KUBE_STR, KUBE_REQUIRED},
    {"maxExpirationSeconds", KUBE_INT, KUBE_INT32 | KUBE_KEEP},
    {"signerName", KUBE_STR, KUBE_REQUIRED},
    {"userAnnotations", KUBE_STR_MAP},
    {NULL},
};
static const struct kube_schema pod_certificate_projection = {
    "io.k8s.api.core.v1.PodCertificateProjection",
    NULL,
    pod_certificate_projection_fields,
    0,
};

static const struct kube_field secret_projection_fields[] = {
    {"name", KUBE_STR},
    {"items", KUBE_LIST, KUBE_ATOMIC, .of = &key_to_path},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema secret_projection = {
    "io.k8s.api.core.v1.SecretProjection",
    NULL,
    secret_projection_fields,
    0,
};

static const struct kube_field service_account_token_projection_fields[] = {
    {"audience", KUBE_STR},
    {"expirationSeconds", KUBE_INT, KUBE_KEEP, .fallback = "3600"},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema service_account_token_projection = {
    "io.k8s.api.core.v1.ServiceAccountTokenProjection",
    NULL,
    service_account_token_projection_fields,
    0,
};

static const struct kube_field volume_projection_fields[] = {
    {"clusterTrustBundle", KUBE_OBJECT, .of = &cluster_trust_bundle_projection},
    {"configMap", KUBE_OBJECT, .of = &config_map_projection},
    {"downwardAPI", KUBE_OBJECT, .of = &downward_api_projection},
    {"podCertificate", KUBE_OBJECT, .of = &pod_certificate_projection},
    {"secret", KUBE_OBJECT, .of = &secret_projection},
    {"serviceAccountToken", KUBE_OBJECT, .of = &service_account_token_projection},
    {NULL},
};
static const struct kube_schema volume_projection = {
    "io.k8s.api.core.v1.VolumeProjection",
    NULL,
    volume_projection_fields,
    0,
};

static const struct kube_field projected_volume_source_fields[] = {
    {"defaultMode", KUBE_INT, KUBE_INT32 | KUBE_KEEP, .fallback = "420"},
    {"sources", KUBE_LIST, KUBE_ATOMIC | KUBE_KEEP, .of = &volume_projection},
    {NULL},
};
const struct kube_schema kube_schema_projected_volume_source = {
    "io.k8s.api.core.v1.ProjectedVolumeSource",
    NULL,
    projected_volume_source_fields,
    0,
};
