/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/network-info.h"

#include <string.h>

#include "compute/cloud/address.h"
#include "core/str.h"

enum { NIC_NAME_LEN = 14 }; /* network/model.py */

static const char *text(const struct ol_val *v, const char *key)
{
    return ol_val_str(ol_val_get(v, key));
}

static bool is_same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

static void set_text(struct ol_arena *a, struct ol_val *map, const char *key, const char *s)
{
    ol_val_set(a, map, key, s ? ol_val_new_str(a, s) : ol_val_new_null(a));
}

static void set_copy(struct ol_arena *a, struct ol_val *map, const char *key,
                     const struct ol_val *v)
{
    ol_val_set(a, map, key, v ? ol_val_copy(a, v) : ol_val_new_null(a));
}

static const struct ol_val *find(const struct ol_val *list, const char *key, const char *value)
{
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (is_same(text(ol_val_item(list, i), key), value))
            return ol_val_item(list, i);
    return NULL;
}

/* model.IP */
static struct ol_val *ip(struct ol_arena *a, const char *address, const char *type)
{
    struct ol_val *v = ol_val_new_map(a);
    int version = address ? address_version(address) : 0;

    set_text(a, v, "address", address);
    ol_val_set_str(a, v, "type", type);
    ol_val_set(a, v, "version", version ? ol_val_new_int(a, version) : ol_val_new_null(a));
    ol_val_set(a, v, "meta", ol_val_new_map(a));
    return v;
}

/* model.FixedIP of a port, with the floating addresses that lead to it. */
static struct ol_val *fixed_ip(struct ol_arena *a, const struct network_facts *f, const char *port,
                               const char *address)
{
    struct ol_val *v = ip(a, address, "fixed"), *floating = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(f->floating); i++) {
        const struct ol_val *one = ol_val_item(f->floating, i);

        if (is_same(text(one, "port_id"), port) && is_same(text(one, "fixed_ip_address"), address))
            ol_val_append(a, floating, ip(a, text(one, "floating_ip_address"), "floating"));
    }
    ol_val_set(a, v, "floating_ips", floating);
    return v;
}

/* The server that answers in a subnet; one that is not neutron's is said to be the gateway. */
static const char *dhcp_server(const struct network_facts *f, const struct ol_val *subnet)
{
    for (size_t i = 0; i < ol_val_count(f->dhcp_ports); i++) {
        const struct ol_val *port = ol_val_item(f->dhcp_ports, i);
        const struct ol_val *pair =
            find(ol_val_get(port, "fixed_ips"), "subnet_id", text(subnet, "id"));

        if (pair && is_same(text(port, "network_id"), text(subnet, "network_id")))
            return text(pair, "ip_address");
    }
    return ol_val_is_truthy(ol_val_get(subnet, "enable_dhcp")) ? text(subnet, "gateway_ip") : NULL;
}

static struct ol_val *routes_of(struct ol_arena *a, const struct ol_val *subnet)
{
    const struct ol_val *routes = ol_val_get(subnet, "host_routes");
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(routes); i++) {
        const struct ol_val *route = ol_val_item(routes, i);
        struct ol_val *v = ol_val_new_map(a);

        set_text(a, v, "cidr", text(route, "destination"));
        ol_val_set(a, v, "gateway", ip(a, text(route, "nexthop"), "gateway"));
        ol_val_set(a, v, "interface", ol_val_new_null(a));
        ol_val_set(a, v, "meta", ol_val_new_map(a));
        ol_val_append(a, list, v);
    }
    return list;
}

static struct ol_val *meta_of(struct ol_arena *a, const struct network_facts *f,
                              const struct ol_val *subnet)
{
    struct ol_val *meta = ol_val_new_map(a);
    const char *server = dhcp_server(f, subnet);
    const char *mode = text(subnet, "ipv6_address_mode");

    if (mode && *mode)
        ol_val_set_str(a, meta, "ipv6_address_mode", mode);
    if (server)
        ol_val_set_str(a, meta, "dhcp_server", server);
    else if (ol_val_is_truthy(ol_val_get(subnet, "enable_dhcp")))
        ol_val_set(a, meta, "dhcp_server", ol_val_new_null(a));
    return meta;
}

