/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/v2-internal.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/network/ip.h"

int v2_want_map(struct net_parser *p, const char *where, const struct ol_val *v)
{
    if (!v || v->type == OL_VAL_NULL || v->type == OL_VAL_MAP)
        return 0;
    return ol_err_set(p->err, EINVAL, "%s: must be a mapping, not a %s", where,
                      ol_val_type_name(v));
}

static int want_list(struct net_parser *p, const char *where, const struct ol_val *v)
{
    if (!v || v->type == OL_VAL_NULL || v->type == OL_VAL_LIST)
        return 0;
    return ol_err_set(p->err, EINVAL, "%s: must be a list, not a %s", where, ol_val_type_name(v));
}

const char *v2_at(struct net_parser *p, const char *where, const char *key)
{
    return ol_arena_printf(p->arena, "%s: %s", where, key);
}

static int add_dhcp(struct net_parser *p, const struct v2_device *d, const char *type,
                    struct net_iface *i)
{
    const char *key = ol_arena_printf(p->arena, "%s-overrides", type);
    const struct ol_val *overrides = ol_val_get(d->cfg, key);
    const char *at = v2_at(p, d->where, key);
    struct net_subnet *s;
    const struct ol_val *metric = NULL;
    int r;

    if (!ol_val_is_truthy(ol_val_get(d->cfg, type)))
        return 0;
    s = net_iface_add_subnet(i, p->arena, type);
    r = v2_want_map(p, at, overrides);
    if (r == 0)
        r = net_read_number(p, at, overrides, "route-metric", &metric);
    if (r == 0 && ol_val_is_truthy(metric))
        s->metric = metric;
    return r;
}

/* An address is a text, or (netplan) a mapping whose one key is the text. */
static const char *address_text(const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_MAP) && ol_val_count(v) == 1)
        return ol_val_str(ol_val_pair(v, 0)->key);
    return ol_val_str(v);
}

static int add_address(struct net_parser *p, const char *where, const struct ol_val *v,
                       struct net_iface *i)
{
    const char *text = address_text(v);
    struct net_subnet *s;
    struct net_cidr cidr;
    int r;

    if (!text)
        return ol_err_set(p->err, EINVAL, "%s: must be an address, not a %s", where,
                          ol_val_type_name(v));
    r = net_read_net(p, where, text, NULL, &cidr);
    if (r < 0)
        return r;
    s = net_iface_add_subnet(i, p->arena, "static");
    s->address = ol_arena_strdup(p->arena, cidr.addr);
    s->prefix = cidr.prefix;
    return 0;
}

/* Each gateway goes to the first subnet of its family. */
static int set_gateways(struct net_parser *p, const struct v2_device *d, struct net_iface *i)
{
    const char *gateway4 = NULL, *gateway6 = NULL;
    int r = net_read_text(p, d->where, d->cfg, "gateway4", &gateway4);

    if (r == 0)
        r = net_read_text(p, d->where, d->cfg, "gateway6", &gateway6);
    if (r < 0)
        return r;
    for (size_t n = 0; n < i->n_subnets; n++) {
        struct net_subnet *s = &i->subnets[n];
        const char **gateway = net_ip_family(s->address) == NET_IPV6 ? &gateway6 : &gateway4;

        if (!s->address)
            continue;
        s->gateway = *gateway;
        *gateway = NULL;
    }
    return 0;
}

/* Nameservers belong to the interface and, for renderers that know them only there, to its
 * first static subnet. */
static int read_nameservers(struct net_parser *p, const struct v2_device *d, struct net_iface *i)
{
    const struct ol_val *v = ol_val_get(d->cfg, "nameservers");
    const char *at = v2_at(p, d->where, "nameservers");
    int r = v2_want_map(p, at, v);

    if (r < 0 || !v)
        return r;
    r = net_read_list(p, v2_at(p, at, "addresses"), ol_val_get(v, "addresses"), " ",
                      &i->nameservers);
    if (r == 0)
        r = net_read_list(p, v2_at(p, at, "search"), ol_val_get(v, "search"), " ", &i->search);
    if (r < 0)
        return r;
    i->has_dns = true;
    for (size_t n = 0; n < i->n_subnets; n++) {
        if (!i->subnets[n].address)
            continue;
        i->subnets[n].dns_nameservers = i->nameservers;
        i->subnets[n].dns_search = i->search;
        return 0;
    }
    return 0;
}

/* A version 2 route with the key names of version 1. */
static struct ol_val *translate_route(struct ol_arena *a, const struct ol_val *route)
{
    static const char *const names[][2] = {
        {"to", "destination"}, {"via", "gateway"}, {"metric", "metric"}, {"table", "table"}};
    struct ol_val *map = ol_val_new_map(a);

    for (size_t i = 0; i < ol_count(names); i++)
        if (ol_val_get(route, names[i][0]))
            ol_val_set(a, map, names[i][1], (struct ol_val *)ol_val_get(route, names[i][0]));
    return map;
}

static int read_route(struct net_parser *p, const char *where, const struct ol_val *v,
                      struct net_route *ret)
{
    int r = v2_want_map(p, where, v);

    if (r < 0)
        return r;
    if (!ol_val_is_truthy(ol_val_get(v, "to")))
        return ol_err_set(p->err, EINVAL, "%s: has no 'to'", where);
    return net_read_route(p, where, translate_route(p->arena, v), ret);
}

/* Routes belong to the interface; the state keeps them at its first subnet. */
static int read_routes(struct net_parser *p, const struct v2_device *d, struct net_iface *i)
{
    const struct ol_val *routes = ol_val_get(d->cfg, "routes");
    int r = want_list(p, v2_at(p, d->where, "routes"), routes);

    if (r < 0)
        return r;
    for (size_t n = 0; n < ol_val_count(routes); n++) {
        const char *at = ol_arena_printf(p->arena, "%s: routes: %zu", d->where, n);
        struct net_route route;

        r = read_route(p, at, ol_val_item(routes, n), &route);
        if (r < 0)
            return r;
        if (i->n_subnets > 0)
            net_subnet_add_route(&i->subnets[0], p->arena, &route);
    }
    return 0;
}

int v2_read_ip(struct net_parser *p, const struct v2_device *d, struct net_iface *i)
{
    const struct ol_val *addresses = ol_val_get(d->cfg, "addresses");
    int r = want_list(p, v2_at(p, d->where, "addresses"), addresses);

    i->subnets = NULL;
    i->n_subnets = i->cap_subnets = 0;
    if (r == 0)
        r = add_dhcp(p, d, "dhcp4", i);
    if (r == 0)
        r = add_dhcp(p, d, "dhcp6", i);
    for (size_t n = 0; r == 0 && n < ol_val_count(addresses); n++)
        r = add_address(p, ol_arena_printf(p->arena, "%s: addresses: %zu", d->where, n),
                        ol_val_item(addresses, n), i);
    if (r == 0)
        r = set_gateways(p, d, i);
    if (r == 0)
        r = read_nameservers(p, d, i);
    if (r == 0)
        r = read_routes(p, d, i);
    return r;
}
