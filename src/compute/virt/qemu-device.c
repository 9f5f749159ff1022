/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "compute/virt/qemu-argv.h"
#include "core/cleanup.h"
#include "core/str.h"

/* Devices as QMP's values; of the command line they are the JSON. */

/* PCI places from here on are those of disks and NICs; what is before stands in qemu-argv.c. */
enum { FIRST_PLACE = 6 };

/* nova's modes (ValidDiskCacheModes) and QEMU's meaning of them. */
static const struct qemu_cache caches[] = {
    {.name = "none", .is_direct = true, .has_write_cache = true},
    {.name = "writeback", .has_write_cache = true},
    {.name = "writethrough", .has_write_cache = false},
    {.name = "directsync", .is_direct = true},
    {.name = "unsafe", .is_unsafe = true, .has_write_cache = true},
    {.name = "default", .has_write_cache = true},
};

const struct qemu_cache *qemu_cache_find(const char *name)
{
    for (size_t i = 0; name && i < ol_count(caches); i++)
        if (!strcmp(caches[i].name, name))
            return &caches[i];
    return NULL;
}

static const struct qemu_cache *cache_of(const struct qemu_run *run)
{
    const struct qemu_cache *c = qemu_cache_find(run->cache);

    return c ? c : qemu_cache_find("writeback");
}

const char *qemu_disk_id(struct ol_arena *a, const struct qemu_disk *disk)
{
    static const struct {
        const char *bus, *prefix;
    } rows[] = {{"virtio", "vd"}, {"scsi", "sd"}, {"ide", "hd"}, {"sata", "hd"}};
    const char *prefix = "xd";

    for (size_t i = 0; i < ol_count(rows); i++)
        if (!strcmp(rows[i].bus, disk->d.bus))
            prefix = rows[i].prefix;
    return ol_arena_printf(a, "%s%d", prefix, disk->unit);
}

const char *qemu_nic_id(struct ol_arena *a, const struct qemu_nic *nic)
{
    return ol_arena_printf(a, "net%d", nic->unit);
}

static struct ol_val *cache_map(struct ol_arena *a, const struct qemu_run *run)
{
    const struct qemu_cache *c = cache_of(run);
    struct ol_val *map = ol_val_new_map(a);

    ol_val_set_bool(a, map, "direct", c->is_direct);
    ol_val_set_bool(a, map, "no-flush", c->is_unsafe);
    return map;
}

struct ol_val *qemu_blockdev(struct ol_arena *a, const struct qemu_def *d,
                             const struct qemu_disk *disk, const struct qemu_run *run)
{
    bool is_read_only = disk->d.is_read_only || disk->d.is_cdrom;
    struct ol_val *node = ol_val_new_map(a);
    struct ol_val *file = qemu_source(a, d, &disk->d, cache_map(a, run));
    const char *secret = qemu_secret_id(a, disk);

    if (secret)
        ol_val_set_str(a, file, "password-secret", secret);
    ol_val_set_str(a, node, "driver", disk->d.format == VIRT_QCOW2 ? "qcow2" : "raw");
    ol_val_set_str(a, node, "node-name", ol_arena_printf(a, "node-%s", qemu_disk_id(a, disk)));
    ol_val_set_bool(a, node, "read-only", is_read_only);
    ol_val_set(a, node, "cache", ol_val_copy(a, ol_val_get(file, "cache")));
    ol_val_set(a, node, "file", file);
    return node;
}

/* A virtio device's place: on q35 a root port of its own, so that it can come and go. */
static void set_place(struct ol_arena *a, struct ol_val *dev, const struct qemu_def *d, int unit)
{
    if (qemu_def_is_q35(d)) {
        ol_val_set_str(a, dev, "bus", ol_arena_printf(a, "rp%d", unit));
        return;
    }
    ol_val_set_str(a, dev, "bus", "pci.0");
    ol_val_set_str(a, dev, "addr", ol_arena_printf(a, "0x%x", FIRST_PLACE - 1 + unit));
}

