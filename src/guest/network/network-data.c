/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

/*
 * OpenStack's network_data.json ("links", "networks", "services") as a version 1 configuration
 * (cloud-init 26.2 sources/helpers/openstack.py, convert_net_json).
 */
struct link {
    const char *where; /* "network_data: links: 0" */
    const struct ol_val *map;
    const char *id, *type;
    const char *name; /* of the interface in the guest; NULL until it is known */
    const char *mac;
    struct ol_val *command; /* its entry in "config" */
};

struct reader {
    struct net_parser p; /* only args, arena and err */
    struct ol_val *config;
    const struct ol_val *networks;
    struct link *links;
    size_t n_links;
};

static int want(struct reader *r, const char *where, const struct ol_val *v, enum ol_val_type type)
{
    if (ol_val_is(v, type))
        return 0;
    return ol_err_set(r->p.err, EINVAL, "%s: must be a %s, not a %s", where,
                      type == OL_VAL_LIST ? "list" : "mapping", ol_val_type_name(v));
}

/* A list that may be missing. */
static int get_list(struct reader *r, const char *where, const struct ol_val *map, const char *key,
                    const struct ol_val **ret)
{
    const struct ol_val *v = ol_val_get(map, key);

    if (!v || v->type == OL_VAL_NULL)
        return 0;
    if (v->type != OL_VAL_LIST)
        return ol_err_set(r->p.err, EINVAL, "%s: %s: must be a list, not a %s", where, key,
                          ol_val_type_name(v));
    *ret = v;
    return 0;
}

static void copy_keys(struct ol_arena *a, const struct ol_val *from, const char *const *keys,
                      struct ol_val *to)
{
    for (size_t i = 0; i < ol_val_count(from); i++) {
        const struct ol_pair *pair = ol_val_pair(from, i);

        if (ol_val_str(pair->key) && ol_str_in(ol_val_str(pair->key), keys))
            ol_val_set(a, to, ol_val_str(pair->key), ol_val_copy(a, pair->value));
    }
}

static bool has_text(const struct ol_val *list, const char *text)
{
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (strcmp(ol_val_str(ol_val_item(list, i)), text) == 0)
            return true;
    return false;
}

/* The addresses of the DNS services in 'holder', each once. */
static void add_dns(struct ol_arena *a, const struct ol_val *holder, struct ol_val *to)
{
    const struct ol_val *services = ol_val_get(holder, "services");

    for (size_t i = 0; ol_val_is(services, OL_VAL_LIST) && i < ol_val_count(services); i++) {
        const struct ol_val *service = ol_val_item(services, i);
        const char *type = ol_val_str(ol_val_get(service, "type"));
        const char *address = ol_val_str(ol_val_get(service, "address"));

        if (type && strcmp(type, "dns") == 0 && address && !has_text(to, address))
            ol_val_append(a, to, ol_val_new_str(a, address));
    }
}

/* Routes of a network, without what else OpenStack puts into them; their DNS services count
 * for the whole subnet. */
static int add_routes(struct reader *r, const char *where, const struct ol_val *network,
                      struct ol_val *subnet)
{
    static const char *const keys[] = {"network", "destination", "netmask",
                                       "gateway", "metric",      NULL};
    struct ol_arena *a = r->p.arena;
    struct ol_val *routes = ol_val_new_list(a), *dns = ol_val_new_list(a);
    const struct ol_val *list = NULL;
    int ret = get_list(r, where, network, "routes", &list);

    if (ret < 0)
        return ret;
    for (size_t i = 0; i < ol_val_count(list); i++) {
        struct ol_val *route = ol_val_new_map(a);

        copy_keys(a, ol_val_item(list, i), keys, route);
        ol_val_append(a, routes, route);
        add_dns(a, ol_val_item(list, i), dns);
    }
    add_dns(a, network, dns);
    if (ol_val_count(routes) > 0)
        ol_val_set(a, subnet, "routes", routes);
    if (ol_val_count(dns) > 0)
        ol_val_set(a, subnet, "dns_nameservers", dns);
    return 0;
}

