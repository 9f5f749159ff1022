/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/str.h"

/*
 * Ports for an instance: nova 26 network/neutron.py allocate_for_instance(). Which ports are the
 * user's is written down before the first of them is bound: whoever ends the instance after a crash
 * then unbinds them and deletes none.
 */
struct taking {
    struct work *w;
    const struct ol_val *requested;
    struct ol_val *ports;  /* bound, in the order of the requests */
    struct ol_strv made;   /* ids, to be taken back */
    struct ol_strv theirs; /* likewise */
    struct ol_val *groups; /* ids of security groups; NULL = neutron's default */
};

static const char *text(const struct ol_val *v, const char *key)
{
    const char *s = ol_val_str(ol_val_get(v, key));

    return s ? s : "";
}

static struct cloud *cloud(const struct taking *t)
{
    return t->w->m->cloud;
}

/* What binds a port to this host. */
static struct ol_val *binding(struct work *w)
{
    const char *zone = nova_str(w->instance, "availability_zone");
    struct ol_val *port = ol_val_new_map(w->arena);

    ol_val_set_str(w->arena, port, "device_id", instance_uuid(w));
    ol_val_set_str(w->arena, port, "device_owner",
                   ol_arena_printf(w->arena, "compute:%s", zone ? zone : ""));
    ol_val_set_str(w->arena, port, "binding:host_id", w->m->config->host);
    return port;
}

static int check_port(struct taking *t, const char *id, const struct ol_val **ret,
                      struct ol_err *err)
{
    const char *project = nova_str(t->w->instance, "project_id"), *device, *owner;
    int r = neutron_port(cloud(t), &t->w->context, id, t->w->arena, ret, err);

    if (r < 0)
        return r;
    device = text(*ret, "device_id");
    owner = text(*ret, "tenant_id");
    if (*owner && project && strcmp(owner, project) != 0)
        return nova_fail(err, NOVA_PORT_NOT_USABLE, "Port %s not usable for instance %s.", id,
                         instance_uuid(t->w));
    if (*device && strcmp(device, instance_uuid(t->w)) != 0)
        return nova_fail(err, NOVA_PORT_IN_USE, "Port %s is still in use.", id);
    return 0;
}

/* The user's ports are written down before one of them is ours. */
static int note_theirs(struct taking *t, struct ol_err *err)
{
    const struct ol_val *wanted = network_requests(t->requested);
    struct ol_val *found = ol_val_new_list(t->w->arena), *info = NULL;
    struct ol_val *all = network_without(t->w, "");
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ol_val_count(wanted); i++) {
        const char *id = network_request(ol_val_item(wanted, i), "port_id");
        const struct ol_val *port = NULL;

        if (!id)
            continue;
        r = check_port(t, id, &port, err);
        if (r >= 0 && !network_vif(t->w, id))
            ol_val_append(t->w->arena, found, ol_val_copy(t->w->arena, port));
    }
    if (r < 0 || !ol_val_count(found))
        return r;
    r = network_info_of(t->w, found, t->requested, &info, err);
    for (size_t i = 0; r >= 0 && i < ol_val_count(info); i++)
        ol_val_append(t->w->arena, all, (struct ol_val *)ol_val_item(info, i));
    return r < 0 ? r : network_keep(t->w, all, err);
}

/* By name first, as nova does. */
static const char *group_id(const struct ol_val *groups, const char *wanted)
{
    const char *by_id = NULL;

    for (size_t i = 0; i < ol_val_count(groups); i++) {
        const struct ol_val *group = ol_val_item(groups, i);

        if (strcmp(text(group, "name"), wanted) == 0)
            return text(group, "id");
        if (strcmp(text(group, "id"), wanted) == 0)
            by_id = wanted;
    }
    return by_id;
}

