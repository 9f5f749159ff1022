/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/config/option-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

static char *this_host(const struct compute_config_args *args)
{
    char name[256] = "";

    (void)args;
    if (gethostname(name, sizeof(name) - 1) < 0 || !name[0])
        return ol_xstrdup("localhost");
    return ol_xstrdup(name);
}

/* The address that we would be seen with: a datagram socket is bound, nothing is sent (oslo.utils
 * get_my_ipv4 does it so, with this address of RFC 5737). */
static char *this_address(const struct compute_config_args *args)
{
    ol_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)}, own;
    socklen_t size = sizeof(own);
    char text[INET_ADDRSTRLEN];

    (void)args;
    if (fd < 0 || inet_pton(AF_INET, "192.0.2.0", &to.sin_addr) != 1
        || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0
        || getsockname(fd, (struct sockaddr *)&own, &size) < 0
        || !inet_ntop(AF_INET, &own.sin_addr, text, sizeof(text)))
        return ol_xstrdup("127.0.0.1");
    return ol_xstrdup(text);
}

static char *this_program(const struct compute_config_args *args)
{
    return ol_xstrdup(args->program ? args->program : "nova-compute");
}

#define LIST_OF(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define AT_LEAST(n)   .flags = OPTION_MIN, .min = (n)
#define BETWEEN(n, m) .flags = OPTION_MIN | OPTION_MAX, .min = (n), .max = (m)
#define OLD(...)      .old = {__VA_ARGS__}

#define ROW(kind_, g, n, member, def, ...)                                                         \
    {                                                                                              \
        .group = (g), .name = (n), .kind = OPTION_##kind_, .fallback = (def),                      \
        .offset = offsetof(struct compute_config, member), ##__VA_ARGS__                           \
    }
/* An option of [DEFAULT] whose field has its name. */
#define MAIN(kind_, n, def, ...)   ROW(kind_, "DEFAULT", #n, n, def, ##__VA_ARGS__)
#define RABBIT(kind_, n, def, ...) ROW(kind_, "oslo_messaging_rabbit", #n, n, def, ##__VA_ARGS__)
#define ORLOP(kind_, n, def, ...)  ROW(kind_, "orlop", #n, n, def, ##__VA_ARGS__)

/* keystoneauth's options of a section (loading/conf.py, session.py, adapter.py and the plug-ins
 * password and v3applicationcredential). */
