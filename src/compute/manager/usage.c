/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/manager/usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/exception.h"
#include "core/alloc.h"
#include "core/cleanup.h"

enum { MIB_PER_GIB = 1024, MAX_STATS = 1 << 20 };

static void row_done(struct usage_row *row)
{
    free(row->uuid);
    free(row->vm_state);
    free(row->task_state);
    free(row->project);
    free(row->os_type);
}

void usage_clear(struct usage *u)
{
    for (size_t i = 0; i < u->n; i++)
        row_done(&u->rows[i]);
    u->n = 0;
}

void usage_done(struct usage *u)
{
    usage_clear(u);
    free(u->rows);
    *u = (struct usage){0};
}

bool usage_remove(struct usage *u, const char *uuid)
{
    for (size_t i = 0; i < u->n; i++) {
        if (strcmp(u->rows[i].uuid, uuid) != 0)
            continue;
        row_done(&u->rows[i]);
        u->rows[i] = u->rows[--u->n];
        return true;
    }
    return false;
}

static char *text_or_none(const struct nova_object *o, const char *field)
{
    const char *text = nova_str(o, field);

    return ol_xstrdup(text ? text : "None");
}

void usage_put(struct usage *u, const struct nova_object *instance)
{
    struct usage_row *row;

    usage_remove(u, nova_str(instance, "uuid"));
    if (u->n == u->cap) {
        u->cap = u->cap ? 2 * u->cap : 16;
        u->rows = ol_xrealloc(u->rows, u->cap, sizeof(*u->rows));
    }
    row = &u->rows[u->n++];
    row->uuid = text_or_none(instance, "uuid");
    row->vm_state = text_or_none(instance, "vm_state");
    row->task_state = text_or_none(instance, "task_state");
    row->project = text_or_none(instance, "project_id");
    row->os_type = text_or_none(instance, "os_type");
    row->vcpus = nova_int(instance, "vcpus", 0);
    row->memory_mb = nova_int(instance, "memory_mb", 0);
    row->disk_gb = nova_int(instance, "root_gb", 0) + nova_int(instance, "ephemeral_gb", 0);
}

static void count(struct ol_arena *a, struct ol_val *stats, const char *what, const char *value)
{
    const char *key = ol_arena_printf(a, "num_%s_%s", what, value);

    ol_val_set_int(a, stats, key, ol_val_int(ol_val_get(stats, key), 0) + 1);
}

/* nova.compute.stats: what counts as work for the disks. */
static bool is_io(const struct usage_row *row)
{
    static const char *const tasks[] = {"resize_migrating", "rebuilding",   "resize_prep",
                                        "image_snapshot",   "image_backup", "rescuing",
                                        "unshelving",       "shelving"};

    for (size_t i = 0; i < ol_count(tasks); i++)
        if (strcmp(row->task_state, tasks[i]) == 0)
            return true;
    return strcmp(row->vm_state, "building") == 0;
}

/* A map of texts, as the field wants it. */
static struct ol_val *make_stats(const struct usage *u, struct ol_arena *a)
{
    struct ol_val *numbers = ol_val_new_map(a), *stats = ol_val_new_map(a);
    int64_t io = 0;

    ol_val_set_int(a, numbers, "failed_builds", u->n_failed_builds);
    for (size_t i = 0; i < u->n; i++) {
        count(a, numbers, "vm", u->rows[i].vm_state);
        count(a, numbers, "task", u->rows[i].task_state);
        count(a, numbers, "os_type", u->rows[i].os_type);
        count(a, numbers, "proj", u->rows[i].project);
        io += is_io(&u->rows[i]);
    }
    if (u->n) {
        ol_val_set_int(a, numbers, "num_instances", (int64_t)u->n);
        ol_val_set_int(a, numbers, "io_workload", io);
    }
    for (size_t i = 0; i < ol_val_count(numbers); i++) {
        const struct ol_pair *p = ol_val_pair(numbers, i);

        ol_val_set_str(a, stats, ol_val_str(p->key), ol_val_to_text(a, p->value));
    }
    return stats;
}

static int64_t reserved_disk_gb(const struct compute_config *c)
{
    return (c->reserved_host_disk_mb + MIB_PER_GIB - 1) / MIB_PER_GIB;
}

static void fill_used(const struct usage *u, const struct compute_config *c,
                      struct nova_object *node)
{
    int64_t vcpus = c->reserved_host_cpus, memory = c->reserved_host_memory_mb;
    int64_t disk = reserved_disk_gb(c), workload = 0;

    for (size_t i = 0; i < u->n; i++) {
        vcpus += u->rows[i].vcpus;
        memory += u->rows[i].memory_mb;
        disk += u->rows[i].disk_gb;
        workload += strcmp(u->rows[i].task_state, "None") != 0;
    }
    nova_set_int(node, "vcpus_used", vcpus);
    nova_set_int(node, "memory_mb_used", memory);
    nova_set_int(node, "local_gb_used", disk);
    nova_set_int(node, "free_ram_mb", nova_int(node, "memory_mb", 0) - memory);
    nova_set_int(node, "free_disk_gb", nova_int(node, "local_gb", 0) - disk);
    nova_set_int(node, "current_workload", workload);
    nova_set_int(node, "running_vms", (int64_t)u->n);
}

