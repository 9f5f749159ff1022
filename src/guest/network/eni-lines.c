/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/eni-lines.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"

static void add_sorted(struct eni_writer *w, struct ol_strv *lines)
{
    ol_strv_sort(lines);
    ol_strv_each (line, lines)
        ol_buf_printf(w->out, "    %s\n", line);
}

static bool is_of_family(const char *addr, bool is_ipv6)
{
    struct net_cidr cidr;

    if (net_cidr_parse(addr, &cidr) < 0)
        return false;
    return (cidr.family == NET_IPV6) == is_ipv6;
}

/* Nameservers of the stanza's own family; without one, search domains make no sense. */
static void add_dns(struct eni_writer *w, struct ol_strv *lines, const struct net_subnet *s,
                    bool is_ipv6)
{
    struct net_list fitting = {.n = 0};

    for (size_t i = 0; i < s->dns_nameservers.n; i++)
        if (is_of_family(s->dns_nameservers.items[i], is_ipv6))
            net_list_add(&fitting, w->arena, s->dns_nameservers.items[i]);
    if (fitting.n > 0)
        ol_strv_addf(lines, "dns-nameservers %s", net_list_join(&fitting, w->arena));
    if (s->dns_search.n > 0 && (fitting.n > 0 || s->dns_nameservers.n == 0))
        ol_strv_addf(lines, "dns-search %s", net_list_join(&s->dns_search, w->arena));
}

static void add_text(struct ol_strv *lines, const char *key, const char *value)
{
    if (value)
        ol_strv_addf(lines, "%s %s", key, value);
}

void eni_add_subnet(struct eni_writer *w, const struct net_subnet *s, bool is_ipv6)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    if (s->address && s->prefix >= 0)
        ol_strv_addf(&lines, "address %s/%d", s->address, s->prefix);
    else
        add_text(&lines, "address", s->address);
    add_text(&lines, "broadcast", s->broadcast);
    add_text(&lines, "gateway", s->gateway);
    add_text(&lines, "pointopoint", s->pointopoint);
    add_text(&lines, "scope", s->scope);
    if (s->metric)
        add_text(&lines, "metric", ol_val_to_text(w->arena, s->metric));
    if (s->mtu)
        add_text(&lines, "mtu", ol_val_to_text(w->arena, s->mtu));
    add_dns(w, &lines, s, is_ipv6);
    add_sorted(w, &lines);
}

/* One line per item: a list of "port value", or a map's keys as upstream writes them. */
static void add_multiline(struct eni_writer *w, struct ol_strv *lines, const char *key,
                          const struct ol_val *v)
{
    if (v->type == OL_VAL_LIST)
        for (size_t i = 0; i < ol_val_count(v); i++)
            ol_strv_addf(lines, "%s %s", key, ol_val_to_text(w->arena, ol_val_item(v, i)));
    else if (v->type == OL_VAL_MAP)
        for (size_t i = 0; i < ol_val_count(v); i++)
            ol_strv_addf(lines, "%s %s", key, ol_val_to_text(w->arena, ol_val_pair(v, i)->key));
    else
        ol_strv_addf(lines, "%s %s", key, ol_val_to_text(w->arena, v));
}

static const char *value_text(struct eni_writer *w, const struct ol_val *v)
{
    struct net_list texts = {.n = 0};

    if (v->type == OL_VAL_BOOL)
        return v->boolean ? "on" : "off";
    if (v->type != OL_VAL_LIST)
        return ol_val_to_text(w->arena, v);
    for (size_t i = 0; i < ol_val_count(v); i++)
        net_list_add(&texts, w->arena, ol_val_to_text(w->arena, ol_val_item(v, i)));
    return net_list_join(&texts, w->arena);
}

static void add_params(struct eni_writer *w, struct ol_strv *lines, const struct net_iface *i)
{
    static const char *const multiline[] = {"bridge_pathcost", "bridge_portprio", "bridge_waitport",
                                            NULL};
    static const char *const ignored[] = {"control", "device_id", "dns",  "driver",
                                          "index",   "inet",      "mode", "name",
                                          "subnets", "type",      NULL};

    for (size_t n = 0; n < ol_val_count(i->params); n++) {
        const struct ol_pair *pair = ol_val_pair(i->params, n);
        const char *key = ol_val_str(pair->key);
        const char *written = ol_str_tr(ol_arena_strdup(w->arena, key), '_', '-');

        if (ol_str_in(key, ignored))
            continue;
        if (pair->value->type != OL_VAL_BOOL && !ol_val_is_truthy(pair->value))
            continue;
        if (ol_str_in(key, multiline))
            add_multiline(w, lines, written, pair->value);
        else
            ol_strv_addf(lines, "%s %s", written, value_text(w, pair->value));
    }
}

static void add_choice(struct ol_strv *lines, const char *key, enum net_choice choice,
                       const char *on, const char *off)
{
    if (choice != NET_UNSET)
        ol_strv_addf(lines, "%s %s", key, choice == NET_ON ? on : off);
}

