/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field config_map_key_selector_fields[] = {
    {"name", KUBE_STR},
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema config_map_key_selector = {
    "io.k8s.api.core.v1.ConfigMapKeySelector",
    NULL,
    config_map_key_selector_fields,
    0,
};

static const struct kube_field file_key_selector_fields[] = {
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {"path", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"volumeName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema file_key_selector = {
    "io.k8s.api.core.v1.FileKeySelector",
    NULL,
    file_key_selector_fields,
    0,
};

static const struct kube_field secret_key_selector_fields[] = {
    {"name", KUBE_STR},
    {"key", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema secret_key_selector = {
    "io.k8s.api.core.v1.SecretKeySelector",
    NULL,
    secret_key_selector_fields,
    0,
};

static const struct kube_field env_var_source_fields[] = {
    {"configMapKeyRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &config_map_key_selector},
    {"fieldRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_object_field_selector},
    {"fileKeyRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &file_key_selector},
    {"resourceFieldRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_resource_field_selector},
    {"secretKeyRef", KUBE_OBJECT, KUBE_ATOMIC, .of = &secret_key_selector},
    {NULL},
};
static const struct kube_schema env_var_source = {
    "io.k8s.api.core.v1.EnvVarSource",
    NULL,
    env_var_source_fields,
    0,
};

static const struct kube_field env_var_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_env_var, name)},
    {"value", KUBE_STR, 0, M(kube_env_var, value)},
    {"valueFrom", KUBE_OBJECT, .of = &env_var_source},
    {NULL},
};
static const struct kube_schema env_var = {
    "io.k8s.api.core.v1.EnvVar",
    NULL,
    env_var_fields,
    sizeof(struct kube_env_var),
};

static const struct kube_field config_map_env_source_fields[] = {
    {"name", KUBE_STR},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema config_map_env_source = {
    "io.k8s.api.core.v1.ConfigMapEnvSource",
    NULL,
    config_map_env_source_fields,
    0,
};

static const struct kube_field secret_env_source_fields[] = {
    {"name", KUBE_STR},
    {"optional", KUBE_BOOL, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema secret_env_source = {
    "io.k8s.api.core.v1.SecretEnvSource",
    NULL,
    secret_env_source_fields,
    0,
};

static const struct kube_field env_from_source_fields[] = {
    {"configMapRef", KUBE_OBJECT, .of = &config_map_env_source},
    {"prefix", KUBE_STR},
    {"secretRef", KUBE_OBJECT, .of = &secret_env_source},
    {NULL},
};
static const struct kube_schema env_from_source = {
    "io.k8s.api.core.v1.EnvFromSource",
    NULL,
    env_from_source_fields,
    0,
};

static const struct kube_field exec_action_fields[] = {
    {"command", KUBE_STRS, KUBE_ATOMIC},
    {NULL},
};
static const struct kube_schema exec_action = {
    "io.k8s.api.core.v1.ExecAction",
    NULL,
    exec_action_fields,
    0,
};

static const struct kube_field http_header_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP},
    {"value", KUBE_STR, KUBE_REQUIRED | KUBE_MAY_BE_EMPTY | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema http_header = {
    "io.k8s.api.core.v1.HTTPHeader",
    NULL,
    http_header_fields,
    0,
};

static const struct kube_field http_get_action_fields[] = {
    {"host", KUBE_STR},
    {"httpHeaders", KUBE_LIST, KUBE_ATOMIC, .of = &http_header},
    {"path", KUBE_STR, .fallback = "\"/\""},
    {"port", KUBE_INT_OR_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"scheme", KUBE_STR, .names = NAMES("HTTP", "HTTPS"), .fallback = "\"HTTP\""},
    {NULL},
};
static const struct kube_schema http_get_action = {
    "io.k8s.api.core.v1.HTTPGetAction",
    NULL,
    http_get_action_fields,
    0,
};

static const struct kube_field sleep_action_fields[] = {
    {"seconds", KUBE_INT, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema sleep_action = {
    "io.k8s.api.core.v1.SleepAction",
    NULL,
    sleep_action_fields,
    0,
};

static const struct kube_field tcp_socket_action_fields[] = {
    {"host", KUBE_STR},
    {"port", KUBE_INT_OR_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema tcp_socket_action = {
    "io.k8s.api.core.v1.TCPSocketAction",
    NULL,
    tcp_socket_action_fields,
    0,
};

static const struct kube_field lifecycle_handler_fields[] = {
    {"exec", KUBE_OBJECT, .of = &exec_action},
    {"httpGet", KUBE_OBJECT, .of = &http_get_action},
    {"sleep", KUBE_OBJECT, .of = &sleep_action},
    {"tcpSocket", KUBE_OBJECT, .of = &tcp_socket_action},
    {NULL},
};
static const struct kube_schema lifecycle_handler = {
    "io.k8s.api.core.v1.LifecycleHandler",
    NULL,
    lifecycle_handler_fields,
    0,
};

static const struct kube_field lifecycle_fields[] = {
    {"postStart", KUBE_OBJECT, .of = &lifecycle_handler},
    {"preStop", KUBE_OBJECT, .of = &lifecycle_handler},
    {"stopSignal", KUBE_STR, KUBE_KEEP},
    {NULL},
};
static const struct kube_schema lifecycle = {
    "io.k8s.api.core.v1.Lifecycle",
    NULL,
    lifecycle_fields,
    0,
};

static const struct kube_field grpc_action_fields[] = {
    {"port", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP},
    {"service", KUBE_STR, KUBE_KEEP, .fallback = "\"\""},
    {NULL},
};
static const struct kube_schema grpc_action = {
    "io.k8s.api.core.v1.GRPCAction",
    NULL,
    grpc_action_fields,
    0,
};

static const struct kube_field probe_fields[] = {
    {"exec", KUBE_OBJECT, .of = &exec_action},
    {"failureThreshold", KUBE_INT, KUBE_INT32 | KUBE_NON_NEGATIVE, .fallback = "3"},
    {"grpc", KUBE_OBJECT, .of = &grpc_action},
    {"httpGet", KUBE_OBJECT, .of = &http_get_action},
    {"initialDelaySeconds", KUBE_INT, KUBE_INT32 | KUBE_NON_NEGATIVE},
    {"periodSeconds", KUBE_INT, KUBE_INT32 | KUBE_NON_NEGATIVE, .fallback = "10"},
    {"successThreshold", KUBE_INT, KUBE_INT32 | KUBE_NON_NEGATIVE, .fallback = "1"},
    {"tcpSocket", KUBE_OBJECT, .of = &tcp_socket_action},
    {"terminationGracePeriodSeconds", KUBE_INT, KUBE_KEEP},
    {"timeoutSeconds", KUBE_INT, KUBE_INT32 | KUBE_NON_NEGATIVE, .fallback = "1"},
    {NULL},
};
static const struct kube_schema probe = {
    "io.k8s.api.core.v1.Probe",
    NULL,
    probe_fields,
    0,
};

static const struct kube_field container_port_fields[] = {
    {"name", KUBE_STR, 0, M(kube_container_port, name)},
    {"containerPort", KUBE_INT, KUBE_REQUIRED | KUBE_INT32 | KUBE_KEEP,
     M(kube_container_port, container_port)},
    {"hostIP", KUBE_STR, 0, M(kube_container_port, host_ip)},
    {"hostPort", KUBE_INT, KUBE_INT32, M(kube_container_port, host_port)},
    {"protocol", KUBE_STR, 0, M(kube_container_port, protocol),
     .names = NAMES("SCTP", "TCP", "UDP"), .fallback = "\"TCP\""},
    {NULL},
};
static const struct kube_schema container_port = {
    "io.k8s.api.core.v1.ContainerPort",
    NULL,
    container_port_fields,
    sizeof(struct kube_container_port),
};

static const struct kube_field container_resize_policy_fields[] = {
    {"resourceName", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"restartPolicy", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {NULL},
};
static const struct kube_schema container_resize_policy = {
    "io.k8s.api.core.v1.ContainerResizePolicy",
    NULL,
    container_resize_policy_fields,
    0,
};

static const struct kube_field resource_claim_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"request", KUBE_STR},
    {NULL},
};
static const struct kube_schema resource_claim = {
    "io.k8s.api.core.v1.ResourceClaim",
    NULL,
    resource_claim_fields,
    0,
};

static const struct kube_field resource_requirements_fields[] = {
    {"claims", KUBE_LIST, KUBE_APPLY_ONLY, .of = &resource_claim, .merge_keys = "name"},
    {"limits", KUBE_RESOURCES, 0, M(kube_container, limits)},
    {"requests", KUBE_RESOURCES, 0, M(kube_container, requests)},
    {NULL},
};
const struct kube_schema kube_schema_resource_requirements = {
    "io.k8s.api.core.v1.ResourceRequirements",
    NULL,
    resource_requirements_fields,
    sizeof(struct kube_container),
};

static const struct kube_field container_restart_rule_on_exit_codes_fields[] = {
    {"operator", KUBE_STR, KUBE_REQUIRED},
    {"values", KUBE_INTS, KUBE_MERGE_SET | KUBE_APPLY_ONLY},
    {NULL},
};
static const struct kube_schema container_restart_rule_on_exit_codes = {
    "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes",
    NULL,
    container_restart_rule_on_exit_codes_fields,
    0,
};

static const struct kube_field container_restart_rule_fields[] = {
    {"action", KUBE_STR, KUBE_REQUIRED},
    {"exitCodes", KUBE_OBJECT, .of = &container_restart_rule_on_exit_codes},
    {NULL},
};
static const struct kube_schema container_restart_rule = {
    "io.k8s.api.core.v1.ContainerRestartRule",
    NULL,
    container_restart_rule_fields,
    0,
};

static const struct kube_field volume_device_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_volume_device, name)},
    {"devicePath", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_volume_device, path)},
    {NULL},
};
static const struct kube_schema volume_device = {
    "io.k8s.api.core.v1.VolumeDevice",
    NULL,
    volume_device_fields,
    sizeof(struct kube_volume_device),
};

static const struct kube_field volume_mount_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_volume_mount, name)},
    {"mountPath", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_volume_mount, path)},
    {"mountPropagation", KUBE_STR, KUBE_KEEP, M(kube_volume_mount, propagation),
     .names = NAMES("Bidirectional", "HostToContainer", "None")},
    {"readOnly", KUBE_BOOL, 0, M(kube_volume_mount, is_read_only)},
    {"recursiveReadOnly", KUBE_STR, KUBE_KEEP},
    {"subPath", KUBE_STR, 0, M(kube_volume_mount, sub_path)},
    {"subPathExpr", KUBE_STR, 0, M(kube_volume_mount, sub_path_expr)},
    {NULL},
};
static const struct kube_schema volume_mount = {
    "io.k8s.api.core.v1.VolumeMount",
    NULL,
    volume_mount_fields,
    sizeof(struct kube_volume_mount),
};

static const struct kube_field container_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP, M(kube_container, name)},
    {"args", KUBE_STRS, KUBE_ATOMIC, M(kube_container, args)},
    {"command", KUBE_STRS, KUBE_ATOMIC, M(kube_container, command)},
    {"env", KUBE_LIST, 0, M(kube_container, env), .of = &env_var, .merge_keys = "name"},
    {"envFrom", KUBE_LIST, KUBE_ATOMIC, .of = &env_from_source},
    {"image", KUBE_STR, 0, M(kube_container, image)},
    {"imagePullPolicy", KUBE_STR, 0, M(kube_container, pull_policy),
     .names = NAMES("Always", "IfNotPresent", "Never")},
    {"lifecycle", KUBE_OBJECT, .of = &lifecycle},
    {"livenessProbe", KUBE_OBJECT, .of = &probe},
    {"ports", KUBE_LIST, 0, M(kube_container, ports), .of = &container_port,
     .merge_keys = "containerPort,protocol"},
    {"readinessProbe", KUBE_OBJECT, .of = &probe},
    {"resizePolicy", KUBE_LIST, KUBE_ATOMIC, .of = &container_resize_policy},
    {"resources", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &kube_schema_resource_requirements,
     .fallback = "{}"},
    {"restartPolicy", KUBE_STR, KUBE_KEEP, M(kube_container, restart_policy)},
    {"restartPolicyRules", KUBE_LIST, KUBE_ATOMIC, .of = &container_restart_rule},
    {"securityContext", KUBE_OBJECT, 0, M(kube_container, security),
     .of = &kube_schema_security_context},
    {"startupProbe", KUBE_OBJECT, .of = &probe},
    {"stdin", KUBE_BOOL, 0, M(kube_container, want_stdin)},
    {"stdinOnce", KUBE_BOOL},
    {"terminationMessagePath", KUBE_STR, .fallback = "\"/dev/termination-log\""},
    {"terminationMessagePolicy", KUBE_STR, .names = NAMES("FallbackToLogsOnError", "File"),
     .fallback = "\"File\""},
    {"tty", KUBE_BOOL, 0, M(kube_container, want_tty)},
    {"volumeDevices", KUBE_LIST, 0, M(kube_container, devices), .of = &volume_device,
     .merge_keys = "devicePath"},
    {"volumeMounts", KUBE_LIST, 0, M(kube_container, mounts), .of = &volume_mount,
     .merge_keys = "mountPath"},
    {"workingDir", KUBE_STR, 0, M(kube_container, working_dir)},
    {NULL},
};
const struct kube_schema kube_schema_container = {
    "io.k8s.api.core.v1.Container",
    NULL,
    container_fields,
    sizeof(struct kube_container),
};

static const struct kube_field ephemeral_container_fields[] = {
    {"name", KUBE_STR, KUBE_REQUIRED | KUBE_KEEP},
    {"args", KUBE_STRS, KUBE_ATOMIC},
    {"command", KUBE_STRS, KUBE_ATOMIC},
    {"env", KUBE_LIST, .of = &env_var, .merge_keys = "name"},
    {"envFrom", KUBE_LIST, KUBE_ATOMIC, .of = &env_from_source},
    {"image", KUBE_STR},
    {"imagePullPolicy", KUBE_STR, .names = NAMES("Always", "IfNotPresent", "Never")},
    {"lifecycle", KUBE_OBJECT, .of = &lifecycle},
    {"livenessProbe", KUBE_OBJECT, .of = &probe},
    {"ports", KUBE_LIST, .of = &container_port, .merge_keys = "containerPort,protocol"},
    {"readinessProbe", KUBE_OBJECT, .of = &probe},
    {"resizePolicy", KUBE_LIST, KUBE_ATOMIC, .of = &container_resize_policy},
    {"resources", KUBE_OBJECT, .of = &kube_schema_resource_requirements, .fallback = "{}"},
    {"restartPolicy", KUBE_STR, KUBE_KEEP},
    {"restartPolicyRules", KUBE_LIST, KUBE_ATOMIC, .of = &container_restart_rule},
    {"securityContext", KUBE_OBJECT, .of = &kube_schema_security_context},
    {"startupProbe", KUBE_OBJECT, .of = &probe},
    {"stdin", KUBE_BOOL},
    {"stdinOnce", KUBE_BOOL},
    {"targetContainerName", KUBE_STR},
    {"terminationMessagePath", KUBE_STR, .fallback = "\"/dev/termination-log\""},
    {"terminationMessagePolicy", KUBE_STR, .names = NAMES("FallbackToLogsOnError", "File"),
     .fallback = "\"File\""},
    {"tty", KUBE_BOOL},
    {"volumeDevices", KUBE_LIST, .of = &volume_device, .merge_keys = "devicePath"},
    {"volumeMounts", KUBE_LIST, .of = &volume_mount, .merge_keys = "mountPath"},
    {"workingDir", KUBE_STR},
    {NULL},
};
const struct kube_schema kube_schema_ephemeral_container = {
    "io.k8s.api.core.v1.EphemeralContainer",
    NULL,
    ephemeral_container_fields,
    0,
};
