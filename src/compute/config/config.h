/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/env.h"
#include "core/err.h"
#include "core/strv.h"

struct privileged;

/* How one of the other services is reached: [placement], [neutron] … Strings NULL = not set. */
struct compute_auth {
    const char *auth_url, *auth_type, *username, *password, *project_name, *user_domain_name;
    const char *project_domain_name, *user_domain_id, *project_domain_id, *region_name;
    const char *user_id, *project_id, *default_domain_name, *default_domain_id;
    const char *system_scope, *application_credential_id, *application_credential_secret;
    const char *endpoint_override, *cafile, *certfile, *keyfile, *service_type, *service_name;
    struct ol_strv valid_interfaces;
    bool insecure, send_service_user_token;
    ol_time timeout;
    int64_t connect_retries;
};

/*
 * nova.conf as oslo.config reads it, into one struct by one table (options.c): several files, the
 * later wins, option by option; directories of *.conf in order; defaults; "$name" and
 * "${group.name}" put in; lists, deprecated names. A row says group, name, kind, default,
 * limits, whether it is secret, and whether a HUP may change it.
 *
 * Options that nobody here reads are not errors (nova.conf is shared with other services). Times
 * are given in the files in seconds and are ol_time here. What isn't set and has no default is
 * NULL or 0.
 */
struct compute_config {
    /* [DEFAULT] */
    const char *host, *my_ip, *state_path, *instances_path, *compute_driver, *transport_url;
    const char *control_exchange, *log_file, *log_dir, *log_date_format, *syslog_log_facility;
    const char *logging_context_format_string, *logging_default_format_string, *instance_format;
    const char *logging_user_identity_format, *pybasedir, *my_block_storage_ip;
    const char *rootwrap_config, *tempdir;
    struct ol_strv default_log_levels;
    bool debug, use_syslog, use_stderr, use_journal, watch_log_file, log_options;
    ol_time rpc_response_timeout, long_rpc_timeout, report_interval, service_down_time;
    bool periodic_enable;
    ol_time periodic_fuzzy_delay, update_resources_interval;
    ol_time sync_power_state_interval, heal_instance_info_cache_interval, graceful_shutdown_timeout;
    ol_time shutdown_timeout, instance_build_timeout, reclaim_instance_interval;
    ol_time running_deleted_instance_poll_interval, scheduler_instance_sync_interval;
    ol_time running_deleted_instance_timeout, shelved_poll_interval, volume_usage_poll_interval;
    ol_time instance_delete_interval, manager_shutdown_timeout, resize_confirm_window;
    const char *running_deleted_instance_action; /* noop, log, shutdown, reap */
    int64_t max_concurrent_builds, executor_thread_pool_size, rpc_conn_pool_size;
    int64_t reserved_host_memory_mb, reserved_host_disk_mb, reserved_host_cpus;
    double cpu_allocation_ratio, ram_allocation_ratio, disk_allocation_ratio; /* 0 = not set */
    double initial_cpu_allocation_ratio, initial_ram_allocation_ratio,
        initial_disk_allocation_ratio;
    bool force_config_drive, flat_injected, resume_guests_state_on_host_boot, use_cow_images;
    const char *config_drive_format, *mkisofs_cmd, *default_ephemeral_format;
    bool force_raw_images, vif_plugging_is_fatal, instance_usage_audit, enable_new_services;
    ol_time vif_plugging_timeout, block_device_allocate_retries_interval;
    int64_t block_device_allocate_retries, network_allocate_retries;
    int64_t maximum_instance_delete_attempts;
    const char *instance_name_template, *injected_network_template;
    struct ol_strv compute_monitors;
    /* [api] [image_cache] [vnc] [workarounds] [compute] [upgrade_levels] [remote_debug] … */
    const char *vendordata_jsonfile_path;
    const char *dhcp_domain, *image_cache_subdirectory;
    ol_time image_cache_interval, image_cache_age; /* remove_unused_original_minimum_age_seconds */
    bool image_cache_remove_unused, track_instance_changes, vnc_enabled,
        disable_compute_service_check_for_ffu;
    const char *vnc_server_listen, *vnc_server_proxyclient_address, *upgrade_levels_compute;
    int64_t consecutive_build_service_disable_threshold, remote_debug_port;
    ol_time shutdown_retry_interval, resource_provider_association_refresh;
    const char *remote_debug_host, *oslo_lock_path, *reports_log_dir;
    /* [oslo_messaging_rabbit] */
    bool amqp_durable_queues, amqp_auto_delete, rabbit_quorum_queue, rabbit_transient_quorum_queue;
    bool rabbit_ha_queues, use_queue_manager, rabbit_stream_fanout, rabbit_ssl;
    int64_t rabbit_quorum_delivery_limit, rabbit_quorum_max_memory_length;
    int64_t rabbit_quorum_max_memory_bytes, heartbeat_rate;
    ol_time rabbit_transient_queues_ttl, heartbeat_timeout_threshold, rabbit_retry_interval;
    ol_time rabbit_retry_backoff, rabbit_interval_max, kombu_reconnect_delay;
    const char *rabbit_login_method, *kombu_failover_strategy, *ssl_ca_file, *ssl_cert_file;
    const char *ssl_key_file, *hostname, *processname;
    /* How other services are reached; keystone is [keystone_authtoken]. */
    struct compute_auth placement, neutron, cinder, glance, service_user, keystone;
    struct ol_strv glance_api_servers;
    int64_t glance_num_retries;
    bool glance_debug, glance_verify;
    const char *cinder_catalog_info, *ovs_bridge;
    /* [libvirt] */
    const char *virt_type, *cpu_mode, *connection_uri, *images_type, *disk_cachemodes;
    const char *cpu_model; /* cpu_models: "a,b" as it is in the file; "" = none */
    struct ol_strv hw_machine_type;
    /* [orlop]: what nova has no option for */
    const char *release, *qemu_binary, *qemu_user, *qemu_machine, *accelerator, *network_backend;
    const char *user; /* to be when started as root */
    struct ol_strv wait_unit;
    bool wait_libvirt, load_nbd, standalone;
    int64_t qemu_max_memory_mb;

