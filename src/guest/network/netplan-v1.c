/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/netplan-internal.h"

#include <errno.h>
#include <string.h>

#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "core/strv.h"
#include "guest/network/ip.h"
#include "guest/network/v2-names.h"

static const struct ol_yaml_style section_style = {
    .indent = 4, .sort_keys = true, .no_alias = true};

/* One device while it is translated. */
struct entry {
    const struct net_iface *iface;
    struct ol_val *map;
    struct ol_val *addresses, *routes;
    struct net_list nameservers, search;
};

static struct ol_val *new_texts(struct ol_arena *a, const struct net_list *l)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < l->n; i++)
        ol_val_append(a, list, ol_val_new_str(a, l->items[i]));
    return list;
}

static bool has_feature(const struct netplan_writer *w, const char *name)
{
    return w->args->features && ol_str_in(name, w->args->features);
}

/* dhcp4: true, and the metric that its routes get. */
static void add_dhcp(struct netplan_writer *w, struct entry *e, const struct net_subnet *s,
                     const char *key)
{
    const char *overrides_key = ol_arena_printf(w->arena, "%s-overrides", key);
    struct ol_val *overrides;

    ol_val_set_bool(w->arena, e->map, key, true);
    if (!s->metric)
        return;
    overrides = ol_val_new_map(w->arena);
    netplan_share(w->arena, overrides, "route-metric", s->metric);
    ol_val_set(w->arena, e->map, overrides_key, overrides);
}

/* A gateway outside of the subnet is reached all the same when it is marked so. */
static bool is_on_link(struct netplan_writer *w, const struct net_subnet *s)
{
    int r = net_ip_is_inside(s->gateway, s->address, s->prefix);

    if (r < 0)
        net_note(w->args, w->arena, OL_LOG_WARNING,
                 "Failed to check whether gateway %s is contained within subnet %s/%d", s->gateway,
                 s->address, s->prefix);
    return r == 0;
}

static void add_gateway(struct netplan_writer *w, struct entry *e, const struct net_subnet *s)
{
    struct ol_val *route = ol_val_new_map(w->arena);

    ol_val_set_str(w->arena, route, "via", s->gateway);
    ol_val_set_str(w->arena, route, "to", "default");
    if (is_on_link(w, s))
        ol_val_set_bool(w->arena, route, "on-link", true);
    if (s->metric)
        netplan_share(w->arena, route, "metric", s->metric);
    ol_val_append(w->arena, e->routes, route);
}

static void add_route(struct netplan_writer *w, struct entry *e, const struct net_subnet *s,
                      const struct net_route *r)
{
    const struct ol_val *metric = r->metric ? r->metric : s->metric;
    struct ol_val *route = ol_val_new_map(w->arena);

    if (r->gateway)
        ol_val_set_str(w->arena, route, "via", r->gateway);
    else
        ol_val_set_str(w->arena, route, "scope", "link");
    ol_val_set_str(w->arena, route, "to",
                   ol_arena_printf(w->arena, "%s/%d", r->network, r->prefix));
    if (metric)
        netplan_share(w->arena, route, "metric", metric);
    ol_val_append(w->arena, e->routes, route);
}

static void add_static(struct netplan_writer *w, struct entry *e, const struct net_subnet *s)
{
    const char *mtu_key = "mtu";

    if (s->gateway)
        add_gateway(w, e, s);
    net_list_add_all(&e->nameservers, w->arena, &s->dns_nameservers);
    net_list_add_all(&e->search, w->arena, &s->dns_search);
    if (net_subnet_is_ipv6(s) && has_feature(w, "ipv6-mtu"))
        mtu_key = "ipv6-mtu";
    if (s->mtu)
        netplan_share(w->arena, e->map, mtu_key, s->mtu);
    for (size_t i = 0; i < s->n_routes; i++)
        add_route(w, e, s, &s->routes[i]);
    ol_val_append(
        w->arena, e->addresses,
        ol_val_new_str(w->arena, ol_arena_printf(w->arena, "%s/%d", s->address, s->prefix)));
}

