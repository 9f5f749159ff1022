/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/metadata.h"

#include <string.h>

#include "core/str.h"

static void set_text(struct ol_arena *a, struct ol_val *map, const char *key, const char *text)
{
    ol_val_set(a, map, key, text ? ol_val_new_str(a, text) : ol_val_new_null(a));
}

static struct ol_val *copy_or_list(struct ol_arena *a, const struct ol_val *v)
{
    return v ? ol_val_copy(a, v) : ol_val_new_list(a);
}

static void set_files(struct ol_arena *a, struct ol_val *meta, const struct ol_val *files)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(files); i++) {
        struct ol_val *file = ol_val_new_map(a);

        set_text(a, file, "path", ol_val_str(ol_val_item(ol_val_item(files, i), 0)));
        set_text(a, file, "content_path", ol_arena_printf(a, "/content/%04zu", i));
        ol_val_append(a, list, file);
    }
    if (ol_val_count(list))
        ol_val_set(a, meta, "files", list);
}

/* An instance has one key; its type is "ssh" or "x509". */
static void set_keys(struct ol_arena *a, struct ol_val *meta, const struct ol_val *keys)
{
    const struct ol_val *first = ol_val_item(keys, 0);
    const char *name = ol_val_str(ol_val_get(first, "name"));
    struct ol_val *public, *list, *key;

    if (!name)
        return;
    public = ol_val_new_map(a);
    set_text(a, public, name, ol_val_str(ol_val_get(first, "data")));
    ol_val_set(a, meta, "public_keys", public);
    key = ol_val_new_map(a);
    set_text(a, key, "name", name);
    set_text(a, key, "type", ol_val_str(ol_val_get(first, "type")));
    set_text(a, key, "data", ol_val_str(ol_val_get(first, "data")));
    list = ol_val_new_list(a);
    ol_val_append(a, list, key);
    ol_val_set(a, meta, "keys", list);
}

/* Older versions don't tell of VLANs and trust; an interface with nothing to tell is left out. */
static struct ol_val *devices_of(struct ol_arena *a, const struct ol_val *devices, unsigned has)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(devices); i++) {
        struct ol_val *device = ol_val_copy(a, ol_val_item(devices, i));
        const char *type = ol_val_str(ol_val_get(device, "type"));

        if (!(has & METADATA_VLAN))
            ol_val_remove(device, "vlan");
        if (!(has & METADATA_TRUST))
            ol_val_remove(device, "vf_trusted");
        if (!type || strcmp(type, "nic") != 0 || ol_val_get(device, "tags")
            || ol_val_get(device, "vlan") || ol_val_get(device, "vf_trusted"))
            ol_val_append(a, list, device);
    }
    return list;
}

struct ol_val *metadata_openstack(struct ol_arena *a, const struct config_drive *d, unsigned has)
{
    struct ol_val *meta = ol_val_new_map(a);

    ol_val_set_str(a, meta, "uuid", d->uuid);
    if (ol_val_count(d->meta))
        ol_val_set(a, meta, "meta", ol_val_copy(a, d->meta));
    set_files(a, meta, d->files);
    if (d->admin_password)
        ol_val_set_str(a, meta, "admin_pass", d->admin_password);
    set_keys(a, meta, d->keys);
    set_text(a, meta, "hostname", d->hostname);
    set_text(a, meta, "name", d->name);
    ol_val_set_int(a, meta, "launch_index", d->launch_index);
    set_text(a, meta, "availability_zone", d->availability_zone);
    if (has & METADATA_SEED && d->random_seed)
        ol_val_set_str(a, meta, "random_seed", d->random_seed);
    if (has & METADATA_PROJECT)
        set_text(a, meta, "project_id", d->project_id);
    if (has & METADATA_DEVICES)
        ol_val_set(a, meta, "devices", devices_of(a, d->devices, has));
    if (has & METADATA_CPUS)
        ol_val_set(a, meta, "dedicated_cpus", copy_or_list(a, d->dedicated_cpus));
    return meta;
}

/* --- EC2 --- */