/* "x86_64/qemu/hvm" as an HVSpec. */
static void add_spec(struct nova_object *node, const struct nova_release *release,
                     struct ol_val *list, const char *text)
{
    ol_auto(ol_strv_done) struct ol_strv parts = OL_STRV_INIT;
    struct nova_object *spec;

    ol_strv_split(&parts, text, "/");
    if (parts.n != 3)
        return;
    spec = nova_object_new(node->arena, release, "HVSpec");
    nova_set_str(spec, "arch", parts.v[0]);
    nova_set_str(spec, "hv_type", parts.v[1]);
    nova_set_str(spec, "vm_mode", parts.v[2]);
    ol_val_append(node->arena, list, nova_object_dump(spec));
}

/* We hand out no PCI devices; readers expect a list. */
static void add_no_devices(struct nova_object *node, const struct nova_release *release)
{
    struct nova_object *list = nova_object_new(node->arena, release, "PciDevicePoolList");

    nova_set_val(list, "objects", ol_val_new_list(node->arena));
    nova_set_object(node, "pci_device_pools", list);
}

void usage_fill_node(const struct usage *u, const struct virt_resources *r,
                     const struct compute_config *c, const struct nova_release *release,
                     struct nova_object *node)
{
    struct ol_val *specs = ol_val_new_list(node->arena);

    nova_set_int(node, "vcpus", r->vcpus);
    nova_set_int(node, "memory_mb", r->memory_mb);
    nova_set_int(node, "local_gb", r->local_gb);
    nova_set_int(node, "disk_available_least", r->disk_available_least);
    nova_set_str(node, "hypervisor_type", r->hypervisor_type);
    nova_set_int(node, "hypervisor_version", r->hypervisor_version);
    nova_set_str(node, "hypervisor_hostname", r->hypervisor_hostname);
    nova_set_str(node, "cpu_info", r->cpu_info);
    nova_set_str(node, "host_ip", c->my_ip);
    ol_strv_each (text, &r->hv_specs)
        add_spec(node, release, specs, text);
    /* Specs that say the same are no change, whatever the order of their own changes is. */
    if (ol_val_count(nova_val(node, "supported_hv_specs")) != ol_val_count(specs))
        nova_set_val(node, "supported_hv_specs", specs);
    nova_set_val(node, "stats", make_stats(u, node->arena));
    if (!nova_str(node, "metrics"))
        nova_set_str(node, "metrics", "[]");
    if (!nova_child(node, "pci_device_pools"))
        add_no_devices(node, release);
    fill_used(u, c, node);
}

static int fits(const char *what, double total, double ratio, int64_t used, int64_t more,
                struct ol_err *err)
{
    double limit = total * ratio;

    if ((double)used + (double)more <= limit)
        return 0;
    return nova_fail(err, NOVA_COMPUTE_RESOURCES_UNAVAILABLE,
                     "Insufficient compute resources: Free %s %.0f < requested %lld.", what,
                     limit > (double)used ? limit - (double)used : 0.0, (long long)more);
}

int usage_fits(const struct nova_object *node, int64_t vcpus, int64_t memory_mb, int64_t disk_gb,
               struct ol_err *err)
{
    int r = fits("vcpu", (double)nova_int(node, "vcpus", 0),
                 nova_float(node, "cpu_allocation_ratio", 1), nova_int(node, "vcpus_used", 0),
                 vcpus, err);

    if (r >= 0)
        r = fits("memory", (double)nova_int(node, "memory_mb", 0),
                 nova_float(node, "ram_allocation_ratio", 1), nova_int(node, "memory_mb_used", 0),
                 memory_mb, err);
    if (r >= 0)
        r = fits("disk", (double)nova_int(node, "local_gb", 0),
                 nova_float(node, "disk_allocation_ratio", 1), nova_int(node, "local_gb_used", 0),
                 disk_gb, err);
    return r;
}

void usage_inventories(const struct nova_object *node, const struct compute_config *c,
                       struct placement_inventory ret[USAGE_INVENTORIES])
{
    const struct {
        const char *resource_class, *total, *ratio;
        int64_t reserved;
    } rows[USAGE_INVENTORIES] = {
        {"VCPU", "vcpus", "cpu_allocation_ratio", c->reserved_host_cpus},
        {"MEMORY_MB", "memory_mb", "ram_allocation_ratio", c->reserved_host_memory_mb},
        {"DISK_GB", "local_gb", "disk_allocation_ratio", reserved_disk_gb(c)},
    };

    for (size_t i = 0; i < USAGE_INVENTORIES; i++) {
        int64_t total = nova_int(node, rows[i].total, 0);

        ret[i] = (struct placement_inventory){
            .resource_class = rows[i].resource_class,
            .total = total,
            .reserved = rows[i].reserved,
            .min_unit = 1,
            .max_unit = total,
            .step_size = 1,
            .allocation_ratio = nova_float(node, rows[i].ratio, 1),
        };
    }
}
