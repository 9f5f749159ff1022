/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field app_armor_profile_fields[] = {
    {"localhostProfile", KUBE_STR, KUBE_KEEP},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP,
     .names = NAMES("Localhost", "RuntimeDefault", "Unconfined")},
    {NULL},
};
static const struct kube_schema app_armor_profile = {
    "io.k8s.api.core.v1.AppArmorProfile",
    NULL,
    app_armor_profile_fields,
    0,
};

static const struct kube_field capabilities_fields[] = {
    {"add", KUBE_STRS, KUBE_ATOMIC},
    {"drop", KUBE_STRS, KUBE_ATOMIC},
    {NULL},
};
static const struct kube_schema capabilities = {
    "io.k8s.api.core.v1.Capabilities",
    NULL,
    capabilities_fields,
    0,
};

static const struct kube_field se_linux_options_fields[] = {
    {"level", KUBE_STR}, {"role", KUBE_STR}, {"type", KUBE_STR}, {"user", KUBE_STR}, {NULL},
};
static const struct kube_schema se_linux_options = {
    "io.k8s.api.core.v1.SELinuxOptions",
    NULL,
    se_linux_options_fields,
    0,
};

static const struct kube_field seccomp_profile_fields[] = {
    {"localhostProfile", KUBE_STR, KUBE_KEEP},
    {"type", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP,
     .names = NAMES("Localhost", "RuntimeDefault", "Unconfined")},
    {NULL},
};
static const struct kube_schema seccomp_profile = {
    "io.k8s.api.core.v1.SeccompProfile",
    NULL,
    seccomp_profile_fields,
    0,
};

static const struct kube_field windows_security_context_options_fields[] = {
    {"gmsaCredentialSpec", KUBE_STR, KUBE_KEEP},
    {"gmsaCredentialSpecName", KUBE_STR, KUBE_KEEP},
    {"hostProcess", KUBE_BOOL, KUBE_KEEP},
    {"runAsUserName", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema windows_security_context_options = {
    "io.k8s.api.core.v1.WindowsSecurityContextOptions",
    NULL,
    windows_security_context_options_fields,
    0,
};

static const struct kube_field security_context_fields[] = {
    {"allowPrivilegeEscalation", KUBE_BOOL, KUBE_KEEP},
    {"appArmorProfile", KUBE_OBJECT, .of = &app_armor_profile},
    {"capabilities", KUBE_OBJECT, .of = &capabilities},
    {"privileged", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP, M(kube_security_context, is_privileged)},
    {"procMount", KUBE_STR, KUBE_KEEP},
    {"readOnlyRootFilesystem", KUBE_BOOL, KUBE_TRISTATE | KUBE_KEEP,
     M(kube_security_context, read_only_root)},
    {"runAsGroup", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP, M(kube_security_context, run_as_group)},
    {"runAsNonRoot", KUBE_BOOL, KUBE_KEEP},
    {"runAsUser", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP, M(kube_security_context, run_as_user)},
    {"seLinuxOptions", KUBE_OBJECT, .of = &se_linux_options},
    {"seccompProfile", KUBE_OBJECT, .of = &seccomp_profile},
    {"windowsOptions", KUBE_OBJECT, .of = &windows_security_context_options},
    {NULL},
};
const struct kube_schema kube_schema_security_context = {
    "io.k8s.api.core.v1.SecurityContext",
    NULL,
    security_context_fields,
    sizeof(struct kube_security_context),
};

static const struct kube_field sysctl_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"value", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema sysctl = {
    "io.k8s.api.core.v1.Sysctl",
    NULL,
    sysctl_fields,
    0,
};

static const struct kube_field pod_security_context_fields[] = {
    {"appArmorProfile", KUBE_OBJECT, .of = &app_armor_profile},
    {"fsGroup", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP, M(kube_pod_security, fs_group)},
    {"fsGroupChangePolicy", KUBE_STR, KUBE_KEEP, M(kube_pod_security, fs_group_change_policy),
     .names = NAMES("Always", "OnRootMismatch")},
    {"runAsGroup", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP, M(kube_pod_security, run_as_group)},
    {"runAsNonRoot", KUBE_BOOL, KUBE_KEEP},
    {"runAsUser", KUBE_INT, KUBE_TRISTATE | KUBE_KEEP, M(kube_pod_security, run_as_user)},
    {"seLinuxChangePolicy", KUBE_STR, KUBE_KEEP},
    {"seLinuxOptions", KUBE_OBJECT, .of = &se_linux_options},
    {"seccompProfile", KUBE_OBJECT, .of = &seccomp_profile},
    {"supplementalGroups", KUBE_INTS, KUBE_ATOMIC, M(kube_pod_security, supplemental_groups)},
    {"supplementalGroupsPolicy", KUBE_STR, KUBE_KEEP, .names = NAMES("Merge", "Strict")},
    {"sysctls", KUBE_LIST, KUBE_ATOMIC, .of = &sysctl},
    {"windowsOptions", KUBE_OBJECT, .of = &windows_security_context_options},
    {NULL},
};
const struct kube_schema kube_schema_pod_security_context = {
    "io.k8s.api.core.v1.PodSecurityContext",
    NULL,
    pod_security_context_fields,
    sizeof(struct kube_pod_security),
};
