/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "kube/base/field.h"

/*
 * Decoded objects: of each kind the members that our controllers read. An object is one block of
 * memory with all its strings, is never changed after decoding and is shared by counting
 * (kube_object_ref). What the structs leave out stays in the API server: controllers write patches
 * of what they mean to change and nothing else.
 *
 * Every struct begins with struct kube_object, so a pointer to one is a pointer to the other once
 * its 'kind' has been looked at: kube_as_pv(o) is NULL for anything else.
 *
 * Strings are never NULL but where it is said here: what is absent is "", as in Go. Objects
 * (pointers) are NULL when absent; numbers are 0, or -1 where it is said.
 */
struct kube_kind;

struct kube_owner {
    const char *api_version, *kind, *name, *uid;
    bool is_controller;
};

struct kube_meta {
    const char *name, *ns, *uid, *generate_name; /* never NULL: "" */
    const char *resource_version;                /* opaque; "" = none */
    int64_t generation;
    ol_time created, deleted; /* wall; deleted 0 = not being deleted */
    int64_t grace_seconds;    /* deletionGracePeriodSeconds; -1 = absent */
    struct kube_map labels, annotations;
    struct kube_strs finalizers;
    struct kube_list owners; /* struct kube_owner */
};

struct kube_object {
    const struct kube_kind *kind;
    uint32_t refs, size; /* size: bytes of the whole block */
    struct kube_meta meta;
};

/* A reference to an object: claimRef, involvedObject, secret references (name, ns alone). */
struct kube_ref {
    const char *kind, *api_version, *ns, *name, *uid, *resource_version, *field_path;
};

enum kube_access_mode { /* bits; the order is that of kube_access_mode_names */
                        KUBE_RWO = 1 << 0,
                        KUBE_ROX = 1 << 1,
                        KUBE_RWX = 1 << 2,
                        KUBE_RWOP = 1 << 3,
};
enum kube_volume_mode { KUBE_MODE_NONE, KUBE_MODE_FILESYSTEM, KUBE_MODE_BLOCK };
enum kube_reclaim { KUBE_RECLAIM_NONE, KUBE_RETAIN, KUBE_DELETE, KUBE_RECYCLE };
enum kube_pv_phase {
    KUBE_PV_NONE,
    KUBE_PV_PENDING,
    KUBE_PV_AVAILABLE,
    KUBE_PV_BOUND,
    KUBE_PV_RELEASED,
    KUBE_PV_FAILED,
};
enum kube_pvc_phase { KUBE_PVC_NONE, KUBE_PVC_PENDING, KUBE_PVC_BOUND, KUBE_PVC_LOST };
enum kube_binding_mode { KUBE_BIND_NONE, KUBE_IMMEDIATE, KUBE_WAIT_FOR_FIRST_CONSUMER };
enum kube_operator { /* of label and node selector requirements, and tolerations (Exists, Equal) */
                     KUBE_OP_NONE,
                     KUBE_OP_IN,
                     KUBE_OP_NOT_IN,
                     KUBE_OP_EXISTS,
                     KUBE_OP_DOES_NOT_EXIST,
                     KUBE_OP_GT,
                     KUBE_OP_LT,
                     KUBE_OP_EQUAL,
};

struct kube_requirement {
    const char *key;
    uint8_t op; /* enum kube_operator */
    struct kube_strs values;
};
struct kube_label_selector {
    struct kube_map match_labels;
    struct kube_list match_expressions; /* struct kube_requirement */
};
struct kube_node_term {
    struct kube_list match_expressions, match_fields; /* struct kube_requirement */
};
struct kube_node_selector {
    struct kube_list terms; /* struct kube_node_term, ORed */
};
struct kube_volume_affinity {
    struct kube_node_selector *required;
};

