/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/object/object-internal.h"

static const struct nova_field migration_context[] = {
    {"instance_uuid", NOVA_UUID},
    {"migration_id", NOVA_INTEGER},
    {"new_numa_topology", NOVA_OBJECT, NOVA_NULLABLE, "InstanceNUMATopology"},
    {"old_numa_topology", NOVA_OBJECT, NOVA_NULLABLE, "InstanceNUMATopology"},
    {"new_pci_devices", NOVA_OBJECT, NOVA_NULLABLE, "PciDeviceList"},
    {"old_pci_devices", NOVA_OBJECT, NOVA_NULLABLE, "PciDeviceList"},
    {"new_pci_requests", NOVA_OBJECT, NOVA_NULLABLE, "InstancePCIRequests"},
    {"old_pci_requests", NOVA_OBJECT, NOVA_NULLABLE, "InstancePCIRequests"},
    {"new_resources", NOVA_OBJECT, NOVA_NULLABLE, "ResourceList"},
    {"old_resources", NOVA_OBJECT, NOVA_NULLABLE, "ResourceList"},
    NOVA_PERSISTENT,
    {NULL},
};

static const struct nova_field pci_device[] = {
    {"id", NOVA_INTEGER},
    {"uuid", NOVA_UUID},
    {"compute_node_id", NOVA_INTEGER, NOVA_NULLABLE},
    {"address", NOVA_STRING},
    {"vendor_id", NOVA_STRING},
    {"product_id", NOVA_STRING},
    {"dev_type", NOVA_STRING},
    {"status", NOVA_STRING},
    {"dev_id", NOVA_STRING, NOVA_NULLABLE},
    {"label", NOVA_STRING, NOVA_NULLABLE},
    {"instance_uuid", NOVA_STRING, NOVA_NULLABLE},
    {"request_id", NOVA_STRING, NOVA_NULLABLE},
    {"extra_info", NOVA_DICT},
    {"numa_node", NOVA_INTEGER, NOVA_NULLABLE},
    {"parent_addr", NOVA_STRING, NOVA_NULLABLE},
    NOVA_PERSISTENT,
    {NULL},
};

static const struct nova_field instance_pci_requests[] = {
    {"instance_uuid", NOVA_UUID},
    {"requests", NOVA_OBJECTS, 0, "InstancePCIRequest"},
    {NULL},
};

static const struct nova_field instance_pci_request[] = {
    {"count", NOVA_INTEGER},
    {"spec", NOVA_ANY},
    {"alias_name", NOVA_STRING, NOVA_NULLABLE},
    {"is_new", NOVA_BOOLEAN},
    {"request_id", NOVA_UUID, NOVA_NULLABLE},
    {"requester_id", NOVA_STRING, NOVA_NULLABLE},
    {"numa_policy", NOVA_STRING, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field instance_numa_topology[] = {
    {"id", NOVA_INTEGER},
    {"instance_uuid", NOVA_UUID},
    {"cells", NOVA_OBJECTS, 0, "InstanceNUMACell"},
    {"emulator_threads_policy", NOVA_STRING, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field instance_numa_cell[] = {
    {"id", NOVA_INTEGER},
    {"cpuset", NOVA_LIST},
    {"pcpuset", NOVA_LIST},
    {"cpuset_reserved", NOVA_LIST, NOVA_NULLABLE},
    {"memory", NOVA_INTEGER},
    {"pagesize", NOVA_INTEGER, NOVA_NULLABLE},
    {"cpu_topology", NOVA_OBJECT, NOVA_NULLABLE, "VirtCPUTopology"},
    {"cpu_pinning_raw", NOVA_ANY, NOVA_NULLABLE},
    {"cpu_policy", NOVA_STRING, NOVA_NULLABLE},
    {"cpu_thread_policy", NOVA_STRING, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field virt_cpu_topology[] = {
    {"sockets", NOVA_INTEGER, NOVA_NULLABLE},
    {"cores", NOVA_INTEGER, NOVA_NULLABLE},
    {"threads", NOVA_INTEGER, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field virt_cpu_model[] = {
    {"arch", NOVA_STRING, NOVA_NULLABLE},
    {"vendor", NOVA_STRING, NOVA_NULLABLE},
    {"topology", NOVA_OBJECT, NOVA_NULLABLE, "VirtCPUTopology"},
    {"features", NOVA_OBJECTS, 0, "VirtCPUFeature"},
    {"mode", NOVA_STRING, NOVA_NULLABLE},
    {"model", NOVA_STRING, NOVA_NULLABLE},
    {"match", NOVA_STRING, NOVA_NULLABLE},
    {NULL},
};

static const struct nova_field virt_cpu_feature[] = {
    {"policy", NOVA_STRING, NOVA_NULLABLE},
    {"name", NOVA_STRING},
    {NULL},
};

static const struct nova_field instance_device_metadata[] = {
    {"devices", NOVA_OBJECTS, 0, "DeviceMetadata"},
    {NULL},
};

static const struct nova_field device_metadata[] = {
    {"bus", NOVA_OBJECT, 0, "DeviceBus"},
    {"tags", NOVA_LIST},
    {NULL},
};

static const struct nova_field device_bus[] = {
    {NULL},
};

static const struct nova_field resource[] = {
    {"provider_uuid", NOVA_UUID},
    {"resource_class", NOVA_STRING},
    {"identifier", NOVA_STRING},
    {"metadata", NOVA_OBJECT, 0, "ResourceMetadata"},
    {NULL},
};

static const struct nova_field resource_metadata[] = {
    {NULL},
};

const struct nova_class nova_classes_device[] = {
    {"MigrationContext", migration_context},
    {"PciDevice", pci_device},
    {"InstancePCIRequests", instance_pci_requests},
    {"InstancePCIRequest", instance_pci_request},
    {"InstanceNUMATopology", instance_numa_topology},
    {"InstanceNUMACell", instance_numa_cell},
    {"VirtCPUTopology", virt_cpu_topology},
    {"VirtCPUModel", virt_cpu_model},
    {"VirtCPUFeature", virt_cpu_feature},
    {"InstanceDeviceMetadata", instance_device_metadata},
    {"DeviceMetadata", device_metadata},
    {"DeviceBus", device_bus},
    {"Resource", resource},
    {"ResourceMetadata", resource_metadata},
    {NULL},
};