static int find_groups(struct taking *t, struct ol_err *err)
{
    const struct ol_val *wanted = work_arg(t->w, "security_groups"), *groups = NULL;
    const char *first = ol_val_str(ol_val_item(wanted, 0));
    const char *project = nova_str(t->w->instance, "project_id");
    int r;

    if (!first || (ol_val_count(wanted) == 1 && strcmp(first, "default") == 0))
        return 0;
    r = neutron_list(
        cloud(t), &t->w->context, "security-groups",
        ol_arena_printf(t->w->arena, "fields=id&fields=name&tenant_id=%s", project ? project : ""),
        t->w->arena, &groups, err);
    t->groups = ol_val_new_list(t->w->arena);
    for (size_t i = 0; r >= 0 && i < ol_val_count(wanted); i++) {
        const char *name = ol_val_str(ol_val_item(wanted, i));
        const char *id = name ? group_id(groups, name) : NULL;

        if (!id)
            return nova_fail(err, NOVA_SECURITY_GROUP_NOT_FOUND, "Security group %s not found.",
                             name ? name : "None");
        ol_val_append(t->w->arena, t->groups, ol_val_new_str(t->w->arena, id));
    }
    return r;
}

static int note_row(struct work *w, const struct ol_val *port, const char *tag, struct ol_err *err)
{
    struct nova_object *row = nova_object_new(w->arena, w->m->parts.release, "VirtualInterface");

    nova_set_str(row, "instance_uuid", instance_uuid(w));
    nova_set_str(row, "uuid", text(port, "id"));
    nova_set_str(row, "address",
                 ol_arena_printf(w->arena, "%s/%s", text(port, "mac_address"), text(port, "id")));
    nova_set_str(row, "tag", tag);
    return conductor_create(w->m->conductor, &w->context, row, err);
}

static int check_binding(const struct ol_val *port, struct ol_err *err)
{
    if (strcmp(text(port, "binding:vif_type"), "binding_failed") != 0)
        return 0;
    return nova_fail(err, NOVA_PORT_BINDING_FAILED,
                     "Binding failed for port %s, please check neutron logs for more information.",
                     text(port, "id"));
}

static int create_port(struct taking *t, const struct ol_val *request, const struct ol_val **ret,
                       struct ol_err *err)
{
    struct work *w = t->w;
    struct ol_val *port = binding(w), *fixed, *address;
    const char *wanted = network_request(request, "address");
    int r;

    ol_val_set_str(w->arena, port, "network_id", network_request(request, "network_id"));
    ol_val_set_str(w->arena, port, "tenant_id", nova_str(w->instance, "project_id"));
    ol_val_set_bool(w->arena, port, "admin_state_up", true);
    if (t->groups)
        ol_val_set(w->arena, port, "security_groups", t->groups);
    if (wanted) {
        fixed = ol_val_new_list(w->arena);
        address = ol_val_new_map(w->arena);
        ol_val_set_str(w->arena, address, "ip_address", wanted);
        ol_val_append(w->arena, fixed, address);
        ol_val_set(w->arena, port, "fixed_ips", fixed);
    }
    r = neutron_create_port(cloud(t), &w->context, port, w->arena, ret, err);
    if (r >= 0 && !*text(*ret, "id"))
        return nova_fail(err, NOVA_EXCEPTION, "neutron: a port without an id");
    if (r >= 0)
        ol_strv_add(&t->made, text(*ret, "id"));
    return r;
}

static int take_port(struct taking *t, const struct ol_val *request, struct ol_err *err)
{
    const char *id = network_request(request, "port_id");
    const struct ol_val *port = NULL;
    int r;

    if (id) {
        ol_strv_add(&t->theirs, id);
        r = neutron_update_port(cloud(t), &t->w->context, id, binding(t->w), t->w->arena, &port,
                                err);
    } else {
        r = create_port(t, request, &port, err);
    }
    if (r >= 0)
        r = check_binding(port, err);
    if (r >= 0)
        r = note_row(t->w, port, network_request(request, "tag"), err);
    if (r >= 0)
        ol_val_append(t->w->arena, t->ports, (struct ol_val *)port);
    return r;
}

static void take_back(struct taking *t, const struct ol_strv *ids, bool is_kept)
{
    ol_strv_each (id, ids) {
        struct ol_err err = OL_ERR_INIT;

        if (network_release(t->w, id, is_kept, &err) < 0 || network_forget_row(t->w, id, &err) < 0)
            ol_warn(t->w->m->env, "instance %s: port %s was not given back: %s",
                    instance_uuid(t->w), id, ol_err_text(&err));
    }
}

