/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/iso9660.h"
#include "codec/val.h"
#include "core/buf.h"
#include "core/env.h"
#include "core/err.h"

/*
 * The config drive of an instance: label config-2, openstack/{VERSION,latest}/{meta_data.json,
 * network_data.json, user_data, vendor_data.json, vendor_data2.json} and ec2/ as nova 26 lays them
 * out (nova 26 api/metadata/base.py, virt/netutils.py). The content is decided by a pure function;
 * writing is ISO 9660 by our codec, or vfat through mkfs.vfat and mcopy.
 */
struct config_drive {
    const char *uuid, *name, *hostname, *project_id, *availability_zone, *launch_index_text;
    int64_t launch_index;
    const char *user_data;             /* decoded bytes */
    size_t user_data_size;             /* 0 = none */
    const struct ol_val *meta;         /* instance.metadata: a map, or NULL */
    const struct ol_val *keys;         /* list of {name, type, data} */
    const struct ol_val *network_info; /* nova's VIF list; NULL = none */
    const struct ol_val *files;        /* injected: list of [path, text]; NULL = none */
    const struct ol_val *devices; /* tags, as the newest meta_data.json has them; NULL = none */
    const struct ol_val *dedicated_cpus; /* list of numbers; NULL = none */
    const char *admin_password;          /* secret; NULL = none */
    const char *random_seed;             /* base64; NULL = none */
    const char *ec2_instance_id, *ec2_ami_id, *instance_type;
    const char *vendor_data; /* JSON; NULL = {} */
    /* What only ec2/ has. */
    const char *reservation_id, *root_device_name, *kernel_id, *ramdisk_id; /* NULL = none */
    const struct ol_val *security_groups; /* list of names; NULL = none */
    const struct ol_val *mappings;        /* block-device-mapping; NULL = by root_device_name */
    int64_t created;                      /* seconds since the epoch, for the file times */
};

struct config_drive_files {
    struct ol_iso9660_file *files;
    size_t n;
};
/* Its files in nova's order, contents in the arena. -EINVAL: vendor_data is no JSON. */
int config_drive_files(const struct config_drive *d, struct ol_arena *a,
                       struct config_drive_files *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* network_data.json of a network_info: of each network the first subnet of either version. */
struct ol_val *config_drive_network_data(struct ol_arena *a, const struct ol_val *network_info);
/* Adds the bytes of the ISO 9660 image to 'ret'. */
int config_drive_iso(const struct config_drive *d, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A file of it below env's root, 0600, whole or not at all; 'format' is iso9660 or vfat. A vfat has
 * 64 MiB; its files pass through a directory of 0700 beside 'path', which is removed again.
 * -EINVAL: another format. */
int config_drive_write(struct ol_env *env, const struct config_drive *d, const char *format,
                       const char *path, struct ol_err *err) __attribute__((warn_unused_result));