struct kube_csi_source {
    const char *driver, *handle, *fs_type;
    bool is_read_only;
    struct kube_map attributes;
    struct kube_ref *controller_publish_secret, *node_stage_secret, *node_publish_secret,
        *controller_expand_secret, *node_expand_secret;
};
struct kube_nfs_source {
    const char *server, *path;
    bool is_read_only;
};
struct kube_host_path {
    const char *path, *type;
};
struct kube_local_source {
    const char *path, *fs_type;
};
struct kube_iscsi_source {
    const char *portal, *iqn, *interface, *fs_type, *initiator;
    int64_t lun;
    struct kube_strs portals;
    bool is_read_only, want_discovery_chap, want_session_chap;
    struct kube_ref *secret;
};

struct kube_pv {
    struct kube_object o;
    struct {
        struct kube_resources capacity;
        unsigned access_modes;    /* enum kube_access_mode */
        uint8_t reclaim;          /* enum kube_reclaim */
        const char *reclaim_text; /* policies that we don't know are told as they stand */
        uint8_t volume_mode;      /* enum kube_volume_mode; NONE means Filesystem */
        struct kube_ref *claim;
        const char *class_name, *attributes_class; /* NULL = absent */
        struct kube_strs mount_options;
        struct kube_volume_affinity *affinity;
        struct kube_csi_source *csi;
        struct kube_nfs_source *nfs;
        struct kube_host_path *host_path;
        struct kube_local_source *local;
        struct kube_iscsi_source *iscsi;
    } spec;
    struct {
        uint8_t phase; /* enum kube_pv_phase */
        const char *message, *reason;
    } status;
};

struct kube_condition {
    const char *type, *status, *reason, *message;
    ol_time probed, changed;
};
struct kube_data_source {
    const char *api_group, *kind, *name, *ns; /* api_group, ns: NULL = absent */
};

struct kube_pvc_spec {
    unsigned access_modes;
    uint8_t volume_mode;
    struct kube_resources requests, limits;
    struct kube_label_selector *selector;
    const char *volume_name;
    const char *class_name, *attributes_class; /* NULL = absent, which is not "" */
    struct kube_data_source *data_source, *data_source_ref;
};
struct kube_modify_status {
    const char *target, *status; /* Pending, InProgress, Infeasible */
};
struct kube_pvc {
    struct kube_object o;
    struct kube_pvc_spec spec;
    struct {
        uint8_t phase; /* enum kube_pvc_phase */
        unsigned access_modes;
        struct kube_resources capacity, allocated;
        struct kube_map allocated_statuses;
        struct kube_list conditions; /* struct kube_condition */
        const char *attributes_class;
        struct kube_modify_status *modify; /* NULL = no change of attributes is on its way */
    } status;
};

struct kube_topology_term {
    struct kube_list expressions; /* struct kube_requirement: key and values, op IN */
};
struct kube_class {
    struct kube_object o;
    const char *provisioner;
    struct kube_map parameters;
    uint8_t reclaim, binding_mode;
    struct kube_strs mount_options;
    int8_t allow_expansion;              /* -1 absent */
    struct kube_list allowed_topologies; /* struct kube_topology_term, ORed */
};

struct kube_volume_error {
    ol_time time;
    const char *message;
    int64_t code; /* errorCode, gRPC's; -1 = absent */
};
struct kube_va {
    struct kube_object o;
    const char *attacher, *node, *pv_name; /* pv_name NULL: an inline volume */
    struct {
        bool is_attached;
        struct kube_map metadata;
        struct kube_volume_error *attach_error, *detach_error;
    } status;
};

struct kube_csinode_driver {
    const char *name, *node_id;
    struct kube_strs topology_keys;
    int64_t max_volumes; /* allocatable.count; -1 = no limit was told */
};
struct kube_csinode {
    struct kube_object o;
    struct kube_list drivers; /* struct kube_csinode_driver */
};

struct kube_token_request {
    const char *audience;
    int64_t expiration_seconds; /* -1 absent */
};
struct kube_csidriver {
    struct kube_object o;
    int8_t attach_required, pod_info, storage_capacity, requires_republish,
        selinux_mount; /* -1 absent */
    const char *fs_group_policy;
    struct kube_strs lifecycle_modes;
    struct kube_list token_requests; /* struct kube_token_request */
};

