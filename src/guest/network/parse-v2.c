/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/v2-internal.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "guest/network/v2-names.h"

/* What netplan knows and upstream's schema allows; other keys are told to the user. */
static const char *const known_device[] = {
    "renderer",
    "dhcp4",
    "dhcp6",
    "dhcp4-overrides",
    "dhcp6-overrides",
    "addresses",
    "gateway4",
    "gateway6",
    "optional",
    "mtu",
    "nameservers",
    "routes",
    "match",
    "set-name",
    "wakeonlan",
    "interfaces",
    "parameters",
    "id",
    "link",
    "macaddress",
    "accept-ra",
    "ipv6-mtu",
    "critical",
    "dhcp-identifier",
    "link-local",
    "routing-policy",
    "ipv6-privacy",
    "neigh-suppress",
    "activation-mode",
    "ignore-carrier",
    "dhcp4domain",
    "dhcp6domain",
    "ipv6-address-generation",
    "ipv6-address-token",
    "optional-addresses",
    "openvswitch",
    "auth",
    "emit-lldp",
    "receive-checksum-offload",
    "transmit-checksum-offload",
    "tcp-segmentation-offload",
    "tcp6-segmentation-offload",
    "generic-segmentation-offload",
    "generic-receive-offload",
    "large-receive-offload",
    "virtual-function-count",
    "embedded-switch-mode",
    "delay-virtual-functions-rebind",
    "infiniband-mode",
    NULL,
};

/* What every section has. */
static int read_common(struct net_parser *p, const struct v2_device *d, const char *type,
                       struct net_iface *i)
{
    int r;

    net_note_unknown(p, d->where, d->cfg, known_device);
    if (ol_val_get(d->cfg, "gateway4") || ol_val_get(d->cfg, "gateway6"))
        net_note(p->args, p->arena, OL_LOG_DEPRECATED,
                 "The use of `gateway4` and `gateway6` is deprecated in 22.4 and scheduled to be "
                 "removed in 27.4. For more info check out: "
                 "https://docs.cloud-init.io/en/latest/topics/network-config-format-v2.html");
    i->type = type;
    r = net_read_number(p, d->where, d->cfg, "mtu", &i->mtu);
    if (r == 0)
        r = v2_read_ip(p, d, i);
    return r;
}

static int handle_ethernet(struct net_parser *p, const struct v2_device *d)
{
    struct net_iface *i = net_state_add(p->state, p->arena, d->key);
    const struct ol_val *match = ol_val_get(d->cfg, "match");
    const char *at = v2_at(p, d->where, "match");
    const char *driver = NULL, *set_name = NULL, *by_mac;
    int r = v2_want_map(p, at, match);

    if (r == 0)
        r = net_read_mac(p, at, match, "macaddress", &i->mac);
    if (r == 0 && !ol_val_is(ol_val_get(match, "driver"), OL_VAL_LIST))
        r = net_read_text(p, at, match, "driver", &driver);
    if (r == 0)
        r = net_read_text(p, d->where, d->cfg, "set-name", &set_name);
    if (r < 0)
        return r;
    by_mac = net_name_by_mac(p->args, i->mac);
    if (set_name)
        i->name = set_name;
    else if (by_mac)
        i->name = by_mac;
    if (driver)
        ol_val_set_str(p->arena, i->params, "driver", driver);
    net_read_choice(d->cfg, "wakeonlan", &i->wakeonlan);
    net_read_choice(d->cfg, "accept-ra", &i->accept_ra);
    net_read_choice(d->cfg, "optional", &i->optional);
    return read_common(p, d, "physical", i);
}

static int handle_vlan(struct net_parser *p, const struct v2_device *d)
{
    struct net_iface *i = net_state_add(p->state, p->arena, d->key);
    int r = net_read_number(p, d->where, d->cfg, "id", &i->vlan_id);

    if (r == 0)
        r = net_read_text(p, d->where, d->cfg, "link", &i->vlan_link);
    if (r == 0)
        r = net_read_mac(p, d->where, d->cfg, "macaddress", &i->mac);
    if (r < 0)
        return r;
    return read_common(p, d, "vlan", i);
}

static int read_parameters(struct net_parser *p, const struct v2_device *d,
                           const struct net_v2_name *names, struct ol_val *ret)
{
    const struct ol_val *v = ol_val_get(d->cfg, "parameters");
    const char *at = v2_at(p, d->where, "parameters");
    int r = v2_want_map(p, at, v);

    if (r < 0)
        return r;
    for (size_t n = 0; n < ol_val_count(v); n++) {
        const struct ol_pair *pair = ol_val_pair(v, n);
        const char *key = ol_val_to_text(p->arena, pair->key);
        const char *v1 = net_v2_to_v1(names, key);

        if (v1)
            ol_val_set(p->arena, ret, v1, pair->value);
        else
            net_note(p->args, p->arena, OL_LOG_WARNING, "%s: unknown key '%s'", at, key);
    }
    return 0;
}

