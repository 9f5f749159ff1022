/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/cloud/address.h"
#include "compute/cloud/config-drive.h"
#include "core/str.h"

/* What network_data.json has; nova 26 virt/netutils.py get_network_metadata(). */
struct lists {
    struct ol_arena *a;
    struct ol_val *links, *networks, *services;
};

/* nova 26 network/model.py LEGACY_EXPOSED_VIF_TYPES: other kinds are shown as "phy". */
static const char *const exposed[] = {
    "bridge", "dvs", "hw_veb", "hyperv", "ovs", "tap", "vhostuser", "vif", NULL,
};

static const struct ol_val *subnet_of(const struct ol_val *network, int version)
{
    const struct ol_val *subnets = ol_val_get(network, "subnets");

    for (size_t i = 0; i < ol_val_count(subnets); i++)
        if (ol_val_int(ol_val_get(ol_val_item(subnets, i), "version"), 0) == version)
            return ol_val_item(subnets, i);
    return NULL;
}

/* A value that may be null, as it came. */
static void set_copy(struct ol_arena *a, struct ol_val *map, const char *key,
                     const struct ol_val *v)
{
    ol_val_set(a, map, key, v ? ol_val_copy(a, v) : ol_val_new_null(a));
}

/* With DHCP the server tells it. */
static const struct ol_val *link_mtu(const struct ol_val *network)
{
    const struct ol_val *subnets = ol_val_get(network, "subnets");

    for (size_t i = 0; i < ol_val_count(subnets); i++)
        if (ol_val_is_truthy(ol_val_at(ol_val_item(subnets, i), "meta/dhcp_server")))
            return NULL;
    return ol_val_at(network, "meta/mtu");
}

static const char *add_link(struct lists *l, const struct ol_val *vif, int number)
{
    struct ol_val *link = ol_val_new_map(l->a);
    const char *id = ol_val_str(ol_val_get(vif, "devname"));
    const char *type = ol_val_str(ol_val_get(vif, "type"));

    if (!id || !*id)
        id = ol_arena_printf(l->a, "interface%d", number);
    ol_val_set_str(l->a, link, "id", id);
    set_copy(l->a, link, "vif_id", ol_val_get(vif, "id"));
    ol_val_set_str(l->a, link, "type", type && ol_str_in(type, exposed) ? type : "phy");
    set_copy(l->a, link, "mtu", link_mtu(ol_val_get(vif, "network")));
    set_copy(l->a, link, "ethernet_mac_address", ol_val_get(vif, "address"));
    ol_val_append(l->a, l->links, link);
    return id;
}

static struct ol_val *dns_services(struct ol_arena *a, const struct ol_val *subnet)
{
    const struct ol_val *dns = ol_val_get(subnet, "dns");
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(dns); i++) {
        struct ol_val *service = ol_val_new_map(a);

        ol_val_set_str(a, service, "type", "dns");
        set_copy(a, service, "address", ol_val_get(ol_val_item(dns, i), "address"));
        ol_val_append(a, list, service);
    }
    return list;
}

static bool has_item(const struct ol_val *list, const struct ol_val *item)
{
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (ol_val_equal(ol_val_item(list, i), item))
            return true;
    return false;
}

static void add_route(struct ol_arena *a, struct ol_val *routes, const char *network,
                      const char *netmask, const struct ol_val *gateway)
{
    struct ol_val *route = ol_val_new_map(a);

    ol_val_set_str(a, route, "network", network);
    ol_val_set_str(a, route, "netmask", netmask);
    set_copy(a, route, "gateway", gateway);
    ol_val_append(a, routes, route);
}

static struct ol_val *routes_of(struct ol_arena *a, const struct ol_val *subnet, int version)
{
    struct ol_val *routes = ol_val_new_list(a);
    const struct ol_val *gateway = ol_val_at(subnet, "gateway/address");
    const struct ol_val *more = ol_val_get(subnet, "routes");
    const char *any = version == 4 ? "0.0.0.0" : "::";