/* Nothing was requested: the project's only network, or none. */
static int only_network(struct taking *t, struct ol_err *err)
{
    const char *project = nova_str(t->w->instance, "project_id");
    const struct ol_val *own = NULL, *shared = NULL;
    struct ol_val *request, *data;
    size_t n;
    int r = neutron_list(
        cloud(t), &t->w->context, "networks",
        ol_arena_printf(t->w->arena, "shared=False&tenant_id=%s", project ? project : ""),
        t->w->arena, &own, err);

    if (r >= 0)
        r = neutron_list(cloud(t), &t->w->context, "networks", "shared=True", t->w->arena, &shared,
                         err);
    n = ol_val_count(own) + ol_val_count(shared);
    if (r < 0 || n == 0)
        return r;
    if (n > 1)
        return nova_fail(err, NOVA_NETWORK_AMBIGUOUS,
                         "More than one possible network found. Specify network ID(s) to select "
                         "which one(s) to connect to.");
    request = ol_val_new_map(t->w->arena);
    data = ol_val_new_map(t->w->arena);
    ol_val_set_str(t->w->arena, data, "network_id",
                   text(ol_val_item(ol_val_count(own) ? own : shared, 0), "id"));
    ol_val_set(t->w->arena, request, "nova_object.data", data);
    return take_port(t, request, err);
}

/* A host before us has made them, and left them for the next one (nova's network_allocated). */
static int take_over(struct taking *t, struct ol_err *err)
{
    const struct ol_val *ports = NULL;
    int r = neutron_ports(cloud(t), &t->w->context, instance_uuid(t->w), t->w->arena, &ports, err);

    for (size_t i = 0; r >= 0 && i < ol_val_count(ports); i++) {
        const struct ol_val *port = NULL;

        r = neutron_update_port(cloud(t), &t->w->context, text(ol_val_item(ports, i), "id"),
                                binding(t->w), t->w->arena, &port, err);
        if (r >= 0)
            r = check_binding(port, err);
        if (r >= 0)
            ol_val_append(t->w->arena, t->ports, (struct ol_val *)port);
    }
    return r;
}

static int take_all(struct taking *t, struct ol_err *err)
{
    const struct ol_val *wanted = network_requests(t->requested);
    const char *before =
        ol_val_str(ol_val_get(nova_val(t->w->instance, "system_metadata"), "network_allocated"));
    int r;

    if (before && strcmp(before, "True") == 0)
        return take_over(t, err);
    r = note_theirs(t, err);
    if (r >= 0)
        r = find_groups(t, err);
    if (r >= 0 && ol_val_count(wanted) == 0)
        return only_network(t, err);
    for (size_t i = 0; r >= 0 && i < ol_val_count(wanted); i++)
        r = take_port(t, ol_val_item(wanted, i), err);
    return r;
}

int network_take_ports(struct work *w, const struct ol_val *requested, struct ol_val **ret,
                       struct ol_err *err)
{
    struct taking t = {.w = w, .requested = requested, .ports = ol_val_new_list(w->arena)};
    int r = take_all(&t, err);

    if (r < 0) {
        take_back(&t, &t.made, false);
        take_back(&t, &t.theirs, true);
    }
    ol_strv_done(&t.made);
    ol_strv_done(&t.theirs);
    if (r >= 0)
        *ret = t.ports;
    return r;
}

static int row_of(struct work *w, const char *port, struct nova_object **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_list(w->arena);

    ol_val_append(w->arena, args, ol_val_new_str(w->arena, port));
    return conductor_get(w->m->conductor, &w->context, "VirtualInterface", "get_by_uuid", args,
                         NULL, w->arena, ret, err);
}

int network_forget_row(struct work *w, const char *port, struct ol_err *err)
{
    struct nova_object *row = NULL;
    int r = row_of(w, port, &row, err);

    return r < 0 || !row ? r : conductor_destroy(w->m->conductor, &w->context, row, err);
}

int network_forget_rows(struct work *w, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_list(w->arena);
    struct nova_object *none;

    ol_val_append(w->arena, args, ol_val_new_str(w->arena, instance_uuid(w)));
    return conductor_get(w->m->conductor, &w->context, "VirtualInterface",
                         "delete_by_instance_uuid", args, NULL, w->arena, &none, err);
}