static void add_subnet(struct netplan_writer *w, struct entry *e, const struct net_subnet *s)
{
    if (strcmp(s->type, "dhcp") == 0)
        add_dhcp(w, e, s, "dhcp4");
    else if (ol_str_starts(s->type, "dhcp"))
        add_dhcp(w, e, s, s->type);
    else if (ol_str_starts(s->type, "ipv6_") && net_subnet_is_ipv6(s))
        add_dhcp(w, e, s, "dhcp6");
    else if (net_subnet_is_static(s))
        add_static(w, e, s);
}

static void add_mtu(struct netplan_writer *w, struct entry *e)
{
    const struct ol_val *mtu = e->iface->mtu, *known = ol_val_get(e->map, "mtu");

    if (!mtu)
        return;
    if (!ol_val_is_truthy(known) || ol_val_equal(mtu, known)) {
        netplan_share(w->arena, e->map, "mtu", mtu);
        return;
    }
    net_note(w->args, w->arena, OL_LOG_WARNING,
             "Network config: ignoring %s device-level mtu:%s because ipv4 subnet-level mtu:%s "
             "provided.",
             e->iface->name, ol_val_to_text(w->arena, mtu), ol_val_to_text(w->arena, known));
}

static void add_nameservers(struct netplan_writer *w, struct entry *e)
{
    struct ol_val *map;

    if (e->nameservers.n == 0 && e->search.n == 0)
        return;
    map = ol_val_new_map(w->arena);
    if (e->nameservers.n > 0)
        ol_val_set(w->arena, map, "addresses", new_texts(w->arena, &e->nameservers));
    if (e->search.n > 0)
        ol_val_set(w->arena, map, "search", new_texts(w->arena, &e->search));
    ol_val_set(w->arena, e->map, "nameservers", map);
}

/* What all kinds of devices have. */
static void add_common(struct netplan_writer *w, struct entry *e)
{
    e->addresses = ol_val_new_list(w->arena);
    e->routes = ol_val_new_list(w->arena);
    for (size_t i = 0; i < e->iface->n_subnets; i++)
        add_subnet(w, e, &e->iface->subnets[i]);
    add_mtu(w, e);
    if (ol_val_count(e->addresses) > 0)
        ol_val_set(w->arena, e->map, "addresses", e->addresses);
    if (ol_val_count(e->routes) > 0)
        ol_val_set(w->arena, e->map, "routes", e->routes);
    add_nameservers(w, e);
    if (e->iface->accept_ra != NET_UNSET)
        ol_val_set_bool(w->arena, e->map, "accept-ra", e->iface->accept_ra == NET_ON);
}

static void add_ethernet(struct netplan_writer *w, struct entry *e)
{
    const struct net_iface *i = e->iface;

    if (i->mac) {
        struct ol_val *match = ol_val_new_map(w->arena);

        ol_val_set_str(w->arena, match, "macaddress", i->mac);
        ol_val_set(w->arena, e->map, "match", match);
        ol_val_set_str(w->arena, e->map, "set-name", i->name);
    }
    if (i->keep_configuration)
        netplan_share(w->arena, e->map, "critical", i->keep_configuration);
}

static void set_parameters(struct netplan_writer *w, struct entry *e, struct ol_val *parameters)
{
    if (ol_val_count(parameters) > 0)
        ol_val_set(w->arena, e->map, "parameters", parameters);
    if (e->iface->mac)
        ol_val_set_str(w->arena, e->map, "macaddress", e->iface->mac);
}