    struct privileged *privileged; /* no option: set by the service; base/privileged.h */
    struct compute_config_private *own;
};

struct compute_config_args {
    const char *program; /* "nova-compute": names the second default file */
    const char *home;    /* where "~" is, for the default files; NULL = there is none */
    /* --config-file and --config-dir in the order of the command line; a directory's name ends with
     * '/'. Without a file the default files are read, without a directory the default ones. */
    struct ol_strv files;
    struct ol_strv set; /* "DEFAULT.debug=true": the command line's, which wins over files */
};

/* Reads all files below env's root. -ENOENT a file that was named; -EINVAL "FILE:LINE: …", with
 * the option "[group] name" and what was expected. Warnings (deprecated names) go to env's log. */
int compute_config_load(struct ol_env *env, const struct compute_config_args *args,
                        struct compute_config **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void compute_config_free(struct compute_config *c);
/* SIGHUP: reads the files again; options that may change do so (numbers and flags in place), others
 * that differ are told in the log as needing a restart. On an error all stays as it is. */
int compute_config_reload(struct compute_config *c, struct ol_env *env, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Every option with its value as Python shows it, secrets as "***", group by group: for the log at
 * debug and for the state report. */
void compute_config_each(const struct compute_config *c,
                         void (*each)(void *ctx, const char *group, const char *name,
                                      const char *value),
                         void *ctx);
/* Where an option is set, also one that we have no row for: "FILE:LINE", or NULL. Borrowed. Not
 * for several threads at once. */
const char *compute_config_where(const struct compute_config *c, const char *group,
                                 const char *name);
/* The files that were read, in order. */
const struct ol_strv *compute_config_files(const struct compute_config *c);
