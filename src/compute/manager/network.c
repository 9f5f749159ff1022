/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"

/*
 * Ports of an instance: asked of neutron where there is one; on a machine that stands alone the
 * network of the option, QEMU's own ("user") by default.
 */
enum { MAX_NETWORK_INFO = 1 << 20 };

const struct ol_val *network_requests(const struct ol_val *requested)
{
    return ol_val_at(requested, "nova_object.data/objects");
}

const char *network_request(const struct ol_val *request, const char *field)
{
    return ol_val_str(ol_val_get(ol_val_get(request, "nova_object.data"), field));
}

static bool wants_none(const struct ol_val *requested)
{
    const char *id = network_request(ol_val_item(network_requests(requested), 0), "network_id");

    return id && strcmp(id, "none") == 0;
}

/* Stable for an instance: 52:54:00 and three bytes of its uuid. */
static const char *own_mac(struct work *w)
{
    unsigned a = 0;
    const char *uuid = instance_uuid(w);

    for (const char *p = uuid; *p; p++)
        a = a * 31 + (unsigned char)*p;
    return ol_arena_printf(w->arena, "52:54:00:%02x:%02x:%02x", a >> 16 & 0xff, a >> 8 & 0xff,
                           a & 0xff);
}

static struct ol_val *own_network(struct work *w)
{
    const char *backend = w->m->config->network_backend;
    struct ol_val *list = ol_val_new_list(w->arena), *vif, *network;
    const char *colon = backend ? strchr(backend, ':') : NULL;

    if (backend && strcmp(backend, "none") == 0)
        return list;
    vif = ol_val_new_map(w->arena);
    network = ol_val_new_map(w->arena);
    ol_val_set_str(w->arena, vif, "id", ol_arena_printf(w->arena, "%.11s", instance_uuid(w)));
    ol_val_set_str(w->arena, vif, "address", own_mac(w));
    ol_val_set_str(w->arena, vif, "type", colon ? "bridge" : "user");
    ol_val_set_bool(w->arena, vif, "active", true);
    ol_val_set_str(w->arena, network, "label", colon ? colon + 1 : "user");
    if (colon)
        ol_val_set_str(w->arena, network, "bridge", colon + 1);
    ol_val_set(w->arena, network, "subnets", ol_val_new_list(w->arena));
    ol_val_set(w->arena, network, "meta", ol_val_new_map(w->arena));
    ol_val_set(w->arena, vif, "network", network);
    ol_val_append(w->arena, list, vif);
    return list;
}

int network_keep(struct work *w, const struct ol_val *info, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_NETWORK_INFO);
    struct nova_object *kept = nova_child(w->instance, "info_cache");
    const char *before = kept ? nova_str(kept, "network_info") : NULL;

    if (!kept)
        return 0;
    if (ol_json_dump(info, &ol_json_python, &text) < 0)
        return nova_fail(err, NOVA_EXCEPTION, "the VIFs of instance %s are too many",
                         instance_uuid(w));
    if (before && strcmp(before, text.data) == 0)
        return 0;
    nova_set_str(kept, "network_info", text.data);
    return conductor_save(w->m->conductor, &w->context, kept, err);
}

static bool is_id(const struct ol_val *v, const char *id)
{
    const char *own = ol_val_str(ol_val_get(v, "id"));

    return own && strcmp(own, id) == 0;
}

static const struct ol_val *find(const struct ol_val *list, const char *id)
{
    for (size_t i = 0; id && i < ol_val_count(list); i++)
        if (is_id(ol_val_item(list, i), id))
            return ol_val_item(list, i);
    return NULL;
}

const struct ol_val *network_cached(struct work *w)
{
    const struct nova_object *kept = nova_child(w->instance, "info_cache");
    const char *text = kept ? nova_str(kept, "network_info") : NULL;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *info;

    if (!text || ol_json_load(text, strlen(text), w->arena, &info, &err) < 0)
        return NULL;
    return info;
}

const struct ol_val *network_vif(struct work *w, const char *port)
{
    return find(network_cached(w), port);
}

struct ol_val *network_without(struct work *w, const char *port)
{
    const struct ol_val *info = network_cached(w);
    struct ol_val *list = ol_val_new_list(w->arena);

    for (size_t i = 0; i < ol_val_count(info); i++)
        if (!is_id(ol_val_item(info, i), port))
            ol_val_append(w->arena, list, ol_val_copy(w->arena, ol_val_item(info, i)));
    return list;
}

/* The user's port: requested by its id, now or when the kept VIFs were written. */
static bool is_theirs(struct work *w, const struct ol_val *requested, const char *port)
{
    const struct ol_val *wanted = network_requests(requested);

    for (size_t i = 0; i < ol_val_count(wanted); i++) {
        const char *id = network_request(ol_val_item(wanted, i), "port_id");

        if (id && strcmp(id, port) == 0)
            return true;
    }
    return ol_val_is_truthy(ol_val_get(network_vif(w, port), "preserve_on_delete"));
}

