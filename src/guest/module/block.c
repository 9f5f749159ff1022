/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/block.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"

static void free_probe(blkid_probe *probe)
{
    if (*probe)
        blkid_free_probe(*probe);
}

static void copy_value(blkid_probe probe, const char *name, char *to, size_t size)
{
    const char *value = NULL;

    if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0 && value)
        snprintf(to, size, "%s", value);
}

int block_probe(struct ol_env *env, const char *path, struct block_facts *ret)
{
    ol_auto(free_probe) blkid_probe probe = NULL;
    ol_autoclose int fd = ol_open(env, path, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0)
        return fd;
    *ret = (struct block_facts){0};
    probe = blkid_new_probe();
    if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0)
        return 0;
    blkid_probe_enable_superblocks(probe, 1);
    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL);
    if (blkid_do_safeprobe(probe) != 0)
        return 0;
    copy_value(probe, "TYPE", ret->type, sizeof(ret->type));
    copy_value(probe, "LABEL", ret->label, sizeof(ret->label));
    return 0;
}

/* "ephemeral0", "swap", "root" …: names that the cloud's metadata gives a meaning. */
static bool is_metadata_name(const char *name)
{
    static const char *const names[] = {"ami", "root", "swap", NULL};

    if (ol_str_in(name, names))
        return true;
    return (ol_str_starts(name, "ephemeral") || ol_str_starts(name, "ebs")) && !strchr(name, ':');
}

static const char *existing(struct guest *g, const char *path)
{
    return ol_exists(g->env, path) ? path : NULL;
}

/* A cloud may say "sda" where the kernel says "vda" or "xvda". */
static const char *remapped(struct guest *g, const char *base)
{
    static const char *const kernel_names[] = {"vd", "xvd", "vtb"};
    const char *found = NULL;

    if (!ol_str_starts(base, "sd"))
        return NULL;
    for (size_t i = 0; i < ol_count(kernel_names) && !found; i++)
        found = existing(g, ol_arena_printf(g->arena, "/dev/%s%s", kernel_names[i], base + 2));
    return found;
}

static const char *in_dev(struct guest *g, const char *name)
{
    return name[0] == '/' ? name : ol_arena_printf(g->arena, "/dev/%s", name);
}

/* What the metadata's block-device-mapping says of a name. */
static const char *from_mapping(struct guest *g, const char *name)
{
    const struct ol_val *mapping =
        ol_val_get(guest_ds_get(g, "ec2_metadata"), "block-device-mapping");
    const char *device, *path;

    if (!mapping)
        mapping = guest_metadata(g, "block-device-mapping");
    device = ol_val_str(ol_val_get(mapping, name));
    if (!device && !strcmp(name, "ephemeral0"))
        device = ol_val_str(ol_val_get(mapping, "ephemeral"));
    if (!device || !*device)
        return NULL;
    path = existing(g, in_dev(g, device));
    return path ? path : remapped(g, ol_path_base(device));
}

static bool has_fact(const struct block_facts *facts, const char *name)
{
    return !strcmp(!strcmp(name, "swap") ? facts->type : facts->label, name);
}

/* OpenStack's own way: the disk is labelled with the name, swap is known by its type. */
static const char *from_labels(struct guest *g, const char *name)
{
    static const char *const clouds[] = {"ConfigDrive", "OpenStack", NULL};
    const char *source = ol_val_str(guest_ds_get(g, "source"));
    ol_auto(ol_strv_done) struct ol_strv devices = OL_STRV_INIT;

    if (!source || !ol_str_in(source, clouds)
        || ol_list_dir(g->env, "/sys/class/block", &devices, NULL) < 0)
        return NULL;
    ol_strv_each (device, &devices) {
        const char *path = ol_arena_printf(g->arena, "/dev/%s", device);
        struct block_facts facts;

        if (!ol_str_starts(device, "fd") && block_probe(g->env, path, &facts) == 0
            && has_fact(&facts, name))
            return path;
    }
    return NULL;
}

static const char *from_metadata(struct guest *g, const char *name)
{
    const char *names[] = {name, NULL};
    const char *found = NULL;

    if (!strcmp(name, "root")) {
        names[0] = "ami";
        names[1] = "root";
    } else if (!strcmp(name, "ami")) {
        names[1] = "root";
    }
    for (size_t i = 0; i < ol_count(names) && names[i] && !found; i++)
        found = from_mapping(g, names[i]);
    for (size_t i = 0; i < ol_count(names) && names[i] && !found; i++)
        found = from_labels(g, names[i]);
    return found;
}

/* "sda", "xvdb2", "sr0": kernel names that may be written without "/dev/". */
static bool is_short_name(const char *name)
{
    size_t at;

    if (ol_str_starts(name, "sr"))
        return name[2] && name[2 + strspn(name + 2, "0123456789")] == '\0';
    at = name[0] == 'x' ? 1 : 0;
    if (!name[at] || !strchr("shv", name[at]) || name[at + 1] != 'd')
        return false;
    at += 2;
    if (name[at] < 'a' || name[at] > 'z')
        return false;
    at++;
    return name[at + strspn(name + at, "0123456789")] == '\0';
}

static const char *nth_partition(struct guest *g, const char *disk, const char *number)
{
    static const char *const joints[] = {"", "p", "-part"};
    const char *found = NULL;

    for (size_t i = 0; i < ol_count(joints) && !found; i++)
        found = existing(g, ol_arena_printf(g->arena, "%s%s%s", disk, joints[i], number));
    return found;
}

/* The kernel's name: links such as /dev/disk/by-id/x are followed. */
static const char *kernel_name(struct guest *g, const char *path)
{
    ol_autofree char *at = ol_path_absolute(path);

    for (int hops = 0; hops < 8; hops++) {
        ol_autofree char *target = ol_readlink(g->env, at);
        ol_autofree char *dir = ol_path_dir(at);
        ol_autofree char *joined = target ? ol_path_join(dir, target) : NULL;

        if (!joined)
            break;
        free(at);
        at = ol_path_absolute(joined);
    }
    return ol_arena_strdup(g->arena, ol_path_base(at));
}

static bool is_block_device(struct guest *g, const char *disk, const char *partition)
{
    const char *path = ol_arena_printf(g->arena, "/sys/block/%s", kernel_name(g, disk));

    if (partition)
        path = ol_arena_printf(g->arena, "%s/%s", path, kernel_name(g, partition));
    return ol_exists(g->env, path);
}

/* The disk that a name without its partition number means; NULL = none. */
static const char *find_disk(struct guest *g, const char *name, const char *written,
                             const struct ol_val *aliases)
{
    const char *alias = ol_val_str(ol_val_get(aliases, name));
    const char *disk = alias ? alias : name;

    if (is_metadata_name(disk))
        return from_metadata(g, disk);
    return is_short_name(written) ? ol_arena_printf(g->arena, "/dev/%s", disk) : disk;
}

const char *block_resolve(struct guest *g, const char *name, const struct ol_val *aliases)
{
    const char *written = !strcmp(name, "ephemeral") ? "ephemeral0" : name;
    const char *dot = strrchr(written, '.');
    const char *disk, *partition;

    if (strchr(name, ':') > name)
        return name;
    disk = find_disk(g, dot ? ol_arena_memdup(g->arena, written, (size_t)(dot - written)) : written,
                     name, aliases);
    if (!disk)
        return NULL;
    partition = nth_partition(g, disk, dot ? dot + 1 : "1");
    if ((dot && !partition) || !is_block_device(g, disk, partition))
        return NULL;
    return partition ? partition : disk;
}
