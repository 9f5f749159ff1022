/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/cloud/config-drive.h"

/*
 * What an instance is told about itself, as the metadata service tells it too: the documents
 * meta_data.json (of OpenStack) and meta-data.json (of EC2), keys in nova's order. nova 26
 * api/metadata/base.py.
 */

/* What came with the versions; bits of 'has'. */
enum metadata_part {
    METADATA_SEED = 1 << 0,    /* random_seed */
    METADATA_VENDOR = 1 << 1,  /* the file vendor_data.json */
    METADATA_PROJECT = 1 << 2, /* project_id */
    METADATA_NETWORK = 1 << 3, /* the file network_data.json */
    METADATA_DEVICES = 1 << 4, /* devices */
    METADATA_VENDOR2 = 1 << 5, /* the file vendor_data2.json */
    METADATA_VLAN = 1 << 6,    /* "vlan" of devices */
    METADATA_TRUST = 1 << 7,   /* "vf_trusted" of devices */
    METADATA_CPUS = 1 << 8,    /* dedicated_cpus */
};

struct ol_val *metadata_openstack(struct ol_arena *a, const struct config_drive *d, unsigned has);
struct ol_val *metadata_ec2(struct ol_arena *a, const struct config_drive *d);
