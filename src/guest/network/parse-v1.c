/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "guest/network/ip.h"

/* One entry of "config". */
struct command {
    const char *where; /* "network: config: 2: eth0" */
    const struct ol_val *map;
    const char *type;
    const char *name; /* NULL for nameserver and route */
};

static const char *const known_device[] = {
    "type",
    "name",
    "config_id",
    "mac_address",
    "mtu",
    "subnets",
    "params",
    "accept-ra",
    "wakeonlan",
    "optional",
    "keep_configuration",
    "match",
    "bond_interfaces",
    "bridge_interfaces",
    "vlan_id",
    "vlan_link",
    "ipv4_conf",
    "ipv6_conf",
    NULL,
};

static void copy_params(struct net_parser *p, const struct ol_val *from, struct net_iface *to)
{
    for (size_t i = 0; i < ol_val_count(from); i++) {
        const struct ol_pair *pair = ol_val_pair(from, i);

        ol_val_set(p->arena, to->params, ol_val_to_text(p->arena, pair->key), pair->value);
    }
}

static int read_params(struct net_parser *p, const struct command *c, struct net_iface *iface)
{
    const struct ol_val *params = ol_val_get(c->map, "params");

    if (params && params->type != OL_VAL_NULL && params->type != OL_VAL_MAP)
        return ol_err_set(p->err, EINVAL, "%s: params: must be a mapping, not a %s", c->where,
                          ol_val_type_name(params));
    copy_params(p, params, iface);
    return 0;
}

static int handle_device(struct net_parser *p, const struct command *c, struct net_iface **ret)
{
    struct net_iface *i = net_state_add(p->state, p->arena, c->name);
    int r;

    net_note_unknown(p, c->where, c->map, known_device);
    i->type = c->type;
    i->mac = NULL;
    i->mtu = NULL;
    r = read_params(p, c, i);
    if (r == 0)
        r = net_read_mac(p, c->where, c->map, "mac_address", &i->mac);
    if (r == 0)
        r = net_read_number(p, c->where, c->map, "mtu", &i->mtu);
    if (r == 0)
        r = net_read_subnets(p, c->where, c->map, i);
    if (r < 0)
        return r;
    net_read_choice(c->map, "accept-ra", &i->accept_ra);
    net_read_choice(c->map, "wakeonlan", &i->wakeonlan);
    net_read_choice(c->map, "optional", &i->optional);
    if (!ol_val_is(ol_val_get(c->map, "keep_configuration"), OL_VAL_NULL))
        i->keep_configuration = ol_val_get(c->map, "keep_configuration");
    if (ret)
        *ret = i;
    return 0;
}

static int handle_physical(struct net_parser *p, const struct command *c)
{
    return handle_device(p, c, NULL);
}

static int handle_vlan(struct net_parser *p, const struct command *c)
{
    struct net_iface *i;
    int r = handle_device(p, c, &i);

    if (r < 0)
        return r;
    i->vlan_id = NULL;
    r = net_read_number(p, c->where, c->map, "vlan_id", &i->vlan_id);
    if (r < 0)
        return r;
    return net_read_text(p, c->where, c->map, "vlan_link", &i->vlan_link);
}

static int handle_bond(struct net_parser *p, const struct command *c)
{
    const char *at = ol_arena_printf(p->arena, "%s: bond_interfaces", c->where);
    struct net_list members = {.n = 0};
    struct net_iface *bond;
    int r = handle_device(p, c, &bond);

    if (r < 0)
        return r;
    r = net_read_list(p, at, ol_val_get(c->map, "bond_interfaces"), NULL, &members);
    if (r < 0)
        return r;
    bond->is_bond_master = true;
    for (size_t n = 0; n < members.n; n++) {
        struct net_iface *i = net_state_add(p->state, p->arena, members.items[n]);

        if (!i->type)
            i->type = "bond";
        i->bond_master = bond->name;
        copy_params(p, ol_val_get(c->map, "params"), i);
    }
    return 0;
}

static int handle_bridge(struct net_parser *p, const struct command *c)
{
    const char *at = ol_arena_printf(p->arena, "%s: bridge_interfaces", c->where);
    struct net_list ports = {.n = 0};
    struct net_iface *bridge;
    int r = net_read_list(p, at, ol_val_get(c->map, "bridge_interfaces"), NULL, &ports);

    if (r < 0)
        return r;
    for (size_t n = 0; n < ports.n; n++)
        (void)net_state_add(p->state, p->arena, ports.items[n]);
    r = handle_device(p, c, &bridge);
    if (r < 0)
        return r;
    bridge->bridge_ports = ports;
    bridge->has_bridge_ports = true;
    return net_read_stp(p, c->where, bridge);
}