/* The first address of a version among all networks: fixed, or floating. */
static const char *first_address(const struct ol_val *network_info, bool is_floating)
{
    for (size_t i = 0; i < ol_val_count(network_info); i++) {
        const struct ol_val *subnets = ol_val_at(ol_val_item(network_info, i), "network/subnets");

        for (size_t j = 0; j < ol_val_count(subnets); j++) {
            const struct ol_val *ips = ol_val_get(ol_val_item(subnets, j), "ips");

            for (size_t k = 0; k < ol_val_count(ips); k++) {
                const struct ol_val *ip = ol_val_item(ips, k);

                if (is_floating)
                    ip = ol_val_item(ol_val_get(ip, "floating_ips"), 0);
                if (ip && (is_floating || ol_val_int(ol_val_get(ip, "version"), 4) == 4))
                    return ol_val_str(ol_val_get(ip, "address"));
            }
        }
    }
    return NULL;
}

/* nova 26 block_device.py instance_block_mapping() without volumes and blank disks. */
static struct ol_val *mappings(struct ol_arena *a, const struct config_drive *d)
{
    struct ol_val *map = ol_val_new_map(a);
    const char *root = d->root_device_name;

    if (d->mappings)
        return ol_val_copy(a, d->mappings);
    if (!root) {
        ol_val_set_str(a, map, "ami", "sda1");
        ol_val_set_str(a, map, "ephemeral0", "sda2");
        ol_val_set_str(a, map, "root", "/dev/sda1");
        ol_val_set_str(a, map, "swap", "sda3");
        return map;
    }
    ol_val_set_str(a, map, "ami", ol_str_starts(root, "/dev/") ? root + 5 : root);
    ol_val_set_str(a, map, "root", root);
    return map;
}

static void set_public_keys(struct ol_arena *a, struct ol_val *meta, const struct ol_val *keys)
{
    const char *data = ol_val_str(ol_val_get(ol_val_item(keys, 0), "data"));
    const char *name = ol_val_str(ol_val_get(ol_val_item(keys, 0), "name"));
    struct ol_val *all = ol_val_new_map(a), *first = ol_val_new_map(a);

    if (!data || !name)
        return;
    ol_val_set_str(a, first, "_name", ol_arena_printf(a, "0=%s", name));
    ol_val_set_str(a, first, "openssh-key", data);
    ol_val_set(a, all, "0", first);
    ol_val_set(a, meta, "public-keys", all);
}

struct ol_val *metadata_ec2(struct ol_arena *a, const struct config_drive *d)
{
    struct ol_val *meta = ol_val_new_map(a), *placement = ol_val_new_map(a);
    const char *floating = first_address(d->network_info, true);

    set_text(a, meta, "ami-id", d->ec2_ami_id);
    ol_val_set_int(a, meta, "ami-launch-index", d->launch_index);
    /* nova's literal value */
    ol_val_set_str(a, meta, "ami-manifest-path", "FIX" /* one word */ "ME");
    set_text(a, meta, "instance-id", d->ec2_instance_id);
    set_text(a, meta, "hostname", d->hostname);
    set_text(a, meta, "local-ipv4", first_address(d->network_info, false));
    set_text(a, meta, "reservation-id", d->reservation_id);
    ol_val_set(a, meta, "security-groups", copy_or_list(a, d->security_groups));
    set_public_keys(a, meta, d->keys);
    set_text(a, meta, "local-hostname", d->hostname);
    set_text(a, meta, "public-hostname", d->hostname);
    set_text(a, meta, "public-ipv4", floating ? floating : "");
    set_text(a, meta, "instance-type", d->instance_type);
    ol_val_set(a, meta, "block-device-mapping", mappings(a, d));
    if (d->kernel_id)
        set_text(a, meta, "kernel-id", d->kernel_id);
    if (d->ramdisk_id)
        set_text(a, meta, "ramdisk-id", d->ramdisk_id);
    set_text(a, placement, "availability-zone", d->availability_zone);
    ol_val_set(a, meta, "placement", placement);
    ol_val_set_str(a, meta, "instance-action", "none");
    return meta;
}