static void copy_params(struct ol_arena *a, const struct ol_val *from, struct ol_val *to)
{
    for (size_t n = 0; n < ol_val_count(from); n++)
        ol_val_set(a, to, ol_val_str(ol_val_pair(from, n)->key), ol_val_pair(from, n)->value);
}

static int handle_bond(struct net_parser *p, const struct v2_device *d)
{
    struct net_iface *bond = net_state_add(p->state, p->arena, d->key);
    struct net_list members = {.n = 0};
    int r = net_read_list(p, v2_at(p, d->where, "interfaces"), ol_val_get(d->cfg, "interfaces"),
                          NULL, &members);

    if (r == 0)
        r = read_parameters(p, d, net_v2_bond_names, bond->params);
    if (r == 0)
        r = net_read_mac(p, d->where, d->cfg, "macaddress", &bond->mac);
    if (r == 0)
        r = read_common(p, d, "bond", bond);
    if (r < 0)
        return r;
    bond->is_bond_master = true;
    for (size_t n = 0; n < members.n; n++) {
        struct net_iface *i = net_state_add(p->state, p->arena, members.items[n]);

        if (!i->type)
            i->type = "bond";
        i->bond_master = bond->name;
        if (i != bond)
            copy_params(p->arena, bond->params, i->params);
    }
    return 0;
}

static int handle_bridge(struct net_parser *p, const struct v2_device *d)
{
    struct net_list ports = {.n = 0};
    struct net_iface *bridge;
    int r = net_read_list(p, v2_at(p, d->where, "interfaces"), ol_val_get(d->cfg, "interfaces"),
                          NULL, &ports);

    if (r < 0)
        return r;
    for (size_t n = 0; n < ports.n; n++)
        (void)net_state_add(p->state, p->arena, ports.items[n]);
    bridge = net_state_add(p->state, p->arena, d->key);
    bridge->bridge_ports = ports;
    bridge->has_bridge_ports = true;
    r = read_parameters(p, d, net_v2_bridge_names, bridge->params);
    if (r == 0)
        r = net_read_mac(p, d->where, d->cfg, "macaddress", &bridge->mac);
    if (r == 0)
        r = net_read_stp(p, d->where, bridge);
    if (r < 0)
        return r;
    return read_common(p, d, "bridge", bridge);
}

static int handle_wifi(struct net_parser *p, const struct v2_device *d)
{
    net_note(p->args, p->arena, OL_LOG_WARNING,
             "Wifi configuration is only available to distros with netplan rendering support.");
    return 0;
}

static const struct section {
    const char *name;
    int (*handle)(struct net_parser *p, const struct v2_device *d);
} sections[] = {
    {"ethernets", handle_ethernet}, {"vlans", handle_vlan}, {"bonds", handle_bond},
    {"bridges", handle_bridge},     {"wifis", handle_wifi},
};

static int parse_section(struct net_parser *p, const struct section *s,
                         const struct ol_val *devices)
{
    const char *where = ol_arena_printf(p->arena, "network: %s", s->name);
    int r = v2_want_map(p, where, devices);

    if (r < 0)
        return r;
    for (size_t n = 0; n < ol_val_count(devices); n++) {
        const struct ol_pair *pair = ol_val_pair(devices, n);
        struct v2_device d = {.key = ol_val_to_text(p->arena, pair->key), .cfg = pair->value};

        d.where = v2_at(p, where, d.key);
        if (!*d.key || strpbrk(d.key, "\n\r"))
            return ol_err_set(p->err, EINVAL, "%s: not a name", d.where);
        r = v2_want_map(p, d.where, d.cfg);
        if (r == 0)
            r = s->handle(p, &d);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The state speaks of interfaces by name where the configuration does by its own keys. */
static void resolve_names(struct net_state *s)
{
    for (size_t n = 0; n < s->n_ifaces; n++) {
        struct net_iface *i = s->ifaces[n];
        struct net_iface *link = i->vlan_link ? net_state_find(s, i->vlan_link) : NULL;

        if (link)
            i->vlan_link = link->name;
        for (size_t k = 0; k < i->bridge_ports.n; k++) {
            struct net_iface *port = net_state_find(s, i->bridge_ports.items[k]);

            if (port)
                i->bridge_ports.items[k] = port->name;
        }
    }
}

int net_parse_v2(struct net_parser *p, const struct ol_val *config)
{
    static const char *const other[] = {"version", "renderer", NULL};

    for (size_t n = 0; n < ol_val_count(config); n++) {
        const struct ol_pair *pair = ol_val_pair(config, n);
        const char *key = ol_val_to_text(p->arena, pair->key);
        size_t i = 0;
        int r;

        if (ol_str_in(key, other))
            continue;
        while (i < ol_count(sections) && strcmp(sections[i].name, key) != 0)
            i++;
        if (i == ol_count(sections)) {
            net_note(p->args, p->arena, OL_LOG_WARNING, "network: unknown key '%s'", key);
            continue;
        }
        r = parse_section(p, &sections[i], pair->value);
        if (r < 0)
            return r;
    }
    resolve_names(p->state);
    return 0;
}