#define AUTH(g, member, n, ...) ROW(STR, g, #n, member.n, NULL, .flags = OPTION_AUTH, ##__VA_ARGS__)
#define AUTH_SECRET(g, member, n)                                                                  \
    ROW(STR, g, #n, member.n, NULL, .flags = OPTION_AUTH | OPTION_SECRET)
#define AUTH_OPTIONS(g, m)                                                                         \
    AUTH(g, m, auth_type, OLD(g ".auth_plugin")), AUTH(g, m, auth_url),                            \
        AUTH(g, m, username, OLD(g ".user_name")), AUTH_SECRET(g, m, password),                    \
        AUTH(g, m, user_id), AUTH(g, m, user_domain_name), AUTH(g, m, user_domain_id),             \
        AUTH(g, m, project_name, OLD(g ".tenant_name")),                                           \
        AUTH(g, m, project_id, OLD(g ".tenant_id")), AUTH(g, m, project_domain_name),              \
        AUTH(g, m, project_domain_id), AUTH(g, m, default_domain_name),                            \
        AUTH(g, m, default_domain_id), AUTH(g, m, system_scope),                                   \
        AUTH(g, m, application_credential_id), AUTH_SECRET(g, m, application_credential_secret),   \
        ROW(BOOL, g, "insecure", m.insecure, "false"),                                             \
        ROW(SECONDS, g, "timeout", m.timeout, NULL), ROW(STR, g, "certfile", m.certfile, NULL),    \
        ROW(STR, g, "keyfile", m.keyfile, NULL), ROW(STR, g, "cafile", m.cafile, NULL)
#define ADAPTER_OPTIONS(g, m, type)                                                                \
    ROW(STR, g, "service_type", m.service_type, type),                                             \
        ROW(STR, g, "service_name", m.service_name, NULL),                                         \
        ROW(LIST, g, "valid_interfaces", m.valid_interfaces, "internal,public"),                   \
        ROW(STR, g, "region_name", m.region_name, NULL),                                           \
        ROW(STR, g, "endpoint_override", m.endpoint_override, NULL)

/* nova.conf of 26.2.2 (Zed), oslo.log 5.0, oslo.messaging 14.0, oslo.service 3.0; what is newer is
 * marked with its release. tests/unit/compute/config/defaults.txt has their defaults. */
const struct option_row option_rows[] = {
    MAIN(HOST, host, NULL, .make = this_host),
    MAIN(STR, my_ip, NULL, .make = this_address),
    MAIN(STR, my_block_storage_ip, "$my_ip"),
    MAIN(STR, pybasedir, "/usr/lib/python3/dist-packages"),
    /* nova's is $pybasedir, which every packager changes to this. */
    MAIN(STR, state_path, "/var/lib/nova"),
    MAIN(STR, instances_path, "$state_path/instances"),
    MAIN(STR, compute_driver, NULL),
    MAIN(STR, transport_url, "rabbit://", .flags = OPTION_SECRET),
    MAIN(STR, control_exchange, "nova"),
    MAIN(BOOL, debug, "false", .flags = OPTION_MUTABLE),
    MAIN(STR, log_file, NULL, OLD("DEFAULT.logfile")),
    MAIN(STR, log_dir, NULL, OLD("DEFAULT.logdir")),
    MAIN(STR, log_date_format, "%Y-%m-%d %H:%M:%S"),
    MAIN(BOOL, watch_log_file, "false"),
    MAIN(BOOL, use_syslog, "false"),
    MAIN(BOOL, use_journal, "false"),
    MAIN(STR, syslog_log_facility, "LOG_USER"),
    MAIN(BOOL, use_stderr, "false"),
    MAIN(BOOL, log_options, "true"),
    MAIN(STR, logging_context_format_string,
         "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [%(global_request_id)s "
         "%(request_id)s %(user_identity)s] %(instance)s%(message)s"),
    MAIN(STR, logging_default_format_string,
         "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] %(instance)s%(message)s"),
    MAIN(STR, logging_user_identity_format,
         "%(user)s %(project)s %(domain)s %(system_scope)s %(user_domain)s %(project_domain)s"),
    MAIN(LIST, default_log_levels,
         "amqp=WARN,amqplib=WARN,boto=WARN,qpid=WARN,sqlalchemy=WARN,suds=INFO,"
         "oslo.messaging=INFO,oslo_messaging=INFO,iso8601=WARN,"
         "requests.packages.urllib3.connectionpool=WARN,urllib3.connectionpool=WARN,"
         "websocket=WARN,requests.packages.urllib3.util.retry=WARN,urllib3.util.retry=WARN,"
         "keystonemiddleware=WARN,routes.middleware=WARN,stevedore=WARN,taskflow=WARN,"
         "keystoneauth=WARN,oslo.cache=INFO,oslo_policy=INFO,dogpile.core.dogpile=INFO,"
         "glanceclient=WARN,oslo.privsep.daemon=INFO"),
    MAIN(STR, instance_format, "[instance: %(uuid)s] "),
    MAIN(STR, rootwrap_config, "/etc/nova/rootwrap.conf"),
    MAIN(STR, tempdir, NULL),
    MAIN(SECONDS, rpc_response_timeout, "60"),
    MAIN(SECONDS, long_rpc_timeout, "1800"),
    MAIN(SECONDS, report_interval, "10"),
    MAIN(SECONDS, service_down_time, "60"),
    MAIN(BOOL, periodic_enable, "true"),
    MAIN(SECONDS, periodic_fuzzy_delay, "60", AT_LEAST(0)),
    MAIN(SECONDS, graceful_shutdown_timeout, "60", AT_LEAST(0)),
    MAIN(SECONDS, manager_shutdown_timeout, "160", AT_LEAST(0)), /* 2026.1 */
    MAIN(SECONDS, update_resources_interval, "0"),
    MAIN(SECONDS, sync_power_state_interval, "600"),
    MAIN(SECONDS, heal_instance_info_cache_interval, "60"),
    MAIN(SECONDS, reclaim_instance_interval, "0"),
    MAIN(SECONDS, volume_usage_poll_interval, "0"),
    MAIN(SECONDS, shelved_poll_interval, "3600"),
    MAIN(SECONDS, instance_delete_interval, "300"),
    MAIN(SECONDS, scheduler_instance_sync_interval, "120"),
    MAIN(SECONDS, running_deleted_instance_poll_interval, "1800"),
    MAIN(SECONDS, running_deleted_instance_timeout, "0"),
    MAIN(STR, running_deleted_instance_action, "reap",
         .choices = LIST_OF("reap", "log", "shutdown", "noop")),
    MAIN(SECONDS, shutdown_timeout, "60", AT_LEAST(0)),
    MAIN(SECONDS, instance_build_timeout, "0", AT_LEAST(0)),
    MAIN(SECONDS, resize_confirm_window, "0", AT_LEAST(0)),
    MAIN(INT, maximum_instance_delete_attempts, "5", AT_LEAST(1)),
    MAIN(INT, max_concurrent_builds, "10", AT_LEAST(0)),
    MAIN(INT, executor_thread_pool_size, "64", OLD("DEFAULT.rpc_thread_pool_size")),
    MAIN(INT, rpc_conn_pool_size, "30", AT_LEAST(1)),
    MAIN(INT, reserved_host_memory_mb, "512", AT_LEAST(0)),
    MAIN(INT, reserved_host_disk_mb, "0", AT_LEAST(0)),
    MAIN(INT, reserved_host_cpus, "0", AT_LEAST(0)),
    MAIN(FLOAT, cpu_allocation_ratio, NULL, AT_LEAST(0)),
    MAIN(FLOAT, ram_allocation_ratio, NULL, AT_LEAST(0)),
    MAIN(FLOAT, disk_allocation_ratio, NULL, AT_LEAST(0)),
    MAIN(FLOAT, initial_cpu_allocation_ratio, "16.0", AT_LEAST(0)),
    MAIN(FLOAT, initial_ram_allocation_ratio, "1.5", AT_LEAST(0)),
    MAIN(FLOAT, initial_disk_allocation_ratio, "1.0", AT_LEAST(0)),
    MAIN(BOOL, force_config_drive, "false"),
    MAIN(BOOL, flat_injected, "false"),
    MAIN(BOOL, resume_guests_state_on_host_boot, "false"),
    MAIN(BOOL, use_cow_images, "true"),
    MAIN(BOOL, force_raw_images, "true"),
    MAIN(BOOL, instance_usage_audit, "false"),
    MAIN(BOOL, enable_new_services, "true"),
    MAIN(BOOL, vif_plugging_is_fatal, "true"),
    MAIN(SECONDS, vif_plugging_timeout, "300", AT_LEAST(0)),
    MAIN(INT, block_device_allocate_retries, "60", AT_LEAST(0)),
    MAIN(SECONDS, block_device_allocate_retries_interval, "3", AT_LEAST(0)),
    MAIN(INT, network_allocate_retries, "0", AT_LEAST(0)),
    MAIN(STR, config_drive_format, "iso9660", .choices = LIST_OF("iso9660", "vfat")),
    MAIN(STR, mkisofs_cmd, "genisoimage"),
    MAIN(STR, default_ephemeral_format, NULL),
    MAIN(STR, instance_name_template, "instance-%08x"),
    MAIN(STR, injected_network_template, "$pybasedir/nova/virt/interfaces.template"),
    MAIN(LIST, compute_monitors, ""),

    ROW(STR, "api", "vendordata_jsonfile_path", vendordata_jsonfile_path, NULL,
        OLD("DEFAULT.vendordata_jsonfile_path")),
    ROW(STR, "api", "dhcp_domain", dhcp_domain, "novalocal", OLD("DEFAULT.dhcp_domain")),
    ROW(STR, "image_cache", "subdirectory_name", image_cache_subdirectory, "_base",
        OLD("DEFAULT.image_cache_subdirectory_name")),
    ROW(SECONDS, "image_cache", "manager_interval", image_cache_interval, "2400", AT_LEAST(-1),
        OLD("DEFAULT.image_cache_manager_interval")),
    ROW(BOOL, "filter_scheduler", "track_instance_changes", track_instance_changes, "true"),
    ROW(BOOL, "image_cache", "remove_unused_base_images", image_cache_remove_unused, "true",
        OLD("DEFAULT.remove_unused_base_images")),
    ROW(SECONDS, "image_cache", "remove_unused_original_minimum_age_seconds", image_cache_age,
        "86400", OLD("DEFAULT.remove_unused_original_minimum_age_seconds")),
    ROW(BOOL, "vnc", "enabled", vnc_enabled, "true", OLD("DEFAULT.vnc_enabled")),
    ROW(HOST, "vnc", "server_listen", vnc_server_listen, "127.0.0.1",
        OLD("DEFAULT.vncserver_listen", "vnc.vncserver_listen")),
    ROW(HOST, "vnc", "server_proxyclient_address", vnc_server_proxyclient_address, "127.0.0.1",
        OLD("DEFAULT.vncserver_proxyclient_address", "vnc.vncserver_proxyclient_address")),
    ROW(BOOL, "workarounds", "disable_compute_service_check_for_ffu",
        disable_compute_service_check_for_ffu, "false"),
    ROW(INT, "compute", "consecutive_build_service_disable_threshold",
        consecutive_build_service_disable_threshold, "10"),
    ROW(SECONDS, "compute", "shutdown_retry_interval", shutdown_retry_interval, "10", AT_LEAST(1)),
    ROW(SECONDS, "compute", "resource_provider_association_refresh",
        resource_provider_association_refresh, "300", .flags = OPTION_MUTABLE | OPTION_MIN),
    ROW(STR, "upgrade_levels", "compute", upgrade_levels_compute, NULL),
    ROW(HOST, "remote_debug", "host", remote_debug_host, NULL),
    ROW(PORT, "remote_debug", "port", remote_debug_port, NULL),
    ROW(STR, "oslo_concurrency", "lock_path", oslo_lock_path, NULL, OLD("DEFAULT.lock_path")),
    ROW(STR, "oslo_reports", "log_dir", reports_log_dir, NULL),

    RABBIT(BOOL, amqp_durable_queues, "false"),
    RABBIT(BOOL, amqp_auto_delete, "false", OLD("DEFAULT.amqp_auto_delete")),
    RABBIT(BOOL, rabbit_quorum_queue, "false"),
    RABBIT(BOOL, rabbit_transient_quorum_queue, "false"), /* 2023.2 */
    RABBIT(BOOL, rabbit_ha_queues, "false", OLD("DEFAULT.rabbit_ha_queues")),
    RABBIT(BOOL, use_queue_manager, "false"),    /* 2023.2 */
    RABBIT(BOOL, rabbit_stream_fanout, "false"), /* 2023.2 */
    ROW(BOOL, "oslo_messaging_rabbit", "ssl", rabbit_ssl, "false",
        OLD("oslo_messaging_rabbit.rabbit_use_ssl")),
    RABBIT(INT, rabbit_quorum_delivery_limit, "0"),
    /* Zed spells them so. */
    RABBIT(INT, rabbit_quorum_max_memory_length, "0",
           OLD("oslo_messaging_rabbit.rabbit_quroum_max_memory_length")),
    RABBIT(INT, rabbit_quorum_max_memory_bytes, "0",
           OLD("oslo_messaging_rabbit.rabbit_quroum_max_memory_bytes")),
    RABBIT(INT, heartbeat_rate, "2"),
    RABBIT(SECONDS, rabbit_transient_queues_ttl, "1800", AT_LEAST(1)),
    RABBIT(SECONDS, heartbeat_timeout_threshold, "60"),
    RABBIT(SECONDS, rabbit_retry_interval, "1"),
    RABBIT(SECONDS, rabbit_retry_backoff, "2", OLD("DEFAULT.rabbit_retry_backoff")),
    RABBIT(SECONDS, rabbit_interval_max, "30"),
    RABBIT(SPAN, kombu_reconnect_delay, "1.0", BETWEEN(0, 4.5),
           OLD("DEFAULT.kombu_reconnect_delay")),
    RABBIT(STR, rabbit_login_method, "AMQPLAIN",
           .choices = LIST_OF("PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO"),
           OLD("DEFAULT.rabbit_login_method")),
    RABBIT(STR, kombu_failover_strategy, "round-robin",
           .choices = LIST_OF("round-robin", "shuffle")),
    RABBIT(STR, ssl_ca_file, "", OLD("oslo_messaging_rabbit.kombu_ssl_ca_certs")),
    RABBIT(STR, ssl_cert_file, "", OLD("oslo_messaging_rabbit.kombu_ssl_certfile")),
    RABBIT(STR, ssl_key_file, "", OLD("oslo_messaging_rabbit.kombu_ssl_keyfile")),
    RABBIT(STR, hostname, NULL, .make = this_host),       /* 2023.2 */
    RABBIT(STR, processname, NULL, .make = this_program), /* 2023.2 */

    AUTH_OPTIONS("placement", placement),
    ADAPTER_OPTIONS("placement", placement, "placement"),
    ROW(INT, "placement", "connect_retries", placement.connect_retries, NULL),
    AUTH_OPTIONS("neutron", neutron),
    ADAPTER_OPTIONS("neutron", neutron, "network"),
    ROW(INT, "neutron", "http_retries", neutron.connect_retries, "3", AT_LEAST(0)),
    ROW(STR, "neutron", "ovs_bridge", ovs_bridge, "br-int"),
    AUTH_OPTIONS("cinder", cinder),
    ROW(STR, "cinder", "endpoint_template", cinder.endpoint_override, NULL),
    ROW(STR, "cinder", "os_region_name", cinder.region_name, NULL),
    ROW(INT, "cinder", "http_retries", cinder.connect_retries, "3", AT_LEAST(0)),
    ROW(STR, "cinder", "catalog_info", cinder_catalog_info, "volumev3::publicURL"),
    AUTH_OPTIONS("glance", glance),
    ADAPTER_OPTIONS("glance", glance, "image"),
    ROW(INT, "glance", "connect_retries", glance.connect_retries, NULL),
    ROW(LIST, "glance", "api_servers", glance_api_servers, NULL),
    ROW(INT, "glance", "num_retries", glance_num_retries, "3", AT_LEAST(0)),
    ROW(BOOL, "glance", "debug", glance_debug, "false"),
    ROW(BOOL, "glance", "verify_glance_signatures", glance_verify, "false"),
    AUTH_OPTIONS("service_user", service_user),
    ROW(BOOL, "service_user", "send_service_user_token", service_user.send_service_user_token,
        "false"),
    AUTH_OPTIONS("keystone_authtoken", keystone),
    ROW(STR, "keystone_authtoken", "region_name", keystone.region_name, NULL),

    ROW(STR, "libvirt", "virt_type", virt_type, "kvm",
        .choices = LIST_OF("kvm", "lxc", "qemu", "parallels")),
    ROW(STR, "libvirt", "cpu_mode", cpu_mode, NULL,
        .choices = LIST_OF("host-model", "host-passthrough", "custom", "none")),
    ROW(STR, "libvirt", "cpu_models", cpu_model, "", OLD("libvirt.cpu_model")),
    ROW(STR, "libvirt", "connection_uri", connection_uri, ""),
    ROW(STR, "libvirt", "images_type", images_type, "default",
        .choices = LIST_OF("raw", "flat", "qcow2", "lvm", "rbd", "ploop", "default")),
    ROW(STR, "libvirt", "disk_cachemodes", disk_cachemodes, ""),
    ROW(LIST, "libvirt", "hw_machine_type", hw_machine_type, NULL),

    ORLOP(STR, release, "zed"),
    ORLOP(STR, user, "nova"),
    ORLOP(BOOL, standalone, "false"),
    ORLOP(BOOL, wait_libvirt, "false"),
    ORLOP(LIST, wait_unit, ""),
    ORLOP(BOOL, load_nbd, "false"),
    ORLOP(STR, qemu_binary, NULL),
    ORLOP(STR, qemu_user, NULL),
    ORLOP(STR, qemu_machine, NULL),
    ORLOP(STR, accelerator, NULL),
    ORLOP(STR, network_backend, NULL),
    ORLOP(INT, qemu_max_memory_mb, "0", AT_LEAST(0)),
};
const size_t option_n_rows = ol_count(option_rows);

const struct option_row *option_find(const char *group, const char *name)
{
    for (size_t i = 0; i < option_n_rows; i++)
        if (!strcmp(option_rows[i].name, name) && !strcmp(option_rows[i].group, group))
            return &option_rows[i];
    return NULL;
}