/* In the order of the kept VIFs, which is that of the guest's devices; new ones at the end. */
static const struct ol_val *in_order(struct work *w, const struct ol_val *ports)
{
    const struct ol_val *info = network_cached(w);
    struct ol_val *list = ol_val_new_list(w->arena);

    for (size_t i = 0; i < ol_val_count(info); i++) {
        const struct ol_val *port = find(ports, ol_val_str(ol_val_get(ol_val_item(info, i), "id")));

        if (port)
            ol_val_append(w->arena, list, (struct ol_val *)port);
    }
    for (size_t i = 0; i < ol_val_count(ports); i++) {
        const struct ol_val *port = ol_val_item(ports, i);

        if (!find(list, ol_val_str(ol_val_get(port, "id"))))
            ol_val_append(w->arena, list, (struct ol_val *)port);
    }
    return list;
}

int network_info_of(struct work *w, const struct ol_val *ports, const struct ol_val *requested,
                    struct ol_val **ret, struct ol_err *err)
{
    int r = neutron_network_info(w->m->cloud, &w->context, ports, w->arena, ret, err);

    for (size_t i = 0; r >= 0 && i < ol_val_count(*ret); i++) {
        struct ol_val *vif = (struct ol_val *)ol_val_item(*ret, i);
        const char *id = ol_val_str(ol_val_get(vif, "id"));

        if (id)
            ol_val_set_bool(w->arena, vif, "preserve_on_delete", is_theirs(w, requested, id));
    }
    return r;
}

int network_allocate(struct work *w, const struct ol_val *requested, struct ol_val **ret,
                     struct ol_err *err)
{
    struct ol_val *ports = NULL;
    int r;

    if (wants_none(requested)) {
        *ret = ol_val_new_list(w->arena);
        return 0;
    }
    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON)) {
        *ret = own_network(w);
        return network_keep(w, *ret, err);
    }
    r = network_take_ports(w, requested, &ports, err);
    if (r >= 0)
        r = network_info_of(w, ports, requested, ret, err);
    return r < 0 ? r : network_keep(w, *ret, err);
}

int network_add(struct work *w, const struct ol_val *requested, const struct ol_val **ret,
                struct ol_err *err)
{
    struct ol_val *ports = NULL, *info = NULL, *all = network_without(w, "");
    int r = cloud_has(w->m->cloud, CLOUD_NEUTRON)
                ? network_take_ports(w, requested, &ports, err)
                : nova_fail(err, NOVA_NOT_IMPLEMENTED, "there is no network service");

    if (r >= 0)
        r = network_info_of(w, ports, requested, &info, err);
    if (r < 0)
        return r;
    *ret = ol_val_item(info, 0);
    if (!*ret)
        return nova_fail(err, NOVA_INTERFACE_ATTACH_FAILED,
                         "Failed to attach network adapter device to %s", instance_uuid(w));
    ol_val_append(w->arena, all, ol_val_copy(w->arena, *ret));
    return network_keep(w, all, err);
}

int network_release(struct work *w, const char *id, bool is_kept, struct ol_err *err)
{
    struct ol_val *change = ol_val_new_map(w->arena);
    const struct ol_val *port;
    int r;

    if (!is_kept)
        return neutron_delete_port(w->m->cloud, &w->context, id, err);
    ol_val_set_str(w->arena, change, "device_id", "");
    ol_val_set_str(w->arena, change, "device_owner", "");
    ol_val_set(w->arena, change, "binding:host_id", ol_val_new_null(w->arena));
    r = neutron_update_port(w->m->cloud, &w->context, id, change, w->arena, &port, err);
    return r < 0 && nova_is(err, NOVA_PORT_NOT_FOUND) ? 0 : r;
}

int network_remove(struct work *w, const char *port, struct ol_err *err)
{
    int r = network_release(w, port, is_theirs(w, NULL, port), err);

    if (r >= 0)
        r = network_forget_row(w, port, err);
    return r < 0 ? r : network_keep(w, network_without(w, port), err);
}

int network_deallocate(struct work *w, struct ol_err *err)
{
    const struct ol_val *ports = NULL, *requested = work_arg(w, "requested_networks");
    int r, failed = 0;

    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON))
        return 0;
    r = neutron_ports(w->m->cloud, &w->context, instance_uuid(w), w->arena, &ports, err);
    for (size_t i = 0; r >= 0 && i < ol_val_count(ports); i++) {
        const char *id = ol_val_str(ol_val_get(ol_val_item(ports, i), "id"));
        struct ol_err why = OL_ERR_INIT;

        if (id && network_release(w, id, is_theirs(w, requested, id), &why) < 0 && !failed) {
            failed = -why.code;
            *err = why;
        }
    }
    return r < 0 ? r : failed;
}

/* One that is in the middle of something is looked at when that has ended. */
static bool is_settled(const struct work *w)
{
    static const char *const building[] = {VM_BUILDING, NULL}, *const none[] = {TASK_NONE, NULL};

    return !instance_is(w->instance, "vm_state", building)
           && instance_is(w->instance, "task_state", none);
}

int network_heal(struct work *w, struct ol_err *err)
{
    const struct ol_val *ports = NULL;
    struct ol_val *info = NULL;
    int r;

    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON) || !is_settled(w))
        return 0;
    r = neutron_ports(w->m->cloud, &w->context, instance_uuid(w), w->arena, &ports, err);
    if (r >= 0)
        r = network_info_of(w, in_order(w, ports), NULL, &info, err);
    return r < 0 ? r : network_keep(w, info, err);
}
