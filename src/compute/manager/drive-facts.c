/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "compute/manager/drive-internal.h"
#include "core/str.h"

enum { MAX_QUERY = 8 << 10 };

static bool is_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static const char *strip_dev(const char *name)
{
    return name && ol_str_starts(name, "/dev/") ? name + strlen("/dev/") : name;
}

/* --- tags: nova 26 virt/libvirt/driver.py _build_device_metadata() --- */

static struct ol_val *tags_of(struct ol_arena *a, const char *tag)
{
    struct ol_val *tags = ol_val_new_list(a);

    ol_val_append(a, tags, ol_val_new_str(a, tag));
    return tags;
}

static struct ol_val *disk_of(struct ol_arena *a, const struct nova_object *bdm)
{
    const char *bus = nova_str(bdm, "disk_bus"), *serial = nova_str(bdm, "volume_id");
    bool has_own_bus = is_text(bus, "scsi") || is_text(bus, "ide") || is_text(bus, "usb");
    struct ol_val *v = ol_val_new_map(a);

    ol_val_set_str(a, v, "type", "disk");
    if (serial)
        ol_val_set_str(a, v, "serial", serial);
    ol_val_set_str(a, v, "bus", has_own_bus ? bus : "pci");
    ol_val_set_str(a, v, "address", "none");
    ol_val_set(a, v, "tags", tags_of(a, nova_str(bdm, "tag")));
    return v;
}

static struct ol_val *nic_of(struct ol_arena *a, const char *mac, const char *tag)
{
    struct ol_val *v = ol_val_new_map(a);

    ol_val_set_bool(a, v, "vf_trusted", false);
    ol_val_set_str(a, v, "type", "nic");
    ol_val_set_str(a, v, "mac", mac);
    ol_val_set_str(a, v, "bus", "pci");
    ol_val_set_str(a, v, "address", "none");
    ol_val_set(a, v, "tags", tags_of(a, tag));
    return v;
}

static struct nova_object *rows_of(struct work *w)
{
    struct ol_val *args = ol_val_new_list(w->arena);
    struct nova_object *list = NULL;
    struct ol_err err = OL_ERR_INIT;

    ol_val_append(w->arena, args, ol_val_new_str(w->arena, instance_uuid(w)));
    if (conductor_get(w->m->conductor, &w->context, "VirtualInterfaceList", "get_by_instance_uuid",
                      args, NULL, w->arena, &list, &err)
        < 0)
        ol_warn(w->m->env, "instance %s: tags of its interfaces are not known: %s",
                instance_uuid(w), ol_err_text(&err));
    return list;
}

static void add_nics(struct work *w, struct ol_val *devices, const struct ol_val *info)
{
    const struct nova_object *rows = ol_val_count(info) ? rows_of(w) : NULL;

    for (size_t i = 0; rows && i < nova_list_count(rows); i++) {
        const struct nova_object *row = nova_list_item(rows, i);
        const char *tag = nova_str(row, "tag");

        for (size_t j = 0; tag && j < ol_val_count(info); j++) {
            const struct ol_val *vif = ol_val_item(info, j);
            const char *mac = ol_val_str(ol_val_get(vif, "address"));

            if (mac && is_text(nova_str(row, "uuid"), ol_val_str(ol_val_get(vif, "id"))))
                ol_val_append(w->arena, devices, nic_of(w->arena, mac, tag));
        }
    }
}

const struct ol_val *drive_devices(struct work *w, const struct nova_object *mappings,
                                   const struct ol_val *network_info)
{
    struct ol_val *devices = ol_val_new_list(w->arena);

    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        const struct nova_object *bdm = nova_list_item(mappings, i);

        if (nova_str(bdm, "tag"))
            ol_val_append(w->arena, devices, disk_of(w->arena, bdm));
    }
    add_nics(w, devices, network_info);
    return devices;
}