static void add_mtu(struct eni_writer *w, struct ol_strv *lines, const struct net_iface *i,
                    const struct ol_val *subnet_mtu)
{
    if (!ol_val_is_truthy(i->mtu))
        return;
    if (!subnet_mtu) {
        ol_strv_addf(lines, "mtu %s", ol_val_to_text(w->arena, i->mtu));
        return;
    }
    if (!ol_val_equal(i->mtu, subnet_mtu))
        net_note(w->args, w->arena, OL_LOG_WARNING,
                 "Network config: ignoring %s device-level mtu:%s because ipv4 subnet-level "
                 "mtu:%s provided.",
                 i->name, ol_val_to_text(w->arena, i->mtu), ol_val_to_text(w->arena, subnet_mtu));
}

/* How an IPv6 address is come by, in lines of the stanza. */
static void add_ipv6_lines(struct ol_strv *lines, const struct net_iface *i,
                           const struct net_subnet *s)
{
    if (strcmp(s->type, "ipv6_dhcpv6-stateless") == 0)
        ol_strv_add(lines, "dhcp 1");
    else if (strcmp(s->type, "ipv6_slaac") == 0)
        ol_strv_add(lines, "dhcp 0");
    else if (strcmp(s->type, "dhcp4") == 0 || net_subnet_is_ipv6(s))
        add_choice(lines, "accept-ra", i->accept_ra, "1", "0");
}

void eni_add_device(struct eni_writer *w, const struct net_iface *i, const struct net_subnet *s)
{
    static const char *const with_mac[] = {"bond", "bridge", "infiniband", "vlan", NULL};
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    if (i->mac && i->type && ol_str_in(i->type, with_mac))
        add_text(&lines, "hwaddress", i->mac);
    add_mtu(w, &lines, i, s && !net_subnet_is_ipv6(s) ? s->mtu : NULL);
    add_choice(&lines, "optional", i->optional, "on", "off");
    if (i->wakeonlan == NET_ON)
        ol_strv_add(&lines, "ethernet-wol g");
    if (i->keep_configuration
        && (ol_val_is(i->keep_configuration, OL_VAL_BOOL)
            || ol_val_is_truthy(i->keep_configuration)))
        add_text(&lines, "keep-configuration", value_text(w, i->keep_configuration));
    if (ol_val_is_truthy(i->vlan_id))
        add_text(&lines, "vlan-id", ol_val_to_text(w->arena, i->vlan_id));
    add_text(&lines, "vlan-raw-device", i->vlan_link);
    add_text(&lines, "bond-master", i->bond_master);
    if (i->is_bond_master)
        ol_strv_add(&lines, "bond-slaves none");
    if (i->bridge_ports.n > 0)
        add_text(&lines, "bridge-ports", net_list_join(&i->bridge_ports, w->arena));
    if (s)
        add_ipv6_lines(&lines, i, s);
    add_params(w, &lines, i);
    add_sorted(w, &lines);
}

/* "10.0.0.0/8", with what route(8) wants before it. */
static const char *route_destination(struct eni_writer *w, const struct net_route *r)
{
    const char *kind = "-net";

    if (w->args->has_route_tool_only) {
        if (r->family == NET_IPV6)
            kind = "-A inet6";
        else if (r->prefix == 32)
            kind = "-host";
        if (net_route_is_default(r))
            return r->family == NET_IPV6 ? "-A inet6 default" : "default";
        return ol_arena_printf(w->arena, "%s %s/%d", kind, r->network, r->prefix);
    }
    if (net_route_is_default(r))
        return "default";
    return ol_arena_printf(w->arena, "%s/%d", r->network, r->prefix);
}

/* A route that is there already must not fail ifup, hence "|| true". */
void eni_add_route(struct eni_writer *w, const struct net_route *r, const char *indent,
                   const char *dev)
{
    static const char *const hooks[][2] = {{"post-up", "add"}, {"pre-down", "del"}};
    bool is_plain = w->args->has_route_tool_only;
    const char *family = r->family == NET_IPV6 ? " -family inet6" : "";

    if (!r->gateway && !dev) {
        net_note(w->args, w->arena, OL_LOG_WARNING,
                 "network: route to %s/%d has no gateway and no interface: not written", r->network,
                 r->prefix);
        return;
    }
    for (size_t i = 0; i < ol_count(hooks); i++) {
        ol_buf_printf(w->out, "%s%s", indent, hooks[i][0]);
        if (is_plain)
            ol_buf_printf(w->out, " route %s", hooks[i][1]);
        else
            ol_buf_printf(w->out, " ip%s route %s", family, hooks[i][1]);
        ol_buf_printf(w->out, " %s", route_destination(w, r));
        if (r->gateway)
            ol_buf_printf(w->out, " %s %s", is_plain ? "gw" : "via", r->gateway);
        else
            ol_buf_printf(w->out, " dev %s", dev);
        if (r->metric)
            ol_buf_printf(w->out, " metric %s", ol_val_to_text(w->arena, r->metric));
        ol_buf_adds(w->out, " || true\n");
    }
}
