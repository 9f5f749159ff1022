/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/qemu-def.h"

#include <errno.h>
#include <string.h>

#include "compute/virt/qemu-argv.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

static const char *const buses[] = {"virtio", "scsi", "ide", "sata", NULL};
static const char *const nic_kinds[] = {"user", "bridge", "tap", "ovs", NULL};

bool qemu_def_is_q35(const struct qemu_def *d)
{
    return ol_str_starts(d->m.machine_type, "q35") || ol_str_starts(d->m.machine_type, "pc-q35");
}

void qemu_def_free(struct qemu_def *d)
{
    if (!d)
        return;
    ol_arena_done(&d->arena);
    free(d);
}

static const char *keep(struct qemu_def *d, const char *s)
{
    return s ? ol_arena_strdup(&d->arena, s) : NULL;
}

/* virtio disks and NICs share the PCI ports. */
static bool is_port_used(const struct qemu_def *d, int unit)
{
    for (size_t i = 0; i < d->n_disks; i++)
        if (d->disks[i].unit == unit && !strcmp(d->disks[i].d.bus, "virtio"))
            return true;
    for (size_t i = 0; i < d->n_nics; i++)
        if (d->nics[i].unit == unit)
            return true;
    return false;
}

static bool is_unit_used(const struct qemu_def *d, const char *bus, int unit)
{
    if (!strcmp(bus, "virtio"))
        return is_port_used(d, unit);
    for (size_t i = 0; i < d->n_disks; i++)
        if (d->disks[i].unit == unit && !strcmp(d->disks[i].d.bus, bus))
            return true;
    return false;
}

static int units_of(const struct qemu_def *d, const char *bus)
{
    if (!strcmp(bus, "virtio"))
        return d->n_ports;
    if (!strcmp(bus, "scsi"))
        return QEMU_MAX_DISKS;
    return qemu_def_is_q35(d) ? 6 : 4; /* AHCI has six places, PIIX four */
}

static int free_unit(const struct qemu_def *d, const char *bus)
{
    for (int unit = 1; unit <= units_of(d, bus); unit++)
        if (!is_unit_used(d, bus, unit))
            return unit;
    return 0;
}

/* Debian's cloud kernel has no AHCI driver: on q35 a CD is seen on SCSI only. IDE and SATA are what
 * the board has of the two. */
static const char *bus_of(const struct qemu_def *d, const struct virt_disk *disk)
{
    bool is_q35 = qemu_def_is_q35(d);

    if (!disk->bus && disk->is_cdrom)
        return is_q35 ? "scsi" : "ide";
    if (disk->bus && (!strcmp(disk->bus, "ide") || !strcmp(disk->bus, "sata")))
        return is_q35 ? "sata" : "ide";
    return disk->bus ? disk->bus : "virtio";
}

struct qemu_disk *qemu_def_disk(struct qemu_def *d, const char *role)
{
    for (size_t i = 0; i < d->n_disks; i++)
        if (!strcmp(d->disks[i].d.role, role))
            return &d->disks[i];
    return NULL;
}

struct qemu_nic *qemu_def_nic(struct qemu_def *d, const char *id)
{
    for (size_t i = 0; i < d->n_nics; i++)
        if (!strcmp(d->nics[i].n.id, id))
            return &d->nics[i];
    return NULL;
}

void qemu_def_remove_disk(struct qemu_def *d, const struct qemu_disk *disk)
{
    size_t at = (size_t)(disk - d->disks);

    d->n_disks--;
    memmove(&d->disks[at], &d->disks[at + 1], (d->n_disks - at) * sizeof(*disk));
}

void qemu_def_remove_nic(struct qemu_def *d, const struct qemu_nic *nic)
{
    size_t at = (size_t)(nic - d->nics);

    d->n_nics--;
    memmove(&d->nics[at], &d->nics[at + 1], (d->n_nics - at) * sizeof(*nic));
}

static struct virt_disk keep_disk(struct qemu_def *d, const struct virt_disk *disk)
{
    struct virt_disk k = *disk;

    k.path = keep(d, disk->path);
    k.base = keep(d, disk->base);
    k.device = keep(d, disk->device);
    k.serial = keep(d, disk->serial);
    k.role = keep(d, disk->role);
    k.initiator = keep(d, disk->initiator);
    k.user = keep(d, disk->user);
    k.password = keep(d, disk->password);
    k.bus = keep(d, bus_of(d, disk));
    /* QEMU refuses two devices of one place in the order: the first has it. */
    for (size_t i = 0; i < d->n_disks; i++)
        if (d->disks[i].d.boot_index == k.boot_index)
            k.boot_index = -1;
    if (k.is_ours && !k.path)
        k.path = ol_arena_printf(&d->arena, "%s/%s", d->m.directory, k.role);
    return k;
}

int qemu_def_add_disk(struct qemu_def *d, const struct virt_disk *disk, struct qemu_disk **ret,
                      struct ol_err *err)
{
    const char *name = disk->role ? disk->role : "";
    struct qemu_disk made = {.unit = 0};

    if (!*name || strchr(name, '/'))
        return ol_err_set(err, EINVAL, "a disk has the role '%s'", name);
    *ret = qemu_def_disk(d, name);
    if (*ret)
        return -EEXIST;
    if (!disk->path && !disk->is_ours)
        return ol_err_set(err, EINVAL, "disk '%s' has no path", name);
    if (qemu_source_check(disk, err) < 0)
        return -EINVAL;
    made.d = keep_disk(d, disk);
    if (!ol_str_in(made.d.bus, buses))
        return ol_err_set(err, EINVAL, "disk '%s': there is no bus '%s'", name, made.d.bus);
    made.unit = d->n_disks < QEMU_MAX_DISKS ? free_unit(d, made.d.bus) : 0;
    if (!made.unit)
        return ol_err_set(err, ENOSPC, "disk '%s': no place is free on bus '%s'", name, made.d.bus);
    d->disks[d->n_disks] = made;
    *ret = &d->disks[d->n_disks++];
    return 0;
}

