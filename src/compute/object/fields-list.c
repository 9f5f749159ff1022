/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/object/object-internal.h"

/* Lists have one field: their objects. */
static const struct nova_field service_list[] = {{"objects", NOVA_OBJECTS, 0, "Service"}, {NULL}};
static const struct nova_field compute_node_list[] = {{"objects", NOVA_OBJECTS, 0, "ComputeNode"},
                                                      {NULL}};
static const struct nova_field pci_device_pool_list[] = {
    {"objects", NOVA_OBJECTS, 0, "PciDevicePool"}, {NULL}};
static const struct nova_field migration_list[] = {{"objects", NOVA_OBJECTS, 0, "Migration"},
                                                   {NULL}};
static const struct nova_field instance_list[] = {{"objects", NOVA_OBJECTS, 0, "Instance"}, {NULL}};
static const struct nova_field instance_fault_list[] = {
    {"objects", NOVA_OBJECTS, 0, "InstanceFault"}, {NULL}};
static const struct nova_field instance_action_list[] = {
    {"objects", NOVA_OBJECTS, 0, "InstanceAction"}, {NULL}};
static const struct nova_field instance_action_event_list[] = {
    {"objects", NOVA_OBJECTS, 0, "InstanceActionEvent"}, {NULL}};
static const struct nova_field block_device_mapping_list[] = {
    {"objects", NOVA_OBJECTS, 0, "BlockDeviceMapping"}, {NULL}};
static const struct nova_field virtual_interface_list[] = {
    {"objects", NOVA_OBJECTS, 0, "VirtualInterface"}, {NULL}};
static const struct nova_field tag_list[] = {{"objects", NOVA_OBJECTS, 0, "Tag"}, {NULL}};
static const struct nova_field security_group_list[] = {
    {"objects", NOVA_OBJECTS, 0, "SecurityGroup"}, {NULL}};
static const struct nova_field key_pair_list[] = {{"objects", NOVA_OBJECTS, 0, "KeyPair"}, {NULL}};
static const struct nova_field pci_device_list[] = {{"objects", NOVA_OBJECTS, 0, "PciDevice"},
                                                    {NULL}};
static const struct nova_field resource_list[] = {{"objects", NOVA_OBJECTS, 0, "Resource"}, {NULL}};
static const struct nova_field network_request_list[] = {
    {"objects", NOVA_OBJECTS, 0, "NetworkRequest"}, {NULL}};

const struct nova_class nova_classes_list[] = {
    {"ServiceList", service_list},
    {"ComputeNodeList", compute_node_list},
    {"PciDevicePoolList", pci_device_pool_list},
    {"MigrationList", migration_list},
    {"InstanceList", instance_list},
    {"InstanceFaultList", instance_fault_list},
    {"InstanceActionList", instance_action_list},
    {"InstanceActionEventList", instance_action_event_list},
    {"BlockDeviceMappingList", block_device_mapping_list},
    {"VirtualInterfaceList", virtual_interface_list},
    {"TagList", tag_list},
    {"SecurityGroupList", security_group_list},
    {"KeyPairList", key_pair_list},
    {"PciDeviceList", pci_device_list},
    {"ResourceList", resource_list},
    {"NetworkRequestList", network_request_list},
    {NULL},
};
