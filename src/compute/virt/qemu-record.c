/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/virt/qemu-def.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

/* machine.json: a definition as text. Field tables say which member is which key. */

enum { VERSION = 1 };

enum field_kind { FIELD_STR, FIELD_INT, FIELD_INT64, FIELD_BOOL };

struct field {
    const char *key;
    enum field_kind kind;
    size_t at;
};

#define F(kind_, type, key_, member)                                                               \
    {                                                                                              \
        .key = key_, .kind = FIELD_##kind_, .at = offsetof(struct type, member)                    \
    }

static const struct field machine_fields[] = {
    F(STR, qemu_def, "uuid", m.uuid),
    F(STR, qemu_def, "name", m.name),
    F(STR, qemu_def, "directory", m.directory),
    F(INT64, qemu_def, "memory_mb", m.memory_mb),
    F(INT, qemu_def, "vcpus", m.vcpus),
    F(STR, qemu_def, "machine_type", m.machine_type),
    F(STR, qemu_def, "cpu_model", m.cpu_model),
    F(STR, qemu_def, "kernel", m.kernel),
    F(STR, qemu_def, "initrd", m.initrd),
    F(STR, qemu_def, "cmdline", m.cmdline),
    F(BOOL, qemu_def, "has_status_port", m.has_status_port),
    F(INT, qemu_def, "n_ports", n_ports),
    F(STR, qemu_def, "boot_id", boot_id),
};

static const struct field disk_fields[] = {
    F(STR, qemu_disk, "role", d.role),
    F(STR, qemu_disk, "path", d.path),
    F(STR, qemu_disk, "base", d.base),
    F(BOOL, qemu_disk, "is_base_qcow2", d.is_base_qcow2),
    F(INT, qemu_disk, "format", d.format),
    F(INT64, qemu_disk, "size", d.size),
    F(STR, qemu_disk, "bus", d.bus),
    F(STR, qemu_disk, "device", d.device),
    F(STR, qemu_disk, "serial", d.serial),
    F(STR, qemu_disk, "initiator", d.initiator),
    F(STR, qemu_disk, "user", d.user),
    F(BOOL, qemu_disk, "is_cdrom", d.is_cdrom),
    F(BOOL, qemu_disk, "is_read_only", d.is_read_only),
    F(BOOL, qemu_disk, "is_ours", d.is_ours),
    F(INT, qemu_disk, "boot_index", d.boot_index),
    F(INT, qemu_disk, "unit", unit),
};

static const struct field nic_fields[] = {
    F(STR, qemu_nic, "id", n.id),         F(STR, qemu_nic, "mac", n.mac),
    F(STR, qemu_nic, "model", n.model),   F(STR, qemu_nic, "kind", n.kind),
    F(STR, qemu_nic, "bridge", n.bridge), F(STR, qemu_nic, "tap", n.tap),
    F(INT, qemu_nic, "mtu", n.mtu),       F(STR, qemu_nic, "forwards", n.forwards),
    F(INT, qemu_nic, "unit", unit),
};

static struct ol_val *dump_fields(struct ol_arena *a, const struct field *fields, size_t n,
                                  const void *from)
{
    struct ol_val *map = ol_val_new_map(a);

    for (const struct field *f = fields; f < fields + n; f++) {
        const void *at = (const char *)from + f->at;

        if (f->kind == FIELD_STR) {
            if (*(const char *const *)at)
                ol_val_set_str(a, map, f->key, *(const char *const *)at);
        } else if (f->kind == FIELD_INT) {
            ol_val_set_int(a, map, f->key, *(const int *)at);
        } else if (f->kind == FIELD_INT64) {
            ol_val_set_int(a, map, f->key, *(const int64_t *)at);
        } else {
            ol_val_set_bool(a, map, f->key, *(const bool *)at);
        }
    }
    return map;
}

