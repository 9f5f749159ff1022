/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/drive.h"

/* What a config drive tells of the devices: drive-facts.c. NULL = nothing. In the arena. */
/* Tagged disks and interfaces, as meta_data.json has them. */
const struct ol_val *drive_devices(struct work *w, const struct nova_object *mappings,
                                   const struct ol_val *network_info);
/* block-device-mapping of ec2/: pure. */
const struct ol_val *drive_mappings(const struct work *w, const struct nova_object *mappings);
/* Names of the security groups of the instance's ports. */
const struct ol_val *drive_security_groups(struct work *w, const struct ol_val *network_info);
