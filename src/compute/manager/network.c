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

static const struct ol_val *requests(const struct ol_val *requested)
{
    return ol_val_at(requested, "nova_object.data/objects");
}

static const struct ol_val *request_field(const struct ol_val *request, const char *field)
{
    return ol_val_get(ol_val_get(request, "nova_object.data"), field);
}

static bool wants_none(const struct ol_val *requested)
{
    const struct ol_val *first = ol_val_item(requests(requested), 0);
    const char *id = ol_val_str(request_field(first, "network_id"));

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

static int take_port(struct work *w, const struct ol_val *request, struct ol_val *ports,
                     struct ol_err *err)
{
    const char *id = ol_val_str(request_field(request, "port_id"));
    const char *network = ol_val_str(request_field(request, "network_id"));
    struct ol_val *change = binding(w);
    const struct ol_val *port = NULL;
    int r;

    if (id) {
        r = neutron_update_port(w->m->cloud, &w->context, id, change, w->arena, &port, err);
    } else {
        ol_val_set_str(w->arena, change, "network_id", network);
        ol_val_set_str(w->arena, change, "tenant_id", nova_str(w->instance, "project_id"));
        ol_val_set_bool(w->arena, change, "admin_state_up", true);
        r = neutron_create_port(w->m->cloud, &w->context, change, w->arena, &port, err);
    }
    if (r < 0)
        return r;
    if (strcmp("binding_failed", ol_val_str(ol_val_get(port, "binding:vif_type"))
                                     ? ol_val_str(ol_val_get(port, "binding:vif_type"))
                                     : "")
        == 0)
        return nova_fail(err, NOVA_PORT_BINDING_FAILED,
                         "Binding failed for port %s, please check neutron logs for more "
                         "information.",
                         id ? id : ol_val_str(ol_val_get(port, "id")));
    ol_val_append(w->arena, ports, (struct ol_val *)port);
    return 0;
}

static int cache(struct work *w, struct ol_val *info, struct ol_err *err)
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

int network_allocate(struct work *w, const struct ol_val *requested, struct ol_val **ret,
                     struct ol_err *err)
{
    const struct ol_val *wanted = requests(requested);
    struct ol_val *ports = ol_val_new_list(w->arena);
    int r = 0;

    if (wants_none(requested)) {
        *ret = ol_val_new_list(w->arena);
        return 0;
    }
    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON)) {
        *ret = own_network(w);
        return cache(w, *ret, err);
    }
    for (size_t i = 0; r >= 0 && i < ol_val_count(wanted); i++)
        r = take_port(w, ol_val_item(wanted, i), ports, err);
    if (r >= 0)
        r = neutron_network_info(w->m->cloud, &w->context, ports, w->arena, ret, err);
    return r < 0 ? r : cache(w, *ret, err);
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

/* Made by us as nova marks it: not "preserve_on_delete". */
static bool is_kept(struct work *w, const char *port)
{
    const struct ol_val *info = network_cached(w);

    for (size_t i = 0; i < ol_val_count(info); i++) {
        const struct ol_val *vif = ol_val_item(info, i);
        const char *id = ol_val_str(ol_val_get(vif, "id"));

        if (id && strcmp(id, port) == 0)
            return ol_val_is_truthy(ol_val_get(vif, "preserve_on_delete"));
    }
    return false;
}

static int release_port(struct work *w, const char *id, struct ol_err *err)
{
    struct ol_val *change = ol_val_new_map(w->arena);
    const struct ol_val *port;
    int r;

    if (!is_kept(w, id))
        return neutron_delete_port(w->m->cloud, &w->context, id, err);
    ol_val_set_str(w->arena, change, "device_id", "");
    ol_val_set_str(w->arena, change, "device_owner", "");
    ol_val_set(w->arena, change, "binding:host_id", ol_val_new_null(w->arena));
    r = neutron_update_port(w->m->cloud, &w->context, id, change, w->arena, &port, err);
    if (r < 0 && nova_is(err, NOVA_PORT_NOT_FOUND))
        r = 0;
    return r;
}

void network_deallocate(struct work *w)
{
    const struct ol_val *ports = NULL;
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON))
        return;
    r = neutron_ports(w->m->cloud, &w->context, instance_uuid(w), w->arena, &ports, &err);
    for (size_t i = 0; r >= 0 && i < ol_val_count(ports); i++) {
        const char *id = ol_val_str(ol_val_get(ol_val_item(ports, i), "id"));

        if (id)
            r = release_port(w, id, &err);
    }
    if (r < 0)
        ol_warn(w->m->env,
                "Failed to deallocate network for instance %s; some resources may need "
                "manual cleanup: %s",
                instance_uuid(w), ol_err_text(&err));
}

int network_heal(struct work *w, struct ol_err *err)
{
    const struct ol_val *ports = NULL;
    struct ol_val *info = NULL;
    int r;

    if (!cloud_has(w->m->cloud, CLOUD_NEUTRON))
        return 0;
    r = neutron_ports(w->m->cloud, &w->context, instance_uuid(w), w->arena, &ports, err);
    if (r >= 0)
        r = neutron_network_info(w->m->cloud, &w->context, ports, w->arena, &info, err);
    return r < 0 ? r : cache(w, info, err);
}
