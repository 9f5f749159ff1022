/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/eni-lines.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"

/*
 * /etc/network/interfaces of ifupdown (cloud-init 26.2 net/eni.py). One stanza per subnet;
 * within a stanza the lines are sorted, first those of the subnet, then those of the device.
 */
/* The head of a stanza. */
struct stanza {
    const char *name, *control, *inet, *mode;
};

static void start_section(struct eni_writer *w)
{
    if (w->out->len > 0)
        ol_buf_addc(w->out, '\n');
}

static void add_head(struct eni_writer *w, const struct stanza *s)
{
    if (strcmp(s->control, "auto") == 0)
        ol_buf_printf(w->out, "auto %s\n", s->name);
    else if (strcmp(s->control, "hotplug") == 0)
        ol_buf_printf(w->out, "allow-hotplug %s\n", s->name);
    else
        ol_buf_printf(w->out, "# control-%s %s\n", s->control, s->name);
    ol_buf_printf(w->out, "iface %s %s %s\n", s->name, s->inet, s->mode);
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

static void add_left_routes(struct eni_writer *w, const struct net_iface *i, struct carry *c)
{
    for (size_t n = 0; n < c->n_left; n++)
        eni_add_route(w, c->left[n], "    ", i->name);
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

static void render_subnet(struct eni_writer *w, const struct net_iface *i, size_t index,
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
    eni_add_subnet(w, &s, is_ipv6);
    if (index == 0)
        eni_add_device(w, i, &s);
    for (size_t n = 0; n < s.n_routes; n++) {
        if (s.routes[n].family == NET_IPV6 && !is_ipv6)
            c->left[c->n_left++] = &s.routes[n];
        else
            eni_add_route(w, &s.routes[n], "    ", i->name);
    }
    if (is_ipv6)
        add_left_routes(w, i, c);
}

static void render_without_subnets(struct eni_writer *w, const struct net_iface *i)
{
    start_section(w);
    if (i->bond_master || i->is_bond_master)
        ol_buf_printf(w->out, "auto %s\n", i->name);
    ol_buf_printf(w->out, "iface %s inet manual\n", i->name);
    eni_add_device(w, i, NULL);
}

static void render_iface(struct eni_writer *w, const struct net_iface *i)
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
    eni_add_subnet(w, &extra, true);
    add_left_routes(w, i, &c);
}

/* Global DNS stands at "lo", the one interface that is always up. */
static void render_loopback(struct eni_writer *w, const struct net_state *s)
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

static void render_interfaces(struct eni_writer *w, const struct net_state *s)
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
        eni_add_route(w, &s->routes[n], "", NULL);
    }
}

static int render(const struct net_state *state, const struct net_render_args *args,
                  struct ol_arena *a, struct net_files *ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(NET_FILE_MAX);
    ol_auto(ol_buf_done) struct ol_buf file_text = OL_BUF_INIT(NET_FILE_MAX);
    struct net_file main = {.path = "/etc/network/interfaces.d/50-cloud-init", .mode = 0644};
    struct net_file rules = {.path = "/etc/udev/rules.d/70-persistent-net.rules", .mode = 0644};
    struct eni_writer w = {.args = args, .arena = a, .out = &text};
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
