/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/networkd-internal.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"
#include "guest/network/ip.h"

/*
 * /etc/systemd/network/10-cloud-init-NAME.network and .netdev (cloud-init 26.2
 * net/networkd.py): one .network per interface, one .netdev per bond, bridge and VLAN.
 */
const char *networkd_text(struct networkd_writer *w, const struct ol_val *v)
{
    return ol_val_to_text(w->arena, v);
}

int networkd_add_file(struct networkd_writer *w, const char *name, const char *suffix,
                      struct unit *u)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(NET_FILE_MAX);
    struct net_file file = {.mode = 0644, .owner = "systemd-network"};
    int r;

    if (strchr(name, '/'))
        return ol_err_set(w->err, EINVAL, "network: '%s' cannot be the name of an interface", name);
    file.path = ol_arena_printf(w->arena, "/etc/systemd/network/10-cloud-init-%s.%s", name, suffix);
    unit_write(u, &text);
    r = net_take_text(&text, file.path, w->arena, &file.text, w->err);
    if (r < 0)
        return r;
    net_files_add(w->files, w->arena, &file);
    return 0;
}

static bool is_type(const struct net_iface *i, const char *type)
{
    return i->type && strcmp(i->type, type) == 0;
}

static bool has_port(const struct net_iface *bridge, const char *name)
{
    for (size_t n = 0; n < bridge->bridge_ports.n; n++)
        if (strcmp(bridge->bridge_ports.items[n], name) == 0)
            return true;
    return false;
}

/* A port's value in {port: value} or ["port value"]; NULL when it has none. */
static const char *port_value(struct networkd_writer *w, const struct ol_val *v, const char *port)
{
    if (ol_val_is(v, OL_VAL_MAP)) {
        const struct ol_val *value = ol_val_get(v, port);

        return ol_val_is_truthy(value) ? networkd_text(w, value) : NULL;
    }
    for (size_t n = 0; n < ol_val_count(v); n++) {
        ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

        ol_strv_split(&words, networkd_text(w, ol_val_item(v, n)), " \t");
        if (words.n == 2 && strcmp(words.v[0], port) == 0)
            return ol_arena_strdup(w->arena, words.v[1]);
    }
    return NULL;
}

/* The devices that are built on this one. */
static void add_uppers(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    for (size_t n = 0; n < w->state->n_ifaces; n++) {
        const struct net_iface *upper = w->state->ifaces[n];
        const char *value;

        if (is_type(upper, "vlan") && upper->vlan_id && upper->vlan_link
            && strcmp(upper->vlan_link, i->name) == 0)
            unit_add(u, UNIT_NETWORK, "VLAN", upper->name);
        if (!is_type(upper, "bridge") || !has_port(upper, i->name))
            continue;
        unit_add(u, UNIT_NETWORK, "Bridge", upper->name);
        value = port_value(w, ol_val_get(upper->params, "bridge_pathcost"), i->name);
        if (value)
            unit_add(u, UNIT_BRIDGE, "Cost", value);
        value = port_value(w, ol_val_get(upper->params, "bridge_portprio"), i->name);
        if (value)
            unit_add(u, UNIT_BRIDGE, "Priority", value);
    }
    if (i->bond_master)
        unit_add(u, UNIT_NETWORK, "Bond", i->bond_master);
}

static void add_match(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    const struct ol_val *driver = ol_val_get(i->params, "driver");

    unit_add(u, UNIT_MATCH, "Name", i->name);
    if (ol_val_is_truthy(driver))
        unit_add(u, UNIT_MATCH, "Driver", networkd_text(w, driver));
    if (is_type(i, "physical") && i->mac)
        unit_add(u, UNIT_MATCH, "MACAddress", i->mac);
}

static void add_link(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    if (ol_val_is_truthy(i->mtu))
        unit_add(u, UNIT_LINK, "MTUBytes", networkd_text(w, i->mtu));
    if (!is_type(i, "physical") && i->mac)
        unit_add(u, UNIT_LINK, "MACAddress", i->mac);
    if (i->optional == NET_ON)
        unit_add(u, UNIT_LINK, "RequiredForOnline", "no");
}

static void add_route(struct networkd_writer *w, const struct net_route *r, struct unit *u,
                      const char *id)
{
    if (r->gateway)
        unit_add_to(u, UNIT_ROUTE, id, "Gateway", r->gateway);
    unit_add_to(u, UNIT_ROUTE, id, "Destination",
                ol_arena_printf(w->arena, "%s/%d", r->network, r->prefix));
    if (r->metric)
        unit_add_to(u, UNIT_ROUTE, id, "Metric", networkd_text(w, r->metric));
    if (r->table)
        unit_add_to(u, UNIT_ROUTE, id, "Table", networkd_text(w, r->table));
}