    if (ol_val_is_truthy(gateway))
        add_route(a, routes, any, any, gateway);
    for (size_t i = 0; i < ol_val_count(more); i++) {
        const struct ol_val *route = ol_val_item(more, i);
        const char *cidr = ol_val_str(ol_val_get(route, "cidr"));
        char network[ADDRESS_TEXT], netmask[ADDRESS_TEXT];

        if (address_network(cidr, network) && address_netmask(cidr, netmask))
            add_route(a, routes, network, netmask, ol_val_at(route, "gateway/address"));
    }
    return routes;
}

static void set_static(struct ol_arena *a, struct ol_val *net, const struct ol_val *subnet,
                       int version)
{
    const struct ol_val *ip = ol_val_item(ol_val_get(subnet, "ips"), 0);
    char netmask[ADDRESS_TEXT];

    set_copy(a, net, "ip_address", ol_val_get(ip, "address"));
    if (address_netmask(ol_val_str(ol_val_get(subnet, "cidr")), netmask))
        ol_val_set_str(a, net, "netmask", netmask);
    else
        ol_val_set(a, net, "netmask", ol_val_new_null(a));
    ol_val_set(a, net, "routes", routes_of(a, subnet, version));
}

static void add_network(struct lists *l, const struct ol_val *vif, const char *link, int version)
{
    const struct ol_val *subnet = subnet_of(ol_val_get(vif, "network"), version);
    const struct ol_val *mode = ol_val_at(subnet, "meta/ipv6_address_mode");
    struct ol_val *net, *services;
    bool is_dhcp;

    if (!ol_val_count(ol_val_get(subnet, "ips")))
        return;
    net = ol_val_new_map(l->a);
    services = dns_services(l->a, subnet);
    mode = ol_val_str(mode) ? mode : NULL;
    is_dhcp = !mode && ol_val_str(ol_val_at(subnet, "meta/dhcp_server"));
    ol_val_set_str(l->a, net, "id", ol_arena_printf(l->a, "network%zu", ol_val_count(l->networks)));
    ol_val_set_str(l->a, net, "type",
                   ol_arena_printf(l->a, "ipv%d%s%s", version, mode || is_dhcp ? "_" : "",
                                   mode      ? ol_val_str(mode)
                                   : is_dhcp ? "dhcp"
                                             : ""));
    ol_val_set_str(l->a, net, "link", link);
    if (!is_dhcp)
        set_static(l->a, net, subnet, version);
    set_copy(l->a, net, "network_id", ol_val_at(vif, "network/id"));
    if (!is_dhcp)
        ol_val_set(l->a, net, "services", services);
    ol_val_append(l->a, l->networks, net);
    for (size_t i = 0; i < ol_val_count(services); i++)
        if (!has_item(l->services, ol_val_item(services, i)))
            ol_val_append(l->a, l->services, ol_val_copy(l->a, ol_val_item(services, i)));
}

struct ol_val *config_drive_network_data(struct ol_arena *a, const struct ol_val *network_info)
{
    struct ol_val *data = ol_val_new_map(a);
    struct lists l = {a, ol_val_new_list(a), ol_val_new_list(a), ol_val_new_list(a)};
    int number = 0;

    if (!ol_val_count(network_info))
        return data;
    for (size_t i = 0; i < ol_val_count(network_info); i++) {
        const struct ol_val *vif = ol_val_item(network_info, i);
        const struct ol_val *network = ol_val_get(vif, "network");
        const char *link;

        if (!ol_val_count(ol_val_get(network, "subnets")))
            continue;
        if (subnet_of(network, 4) || subnet_of(network, 6)) {
            link = add_link(&l, vif, number);
            add_network(&l, vif, link, 4);
            add_network(&l, vif, link, 6);
        }
        number++;
    }
    ol_val_set(a, data, "links", l.links);
    ol_val_set(a, data, "networks", l.networks);
    ol_val_set(a, data, "services", l.services);
    return data;
}