/* model.Subnet with the port's addresses in it. */
static struct ol_val *subnet_of(struct ol_arena *a, const struct network_facts *f,
                                const struct ol_val *port, const struct ol_val *subnet)
{
    const struct ol_val *fixed = ol_val_get(port, "fixed_ips");
    const struct ol_val *servers = ol_val_get(subnet, "dns_nameservers");
    struct ol_val *v = ol_val_new_map(a), *dns = ol_val_new_list(a), *ips = ol_val_new_list(a);
    const char *cidr = text(subnet, "cidr");
    int version = cidr ? address_version(cidr) : 0;

    for (size_t i = 0; i < ol_val_count(servers); i++)
        ol_val_append(a, dns, ip(a, ol_val_str(ol_val_item(servers, i)), "dns"));
    for (size_t i = 0; i < ol_val_count(fixed); i++) {
        const char *address = text(ol_val_item(fixed, i), "ip_address");

        if (address && cidr && address_is_in(address, cidr))
            ol_val_append(a, ips, fixed_ip(a, f, text(port, "id"), address));
    }
    set_text(a, v, "cidr", cidr);
    ol_val_set(a, v, "dns", dns);
    ol_val_set(a, v, "gateway", ip(a, text(subnet, "gateway_ip"), "gateway"));
    ol_val_set(a, v, "ips", ips);
    ol_val_set(a, v, "routes", routes_of(a, subnet));
    ol_val_set(a, v, "version", version ? ol_val_new_int(a, version) : ol_val_new_null(a));
    ol_val_set(a, v, "meta", meta_of(a, f, subnet));
    return v;
}

/* In neutron's order of the subnets, each once. */
static struct ol_val *subnets_of(struct ol_arena *a, const struct network_facts *f,
                                 const struct ol_val *port)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(f->subnets); i++) {
        const struct ol_val *subnet = ol_val_item(f->subnets, i);

        if (text(subnet, "id")
            && find(ol_val_get(port, "fixed_ips"), "subnet_id", text(subnet, "id")))
            ol_val_append(a, list, subnet_of(a, f, port, subnet));
    }
    return list;
}

/* How the port is to be plugged. */
struct plug {
    const char *bridge, *ovs_interface;
    bool is_bridge_made;
};

/* Who connects a port of this kind. */
enum plugger { PLUG_NONE, PLUG_OVS, PLUG_BRIDGE, PLUG_DVS, PLUG_FAST_PATH };

static enum plugger plugger_of(const char *type, const struct ol_val *details)
{
    if (is_same(type, "ovs") || is_same(type, "agilio_ovs"))
        return PLUG_OVS;
    if (is_same(type, "bridge"))
        return PLUG_BRIDGE;
    if (is_same(type, "dvs"))
        return PLUG_DVS;
    if (!is_same(type, "vhostuser"))
        return PLUG_NONE;
    if (ol_val_is_truthy(ol_val_get(details, "vhostuser_ovs_plug")))
        return PLUG_OVS;
    return ol_val_is_truthy(ol_val_get(details, "vhostuser_fp_plug")) ? PLUG_FAST_PATH : PLUG_NONE;
}

static struct plug plug_of(struct ol_arena *a, const struct network_facts *f,
                           const struct ol_val *port)
{
    const struct ol_val *details = ol_val_get(port, "binding:vif_details");
    enum plugger who = plugger_of(text(port, "binding:vif_type"), details);
    const char *network = text(port, "network_id"), *bridge = text(details, "bridge_name");
    struct plug p = {.is_bridge_made = who == PLUG_BRIDGE};

    if (who == PLUG_NONE)
        return p;
    if (who == PLUG_DVS) {
        p.bridge = network; /* the name of a port group, of any length */
        return p;
    }
    if (who == PLUG_OVS) {
        p.ovs_interface = text(port, "id");
        bridge = bridge ? bridge : f->ovs_bridge ? f->ovs_bridge : "br-int";
    } else if (!bridge) {
        bridge = ol_arena_printf(a, "brq%s", network ? network : "");
    }
    p.bridge = ol_arena_printf(a, "%.*s", NIC_NAME_LEN, bridge);
    return p;
}