/* What a network's type means: the type of the subnet and its consequences. */
static const struct network_type {
    const char *type;
    const char *subnet; /* NULL ends the table */
    bool is_static;
    enum net_choice accept_ra;
} network_types[] = {
    {"ipv4_dhcp", "dhcp4", false, NET_UNSET},
    {"ipv6_dhcp", "dhcp6", false, NET_ON},
    {"ipv6_slaac", "ipv6_slaac", false, NET_UNSET},
    {"ipv6_dhcpv6-stateless", "ipv6_dhcpv6-stateless", false, NET_UNSET},
    {"ipv6_dhcpv6-stateful", "ipv6_dhcpv6-stateful", false, NET_ON},
    {"ipv4", "static", true, NET_UNSET},
    {"static", "static", true, NET_UNSET},
    {"ipv6", "static6", true, NET_OFF},
    {"static6", "static6", true, NET_OFF},
    {NULL, NULL, false, NET_UNSET},
};

static void apply_type(struct ol_arena *a, const struct ol_val *network, const char *type,
                       struct ol_val *subnet, struct ol_val *command)
{
    const struct ol_val *address = ol_val_get(network, "ip_address");
    const struct network_type *t = network_types;

    while (t->type && strcmp(t->type, type) != 0)
        t++;
    ol_val_set_str(a, subnet, "type", t->type ? t->subnet : type);
    if (t->is_static && address)
        ol_val_set(a, subnet, "address", ol_val_copy(a, address));
    if (t->accept_ra != NET_UNSET)
        ol_val_set_bool(a, command, "accept-ra", t->accept_ra == NET_ON);
}

static int add_network(struct reader *r, const struct link *l, size_t index, struct ol_val *subnets)
{
    static const char *const keys[] = {
        "type",        "address", "netmask",         "broadcast",  "metric", "gateway",
        "pointopoint", "scope",   "dns_nameservers", "dns_search", NULL};
    const struct ol_val *network = ol_val_item(r->networks, index);
    const char *where = ol_arena_printf(r->p.arena, "network_data: networks: %zu", index);
    struct ol_val *subnet = ol_val_new_map(r->p.arena);
    const char *link_id = NULL, *type = NULL;
    int ret = want(r, where, network, OL_VAL_MAP);

    if (ret == 0)
        ret = net_read_text(&r->p, where, network, "link", &link_id);
    if (ret == 0)
        ret = net_read_text(&r->p, where, network, "type", &type);
    if (ret < 0)
        return ret;
    if (!link_id || strcmp(link_id, l->id) != 0)
        return 0;
    if (!type)
        return ol_err_set(r->p.err, EINVAL, "%s: has no 'type'", where);
    copy_keys(r->p.arena, network, keys, subnet);
    apply_type(r->p.arena, network, type, subnet, l->command);
    ol_val_append(r->p.arena, subnets, subnet);
    return add_routes(r, where, network, subnet);
}

static int add_networks(struct reader *r, const struct link *l)
{
    struct ol_val *subnets = ol_val_new_list(r->p.arena);

    for (size_t i = 0; i < ol_val_count(r->networks); i++) {
        int ret = add_network(r, l, i, subnets);

        if (ret < 0)
            return ret;
    }
    ol_val_set(r->p.arena, l->command, "subnets", subnets);
    return 0;
}

/* bond_mode → bond-mode. A bond without a name is bondN, N counting the bonds. */
static void add_bond(struct reader *r, struct link *l)
{
    struct ol_arena *a = r->p.arena;
    struct ol_val *params = ol_val_new_map(a);
    int number = 0;

    for (size_t i = 0; i < ol_val_count(l->map); i++) {
        const struct ol_pair *pair = ol_val_pair(l->map, i);
        const char *key = ol_val_str(pair->key);

        if (!key || !ol_str_starts(key, "bond") || strcmp(key, "bond_links") == 0)
            continue;
        if (ol_str_starts(key, "bond_"))
            key += strlen("bond_");
        ol_val_set(a, params, ol_arena_printf(a, "bond-%s", key), ol_val_copy(a, pair->value));
    }
    ol_val_set(a, l->command, "params", params);
    if (l->mac)
        ol_val_set_str(a, l->command, "mac_address", l->mac);
    for (const struct link *other = r->links; other < l; other++)
        number += strcmp(other->type, "bond") == 0;
    if (!l->name)
        l->name = ol_arena_printf(a, "bond%d", number);
    ol_val_set_str(a, l->command, "name", l->name);
}