static int handle_nameserver(struct net_parser *p, const struct command *c)
{
    struct net_list servers = {.n = 0}, search = {.n = 0};
    const char *name = NULL;
    struct net_iface *i;
    int r = net_read_list(p, c->where, ol_val_get(c->map, "address"), NULL, &servers);

    if (r == 0)
        r = net_read_list(p, c->where, ol_val_get(c->map, "search"), NULL, &search);
    if (r == 0)
        r = net_read_text(p, c->where, c->map, "interface", &name);
    if (r < 0)
        return r;
    if (!name) {
        net_list_add_all(&p->state->nameservers, p->arena, &servers);
        net_list_add_all(&p->state->search, p->arena, &search);
        return 0;
    }
    i = net_state_find(p->state, name);
    if (!i)
        return ol_err_set(p->err, EINVAL, "%s: interface '%s' does not exist", c->where, name);
    i->has_dns = true;
    i->nameservers = servers;
    i->search = search;
    return 0;
}

static int handle_route(struct net_parser *p, const struct command *c)
{
    struct net_route route;
    int r = net_read_route(p, c->where, c->map, &route);

    if (r == 0)
        net_state_add_route(p->state, p->arena, &route);
    return r;
}

/* What an entry of each type must have, and who reads it. */
static const struct handler {
    const char *type;
    const char *required[4];
    int (*handle)(struct net_parser *p, const struct command *c);
} handlers[] = {
    {"physical", {"name"}, handle_physical},
    {"loopback", {"name"}, handle_physical},
    {"infiniband", {"name"}, handle_physical},
    {"vlan", {"name", "vlan_id", "vlan_link"}, handle_vlan},
    {"bond", {"name", "bond_interfaces", "params"}, handle_bond},
    {"bridge", {"name", "bridge_interfaces"}, handle_bridge},
    {"nameserver", {"address"}, handle_nameserver},
    {"route", {"destination"}, handle_route},
};

static const struct handler *find_handler(const char *type)
{
    for (size_t i = 0; i < ol_count(handlers); i++)
        if (strcmp(handlers[i].type, type) == 0)
            return &handlers[i];
    return NULL;
}

/* NULL when nothing is missing. */
static const char *find_missing(const struct handler *h, const struct ol_val *map)
{
    for (size_t i = 0; i < ol_count(h->required) && h->required[i]; i++)
        if (!ol_val_get(map, h->required[i]))
            return h->required[i];
    return NULL;
}

static int parse_command(struct net_parser *p, const struct ol_val *map, size_t index,
                         bool want_nameservers)
{
    struct command c = {.map = map};
    const struct handler *h;
    const char *missing;
    int r;

    c.where = ol_arena_printf(p->arena, "network: config: %zu", index);
    if (!ol_val_is(map, OL_VAL_MAP))
        return ol_err_set(p->err, EINVAL, "%s: must be a mapping, not a %s", c.where,
                          ol_val_type_name(map));
    r = net_read_text(p, c.where, map, "type", &c.type);
    if (r == 0)
        r = net_read_text(p, c.where, map, "name", &c.name);
    if (r < 0)
        return r;
    h = c.type ? find_handler(c.type) : NULL;
    if (!h)
        return ol_err_set(p->err, EINVAL, "%s: type: no such type '%s'", c.where,
                          c.type ? c.type : "");
    if ((h->handle == handle_nameserver) != want_nameservers)
        return 0;
    missing = find_missing(h, map);
    if (!missing && !c.name && strcmp(h->required[0], "name") == 0)
        missing = "name";
    if (missing) {
        net_note(p->args, p->arena, OL_LOG_WARNING, "%s: skipped: a %s needs '%s'", c.where, c.type,
                 missing);
        return 0;
    }
    if (c.name)
        c.where = ol_arena_printf(p->arena, "%s: %s", c.where, c.name);
    return h->handle(p, &c);
}

int net_parse_v1(struct net_parser *p, const struct ol_val *config)
{
    /* Nameservers come last: they may name an interface that is defined after them. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ol_val_count(config); i++) {
            int r = parse_command(p, ol_val_item(config, i), i, pass == 1);

            if (r < 0)
                return r;
        }
    }
    return 0;
}