static void add_bond_members(struct netplan_writer *w, struct entry *e)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_val *list = ol_val_new_list(w->arena);

    for (size_t n = 0; n < w->state->n_ifaces; n++) {
        const struct net_iface *i = w->state->ifaces[n];

        if (i->bond_master && strcmp(i->bond_master, e->iface->name) == 0)
            ol_strv_add(&names, i->key);
    }
    ol_strv_sort(&names);
    ol_strv_each (name, &names)
        ol_val_append(w->arena, list, ol_val_new_str(w->arena, name));
    if (names.n > 0)
        ol_val_set(w->arena, e->map, "interfaces", list);
}

static void add_bond(struct netplan_writer *w, struct entry *e)
{
    struct ol_val *parameters = ol_val_new_map(w->arena);

    for (size_t n = 0; n < ol_val_count(e->iface->params); n++) {
        const struct ol_pair *pair = ol_val_pair(e->iface->params, n);
        char *key = ol_str_tr(ol_arena_strdup(w->arena, ol_val_str(pair->key)), '_', '-');
        const char *name = net_v1_to_v2(net_v2_bond_names, key);

        if (name && pair->value->type != OL_VAL_NULL)
            netplan_share(w->arena, parameters, name, pair->value);
    }
    set_parameters(w, e, parameters);
    if (e->iface->is_bond_master)
        add_bond_members(w, e);
}

/* ["eth0 50"] as {eth0: 50}. */
static int add_port_values(struct netplan_writer *w, const char *key, const struct ol_val *list,
                           struct ol_val *ret, struct ol_err *err)
{
    for (size_t i = 0; i < ol_val_count(list); i++) {
        ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
        const char *text = ol_val_to_text(w->arena, ol_val_item(list, i));
        int64_t value;

        ol_strv_split(&words, text, " \t");
        if (words.n != 2 || ol_parse_i64(words.v[1], 10, &value) < 0)
            return ol_err_set(err, EINVAL, "%s: '%s' is not a port and a number", key, text);
        ol_val_set_int(w->arena, ret, words.v[0], value);
    }
    return 0;
}

static int add_bridge_parameters(struct netplan_writer *w, const struct net_iface *i,
                                 struct ol_val *to, struct ol_err *err)
{
    for (size_t n = 0; n < ol_val_count(i->params); n++) {
        const struct ol_pair *pair = ol_val_pair(i->params, n);
        const char *name = net_v1_to_v2(net_v2_bridge_names, ol_val_str(pair->key));
        struct ol_val *ports;
        int r;

        if (!name || pair->value->type == OL_VAL_NULL)
            continue;
        if (strcmp(name, "path-cost") != 0 && strcmp(name, "port-priority") != 0) {
            netplan_share(w->arena, to, name, pair->value);
            continue;
        }
        ports = ol_val_new_map(w->arena);
        r = add_port_values(w, ol_val_str(pair->key), pair->value, ports, err);
        if (r < 0)
            return ol_err_prefix(err, r, "network: %s", i->name);
        ol_val_set(w->arena, to, name, ports);
    }
    return 0;
}

static int add_bridge(struct netplan_writer *w, struct entry *e, struct ol_err *err)
{
    struct ol_val *parameters = ol_val_new_map(w->arena), *list = ol_val_new_list(w->arena);
    ol_auto(ol_strv_done) struct ol_strv ports = OL_STRV_INIT;
    int r;

    for (size_t n = 0; n < e->iface->bridge_ports.n; n++)
        ol_strv_add(&ports, e->iface->bridge_ports.items[n]);
    ol_strv_sort(&ports);
    ol_strv_each (port, &ports)
        ol_val_append(w->arena, list, ol_val_new_str(w->arena, port));
    ol_val_set(w->arena, e->map, "interfaces", list);
    r = add_bridge_parameters(w, e->iface, parameters, err);
    if (r == 0)
        set_parameters(w, e, parameters);
    return r;
}

