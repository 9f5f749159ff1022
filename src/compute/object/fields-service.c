/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/object/object-internal.h"

static const struct nova_field service[] = {
    {"id", NOVA_INTEGER, NOVA_READ_ONLY},
    {"uuid", NOVA_UUID},
    {"host", NOVA_STRING, NOVA_NULLABLE},
    {"binary", NOVA_STRING, NOVA_NULLABLE},
    {"topic", NOVA_STRING, NOVA_NULLABLE},
    {"report_count", NOVA_INTEGER},
    {"disabled", NOVA_BOOLEAN},
    {"disabled_reason", NOVA_STRING, NOVA_NULLABLE},
    {"availability_zone", NOVA_STRING, NOVA_NULLABLE},
    {"compute_node", NOVA_OBJECT, 0, "ComputeNode"},
    {"last_seen_up", NOVA_DATETIME, NOVA_NULLABLE},
    {"forced_down", NOVA_BOOLEAN},
    {"version", NOVA_INTEGER},
    NOVA_PERSISTENT,
    {NULL},
};

static const struct nova_field compute_node[] = {
    {"id", NOVA_INTEGER, NOVA_READ_ONLY},
    {"uuid", NOVA_UUID, NOVA_READ_ONLY},
    {"service_id", NOVA_INTEGER, NOVA_NULLABLE},
    {"host", NOVA_STRING, NOVA_NULLABLE},
    {"vcpus", NOVA_INTEGER},
    {"memory_mb", NOVA_INTEGER},
    {"local_gb", NOVA_INTEGER},
    {"vcpus_used", NOVA_INTEGER},
    {"memory_mb_used", NOVA_INTEGER},
    {"local_gb_used", NOVA_INTEGER},
    {"hypervisor_type", NOVA_STRING},
    {"hypervisor_version", NOVA_INTEGER},
    {"hypervisor_hostname", NOVA_STRING, NOVA_NULLABLE},
    {"free_ram_mb", NOVA_INTEGER, NOVA_NULLABLE},
    {"free_disk_gb", NOVA_INTEGER, NOVA_NULLABLE},
    {"current_workload", NOVA_INTEGER, NOVA_NULLABLE},
    {"running_vms", NOVA_INTEGER, NOVA_NULLABLE},
    {"cpu_info", NOVA_STRING, NOVA_NULLABLE},
    {"disk_available_least", NOVA_INTEGER, NOVA_NULLABLE},
    {"metrics", NOVA_STRING, NOVA_NULLABLE},
    {"stats", NOVA_DICT, NOVA_NULLABLE},
    {"host_ip", NOVA_STRING, NOVA_NULLABLE},
    {"numa_topology", NOVA_STRING, NOVA_NULLABLE},
    {"supported_hv_specs", NOVA_OBJECTS, 0, "HVSpec"},
    {"pci_device_pools", NOVA_OBJECT, NOVA_NULLABLE, "PciDevicePoolList"},
    {"cpu_allocation_ratio", NOVA_FLOAT},
    {"ram_allocation_ratio", NOVA_FLOAT},
    {"disk_allocation_ratio", NOVA_FLOAT},
    {"mapped", NOVA_INTEGER},
    NOVA_PERSISTENT,
    {NULL},
};

static const struct nova_field hv_spec[] = {
    {"arch", NOVA_STRING},
    {"hv_type", NOVA_STRING},
    {"vm_mode", NOVA_STRING},
    {NULL},
};

static const struct nova_field pci_device_pool[] = {
    {"product_id", NOVA_STRING},
    {"vendor_id", NOVA_STRING},
    {"numa_node", NOVA_INTEGER, NOVA_NULLABLE},
    {"tags", NOVA_DICT},
    {"count", NOVA_INTEGER},
    {NULL},
};

static const struct nova_field migration[] = {
    {"id", NOVA_INTEGER},
    {"uuid", NOVA_UUID},
    {"source_compute", NOVA_STRING, NOVA_NULLABLE},
    {"dest_compute", NOVA_STRING, NOVA_NULLABLE},
    {"source_node", NOVA_STRING, NOVA_NULLABLE},
    {"dest_node", NOVA_STRING, NOVA_NULLABLE},
    {"dest_host", NOVA_STRING, NOVA_NULLABLE},
    {"old_instance_type_id", NOVA_INTEGER, NOVA_NULLABLE},
    {"new_instance_type_id", NOVA_INTEGER, NOVA_NULLABLE},
    {"instance_uuid", NOVA_STRING, NOVA_NULLABLE},
    {"status", NOVA_STRING, NOVA_NULLABLE},
    {"migration_type", NOVA_STRING},
    {"hidden", NOVA_BOOLEAN},
    {"memory_total", NOVA_INTEGER, NOVA_NULLABLE},
    {"memory_processed", NOVA_INTEGER, NOVA_NULLABLE},
    {"memory_remaining", NOVA_INTEGER, NOVA_NULLABLE},
    {"disk_total", NOVA_INTEGER, NOVA_NULLABLE},
    {"disk_processed", NOVA_INTEGER, NOVA_NULLABLE},
    {"disk_remaining", NOVA_INTEGER, NOVA_NULLABLE},
    {"cross_cell_move", NOVA_BOOLEAN},
    {"user_id", NOVA_STRING, NOVA_NULLABLE},
    {"project_id", NOVA_STRING, NOVA_NULLABLE},
    {"dest_compute_id", NOVA_INTEGER, NOVA_NULLABLE, NULL, "1.8"},
    NOVA_PERSISTENT,
    {NULL},
};

