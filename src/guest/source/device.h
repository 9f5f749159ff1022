/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "guest/base/guest.h"

/*
 * Block devices that may hold instance data: those that carry vfat or iso9660. They are found by
 * sysfs and libblkid's probes below the root, so an image file ROOT/dev/sr0 with a directory
 * ROOT/sys/class/block/sr0 is a device as well.
 */
struct source_device {
    const char *path;          /* "/dev/sr0" */
    const char *type;          /* "vfat" or "iso9660" */
    const char *label;         /* "" when it has none */
    const char *label_fatboot; /* label in a vfat boot sector; "" when there is none */
    bool is_partition;
};

struct source_devices {
    struct source_device *items; /* in the guest's arena */
    size_t n, cap;
};

/* Probes every block device, in the order of their names. What cannot be opened or has no such
 * file system is left out. */
void source_devices_scan(struct guest *g, struct source_devices *ret);

/* NoCloud: label 'label' in upper or lower case, or as label_fatboot; names in reverse order. */
void source_devices_for_nocloud(const struct source_devices *all, const char *label,
                                struct guest *g, struct source_devices *ret);
/* ConfigDrive: labelled config-2 or CONFIG-2 first, then unpartitioned ones; each in reverse order
 * of names ("vdb" before "vda"). */
void source_devices_for_configdrive(const struct source_devices *all, struct guest *g,
                                    struct source_devices *ret);