static void add_vlan(struct netplan_writer *w, struct entry *e)
{
    const struct net_iface *i = e->iface;

    if (i->vlan_id)
        netplan_share(w->arena, e->map, "id", i->vlan_id);
    if (i->vlan_link)
        ol_val_set_str(w->arena, e->map, "link", i->vlan_link);
    if (i->mac)
        ol_val_set_str(w->arena, e->map, "macaddress", i->mac);
}

static int section_of(const struct net_iface *i)
{
    static const char *const types[NETPLAN_N_SECTIONS] = {"physical", "bond", "bridge", "vlan"};

    for (int n = 0; i->type && n < NETPLAN_N_SECTIONS; n++)
        if (strcmp(i->type, types[n]) == 0)
            return n;
    return -1;
}

static int add_iface(struct netplan_writer *w, const struct net_iface *i, struct ol_err *err)
{
    struct entry e = {.iface = i, .map = ol_val_new_map(w->arena)};
    int section = section_of(i), r = 0;

    switch (section) {
    case NETPLAN_ETHERNETS: add_ethernet(w, &e); break;
    case NETPLAN_BONDS: add_bond(w, &e); break;
    case NETPLAN_BRIDGES: r = add_bridge(w, &e, err); break;
    case NETPLAN_VLANS: add_vlan(w, &e); break;
    default: return 0;
    }
    if (r < 0)
        return r;
    add_common(w, &e);
    ol_val_set(w->arena, w->sections[section], i->name, e.map);
    return 0;
}

/* Global DNS goes to every device that has an address and no DNS of its own. */
static void spread_dns(struct netplan_writer *w)
{
    struct ol_val *dns = ol_val_new_map(w->arena);

    if (w->state->nameservers.n == 0 && w->state->search.n == 0)
        return;
    ol_val_set(w->arena, dns, "addresses", new_texts(w->arena, &w->state->nameservers));
    ol_val_set(w->arena, dns, "search", new_texts(w->arena, &w->state->search));
    for (int s = 0; s < NETPLAN_N_SECTIONS; s++) {
        for (size_t n = 0; n < ol_val_count(w->sections[s]); n++) {
            struct ol_val *cfg = ol_val_pair(w->sections[s], n)->value;

            if (!ol_val_get(cfg, "nameservers") && ol_val_get(cfg, "addresses"))
                ol_val_set(w->arena, cfg, "nameservers", dns);
        }
    }
}

static int add_section(struct netplan_writer *w, int section, struct ol_buf *to)
{
    static const char *const names[NETPLAN_N_SECTIONS] = {"ethernets", "bonds", "bridges", "vlans"};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(NET_FILE_MAX);
    struct ol_val *map = ol_val_new_map(w->arena);
    int r;

    if (ol_val_count(w->sections[section]) == 0)
        return 0;
    ol_val_set(w->arena, map, names[section], w->sections[section]);
    r = ol_yaml_dump(map, &section_style, &text);
    if (r < 0)
        return r;
    for (const char *line = text.data; *line;) {
        size_t len = strcspn(line, "\n");

        if (strspn(line, " ") < len)
            ol_buf_adds(to, "    ");
        ol_buf_add(to, line, len);
        ol_buf_addc(to, '\n');
        line += len + (line[len] == '\n');
    }
    return 0;
}

int netplan_from_v1(struct netplan_writer *w, struct ol_buf *to, struct ol_err *err)
{
    for (int s = 0; s < NETPLAN_N_SECTIONS; s++)
        w->sections[s] = ol_val_new_map(w->arena);
    for (size_t n = 0; n < w->state->n_ifaces; n++) {
        int r = add_iface(w, w->state->ifaces[n], err);

        if (r < 0)
            return r;
    }
    spread_dns(w);
    ol_buf_adds(to, "network:\n    version: 2\n");
    for (int s = 0; s < NETPLAN_N_SECTIONS; s++) {
        int r = add_section(w, s, to);

        if (r < 0)
            return ol_err_set(err, -r, "netplan: %s", strerror(-r));
    }
    return 0;
}