/* --- nova 26 block_device.py instance_block_mapping() --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void set_volumes(struct ol_arena *a, struct ol_val *map, const struct nova_object *mappings)
{
    size_t n = nova_list_count(mappings), n_names = 0;
    const char **names = ol_arena_alloc(a, (n + 1) * sizeof(*names));

    for (size_t i = 0; i < n; i++) {
        const struct nova_object *bdm = nova_list_item(mappings, i);
        const char *name = nova_str(bdm, "device_name");

        if (name && is_text(nova_str(bdm, "destination_type"), "volume"))
            names[n_names++] = name;
    }
    qsort(names, n_names, sizeof(*names), by_name);
    for (size_t i = 0; i < n_names; i++)
        ol_val_set_str(a, map, ol_arena_printf(a, "ebs%zu", i), names[i]);
}

static void set_blanks(struct ol_arena *a, struct ol_val *map, const struct nova_object *mappings,
                       bool want_swap)
{
    unsigned number = 0;

    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        const struct nova_object *bdm = nova_list_item(mappings, i);
        bool is_swap = is_text(nova_str(bdm, "guest_format"), "swap");

        if (is_text(nova_str(bdm, "destination_type"), "volume")
            || !is_text(nova_str(bdm, "source_type"), "blank") || is_swap != want_swap)
            continue;
        ol_val_set_str(a, map, is_swap ? "swap" : ol_arena_printf(a, "ephemeral%u", number++),
                       nova_str(bdm, "device_name"));
    }
}

const struct ol_val *drive_mappings(const struct work *w, const struct nova_object *mappings)
{
    static const char *const defaults[][2] = {{"ephemeral0", "default_ephemeral_device"},
                                              {"swap", "default_swap_device"}};
    const char *root = nova_str(w->instance, "root_device_name");
    struct ol_val *map = ol_val_new_map(w->arena);

    if (!root)
        return NULL;
    ol_val_set_str(w->arena, map, "ami", strip_dev(root));
    ol_val_set_str(w->arena, map, "root", root);
    for (size_t i = 0; i < ol_count(defaults); i++)
        if (nova_str(w->instance, defaults[i][1]))
            ol_val_set_str(w->arena, map, defaults[i][0], nova_str(w->instance, defaults[i][1]));
    set_volumes(w->arena, map, mappings);
    set_blanks(w->arena, map, mappings, true);
    set_blanks(w->arena, map, mappings, false);
    return map;
}

/* --- security groups --- */

static void add_ids(struct ol_buf *query, const struct ol_val *ports)
{
    for (size_t i = 0; i < ol_val_count(ports); i++) {
        const struct ol_val *ids = ol_val_get(ol_val_item(ports, i), "security_groups");

        for (size_t j = 0; j < ol_val_count(ids); j++) {
            const char *id = ol_val_str(ol_val_item(ids, j));

            if (id && strspn(id, "0123456789abcdef-") == strlen(id)
                && !(query->len && strstr(query->data, id)))
                ol_buf_printf(query, "%sid=%s", query->len ? "&" : "", id);
        }
    }
}

const struct ol_val *drive_security_groups(struct work *w, const struct ol_val *network_info)
{
    ol_auto(ol_buf_done) struct ol_buf query = OL_BUF_INIT(MAX_QUERY);
    const struct ol_val *ports = NULL, *groups = NULL;
    struct ol_val *names = ol_val_new_list(w->arena);
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON) || !ol_val_count(network_info))
        return NULL;
    r = neutron_ports(w->m->cloud, &w->context, instance_uuid(w), w->arena, &ports, &err);
    if (r >= 0)
        add_ids(&query, ports);
    if (r >= 0 && query.len && ol_buf_status(&query) >= 0)
        r = neutron_list(w->m->cloud, &w->context, "security-groups", query.data, w->arena, &groups,
                         &err);
    if (r < 0)
        ol_warn(w->m->env, "instance %s: its security groups are not known: %s", instance_uuid(w),
                ol_err_text(&err));
    for (size_t i = 0; i < ol_val_count(groups); i++) {
        const char *name = ol_val_str(ol_val_get(ol_val_item(groups, i), "name"));

        if (name)
            ol_val_append(w->arena, names, ol_val_new_str(w->arena, name));
    }
    return names;
}