struct kube_capacity { /* CSIStorageCapacity */
    struct kube_object o;
    const char *class_name;
    struct kube_label_selector *topology;
    struct ol_quantity *capacity, *max_size;
};

struct kube_attributes_class {
    struct kube_object o;
    const char *driver;
    struct kube_map parameters;
};

struct kube_taint {
    const char *key, *value, *effect;
};
struct kube_attached_volume {
    const char *name, *device_path;
};
struct kube_node_address {
    const char *type, *address;
};
struct kube_node {
    struct kube_object o;
    bool is_unschedulable;
    struct kube_list taints; /* struct kube_taint */
    struct {
        struct kube_resources capacity, allocatable;
        struct kube_list conditions; /* struct kube_condition */
        struct kube_list addresses;  /* struct kube_node_address */
        struct kube_strs volumes_in_use;
        struct kube_list volumes_attached; /* struct kube_attached_volume */
        const char *kubelet_version, *os_image, *kernel_version, *runtime_version;
    } status;
};

struct kube_claim_source { /* of a pod's volume */
    const char *claim;
    bool is_read_only;
};
struct kube_claim_template {
    struct kube_meta meta; /* labels and annotations alone */
    struct kube_pvc_spec spec;
};
struct kube_ephemeral_source {
    struct kube_claim_template *claim_template;
};
struct kube_csi_inline {
    const char *driver, *fs_type;
    bool is_read_only;
    struct kube_map attributes;
    struct kube_ref *node_publish_secret;
};
struct kube_empty_dir {
    const char *medium;
    struct ol_quantity *size_limit;
};
struct kube_key_path {
    const char *key, *path;
    int64_t mode; /* -1 = absent */
};
struct kube_keyed_source { /* configMap, secret */
    const char *name;
    struct kube_list items; /* struct kube_key_path */
    int64_t default_mode;   /* -1 = absent */
    bool is_optional;
};
struct kube_volume {
    const char *name;
    struct kube_claim_source *claim;
    struct kube_ephemeral_source *ephemeral;
    struct kube_csi_inline *csi;
    struct kube_nfs_source *nfs;
    struct kube_host_path *host_path;
    struct kube_iscsi_source *iscsi;
    struct kube_empty_dir *empty_dir;
    struct kube_keyed_source *config_map, *secret;
};
struct kube_volume_mount {
    const char *name, *path, *sub_path, *sub_path_expr, *propagation;
    bool is_read_only;
};
struct kube_volume_device {
    const char *name, *path;
};
struct kube_env_var {
    const char *name, *value;
};
struct kube_container_port {
    const char *name, *protocol, *host_ip;
    int64_t container_port, host_port;
};
struct kube_security_context {            /* of a container */
    int8_t is_privileged, read_only_root; /* -1 absent */
    int64_t run_as_user, run_as_group;    /* -1 absent */
};
struct kube_container {
    const char *name, *image, *pull_policy, *working_dir;
    const char *restart_policy; /* "Always": an init container that stays */
    struct kube_strs command, args;
    struct kube_list env;     /* struct kube_env_var */
    struct kube_list mounts;  /* struct kube_volume_mount */
    struct kube_list devices; /* struct kube_volume_device */
    struct kube_list ports;   /* struct kube_container_port */
    struct kube_resources requests, limits;
    struct kube_security_context *security;
    bool want_stdin, want_tty;
};
struct kube_toleration {
    const char *key, *value, *effect;
    uint8_t op;      /* NONE means EQUAL */
    int64_t seconds; /* -1 absent */
};
struct kube_preferred_term {
    int64_t weight;
    struct kube_node_term *preference;
};
struct kube_pod_security {
    int64_t fs_group, run_as_user, run_as_group; /* -1 absent */
    const char *fs_group_change_policy;
    struct kube_list supplemental_groups; /* int64_t */
};
struct kube_container_waiting {
    const char *reason, *message;
};
struct kube_container_running {
    ol_time started;
};
struct kube_container_terminated {
    const char *reason, *message;
    int64_t exit_code, signal;
    ol_time started, finished;
};
struct kube_container_state { /* one of them at most */
    struct kube_container_waiting *waiting;
    struct kube_container_running *running;
    struct kube_container_terminated *terminated;
};
struct kube_container_status {
    const char *name, *container_id, *image, *image_id;
    bool is_ready, is_started;
    int64_t restarts;
    struct kube_container_state *state, *last_state;
};
struct kube_readiness_gate {
    const char *condition; /* its type */
};
struct kube_scheduling_gate {
    const char *name;
};
struct kube_pod {
    struct kube_object o;
    struct {
        const char *node, *scheduler, *restart_policy, *service_account, *hostname;
        struct kube_list volumes;                     /* struct kube_volume */
        struct kube_list containers, init_containers; /* struct kube_container */
        struct kube_map node_selector;
        struct kube_node_selector *required_nodes; /* affinity.nodeAffinity.required… */
        struct kube_list preferred_nodes;          /* struct kube_preferred_term */
        struct kube_list tolerations;              /* struct kube_toleration */
        struct kube_list readiness_gates;          /* struct kube_readiness_gate */
        struct kube_list scheduling_gates;         /* struct kube_scheduling_gate */
        struct kube_pod_security *security;
        int64_t grace_seconds;           /* terminationGracePeriodSeconds; -1 absent */
        int64_t active_deadline_seconds; /* -1 absent */
        int64_t priority;
        bool has_host_network;
    } spec;
    struct {
        const char *phase, *pod_ip, *nominated_node, *reason;
        struct kube_list conditions;                  /* struct kube_condition */
        struct kube_list containers, init_containers; /* struct kube_container_status */
        ol_time started;
    } status;
};

