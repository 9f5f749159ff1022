/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/conductor/local-internal.h"
#include "core/cleanup.h"

/* Classes that are a field of an instance. Their rows in nova are of tables of their own, so a
 * missing instance reads as one that has nothing of it. */
static const struct {
    const char *class, *field;
} parts[] = {
    {"InstanceNUMATopology", "numa_topology"},
    {"InstancePCIRequests", "pci_requests"},
    {"InstanceDeviceMetadata", "device_metadata"},
    {"VirtCPUModel", "vcpu_model"},
    {"MigrationContext", "migration_context"},
    {"ResourceList", "resources"},
    {"TrustedCerts", "trusted_certs"},
    {"KeyPairList", "keypairs"},
    {"PciDeviceList", "pci_devices"},
    {"SecurityGroupList", "security_groups"},
    {"TagList", "tags"},
    {"EC2Ids", "ec2_ids"},
};

static const char *field_of(const char *class)
{
    for (size_t i = 0; i < ol_count(parts); i++)
        if (!strcmp(parts[i].class, class))
            return parts[i].field;
    return "";
}

/* The argument is the instance's uuid, or the instance. */
static int get_part(struct local_call *q)
{
    const struct ol_val *of = local_arg(q, 0);
    const char *uuid = ol_val_str(of);
    struct ol_val *data = NULL;
    int r;

    if (!uuid)
        uuid = ol_val_str(ol_val_get(ol_val_get(of, "nova_object.data"), "uuid"));
    r = local_find_one(q, LOCAL_INSTANCE, LOCAL_KEYS({"uuid", local_str(q, uuid)}), LOCAL_ANY,
                       &data);
    if (r == 0 && !data) {
        data = ol_val_new_map(q->a);
        ol_val_set(q->a, data, "uuid", local_str(q, uuid));
    }
    return r < 0 ? r : local_instance_part(q, data, field_of(q->method->class), &q->result);
}

/* What a machine that stands alone has none of. */
static int empty_list(struct local_call *q)
{
    q->result = local_list(q, q->method->class, LOCAL_INSTANCE, NULL);
    return 0;
}

static int nothing(struct local_call *q)
{
    return 0;
}

const struct local_method local_part_methods[] = {
    {"InstanceNUMATopology", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"InstancePCIRequests", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"InstanceDeviceMetadata", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"VirtCPUModel", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"MigrationContext", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"ResourceList", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"TrustedCerts", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"KeyPairList", "get_by_instance_uuid", 0, get_part, {"instance_uuid"}},
    {"PciDeviceList", "get_by_instance_uuid", 0, get_part, {"uuid"}},
    {"SecurityGroupList", "get_by_instance", 0, get_part, {"instance"}},
    {"TagList", "get_by_resource_id", 0, get_part, {"resource_id"}},
    {"EC2Ids", "get_by_instance", 0, get_part, {"instance"}},
    {"PciDeviceList", "get_by_compute_node", 0, empty_list, {"node_id"}},
    {"MigrationList", "get_by_filters", 0, empty_list, {"filters"}},
    {"MigrationList", "get_in_progress_and_error", 0, empty_list, {"host", "node"}},
    {"MigrationList", "get_in_progress_by_host_and_node", 0, empty_list, {"host", "node"}},
    {"MigrationList", "get_in_progress_by_instance", 0, empty_list, {"instance_uuid"}},
    {"MigrationList",
     "get_unconfirmed_by_dest_compute",
     0,
     empty_list,
     {"confirm_window", "dest_compute", "use_slave"}},
    {"ConsoleAuthToken", "clean_expired_console_auths_for_host", 0, nothing, {"host"}},
    {"ConsoleAuthToken", "clean_console_auths_for_instance", 0, nothing, {"instance_uuid"}},
    {NULL},
};
