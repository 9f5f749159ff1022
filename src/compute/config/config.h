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

/*
 * nova.conf as oslo.config reads it, into one struct by one table (config/options.c): several
 * files, the later wins, option by option; directories of *.conf in order; defaults; "$name" and
 * "${group.name}" put in; lists, dicts, deprecated names. A row says group, name, kind, default,
 * limits, whether it is secret, and whether a HUP may change it.
 *
 * Options that nobody here reads are not errors (nova.conf is shared with other services). Times
 * are given in the files in seconds and are ol_time here.
 */
struct compute_config {
    /* [DEFAULT] */
    const char *host, *my_ip, *state_path, *instances_path, *compute_driver, *transport_url;
    const char *control_exchange, *log_file, *log_dir, *log_date_format, *syslog_facility;
    const char *default_log_levels, *rootwrap_config, *tempdir, *image_cache_subdirectory;
    bool debug, use_syslog, use_stderr, use_journal, watch_log_file;
    ol_time rpc_response_timeout, long_rpc_timeout, report_interval, service_down_time;
    bool periodic_enable;
    ol_time periodic_fuzzy_delay, periodic_interval_max, update_resources_interval;
    ol_time sync_power_state_interval, heal_instance_info_cache_interval, graceful_shutdown_timeout;
    ol_time shutdown_timeout, instance_build_timeout, reclaim_instance_interval;
    ol_time running_deleted_instance_poll_interval, image_cache_interval, sync_instances_interval;
    ol_time shelved_poll_interval, volume_usage_poll_interval, instance_delete_interval;
    const char *running_deleted_instance_action; /* noop, log, shutdown, reap */
    int64_t max_concurrent_builds, executor_threads, rpc_conn_pool_size;
    int64_t reserved_host_memory_mb, reserved_host_disk_mb, reserved_host_cpus;
    double cpu_allocation_ratio, ram_allocation_ratio, disk_allocation_ratio; /* 0 = not set */
    double initial_cpu_allocation_ratio, initial_ram_allocation_ratio,
        initial_disk_allocation_ratio;
    bool force_config_drive, flat_injected, resume_guests_state_on_host_boot, block_migration;
    const char *config_drive_format, *mkisofs_cmd, *default_ephemeral_format;
    bool force_raw_images, vif_plugging_is_fatal, instance_usage_audit;
    ol_time vif_plugging_timeout, block_device_allocate_retries_interval;
    int64_t block_device_allocate_retries, network_allocate_retries, max_instances;
    const char *instance_name_template, *dhcp_domain, *injected_network_template;
    struct ol_strv compute_monitors;
    /* [oslo_messaging_rabbit] */
    bool amqp_durable_queues, amqp_auto_delete, rabbit_quorum_queue, rabbit_transient_quorum_queue;
    bool rabbit_ha_queues, use_queue_manager, rabbit_stream_fanout, rabbit_ssl;
    int64_t rabbit_quorum_delivery_limit, rabbit_quorum_max_memory_length;
    int64_t rabbit_quorum_max_memory_bytes, heartbeat_rate;
    ol_time rabbit_transient_queues_ttl, heartbeat_timeout_threshold, rabbit_retry_interval;
    ol_time rabbit_retry_backoff, rabbit_interval_max, kombu_reconnect_delay;
    const char *rabbit_login_method, *kombu_failover_strategy, *ssl_ca_file, *ssl_cert_file;
    const char *ssl_key_file, *hostname, *processname;
    /* credentials: [placement] [neutron] [cinder] [glance] [service_user] [keystone_authtoken] */
    struct compute_auth {
        const char *auth_url, *auth_type, *username, *password, *project_name, *user_domain_name;
        const char *project_domain_name, *user_domain_id, *project_domain_id, *region_name;
        const char *system_scope, *application_credential_id, *application_credential_secret;
        const char *endpoint_override, *cafile, *certfile, *keyfile, *service_type, *service_name;
        struct ol_strv valid_interfaces;
        bool insecure, send_service_user_token;
        ol_time timeout;
        int64_t connect_retries;
    } placement, neutron, cinder, glance, service_user, keystone;
    struct ol_strv glance_api_servers;
    int64_t glance_num_retries;
    bool glance_debug, glance_verify;
    const char *cinder_catalog_info, *ovs_bridge;
    /* [libvirt] and [orlop] */
    const char *virt_type, *cpu_mode, *cpu_model, *connection_uri, *images_type, *disk_cachemodes;
    const char *qemu_binary, *qemu_user, *qemu_machine, *release, *accelerator, *network_backend;
    const char *helper_socket, *wait_unit;
    bool wait_libvirt, load_nbd;
    int64_t qemu_max_memory_mb;
    /* others */
    bool disable_compute_service_check_for_ffu, rotate_logs, compute_shutdown_retry;
    const char *remote_debug_host, *oslo_lock_path, *reports_log_dir, *upgrade_levels_compute;
    int64_t remote_debug_port;
    int64_t build_failure_weight, consecutive_build_service_disable_threshold;
    ol_time manager_shutdown_timeout, resource_provider_association_refresh;
    int64_t vnc_enabled;

    struct compute_config_private *own;
};

struct compute_config_args {
    const char *program;            /* "nova-compute": names the second default file */
    struct ol_strv files, dirs;     /* --config-file, --config-dir in order of the command line */
    const char *log_file, *log_dir; /* options of the command line win over files */
    bool debug, use_syslog;
    const char *set_host;
};

/* Reads all files below env's root. -ENOENT a file that was named; -EINVAL "FILE:LINE: …" or
 * "[group] name: …" with what was expected. Warnings (deprecated names) go to env's log. */
int compute_config_load(struct ol_env *env, const struct compute_config_args *args,
                        struct compute_config **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void compute_config_free(struct compute_config *c);
/* SIGHUP: reads the files again; options that may change do so (numbers and flags in place), others
 * that differ are told in the log as needing a restart. On an error all stays as it is. */
int compute_config_reload(struct compute_config *c, struct ol_env *env, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Every option with its value, secrets as "***", in oslo's order: for the log at debug and for the
 * state report. */
void compute_config_each(const struct compute_config *c,
                         void (*each)(void *ctx, const char *group, const char *name,
                                      const char *value),
                         void *ctx);
