/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"
#include "guest/network/ip.h"

/*
 * /etc/network/interfaces of ifupdown (cloud-init 26.2 net/eni.py). One stanza per subnet;
 * within a stanza the lines are sorted, first those of the subnet, then those of the device.
 */
struct writer {
    const struct net_render_args *args;
    struct ol_arena *arena;
    struct ol_buf *out;
};

/* The head of a stanza. */
struct stanza {
    const char *name, *control, *inet, *mode;
};

static void start_section(struct writer *w)
{
    if (w->out->len > 0)
        ol_buf_addc(w->out, '\n');
}

static void add_sorted(struct writer *w, struct ol_strv *lines)
{
    ol_strv_sort(lines);
    ol_strv_each (line, lines)
        ol_buf_printf(w->out, "    %s\n", line);
}

static void add_head(struct writer *w, const struct stanza *s)
{
    if (strcmp(s->control, "auto") == 0)
        ol_buf_printf(w->out, "auto %s\n", s->name);
    else if (strcmp(s->control, "hotplug") == 0)
        ol_buf_printf(w->out, "allow-hotplug %s\n", s->name);
    else
        ol_buf_printf(w->out, "# control-%s %s\n", s->control, s->name);
    ol_buf_printf(w->out, "iface %s %s %s\n", s->name, s->inet, s->mode);
}

static bool is_of_family(const char *addr, bool is_ipv6)
{
    struct net_cidr cidr;

    if (net_cidr_parse(addr, &cidr) < 0)
        return false;
    return (cidr.family == NET_IPV6) == is_ipv6;
}