static void load_fields(struct ol_arena *a, const struct field *fields, size_t n,
                        const struct ol_val *map, void *to)
{
    for (const struct field *f = fields; f < fields + n; f++) {
        const struct ol_val *v = ol_val_get(map, f->key);
        void *at = (char *)to + f->at;

        if (f->kind == FIELD_STR)
            *(const char **)at = ol_val_str(v) ? ol_arena_strdup(a, ol_val_str(v)) : NULL;
        else if (f->kind == FIELD_INT)
            *(int *)at = (int)ol_val_int(v, 0);
        else if (f->kind == FIELD_INT64)
            *(int64_t *)at = ol_val_int(v, 0);
        else
            *(bool *)at = ol_val_is_truthy(v);
    }
}

int qemu_def_dump(const struct qemu_def *d, struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(QEMU_DEF_MAX);
    struct ol_val *map = dump_fields(&a, machine_fields, ol_count(machine_fields), d);
    struct ol_val *disks = ol_val_new_list(&a), *nics = ol_val_new_list(&a);

    for (size_t i = 0; i < d->n_disks; i++)
        ol_val_append(&a, disks, dump_fields(&a, disk_fields, ol_count(disk_fields), &d->disks[i]));
    for (size_t i = 0; i < d->n_nics; i++)
        ol_val_append(&a, nics, dump_fields(&a, nic_fields, ol_count(nic_fields), &d->nics[i]));
    ol_val_set_int(&a, map, "version", VERSION);
    ol_val_set(&a, map, "disks", disks);
    ol_val_set(&a, map, "nics", nics);
    return ol_json_dump(map, &ol_json_python, to);
}

/* What everything else relies on. */
static bool has_disk(const struct qemu_disk *disk)
{
    return disk->d.role && disk->d.path && disk->d.bus && (unsigned)disk->d.format <= VIRT_QCOW2;
}

static bool has_nic(const struct qemu_nic *nic)
{
    return nic->n.id && nic->n.mac && nic->n.kind && nic->n.model;
}

static bool is_sound(const struct qemu_def *d)
{
    bool is_good = d->m.uuid && d->m.name && d->m.directory && qemu_is_word(d->m.machine_type);

    is_good = is_good && d->m.memory_mb > 0 && d->n_ports >= 0 && d->n_ports <= QEMU_MAX_DEVICES;
    for (size_t i = 0; i < d->n_disks; i++)
        is_good = is_good && has_disk(&d->disks[i]);
    for (size_t i = 0; i < d->n_nics; i++)
        is_good = is_good && has_nic(&d->nics[i]);
    return is_good;
}

static void load(struct qemu_def *d, const struct ol_val *map)
{
    const struct ol_val *disks = ol_val_get(map, "disks"), *nics = ol_val_get(map, "nics");

    load_fields(&d->arena, machine_fields, ol_count(machine_fields), map, d);
    for (; d->n_disks < ol_val_count(disks) && d->n_disks < QEMU_MAX_DISKS; d->n_disks++)
        load_fields(&d->arena, disk_fields, ol_count(disk_fields), ol_val_item(disks, d->n_disks),
                    &d->disks[d->n_disks]);
    for (; d->n_nics < ol_val_count(nics) && d->n_nics < QEMU_MAX_NICS; d->n_nics++)
        load_fields(&d->arena, nic_fields, ol_count(nic_fields), ol_val_item(nics, d->n_nics),
                    &d->nics[d->n_nics]);
}

int qemu_def_load(const char *text, size_t size, struct qemu_def **ret, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 * QEMU_DEF_MAX);
    struct ol_val *map = NULL;
    struct qemu_def *d;
    int r = ol_json_load(text, size, &a, &map, err);

    if (r < 0)
        return r;
    if (ol_val_int(ol_val_get(map, "version"), 0) != VERSION)
        return ol_err_set(err, EINVAL, "it is not of version %d", VERSION);
    d = ol_xcalloc(1, sizeof(*d));
    ol_arena_init(&d->arena, QEMU_DEF_MAX);
    load(d, map);
    if (!is_sound(d)) {
        qemu_def_free(d);
        return ol_err_set(err, EINVAL, "it lacks what a machine needs");
    }
    *ret = d;
    return 0;
}