int qemu_def_add_nic(struct qemu_def *d, const struct virt_nic *nic, struct qemu_nic **ret,
                     struct ol_err *err)
{
    struct qemu_nic made = {.n = *nic};

    if (!nic->id || !nic->mac || !nic->kind)
        return ol_err_set(err, EINVAL, "a NIC needs id, MAC address and kind");
    if (!ol_str_in(nic->kind, nic_kinds))
        return ol_err_set(err, EINVAL, "NIC '%s': vif_type '%s' is not known", nic->id, nic->kind);
    *ret = qemu_def_nic(d, nic->id);
    if (*ret)
        return -EEXIST;
    made.n.id = keep(d, nic->id);
    made.n.mac = keep(d, nic->mac);
    made.n.model = keep(d, nic->model ? nic->model : "virtio");
    made.n.kind = keep(d, nic->kind);
    made.n.bridge = keep(d, nic->bridge);
    made.n.tap = keep(d, nic->tap);
    made.n.forwards = keep(d, nic->forwards);
    made.unit = d->n_nics < QEMU_MAX_NICS ? free_unit(d, "virtio") : 0;
    if (!made.unit)
        return ol_err_set(err, ENOSPC, "NIC '%s': no PCI place is free", nic->id);
    d->nics[d->n_nics] = made;
    *ret = &d->nics[d->n_nics++];
    return 0;
}

void qemu_def_inherit(struct qemu_def *d, struct qemu_def *before)
{
    for (size_t i = 0; i < d->n_disks; i++) {
        struct virt_disk *now = &d->disks[i].d;
        const struct qemu_disk *was = qemu_def_disk(before, now->role);

        if (!was || !now->is_ours || now->base)
            continue;
        now->base = keep(d, was->d.base);
        now->is_base_qcow2 = was->d.is_base_qcow2;
    }
}

static void keep_machine(struct qemu_def *d, const struct virt_machine *m,
                         const struct compute_config *c)
{
    const char *type = m->machine_type ? m->machine_type : c->qemu_machine;

    d->m = *m;
    d->m.uuid = keep(d, m->uuid);
    d->m.name = keep(d, m->name ? m->name : m->uuid);
    d->m.directory = keep(d, m->directory);
    d->m.machine_type = keep(d, type && *type ? type : "pc");
    d->m.cpu_model = keep(d, m->cpu_model);
    d->m.kernel = keep(d, m->kernel);
    d->m.initrd = keep(d, m->initrd);
    d->m.cmdline = keep(d, m->cmdline);
    d->m.disks = NULL;
    d->m.nics = NULL;
    d->m.n_disks = d->m.n_nics = 0;
}

bool qemu_is_word(const char *s)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return s && *s && *s != '-' && !s[strspn(s, letters)];
}

static int add_devices(struct qemu_def *d, const struct virt_machine *m, struct ol_err *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->n_disks; i++) {
        struct qemu_disk *made;

        r = qemu_def_add_disk(d, &m->disks[i], &made, err);
        if (r == -EEXIST)
            r = ol_err_set(err, EINVAL, "there are two disks '%s'", m->disks[i].role);
    }
    for (size_t i = 0; r >= 0 && i < m->n_nics; i++) {
        struct qemu_nic *made;

        r = qemu_def_add_nic(d, &m->nics[i], &made, err);
        if (r == -EEXIST)
            r = ol_err_set(err, EINVAL, "there are two NICs '%s'", m->nics[i].id);
    }
    return r;
}

static int check_memory(const struct virt_machine *m, const struct compute_config *c,
                        struct ol_err *err)
{
    if (m->memory_mb <= 0)
        return ol_err_set(err, EINVAL, "a machine needs memory");
    if (c->qemu_max_memory_mb > 0 && m->memory_mb > c->qemu_max_memory_mb)
        return ol_err_set(err, EINVAL, "%lld MiB of memory are more than qemu_max_memory_mb allows",
                          (long long)m->memory_mb);
    return 0;
}

int qemu_def_make(const struct virt_machine *m, const struct compute_config *c,
                  struct qemu_def **ret, struct ol_err *err)
{
    struct qemu_def *d = ol_xcalloc(1, sizeof(*d));
    int r;

    ol_arena_init(&d->arena, QEMU_DEF_MAX);
    keep_machine(d, m, c);
    d->n_ports = QEMU_MAX_DEVICES;
    /* A user's image says it, and "pc,initrd=FILE" would give him files of the host. */
    r = qemu_is_word(d->m.machine_type)
            ? add_devices(d, m, err)
            : ol_err_set(err, EINVAL, "'%.60s' is no machine type", d->m.machine_type);
    if (r == 0)
        r = check_memory(m, c, err);
    if (r < 0) {
        qemu_def_free(d);
        return r;
    }
    d->n_ports = 0;
    for (int unit = QEMU_MAX_DEVICES; unit > 0 && !d->n_ports; unit--)
        if (is_port_used(d, unit))
            d->n_ports = unit;
    d->n_ports += QEMU_SPARE_PORTS;
    if (d->n_ports > QEMU_MAX_DEVICES)
        d->n_ports = QEMU_MAX_DEVICES;
    *ret = d;
    return 0;
}