static bool is_tunnel(const char *type)
{
    static const char *const types[] = {"vxlan", "gre", "geneve", NULL};

    return type && ol_str_in(type, types);
}

static void set_provider(struct ol_arena *a, struct ol_val *meta, const struct ol_val *network)
{
    const struct ol_val *segments = ol_val_get(network, "segments");
    const char *physical = text(network, "provider:physical_network");
    const char *type = text(network, "provider:network_type");

    for (size_t i = 0; i < ol_val_count(segments) && !physical; i++)
        physical = text(ol_val_item(segments, i), "provider:physical_network");
    set_text(a, meta, "physical_network", physical);
    ol_val_set_bool(a, meta, "tunneled", !physical && is_tunnel(type));
}

/* model.Network */
static struct ol_val *network_of(struct ol_arena *a, const struct network_facts *f,
                                 const struct ol_val *port, const struct plug *p)
{
    const struct ol_val *network = find(f->networks, "id", text(port, "network_id"));
    struct ol_val *v = ol_val_new_map(a), *meta = ol_val_new_map(a);

    set_text(a, v, "id", text(port, "network_id"));
    set_text(a, v, "bridge", p->bridge);
    set_text(a, v, "label", text(network, "name"));
    ol_val_set(a, v, "subnets", subnets_of(a, f, port));
    ol_val_set_bool(a, meta, "injected", f->is_injected);
    set_text(a, meta, "tenant_id", text(network ? network : port, "tenant_id"));
    set_copy(a, meta, "mtu", ol_val_get(network, "mtu"));
    set_provider(a, meta, network);
    ol_val_set(a, v, "meta", meta);
    if (p->is_bridge_made)
        ol_val_set_bool(a, v, "should_create_bridge", true);
    return v;
}

static struct ol_val *copy_or_map(struct ol_arena *a, const struct ol_val *v)
{
    return ol_val_is_truthy(v) ? ol_val_copy(a, v) : ol_val_new_map(a);
}

/* model.VIF */
static struct ol_val *vif_of(struct ol_arena *a, const struct network_facts *f,
                             const struct ol_val *port)
{
    const struct ol_val *admin = ol_val_get(port, "admin_state_up");
    const struct plug p = plug_of(a, f, port);
    const char *id = text(port, "id"), *vnic = text(port, "binding:vnic_type");
    struct ol_val *v = ol_val_new_map(a);

    set_text(a, v, "id", id);
    set_text(a, v, "address", text(port, "mac_address"));
    ol_val_set(a, v, "network", network_of(a, f, port, &p));
    set_text(a, v, "type", text(port, "binding:vif_type"));
    ol_val_set(a, v, "details", copy_or_map(a, ol_val_get(port, "binding:vif_details")));
    set_text(a, v, "devname", ol_arena_printf(a, "tap%.*s", NIC_NAME_LEN - 3, id ? id : ""));
    set_text(a, v, "ovs_interfaceid", p.ovs_interface);
    ol_val_set(a, v, "qbh_params", ol_val_new_null(a));
    ol_val_set(a, v, "qbg_params", ol_val_new_null(a));
    ol_val_set_bool(a, v, "active",
                    (ol_val_is(admin, OL_VAL_BOOL) && !admin->boolean)
                        || is_same(text(port, "status"), "ACTIVE"));
    set_text(a, v, "vnic_type", vnic ? vnic : "normal");
    ol_val_set(a, v, "profile", copy_or_map(a, ol_val_get(port, "binding:profile")));
    ol_val_set_bool(a, v, "preserve_on_delete", false);
    ol_val_set_bool(a, v, "delegate_create", true);
    ol_val_set(a, v, "meta", ol_val_new_map(a));
    return v;
}

struct ol_val *network_info_make(struct ol_arena *a, const struct network_facts *f)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(f->ports); i++)
        ol_val_append(a, list, vif_of(a, f, ol_val_item(f->ports, i)));
    return list;
}