static int add_vlan(struct reader *r, struct link *l)
{
    const struct ol_val *id = NULL;
    const char *mac = NULL;
    int ret = net_read_number(&r->p, l->where, l->map, "vlan_id", &id);

    if (ret == 0)
        ret = net_read_mac(&r->p, l->where, l->map, "vlan_mac_address", &mac);
    if (ret < 0)
        return ret;
    if (!id)
        return ol_err_set(r->p.err, EINVAL, "%s: a vlan needs 'vlan_id'", l->where);
    ol_val_set(r->p.arena, l->command, "vlan_id", ol_val_copy(r->p.arena, id));
    if (mac)
        ol_val_set_str(r->p.arena, l->command, "mac_address", mac);
    return 0;
}

static void add_physical(struct reader *r, const struct link *l)
{
    static const char *const known[] = {"bgpovs", /* OVH */
                                        "bridge", "cascading" /* OpenTelekomCloud */,
                                        "dvs",    "ethernet",
                                        "hw_veb", "hyperv",
                                        "ovs",    "phy",
                                        "tap",    "vhostuser",
                                        "vif",    NULL};

    if (*l->type && !ol_str_in(l->type, known))
        net_note(r->p.args, r->p.arena, OL_LOG_WARNING,
                 "Unknown network_data link type (%s); treating as physical", l->type);
    ol_val_set_str(r->p.arena, l->command, "type", "physical");
    if (l->mac)
        ol_val_set_str(r->p.arena, l->command, "mac_address", l->mac);
}

static int read_link(struct reader *r, struct link *l)
{
    static const char *const keys[] = {"name", "type", "mac_address", "params", "mtu", NULL};
    int ret = want(r, l->where, l->map, OL_VAL_MAP);

    l->type = "";
    if (ret == 0)
        ret = net_read_text(&r->p, l->where, l->map, "id", &l->id);
    if (ret == 0)
        ret = net_read_text(&r->p, l->where, l->map, "type", &l->type);
    if (ret == 0)
        ret = net_read_text(&r->p, l->where, l->map, "name", &l->name);
    if (ret == 0)
        ret = net_read_mac(&r->p, l->where, l->map, "ethernet_mac_address", &l->mac);
    if (ret < 0)
        return ret;
    if (!l->id)
        return ol_err_set(r->p.err, EINVAL, "%s: has no 'id'", l->where);
    l->command = ol_val_new_map(r->p.arena);
    copy_keys(r->p.arena, l->map, keys, l->command);
    ret = add_networks(r, l);
    if (ret < 0)
        return ret;
    ol_val_append(r->p.arena, r->config, l->command);
    if (strcmp(l->type, "bond") == 0)
        add_bond(r, l);
    else if (strcmp(l->type, "vlan") == 0)
        return add_vlan(r, l);
    else
        add_physical(r, l);
    return 0;
}