struct kube_data { /* Secret and ConfigMap */
    struct kube_object o;
    struct kube_map text;  /* a ConfigMap's data */
    struct kube_list data; /* struct kube_datum: a Secret's data, a ConfigMap's binaryData */
    const char *type;
};
struct kube_datum {
    const char *key;
    struct kube_bytes value;
};

struct kube_service_account {
    struct kube_object o;
    struct kube_list secrets; /* struct kube_ref */
};

struct kube_lease {
    struct kube_object o;
    const char *holder;
    int64_t duration_seconds, transitions;
    ol_time acquired, renewed;
};

struct kube_event {
    struct kube_object o;
    struct kube_ref involved;
    const char *type, *reason, *message, *component, *host;
    const char *reporting_component, *reporting_instance;
    int64_t count, series_count;
    ol_time first, last, time, series_last; /* time: eventTime */
};

struct kube_namespace {
    struct kube_object o;
    const char *phase;
};

/* NULL when o is NULL or of another kind. */
const struct kube_pv *kube_as_pv(const struct kube_object *o);
const struct kube_pvc *kube_as_pvc(const struct kube_object *o);
const struct kube_class *kube_as_class(const struct kube_object *o);
const struct kube_va *kube_as_va(const struct kube_object *o);
const struct kube_csinode *kube_as_csinode(const struct kube_object *o);
const struct kube_csidriver *kube_as_csidriver(const struct kube_object *o);
const struct kube_capacity *kube_as_capacity(const struct kube_object *o);
const struct kube_attributes_class *kube_as_attributes_class(const struct kube_object *o);
const struct kube_node *kube_as_node(const struct kube_object *o);
const struct kube_pod *kube_as_pod(const struct kube_object *o);
const struct kube_data *kube_as_secret(const struct kube_object *o);
const struct kube_data *kube_as_config_map(const struct kube_object *o);
const struct kube_service_account *kube_as_service_account(const struct kube_object *o);
const struct kube_lease *kube_as_lease(const struct kube_object *o);
const struct kube_event *kube_as_event(const struct kube_object *o);
const struct kube_namespace *kube_as_namespace(const struct kube_object *o);
