/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"

/* "server diagnostics": what a running machine is doing. */

static const char *power_name(enum virt_power power)
{
    static const char *const names[] = {
        [VIRT_NOSTATE] = "pending",   [VIRT_RUNNING] = "running", [VIRT_PAUSED] = "paused",
        [VIRT_SHUTDOWN] = "shutdown", [VIRT_CRASHED] = "crashed", [VIRT_SUSPENDED] = "suspended"};

    return power < ol_count(names) && names[power] ? names[power] : "pending";
}

static int look(struct work *w, struct virt_info *ret, struct ol_err *err)
{
    int r = w->m->driver->info(w->m->virt, instance_uuid(w), ret, err);

    if (r < 0 || ret->power == VIRT_RUNNING)
        return r;
    return nova_fail(err, NOVA_INSTANCE_INVALID_STATE,
                     "Instance %s in power state %s. Cannot get_diagnostics while the instance is "
                     "in this state.",
                     instance_uuid(w), power_name(ret->power));
}

/* The driver's own words, as the API gave them before 2.48. */
int method_diagnostics(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct virt_info info = {0};
    struct ol_val *map = ol_val_new_map(w->arena);
    int r = look(w, &info, err);

    if (r < 0)
        return r;
    ol_val_set_int(w->arena, map, "memory", info.memory_kb);
    ol_val_set_int(w->arena, map, "cpu0_time", info.cpu_time);
    *ret = map;
    return 0;
}

static struct nova_object *new_object(struct work *w, const char *class)
{
    return nova_object_new(w->arena, w->m->parts.release, class);
}

/* The time of all of them is known, not of each. */
static void add_cpus(struct work *w, struct nova_object *to, const struct virt_info *info)
{
    struct ol_val *list = ol_val_new_list(w->arena);

    for (int i = 0; i < info->vcpus; i++) {
        struct nova_object *cpu = new_object(w, "CpuDiagnostics");

        nova_set_int(cpu, "id", i);
        nova_set_null(cpu, "time");
        nova_set_null(cpu, "utilisation");
        if (info->vcpus == 1)
            nova_set_int(cpu, "time", info->cpu_time);
        ol_val_append(w->arena, list, nova_object_dump(cpu));
    }
    nova_set_val(to, "cpu_details", list);
    nova_set_int(to, "num_cpus", info->vcpus);
}

static void add_nics(struct work *w, struct nova_object *to)
{
    static const char *const counters[] = {"rx_octets",  "rx_errors", "rx_drop",   "rx_packets",
                                           "rx_rate",    "tx_octets", "tx_errors", "tx_drop",
                                           "tx_packets", "tx_rate",   NULL};
    const struct ol_val *vifs = network_cached(w);
    struct ol_val *list = ol_val_new_list(w->arena);

    for (size_t i = 0; i < ol_val_count(vifs); i++) {
        struct nova_object *nic = new_object(w, "NicDiagnostics");

        nova_set_str(nic, "mac_address", ol_val_str(ol_val_get(ol_val_item(vifs, i), "address")));
        for (const char *const *name = counters; *name; name++)
            nova_set_null(nic, *name);
        ol_val_append(w->arena, list, nova_object_dump(nic));
    }
    nova_set_val(to, "nic_details", list);
    nova_set_int(to, "num_nics", (int64_t)ol_val_count(vifs));
}

static void add_memory(struct work *w, struct nova_object *to, const struct virt_info *info)
{
    struct nova_object *memory = new_object(w, "MemoryDiagnostics");

    nova_set_int(memory, "maximum", info->max_memory_kb / 1024);
    nova_set_int(memory, "used", info->memory_kb / 1024);
    nova_set_object(to, "memory_details", memory);
}

/* As an object, of API 2.48 and later. Its 'driver' is one of nova's words: what isn't libvirt's
 * would be refused by the API. */
int method_instance_diagnostics(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct nova_object *d = new_object(w, "Diagnostics");
    ol_time launched = nova_time(nova_str(w->instance, "launched_at"));
    ol_time now = ol_now_wall(w->m->env);
    const char *drive = nova_str(w->instance, "config_drive");
    struct virt_info info = {0};
    int r = look(w, &info, err);

    if (r < 0)
        return r;
    nova_set_str(d, "state", power_name(info.power));
    nova_set_str(d, "driver", "libvirt");
    nova_set_str(d, "hypervisor", w->m->config->virt_type);
    nova_set_str(d, "hypervisor_os", "linux");
    nova_set_int(d, "uptime", launched > 0 && now > launched ? (now - launched) / OL_SECOND : 0);
    nova_set_bool(d, "config_drive", drive && *drive);
    add_memory(w, d, &info);
    add_cpus(w, d, &info);
    add_nics(w, d);
    nova_set_val(d, "disk_details", ol_val_new_list(w->arena));
    nova_set_int(d, "num_disks", 0);
    *ret = nova_object_dump(d);
    return 0;
}