static int read_links(struct reader *r, const struct ol_val *links)
{
    r->n_links = ol_val_count(links);
    r->links = ol_arena_alloc(r->p.arena, r->n_links * sizeof(*r->links));
    for (size_t i = 0; i < r->n_links; i++) {
        int ret;

        r->links[i].where = ol_arena_printf(r->p.arena, "network_data: links: %zu", i);
        r->links[i].map = ol_val_item(links, i);
        ret = read_link(r, &r->links[i]);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* OpenStack's ids are names of the host's devices: the guest's are found by MAC. */
static int name_link(struct reader *r, struct link *l)
{
    if (l->name || strcmp(l->type, "vlan") == 0)
        return 0;
    if (!l->mac)
        return ol_err_set(r->p.err, EINVAL, "%s: has neither a name nor a MAC address", l->where);
    l->name = net_name_by_mac(r->p.args, l->mac);
    if (!l->name)
        return ol_err_set(r->p.err, EINVAL, "%s: no interface has the MAC address %s", l->where,
                          l->mac);
    ol_val_set_str(r->p.arena, l->command, "name", l->name);
    return 0;
}

/* The name of the link that 'key' of 'l' (or an item of it) speaks of. */
static int find_name(struct reader *r, const struct link *l, const char *key,
                     const struct ol_val *id, const char **ret)
{
    const char *text = id ? ol_val_to_text(r->p.arena, id) : "";

    for (size_t i = 0; i < r->n_links; i++) {
        if (strcmp(r->links[i].id, text) != 0 || !r->links[i].name)
            continue;
        *ret = r->links[i].name;
        return 0;
    }
    return ol_err_set(r->p.err, EINVAL, "%s: %s: there is no link '%s'", l->where, key, text);
}

static int name_members(struct reader *r, const struct link *l)
{
    struct ol_val *names = ol_val_new_list(r->p.arena);
    const struct ol_val *ids = NULL;
    int ret = get_list(r, l->where, l->map, "bond_links", &ids);

    for (size_t i = 0; ret == 0 && i < ol_val_count(ids); i++) {
        const char *name = NULL;

        ret = find_name(r, l, "bond_links", ol_val_item(ids, i), &name);
        if (ret == 0)
            ol_val_append(r->p.arena, names, ol_val_new_str(r->p.arena, name));
    }
    ol_val_set(r->p.arena, l->command, "bond_interfaces", names);
    return ret;
}

/* A VLAN is named after the interface below it. */
static int name_vlan(struct reader *r, struct link *l)
{
    const char *below = NULL;
    int ret = find_name(r, l, "vlan_link", ol_val_get(l->map, "vlan_link"), &below);

    if (ret < 0)
        return ret;
    l->name = ol_arena_printf(r->p.arena, "%s.%s", below,
                              ol_val_to_text(r->p.arena, ol_val_get(l->command, "vlan_id")));
    ol_val_set_str(r->p.arena, l->command, "vlan_link", below);
    ol_val_set_str(r->p.arena, l->command, "name", l->name);
    return 0;
}

static int name_links(struct reader *r)
{
    int ret = 0;

    for (size_t i = 0; ret == 0 && i < r->n_links; i++)
        ret = name_link(r, &r->links[i]);
    for (size_t i = 0; ret == 0 && i < r->n_links; i++)
        if (strcmp(r->links[i].type, "vlan") == 0)
            ret = name_vlan(r, &r->links[i]);
    for (size_t i = 0; ret == 0 && i < r->n_links; i++)
        if (strcmp(r->links[i].type, "bond") == 0)
            ret = name_members(r, &r->links[i]);
    return ret;
}

/* OpenStack knows an infiniband port by six octets; the kernel by twenty. */
static void repair_infiniband(struct reader *r)
{
    for (size_t i = 0; i < r->n_links; i++) {
        const struct link *l = &r->links[i];
        const char *mac = ol_val_str(ol_val_get(r->p.args->ib_macs, l->name));

        if (!mac)
            continue;
        ol_val_set_str(r->p.arena, l->command, "mac_address", mac);
        ol_val_set_str(r->p.arena, l->command, "type", "infiniband");
    }
}

static void add_services(struct reader *r, const struct ol_val *services)
{
    for (size_t i = 0; i < ol_val_count(services); i++) {
        struct ol_val *service;

        if (!ol_val_is(ol_val_item(services, i), OL_VAL_MAP))
            continue;
        service = ol_val_copy(r->p.arena, ol_val_item(services, i));
        ol_val_set_str(r->p.arena, service, "type", "nameserver");
        ol_val_append(r->p.arena, r->config, service);
    }
}

int net_from_network_data(const struct ol_val *network_data, const struct net_render_args *args,
                          struct ol_arena *a, struct ol_val **ret, struct ol_err *err)
{
    struct reader r = {.p = {.args = args, .arena = a, .err = err}};
    const struct ol_val *links = NULL, *services = NULL;
    struct ol_val *result = ol_val_new_map(a);
    int status = want(&r, "network_data", network_data, OL_VAL_MAP);

    r.config = ol_val_new_list(a);
    if (status == 0)
        status = get_list(&r, "network_data", network_data, "links", &links);
    if (status == 0)
        status = get_list(&r, "network_data", network_data, "networks", &r.networks);
    if (status == 0)
        status = get_list(&r, "network_data", network_data, "services", &services);
    if (status == 0)
        status = read_links(&r, links);
    if (status == 0)
        status = name_links(&r);
    if (status < 0)
        return status;
    repair_infiniband(&r);
    add_services(&r, services);
    ol_val_set_int(a, result, "version", 1);
    ol_val_set(a, result, "config", r.config);
    *ret = result;
    return 0;
}