static void set_disk_place(struct ol_arena *a, struct ol_val *dev, const struct qemu_def *d,
                           const struct qemu_disk *disk)
{
    const char *kind = disk->d.is_cdrom ? "cd" : "hd";
    int at = disk->unit - 1;

    if (!strcmp(disk->d.bus, "virtio")) {
        ol_val_set_str(a, dev, "driver", "virtio-blk-pci");
        set_place(a, dev, d, disk->unit);
    } else if (!strcmp(disk->d.bus, "scsi")) {
        ol_val_set_str(a, dev, "driver", ol_arena_printf(a, "scsi-%s", kind));
        ol_val_set_str(a, dev, "bus", "scsi0.0");
        ol_val_set_int(a, dev, "scsi-id", at);
        ol_val_set_int(a, dev, "lun", 0);
    } else {
        int bus = qemu_def_is_q35(d) ? at : at / 2;

        ol_val_set_str(a, dev, "driver", ol_arena_printf(a, "ide-%s", kind));
        ol_val_set_str(a, dev, "bus", ol_arena_printf(a, "ide.%d", bus));
        ol_val_set_int(a, dev, "unit", qemu_def_is_q35(d) ? 0 : at % 2);
    }
}

struct ol_val *qemu_disk_device(struct ol_arena *a, const struct qemu_def *d,
                                const struct qemu_disk *disk, const struct qemu_run *run)
{
    struct ol_val *dev = ol_val_new_map(a);
    const char *id = qemu_disk_id(a, disk);

    set_disk_place(a, dev, d, disk);
    ol_val_set_str(a, dev, "drive", ol_arena_printf(a, "node-%s", id));
    ol_val_set_str(a, dev, "id", id);
    ol_val_set_str(a, dev, "write-cache", cache_of(run)->has_write_cache ? "on" : "off");
    if (disk->d.boot_index >= 0 && !d->m.kernel)
        ol_val_set_int(a, dev, "bootindex", disk->d.boot_index);
    if (disk->d.serial)
        ol_val_set_str(a, dev, "serial", disk->d.serial);
    return dev;
}

struct ol_val *qemu_nic_device(struct ol_arena *a, const struct qemu_def *d,
                               const struct qemu_nic *nic)
{
    static const struct {
        const char *model, *driver;
    } rows[] = {{"virtio", "virtio-net-pci"},
                {"e1000", "e1000"},
                {"e1000e", "e1000e"},
                {"rtl8139", "rtl8139"},
                {"pcnet", "pcnet"}};
    struct ol_val *dev = ol_val_new_map(a);
    const char *id = qemu_nic_id(a, nic), *driver = rows[0].driver;

    for (size_t i = 0; i < ol_count(rows); i++)
        if (!strcmp(rows[i].model, nic->n.model))
            driver = rows[i].driver;
    ol_val_set_str(a, dev, "driver", driver);
    set_place(a, dev, d, nic->unit);
    ol_val_set_str(a, dev, "netdev", ol_arena_printf(a, "host-%s", id));
    ol_val_set_str(a, dev, "id", id);
    ol_val_set_str(a, dev, "mac", nic->n.mac);
    ol_val_set_str(a, dev, "romfile", "");
    if (nic->n.mtu > 0 && driver == rows[0].driver)
        ol_val_set_int(a, dev, "host_mtu", nic->n.mtu);
    return dev;
}

bool qemu_nic_has_tap(const struct qemu_nic *nic)
{
    return strcmp(nic->n.kind, "user") != 0;
}

/* "tcp:127.0.0.1:2222:22" as QEMU's hostfwd has it: "tcp:127.0.0.1:2222-:22". */
static const char *forward(struct ol_arena *a, const char *text)
{
    const char *last = strrchr(text, ':');

    if (!last || strchr(text, '-'))
        return ol_arena_strdup(a, text);
    return ol_arena_printf(a, "%.*s-%s", (int)(last - text), text, last);
}

struct ol_val *qemu_netdev(struct ol_arena *a, const struct qemu_nic *nic, const char *fd)
{
    ol_auto(ol_strv_done) struct ol_strv forwards = OL_STRV_INIT;
    struct ol_val *dev = ol_val_new_map(a), *list = ol_val_new_list(a);

    ol_val_set_str(a, dev, "type", qemu_nic_has_tap(nic) ? "tap" : "user");
    ol_val_set_str(a, dev, "id", ol_arena_printf(a, "host-%s", qemu_nic_id(a, nic)));
    if (qemu_nic_has_tap(nic)) {
        ol_val_set_str(a, dev, "fd", fd);
        return dev;
    }
    ol_strv_split(&forwards, nic->n.forwards ? nic->n.forwards : "", ", ");
    ol_strv_each (text, &forwards) {
        struct ol_val *row = ol_val_new_map(a);

        ol_val_set_str(a, row, "str", forward(a, text));
        ol_val_append(a, list, row);
    }
    if (ol_val_count(list))
        ol_val_set(a, dev, "hostfwd", list);
    return dev;
}
