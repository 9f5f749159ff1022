/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "guest/base/guest.h"

/*
 * Block devices of the tree: what libblkid finds in their first sectors, and which device a name
 * of configuration or metadata means. A regular file below the root's /dev is a device too.
 */
struct block_facts {
    char type[32];  /* "ext4", "swap" …; "" = nothing known is on it */
    char label[80]; /* "" = none */
};

/* 0 or -errno when it cannot be opened. A device with nothing on it is no error. */
int block_probe(struct ol_env *env, const char *path, struct block_facts *ret)
    __attribute__((warn_unused_result));

/*
 * The device that an entry of 'mounts' names: "vdb", "/dev/vdb", "sda1" as the cloud thinks of it,
 * "/dev/vdb.1", "ephemeral0", "swap", an alias. A disk means its first partition when it has one.
 * "server:/path" is given back as it is. NULL when there is no such device. Cloud-init 26.2
 * cc_mounts.sanitize_devname(), device_name_to_device() of the datasources. In the arena.
 */
const char *block_resolve(struct guest *g, const char *name, const struct ol_val *aliases);