/* Nameservers of the stanza's own family; without one, search domains make no sense. */
static void add_dns(struct writer *w, struct ol_strv *lines, const struct net_subnet *s,
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

static void add_subnet(struct writer *w, const struct net_subnet *s, bool is_ipv6)
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
static void add_multiline(struct writer *w, struct ol_strv *lines, const char *key,
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

static const char *value_text(struct writer *w, const struct ol_val *v)
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

static void add_params(struct writer *w, struct ol_strv *lines, const struct net_iface *i)
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

static void add_mtu(struct writer *w, struct ol_strv *lines, const struct net_iface *i,
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

/* Lines of the device, which stand in its first stanza only. 's' may be NULL. */
static void add_device(struct writer *w, const struct net_iface *i, const struct net_subnet *s)
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
static const char *route_destination(struct writer *w, const struct net_route *r)
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

/* 'dev' is the interface for a route without gateway; NULL = not known. A route that is
 * there already must not fail ifup, hence "|| true". */
static void add_route(struct writer *w, const struct net_route *r, const char *indent,
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

static const char *stanza_mode(const struct net_subnet *s)
{
    static const char *const dhcp[] = {"dhcp4", "dhcp6", "ipv6_dhcpv6-stateful", NULL};
    static const char *const automatic[] = {"ipv6_dhcpv6-stateless", "ipv6_slaac", NULL};

    if (ol_str_in(s->type, dhcp))
        return "dhcp";
    if (ol_str_in(s->type, automatic))
        return "auto";
    return net_subnet_is_ipv6(s) ? "static" : s->type;
}

/* What goes from one stanza of an interface to the next. */
struct carry {
    bool is_auto;                  /* an "auto NAME" was written: once is enough */
    const struct net_subnet *dns;  /* the first with DNS; others without get its */
    const char *control;           /* of the newest stanza */
    const struct net_route **left; /* IPv6 routes that wait for an IPv6 stanza */
    size_t n_left;
};

static void add_left_routes(struct writer *w, const struct net_iface *i, struct carry *c)
{
    for (size_t n = 0; n < c->n_left; n++)
        add_route(w, c->left[n], "    ", i->name);
    c->n_left = 0;
}

static void inherit_dns(struct carry *c, struct net_subnet *s)
{
    bool has_dns = s->dns_nameservers.n > 0 || s->dns_search.n > 0;

    if (!c->dns || has_dns)
        return;
    s->dns_nameservers = c->dns->dns_nameservers;
    s->dns_search = c->dns->dns_search;
}

static void render_subnet(struct writer *w, const struct net_iface *i, size_t index,
                          struct carry *c)
{
    const struct net_subnet *original = &i->subnets[index];
    struct net_subnet s = *original;
    bool is_ipv6 = net_subnet_is_ipv6(&s);

    if (!c->dns && (s.dns_nameservers.n > 0 || s.dns_search.n > 0))
        c->dns = original;
    inherit_dns(c, &s);
    c->control = s.control ? s.control : "auto";
    if (c->is_auto)
        c->control = "alias";
    c->is_auto = c->is_auto || strcmp(c->control, "auto") == 0;
    start_section(w);
    add_head(w, &(struct stanza){i->name, c->control, is_ipv6 ? "inet6" : "inet", stanza_mode(&s)});
    add_subnet(w, &s, is_ipv6);
    if (index == 0)
        add_device(w, i, &s);
    for (size_t n = 0; n < s.n_routes; n++) {
        if (s.routes[n].family == NET_IPV6 && !is_ipv6)
            c->left[c->n_left++] = &s.routes[n];
        else
            add_route(w, &s.routes[n], "    ", i->name);
    }
    if (is_ipv6)
        add_left_routes(w, i, c);
}

static void render_without_subnets(struct writer *w, const struct net_iface *i)
{
    start_section(w);
    if (i->bond_master || i->is_bond_master)
        ol_buf_printf(w->out, "auto %s\n", i->name);
    ol_buf_printf(w->out, "iface %s inet manual\n", i->name);
    add_device(w, i, NULL);
}

static void render_iface(struct writer *w, const struct net_iface *i)
{
    struct net_subnet extra = {.type = "static", .prefix = -1};
    struct carry c = {.control = "auto"};
    size_t n_routes = 0;

    if (i->n_subnets == 0) {
        render_without_subnets(w, i);
        return;
    }
    for (size_t n = 0; n < i->n_subnets; n++)
        n_routes += i->subnets[n].n_routes;
    c.left = ol_arena_alloc(w->arena, n_routes * sizeof(*c.left));
    for (size_t n = 0; n < i->n_subnets; n++)
        render_subnet(w, i, n, &c);
    if (c.n_left == 0)
        return;
    inherit_dns(&c, &extra);
    start_section(w);
    add_head(w, &(struct stanza){i->name, c.control, "inet6", "static"});
    add_subnet(w, &extra, true);
    add_left_routes(w, i, &c);
}

/* Global DNS stands at "lo", the one interface that is always up. */
static void render_loopback(struct writer *w, const struct net_state *s)
{
    struct net_iface lo = {.name = "lo", .type = "physical"};
    struct net_subnet *first;

    for (size_t n = 0; n < s->n_ifaces; n++)
        if (strcmp(s->ifaces[n]->name, "lo") == 0)
            lo = *s->ifaces[n];
    if (lo.n_subnets == 0)
        net_iface_add_subnet(&lo, w->arena, "loopback");
    first = ol_arena_alloc(w->arena, lo.n_subnets * sizeof(*first));
    memcpy(first, lo.subnets, lo.n_subnets * sizeof(*first));
    lo.subnets = first;
    if (s->nameservers.n > 0)
        first->dns_nameservers = s->nameservers;
    if (s->search.n > 0)
        first->dns_search = s->search;
    render_iface(w, &lo);
}

/* Devices before what is built on them. */
static int type_rank(const char *type)
{
    static const char *const order[] = {"loopback", "physical", "infiniband",
                                        "bond",     "bridge",   "vlan"};

    for (size_t i = 0; type && i < ol_count(order); i++)
        if (strcmp(type, order[i]) == 0)
            return (int)i;
    return 1;
}

static int compare_ifaces(const void *a, const void *b)
{
    const struct net_iface *x = *(const struct net_iface *const *)a;
    const struct net_iface *y = *(const struct net_iface *const *)b;
    int d = type_rank(x->type) - type_rank(y->type);

    return d ? d : strcmp(x->name, y->name);
}

static void render_interfaces(struct writer *w, const struct net_state *s)
{
    size_t size = s->n_ifaces * sizeof(struct net_iface *);
    const struct net_iface **sorted = ol_arena_alloc(w->arena, size);

    render_loopback(w, s);
    if (size > 0)
        memcpy(sorted, s->ifaces, size);
    qsort(sorted, s->n_ifaces, sizeof(*sorted), compare_ifaces);
    for (size_t n = 0; n < s->n_ifaces; n++)
        if (strcmp(sorted[n]->name, "lo") != 0)
            render_iface(w, sorted[n]);
    for (size_t n = 0; n < s->n_routes; n++) {
        start_section(w);
        add_route(w, &s->routes[n], "", NULL);
    }
}

static int render(const struct net_state *state, const struct net_render_args *args,
                  struct ol_arena *a, struct net_files *ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(NET_FILE_MAX);
    ol_auto(ol_buf_done) struct ol_buf file_text = OL_BUF_INIT(NET_FILE_MAX);
    struct net_file main = {.path = "/etc/network/interfaces.d/50-cloud-init", .mode = 0644};
    struct net_file rules = {.path = "/etc/udev/rules.d/70-persistent-net.rules", .mode = 0644};
    struct writer w = {.args = args, .arena = a, .out = &text};
    int r;

    if (args->distro && strcmp(args->distro, "alpine") == 0)
        main.path = "/etc/network/interfaces";
    render_interfaces(&w, state);
    ol_buf_printf(&file_text, "%s%s", net_file_header, text.data);
    r = net_take_text(&file_text, main.path, a, &main.text, err);
    if (r == 0)
        r = net_render_udev(state, a, &rules.text, err);
    if (r < 0)
        return r;
    net_files_add(ret, a, &main);
    net_files_add(ret, a, &rules);
    return 0;
}

const struct net_renderer net_renderer_eni = {
    .name = "eni",
    .render = render,
    .programs = (const char *const[]){"ifquery", "ifup", "ifdown", NULL},
    .paths = (const char *const[]){"/etc/network/interfaces", NULL},
    .owned = (const char *const[]){"/etc/network/interfaces.d/50-cloud-init",
                                   "/etc/udev/rules.d/70-persistent-net.rules", NULL},
};