static void add_gateway(struct networkd_writer *w, const struct net_subnet *s, struct unit *u,
                        const char *id)
{
    int r = net_ip_is_inside(s->gateway, s->address, s->prefix);

    unit_add_to(u, UNIT_ROUTE, id, "Gateway", s->gateway);
    if (r == 0)
        unit_add_to(u, UNIT_ROUTE, id, "GatewayOnLink", "yes");
    if (r < 0)
        net_note(w->args, w->arena, OL_LOG_WARNING,
                 "Failed to check whether gateway %s is contained within subnet %s", s->gateway,
                 s->address);
}

/* Ids sort as texts, as upstream's do: they decide the order of the [Route] sections. */
static void add_subnet(struct networkd_writer *w, const struct net_subnet *s, struct unit *u,
                       int *route_id)
{
    const char *addr = s->address;

    for (size_t n = 0; n < s->n_routes; n++)
        add_route(w, &s->routes[n], u, ol_arena_printf(w->arena, "r%d", (*route_id)++));
    if (!addr)
        return;
    if (s->prefix >= 0)
        addr = ol_arena_printf(w->arena, "%s/%d", addr, s->prefix);
    unit_add(u, UNIT_ADDRESS, "Address", addr);
    if (s->gateway)
        add_gateway(w, s, u, ol_arena_printf(w->arena, "a%d", (*route_id)++));
    if (s->dns_nameservers.n > 0)
        unit_add(u, UNIT_NETWORK, "DNS", net_list_join(&s->dns_nameservers, w->arena));
    if (s->dns_search.n > 0)
        unit_add(u, UNIT_NETWORK, "Domains", net_list_join(&s->dns_search, w->arena));
}

enum dhcp { DHCP_4 = 1 << 0, DHCP_6 = 1 << 1 };

static unsigned wanted_dhcp(const struct net_iface *i)
{
    unsigned wanted = 0;

    for (size_t n = 0; n < i->n_subnets; n++) {
        const char *type = i->subnets[n].type;

        if (strcmp(type, "dhcp") == 0 || strcmp(type, "dhcp4") == 0)
            wanted |= DHCP_4;
        else if (strcmp(type, "dhcp6") == 0)
            wanted |= DHCP_6;
    }
    return wanted;
}

static void add_subnets(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    static const char *const words[] = {"no", "ipv4", "ipv6", "yes"};
    int route_id = 0;

    for (size_t n = 0; n < i->n_subnets; n++)
        add_subnet(w, &i->subnets[n], u, &route_id);
    unit_add(u, UNIT_NETWORK, "DHCP", words[wanted_dhcp(i)]);
    if (i->accept_ra != NET_UNSET)
        unit_add(u, UNIT_NETWORK, "IPv6AcceptRA", i->accept_ra == NET_ON ? "yes" : "no");
}

/* Version 1 has DNS for all interfaces; version 2 only its own for each. */
static void add_dns(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    const struct net_list *servers = &i->nameservers, *search = &i->search;

    if (!i->has_dns && w->state->version == 1) {
        servers = &w->state->nameservers;
        search = &w->state->search;
    }
    if (search->n > 0)
        unit_add(u, UNIT_NETWORK, "Domains", net_list_join(search, w->arena));
    if (servers->n > 0)
        unit_add(u, UNIT_NETWORK, "DNS", net_list_join(servers, w->arena));
}

/* "dhcp4domain" and "dhcp6domain", which VMware's customisation brings. */
static int add_dhcp_domain(struct networkd_writer *w, const struct net_iface *i, int version,
                           const struct ol_val *device, struct unit *u)
{
    const char *key = ol_arena_printf(w->arena, "dhcp%ddomain", version);
    const char *path = ol_arena_printf(w->arena, "dhcp%d-overrides/use-domains", version);
    const struct ol_val *v = ol_val_get(device, key);
    const char *word = net_is_true(v) ? "yes" : "no";

    if (!v)
        return 0;
    if (ol_val_at(device, path))
        return ol_err_set(w->err, EINVAL,
                          "%s has both %s and dhcp%d-overrides.use-domains configured. Use one",
                          i->name, key, version);
    if (ol_val_str(v) && ol_str_eq_nocase(ol_val_str(v), "route"))
        word = "route";
    unit_add(u, version == 4 ? UNIT_DHCPV4 : UNIT_DHCPV6, "UseDomains", word);
    return 0;
}

