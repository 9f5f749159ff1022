/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/object/release.h"

#include <string.h>

/* As of nova 26.2.2, by class. */
static const struct nova_object_version zed[] = {
    {"BlockDeviceMapping", "1.21"},
    {"BlockDeviceMappingList", "1.18"},
    {"BuildRequest", "1.3"},
    {"ComputeNode", "1.19"},
    {"ComputeNodeList", "1.17"},
    {"ConsoleAuthToken", "1.1"},
    {"CpuDiagnostics", "1.0"},
    {"Destination", "1.4"},
    {"DeviceBus", "1.0"},
    {"DeviceMetadata", "1.0"},
    {"Diagnostics", "1.0"},
    {"DiskDiagnostics", "1.0"},
    {"EC2Ids", "1.0"},
    {"Flavor", "1.2"},
    {"HVSpec", "1.2"},
    {"ImageMeta", "1.8"},
    {"ImageMetaProps", "1.34"},
    {"Instance", "2.7"},
    {"InstanceAction", "1.2"},
    {"InstanceActionEvent", "1.4"},
    {"InstanceActionEventList", "1.1"},
    {"InstanceActionList", "1.1"},
    {"InstanceDeviceMetadata", "1.0"},
    {"InstanceExternalEvent", "1.5"},
    {"InstanceFault", "1.2"},
    {"InstanceFaultList", "1.2"},
    {"InstanceInfoCache", "1.5"},
    {"InstanceList", "2.6"},
    {"InstanceNUMACell", "1.6"},
    {"InstanceNUMATopology", "1.3"},
    {"InstancePCIRequest", "1.4"},
    {"InstancePCIRequests", "1.1"},
    {"KeyPair", "1.4"},
    {"KeyPairList", "1.3"},
    {"MemoryDiagnostics", "1.0"},
    {"Migration", "1.7"},
    {"MigrationContext", "1.2"},
    {"MigrationList", "1.5"},
    {"NetworkRequest", "1.3"},
    {"NetworkRequestList", "1.1"},
    {"NicDiagnostics", "1.0"},
    {"PciDevice", "1.7"},
    {"PciDeviceList", "1.3"},
    {"PciDevicePool", "1.1"},
    {"PciDevicePoolList", "1.1"},
    {"RequestLevelParams", "1.1"},
    {"RequestSpec", "1.14"},
    {"Resource", "1.0"},
    {"ResourceList", "1.0"},
    {"ResourceMetadata", "1.0"},
    {"SchedulerLimits", "1.0"},
    {"SchedulerRetries", "1.1"},
    {"SecurityGroup", "1.2"},
    {"SecurityGroupList", "1.1"},
    {"Selection", "1.1"},
    {"Service", "1.22"},
    {"ServiceList", "1.19"},
    {"Tag", "1.1"},
    {"TagList", "1.1"},
    {"TrustedCerts", "1.0"},
    {"VirtCPUFeature", "1.0"},
    {"VirtCPUModel", "1.0"},
    {"VirtCPUTopology", "1.0"},
    {"VirtualInterface", "1.3"},
    {"VirtualInterfaceList", "1.0"},
    {NULL},
};

static const struct nova_object_version same_as_zed[] = {{NULL}};

static const struct nova_object_version yoga[] = {
    {"BlockDeviceMapping", "1.20"},
    {"ImageMetaProps", "1.31"},
    {"InstanceExternalEvent", "1.4"},
    {NULL},
};

static const struct nova_object_version bobcat[] = {
    {"Instance", "2.8"},
    {"Migration", "1.8"},
    {NULL},
};

static const struct nova_object_version caracal[] = {
    {"ConsoleAuthToken", "1.2"}, {"ImageMetaProps", "1.37"}, {"Instance", "2.8"},
    {"Migration", "1.8"},        {"RequestSpec", "1.15"},    {NULL},
};

static const struct nova_object_version dalmatian[] = {
    {"ConsoleAuthToken", "1.2"}, {"ImageMetaProps", "1.38"}, {"Instance", "2.8"},
    {"Migration", "1.8"},        {"RequestSpec", "1.15"},    {NULL},
};

static const struct nova_object_version epoxy[] = {
    {"ConsoleAuthToken", "1.3"}, {"ImageMetaProps", "1.39"}, {"Instance", "2.8"},
    {"Migration", "1.8"},        {"RequestSpec", "1.15"},    {NULL},
};

static const struct nova_object_version flamingo[] = {
    {"ConsoleAuthToken", "1.3"}, {"ImageMetaProps", "1.42"}, {"Instance", "2.8"},
    {"Migration", "1.8"},        {"RequestSpec", "1.15"},    {NULL},
};

static const struct nova_object_version master[] = {
    {"ConsoleAuthToken", "1.3"}, {"ImageMetaProps", "1.43"}, {"Instance", "2.8"},
    {"Migration", "1.8"},        {"RequestSpec", "1.15"},    {NULL},
};

/* nova/objects/service.py (SERVICE_VERSION, OLDEST_SUPPORTED_SERVICE_VERSION), compute/manager.py
 * (the RPC target) and virt/node.py (compute_id) of each release's tag. */
/* clang-format off */
const struct nova_release nova_releases[] = {
    {"yoga",      "25.3.0", 61, 57, "xena",     "6.0", false, false, yoga},
    {"zed",       "26.2.2", 64, 61, "yoga",     "6.1", false, false, same_as_zed},
    {"antelope",  "27.5.1", 66, 61, "yoga",     "6.2", true,  false, same_as_zed},
    {"bobcat",    "28.3.1", 66, 66, "antelope", "6.2", true,  false, bobcat},
    {"caracal",   "29.4.0", 67, 66, "antelope", "6.3", true,  false, caracal},
    {"dalmatian", "30.3.0", 67, 66, "caracal",  "6.3", true,  false, dalmatian},
    {"epoxy",     "31.3.1", 68, 66, "caracal",  "6.4", true,  false, epoxy},
    {"flamingo",  "32.2.1", 70, 68, "epoxy",    "6.4", true,  false, flamingo},
    {"gazpacho",  "33.0.2", 72, 68, "epoxy",    "6.5", true,  true,  flamingo},
    {"master",    "34.0.0", 73, 72, "gazpacho", "6.5", true,  true,  master},
    {NULL},
};
/* clang-format on */

const struct nova_release *nova_release_find(const char *name)
{
    for (const struct nova_release *r = nova_releases; r->name; r++)
        if (!strcmp(r->name, name))
            return r;
    return NULL;
}

static const char *version_in(const struct nova_object_version *list, const char *class)
{
    for (; list->class; list++)
        if (!strcmp(list->class, class))
            return list->version;
    return NULL;
}

const char *nova_release_version(const struct nova_release *r, const char *class)
{
    const char *own = version_in(r->objects, class);

    return own ? own : version_in(zed, class);
}
