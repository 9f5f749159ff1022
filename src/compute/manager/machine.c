/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "compute/manager/connector.h"
#include "compute/manager/drive.h"
#include "compute/manager/manager-internal.h"

/* An instance, its mappings and VIFs as the machine that a driver is told of. */

#define GIB ((int64_t)1 << 30)
#define MIB ((int64_t)1 << 20)

enum { MAX_CONNECTION_INFO = 64 << 10, MAX_DEVICES = 26 };

struct maker {
    struct work *w;
    const struct machine_plan *plan;
    struct virt_machine *m;
    struct virt_disk *disks;
    size_t n_disks;
    unsigned n_ephemeral;
};

static bool is_text(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

/* hw_disk_bus and the like: of the image as it came, else as it is kept with the instance. */
static const char *image_property(const struct maker *k, const char *name)
{
    const char *own = ol_val_str(ol_val_get(k->plan->image_properties, name));
    const struct ol_val *kept = nova_val(k->w->instance, "system_metadata");

    return own ? own : ol_val_str(ol_val_get(kept, ol_arena_printf(k->w->arena, "image_%s", name)));
}

static struct virt_disk *add_disk(struct maker *k, const char *role)
{
    struct virt_disk *d = &k->disks[k->n_disks++];

    *d = (struct virt_disk){.role = role, .boot_index = -1};
    return d;
}

static enum virt_disk_format own_format(const struct maker *k)
{
    return is_text(k->w->m->config->images_type, "raw") ? VIRT_RAW : VIRT_QCOW2;
}

static void make_ours(struct maker *k, struct virt_disk *d, int64_t size)
{
    d->is_ours = true;
    d->format = own_format(k);
    d->size = size;
}

static void add_root(struct maker *k, struct virt_disk *d)
{
    bool is_own = !k->plan->is_rescue || strcmp(d->role, "disk.rescue") == 0;
    const struct image_base *base = is_own ? k->plan->base : NULL;
    int64_t size = nova_int(k->w->instance, "root_gb", 0) * GIB;

    make_ours(k, d, base && base->virtual_size > size ? base->virtual_size : size);
    if (base) {
        d->base = ol_arena_strdup(k->w->arena, base->path);
        d->is_base_qcow2 = !base->is_raw;
    }
}

/* What attaching left in the mapping; NULL = it is not attached yet. */
static struct ol_val *connection_info(struct ol_arena *a, const struct nova_object *bdm)
{
    const char *text = nova_str(bdm, "connection_info");
    struct ol_val *info;
    struct ol_err err = OL_ERR_INIT;

    if (!text || strlen(text) > MAX_CONNECTION_INFO
        || ol_json_load(text, strlen(text), a, &info, &err) < 0)
        return NULL;
    return info;
}

/* One that cannot be understood has no path: the driver refuses it by name. */
static void add_volume(struct maker *k, struct virt_disk *d, const struct nova_object *bdm)
{
    struct ol_err err = OL_ERR_INIT;

    d->role = d->serial = nova_str(bdm, "volume_id");
    if (connector_disk(k->w, connection_info(k->w->arena, bdm), d, &err) < 0)
        ol_warn(k->w->m->env, "instance %s: volume %s: %s", instance_uuid(k->w), d->role,
                ol_err_text(&err));
}

static void add_blank(struct maker *k, struct virt_disk *d, const struct nova_object *bdm)
{
    int64_t size = nova_int(bdm, "volume_size", 0);
    bool is_swap = is_text(nova_str(bdm, "guest_format"), "swap");

    /* A flavor's swap is in MiB. */
    make_ours(k, d, is_swap ? size * MIB : size * GIB);
    d->role = is_swap ? "disk.swap" : ol_arena_printf(k->w->arena, "disk.eph%u", k->n_ephemeral++);
}

static void add_mapping(struct maker *k, const struct nova_object *bdm)
{
    bool is_volume = is_text(nova_str(bdm, "destination_type"), "volume");
    struct virt_disk *d;

    if (nova_bool(bdm, "no_device") || (is_volume && !nova_str(bdm, "connection_info")))
        return;
    d = add_disk(k, "disk");
    d->device = nova_str(bdm, "device_name");
    d->bus = nova_str(bdm, "disk_bus");
    d->is_cdrom = is_text(nova_str(bdm, "device_type"), "cdrom");
    d->boot_index = (int)nova_int(bdm, "boot_index", -1);
    if (is_volume)
        add_volume(k, d, bdm);
    else if (is_text(nova_str(bdm, "source_type"), "image"))
        add_root(k, d);
    else
        add_blank(k, d, bdm);
    if (!d->bus)
        d->bus = image_property(k, "hw_disk_bus");
}

/* A rescued instance boots from the rescue image; its own disks are there, too. */
static void add_rescue(struct maker *k)
{
    struct virt_disk *d;

    for (size_t i = 0; i < k->n_disks; i++)
        k->disks[i].boot_index = -1;
    d = add_disk(k, "disk.rescue");
    add_root(k, d);
    d->boot_index = 0;
}

static void add_disks(struct maker *k)
{
    size_t n = nova_list_count(k->plan->mappings);

    k->disks = ol_arena_alloc(k->w->arena, (n + 3) * sizeof(*k->disks));
    for (size_t i = 0; i < n; i++)
        add_mapping(k, nova_list_item(k->plan->mappings, i));
    if (k->plan->is_rescue)
        add_rescue(k);
    if (n == 0 && k->plan->base && !k->plan->is_rescue) {
        struct virt_disk *d = add_disk(k, "disk");

        d->boot_index = 0;
        add_root(k, d);
    }
    if (k->plan->has_config_drive) {
        struct virt_disk *d = add_disk(k, "disk.config");

        d->path = ol_arena_printf(k->w->arena, "%s/disk.config", k->m->directory);
        d->is_cdrom = d->is_read_only = true;
        d->bus = image_property(k, "hw_cdrom_bus");
    }
    k->m->disks = k->disks;
    k->m->n_disks = k->n_disks;
}

static void fill_nic(struct maker *k, struct virt_nic *n, const struct ol_val *vif)
{
    const struct ol_val *network = ol_val_get(vif, "network");
    const char *type = ol_val_str(ol_val_get(vif, "type"));

    n->id = ol_val_str(ol_val_get(vif, "id"));
    n->mac = ol_val_str(ol_val_get(vif, "address"));
    n->kind = type; /* one without is refused: it must not get the host's own network */
    n->bridge = ol_val_str(ol_val_get(network, "bridge"));
    n->tap = ol_val_str(ol_val_get(vif, "devname"));
    n->mtu = (int)ol_val_int(ol_val_at(network, "meta/mtu"), 0);
    n->forwards = ol_val_str(ol_val_at(vif, "profile/forwards"));
    n->model = image_property(k, "hw_vif_model");
}

static void add_nics(struct maker *k)
{
    const struct ol_val *info = k->plan->network_info;
    size_t n = ol_val_count(info);
    struct virt_nic *nics = ol_arena_alloc(k->w->arena, (n + 1) * sizeof(*nics));

    for (size_t i = 0; i < n; i++)
        fill_nic(k, &nics[i], ol_val_item(info, i));
    k->m->nics = nics;
    k->m->n_nics = n;
}

/* nova's libvirt driver: _set_guest_for... of an instance with kernel_id, whose files the build has
 * copied. A rescue boots from its image's disk. */
static void add_kernel(struct maker *k)
{
    const char *kernel = nova_str(k->w->instance, "kernel_id");
    const char *ramdisk = nova_str(k->w->instance, "ramdisk_id");
    const char *root = nova_str(k->w->instance, "root_device_name");
    const char *own = image_property(k, "os_command_line");

    if (!kernel || !*kernel || k->plan->is_rescue)
        return;
    k->m->kernel = ol_arena_printf(k->w->arena, "%s/kernel", k->m->directory);
    if (ramdisk && *ramdisk)
        k->m->initrd = ol_arena_printf(k->w->arena, "%s/ramdisk", k->m->directory);
    k->m->cmdline = own ? own
                        : ol_arena_printf(k->w->arena, "root=%s console=tty0 console=ttyS0",
                                          root ? root : "/dev/vda");
}

struct virt_disk machine_volume(struct work *w, const struct nova_object *bdm)
{
    const struct machine_plan plan = {.mappings = NULL};
    struct virt_disk room = {.role = NULL};
    struct maker k = {.w = w, .plan = &plan, .disks = &room};

    add_mapping(&k, bdm);
    return room;
}

struct virt_machine *machine_make(struct work *w, const struct machine_plan *p)
{
    struct virt_machine *m = ol_arena_alloc(w->arena, sizeof(*m));
    struct maker k = {.w = w, .plan = p, .m = m};

    m->uuid = instance_uuid(w);
    m->name = instance_name(w);
    m->directory = instance_directory(w);
    m->memory_mb = nova_int(w->instance, "memory_mb", 0);
    m->vcpus = (int)nova_int(w->instance, "vcpus", 1);
    m->machine_type = image_property(&k, "hw_machine_type");
    add_kernel(&k);
    add_disks(&k);
    add_nics(&k);
    return m;
}

int machine_of_rescue(struct work *w, const struct image_base *rescue, struct virt_machine **ret,
                      struct ol_err *err)
{
    const char *drive = nova_str(w->instance, "config_drive");
    struct machine_plan p = {
        .has_config_drive = drive && *drive,
        .base = rescue,
        .is_rescue = rescue || is_text(nova_str(w->instance, "vm_state"), VM_RESCUED),
    };
    struct nova_object *mappings;
    int r = instance_mappings(w, &mappings, err);

    if (r < 0)
        return r;
    p.mappings = mappings;
    p.network_info = network_cached(w);
    if (p.has_config_drive && machine_has_disks(w))
        r = drive_need(w, mappings, p.network_info, err);
    if (r < 0)
        return r;
    *ret = machine_make(w, &p);
    return 0;
}

int machine_of(struct work *w, struct virt_machine **ret, struct ol_err *err)
{
    return machine_of_rescue(w, NULL, ret, err);
}

bool machine_has_disks(const struct work *w)
{
    return !(w->m->driver->traits & VIRT_HAS_NO_DISKS);
}

static const char *prefix_of(const struct work *w, const char *bus)
{
    static const struct {
        const char *bus, *prefix;
    } prefixes[] = {{"scsi", "sd"}, {"sata", "sd"}, {"usb", "sd"}, {"ide", "hd"}, {"fdc", "fd"}};

    for (size_t i = 0; bus && i < ol_count(prefixes); i++)
        if (strcmp(prefixes[i].bus, bus) == 0)
            return prefixes[i].prefix;
    return !bus && w->m->driver->prefix ? w->m->driver->prefix : "vd";
}

/* Letters are taken whatever the bus is, as nova does: vda and sda are never both there. */
const char *machine_next_device(struct work *w, const struct nova_object *mappings, const char *bus)
{
    uint32_t used = 0;

    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        const char *name = nova_str(nova_list_item(mappings, i), "device_name");
        size_t len = name ? strlen(name) : 0;

        if (len && name[len - 1] >= 'a' && name[len - 1] <= 'z')
            used |= 1u << (name[len - 1] - 'a');
    }
    for (int i = 0; i < MAX_DEVICES; i++)
        if (!(used & (1u << i)))
            return ol_arena_printf(w->arena, "/dev/%s%c", prefix_of(w, bus), 'a' + i);
    return ol_arena_printf(w->arena, "/dev/%saa", prefix_of(w, bus));
}