static const struct nova_field instance_external_event[] = {
    {"instance_uuid", NOVA_UUID},        {"name", NOVA_STRING}, {"status", NOVA_STRING},
    {"tag", NOVA_STRING, NOVA_NULLABLE}, {"data", NOVA_DICT},   {NULL},
};

static const struct nova_field console_auth_token[] = {
    {"id", NOVA_INTEGER},
    {"console_type", NOVA_STRING},
    {"host", NOVA_STRING},
    {"port", NOVA_INTEGER},
    {"internal_access_path", NOVA_STRING, NOVA_NULLABLE},
    {"instance_uuid", NOVA_UUID},
    {"access_url_base", NOVA_STRING, NOVA_NULLABLE},
    {"token", NOVA_STRING},
    {"expires", NOVA_INTEGER, 0, NULL, "1.2"},
    {"tls_port", NOVA_INTEGER, NOVA_NULLABLE, NULL, "1.3"},
    NOVA_TIMESTAMPS,
    {NULL},
};

/* What an agent tells of a running machine; nobody stores it. */
static const struct nova_field memory_diagnostics[] = {
    {"maximum", NOVA_INTEGER, NOVA_NULLABLE},
    {"used", NOVA_INTEGER, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field cpu_diagnostics[] = {
    {"id", NOVA_INTEGER, NOVA_NULLABLE},
    {"time", NOVA_INTEGER, NOVA_NULLABLE},
    {"utilisation", NOVA_INTEGER, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field nic_diagnostics[] = {
    {"mac_address", NOVA_STRING, NOVA_NULLABLE}, {"rx_octets", NOVA_INTEGER, NOVA_NULLABLE},
    {"rx_errors", NOVA_INTEGER, NOVA_NULLABLE},  {"rx_drop", NOVA_INTEGER, NOVA_NULLABLE},
    {"rx_packets", NOVA_INTEGER, NOVA_NULLABLE}, {"rx_rate", NOVA_INTEGER, NOVA_NULLABLE},
    {"tx_octets", NOVA_INTEGER, NOVA_NULLABLE},  {"tx_errors", NOVA_INTEGER, NOVA_NULLABLE},
    {"tx_drop", NOVA_INTEGER, NOVA_NULLABLE},    {"tx_packets", NOVA_INTEGER, NOVA_NULLABLE},
    {"tx_rate", NOVA_INTEGER, NOVA_NULLABLE},    {NULL},
};

static const struct nova_field disk_diagnostics[] = {
    {"read_bytes", NOVA_INTEGER, NOVA_NULLABLE},   {"read_requests", NOVA_INTEGER, NOVA_NULLABLE},
    {"write_bytes", NOVA_INTEGER, NOVA_NULLABLE},  {"write_requests", NOVA_INTEGER, NOVA_NULLABLE},
    {"errors_count", NOVA_INTEGER, NOVA_NULLABLE}, {NULL},
};

static const struct nova_field diagnostics[] = {
    {"state", NOVA_STRING},
    {"driver", NOVA_STRING},
    {"hypervisor", NOVA_STRING, NOVA_NULLABLE},
    {"hypervisor_os", NOVA_STRING, NOVA_NULLABLE},
    {"uptime", NOVA_INTEGER, NOVA_NULLABLE},
    {"config_drive", NOVA_BOOLEAN},
    {"memory_details", NOVA_OBJECT, 0, "MemoryDiagnostics"},
    {"cpu_details", NOVA_OBJECTS, 0, "CpuDiagnostics"},
    {"nic_details", NOVA_OBJECTS, 0, "NicDiagnostics"},
    {"disk_details", NOVA_OBJECTS, 0, "DiskDiagnostics"},
    {"num_cpus", NOVA_INTEGER},
    {"num_nics", NOVA_INTEGER},
    {"num_disks", NOVA_INTEGER},
    {NULL},
};

const struct nova_class nova_classes_service[] = {
    {"Service", service},
    {"ComputeNode", compute_node},
    {"HVSpec", hv_spec},
    {"PciDevicePool", pci_device_pool},
    {"Migration", migration},
    {"InstanceExternalEvent", instance_external_event},
    {"ConsoleAuthToken", console_auth_token},
    {"Diagnostics", diagnostics},
    {"MemoryDiagnostics", memory_diagnostics},
    {"CpuDiagnostics", cpu_diagnostics},
    {"NicDiagnostics", nic_diagnostics},
    {"DiskDiagnostics", disk_diagnostics},
    {NULL},
};