static void add_dhcp_overrides(struct networkd_writer *w, int version,
                               const struct ol_val *overrides, struct unit *u)
{
    static const struct {
        const char *option, *key;
        bool is_v4_only;
    } names[] = {
        {"UseDNS", "use-dns", false},
        {"UseDomains", "use-domains", false},
        {"UseHostname", "use-hostname", false},
        {"UseNTP", "use-ntp", false},
        {"SendHostname", "send-hostname", true},
        {"Hostname", "hostname", true},
        {"RouteMetric", "route-metric", true},
        {"UseMTU", "use-mtu", true},
        {"UseRoutes", "use-routes", true},
    };

    for (size_t n = 0; n < ol_count(names); n++) {
        const struct ol_val *v = ol_val_get(overrides, names[n].key);

        if (v && (version == 4 || !names[n].is_v4_only))
            unit_add(u, version == 4 ? UNIT_DHCPV4 : UNIT_DHCPV6, names[n].option,
                     networkd_text(w, v));
    }
}

/* A version 2 device as it was written; NULL in version 1. */
static const struct ol_val *find_device(struct networkd_writer *w, const char *key)
{
    static const char *const sections[] = {"ethernets", "bonds", "bridges", "vlans"};

    for (size_t n = 0; w->state->version == 2 && n < ol_count(sections); n++) {
        const struct ol_val *v = ol_val_get(ol_val_get(w->state->config, sections[n]), key);

        if (v)
            return v;
    }
    return NULL;
}

static int add_dhcp_options(struct networkd_writer *w, const struct net_iface *i,
                            const struct ol_val *device, struct unit *u)
{
    unsigned wanted = wanted_dhcp(i);

    for (int version = 4; version <= 6; version += 2) {
        const char *key = ol_arena_printf(w->arena, "dhcp%d-overrides", version);
        int r = add_dhcp_domain(w, i, version, device, u);

        if (r < 0)
            return r;
        if (wanted & (version == 4 ? DHCP_4 : DHCP_6))
            add_dhcp_overrides(w, version, ol_val_get(device, key), u);
    }
    return 0;
}

static void add_policies(struct networkd_writer *w, const struct ol_val *rules, struct unit *u)
{
    for (size_t n = 0; ol_val_is(rules, OL_VAL_LIST) && n < ol_val_count(rules); n++) {
        const struct ol_val *rule = ol_val_item(rules, n);
        const char *id = ol_arena_printf(w->arena, "%08zu", n);

        for (size_t k = 0; ol_val_is(rule, OL_VAL_MAP) && k < ol_val_count(rule); k++) {
            const struct ol_pair *pair = ol_val_pair(rule, k);
            char *key = ol_str_lower(ol_arena_strdup(w->arena, networkd_text(w, pair->key)));

            if (*key >= 'a' && *key <= 'z')
                *key = (char)(*key - 'a' + 'A');
            unit_add_to(u, UNIT_POLICY, id, key, networkd_text(w, pair->value));
        }
    }
}

static int add_network(struct networkd_writer *w, const struct net_iface *i)
{
    ol_auto(unit_done) struct unit u = UNIT_INIT;
    const struct ol_val *device = find_device(w, i->key);
    int r;

    add_uppers(w, i, &u);
    add_policies(w, ol_val_get(device, "routing-policy"), &u);
    add_match(w, i, &u);
    add_link(w, i, &u);
    add_subnets(w, i, &u);
    add_dns(w, i, &u);
    for (size_t n = 0; n < w->state->n_routes; n++)
        add_route(w, &w->state->routes[n], &u, ol_arena_printf(w->arena, "c%zu", n));
    r = add_dhcp_options(w, i, device, &u);
    if (r < 0)
        return r;
    return networkd_add_file(w, i->name, "network", &u);
}

static int render(const struct net_state *state, const struct net_render_args *args,
                  struct ol_arena *a, struct net_files *ret, struct ol_err *err)
{
    static const struct {
        const char *type; /* NULL = every interface */
        int (*add)(struct networkd_writer *w, const struct net_iface *i);
    } passes[] = {{NULL, add_network},
                  {"vlan", networkd_add_vlan},
                  {"bond", networkd_add_bond},
                  {"bridge", networkd_add_bridge}};
    struct networkd_writer w = {.state = state, .args = args, .arena = a, .files = ret, .err = err};

    for (size_t p = 0; p < ol_count(passes); p++) {
        for (size_t n = 0; n < state->n_ifaces; n++) {
            const struct net_iface *i = state->ifaces[n];
            int r = 0;

            if (!passes[p].type || is_type(i, passes[p].type))
                r = passes[p].add(&w, i);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

const struct net_renderer net_renderer_networkd = {
    .name = "networkd",
    .render = render,
    .programs = (const char *const[]){"ip", "systemctl", NULL},
    .paths = (const char *const[]){NULL},
    .owned = (const char *const[]){"/etc/systemd/network/10-cloud-init-*.network",
                                   "/etc/systemd/network/10-cloud-init-*.netdev", NULL},
};
