/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <errno.h>

#include "core/cleanup.h"

#define BLANKS " \t\n\r\f\v"

static const char *const known_subnet[] = {
    "type",   "control",   "address", "ip_address",      "netmask",
    "prefix", "broadcast", "network", "gateway",         "pointopoint",
    "scope",  "mtu",       "metric",  "dns_nameservers", "dns_search",
    "routes", "ipv4",      "ipv6",    "_orig_eni_name",  NULL,
};

static int read_address(struct net_parser *p, const char *where, const struct ol_val *map,
                        struct net_subnet *s)
{
    const char *addr = NULL;
    struct net_cidr cidr;
    int r;

    r = net_read_text(p, where, map, "ip_address", &addr);
    if (r == 0)
        r = net_read_text(p, where, map, "address", &addr);
    if (r < 0)
        return r;
    if (!net_subnet_is_static(s)) {
        s->address = addr;
        return 0;
    }
    if (!addr)
        return ol_err_set(p->err, EINVAL, "%s: a %s subnet needs an address", where, s->type);
    r = net_read_net(p, where, addr, map, &cidr);
    if (r < 0)
        return r;
    s->address = ol_arena_strdup(p->arena, cidr.addr);
    s->prefix = cidr.prefix;
    return 0;
}

/* Zero is "not given" here, as upstream prunes what Python holds for false. */
static int read_nonzero(struct net_parser *p, const char *where, const struct ol_val *map,
                        const char *key, const struct ol_val **ret)
{
    const struct ol_val *v = NULL;
    int r = net_read_number(p, where, map, key, &v);

    if (r == 0 && ol_val_is_truthy(v))
        *ret = v;
    return r;
}

static int read_dns(struct net_parser *p, const char *where, const struct ol_val *map,
                    struct net_subnet *s)
{
    const char *at = ol_arena_printf(p->arena, "%s: dns_nameservers", where);
    int r = net_read_list(p, at, ol_val_get(map, "dns_nameservers"), BLANKS, &s->dns_nameservers);

    if (r < 0)
        return r;
    at = ol_arena_printf(p->arena, "%s: dns_search", where);
    return net_read_list(p, at, ol_val_get(map, "dns_search"), BLANKS, &s->dns_search);
}

static int read_subnet_routes(struct net_parser *p, const char *where, const struct ol_val *map,
                              struct net_subnet *s)
{
    const struct ol_val *routes = ol_val_get(map, "routes");

    if (routes && routes->type != OL_VAL_NULL && routes->type != OL_VAL_LIST)
        return ol_err_set(p->err, EINVAL, "%s: routes: must be a list", where);
    for (size_t i = 0; i < ol_val_count(routes); i++) {
        const char *at = ol_arena_printf(p->arena, "%s: routes: %zu", where, i);
        struct net_route route;
        int r = net_read_route(p, at, ol_val_item(routes, i), &route);

        if (r < 0)
            return r;
        net_subnet_add_route(s, p->arena, &route);
    }
    return 0;
}

static int read_subnet(struct net_parser *p, const char *where, const struct ol_val *map,
                       struct net_iface *iface)
{
    const char *type = NULL;
    struct net_subnet *s;
    int r;

    if (!ol_val_is(map, OL_VAL_MAP))
        return ol_err_set(p->err, EINVAL, "%s: must be a mapping, not a %s", where,
                          ol_val_type_name(map));
    r = net_read_text(p, where, map, "type", &type);
    if (r < 0)
        return r;
    if (!type)
        return ol_err_set(p->err, EINVAL, "%s: has no 'type'", where);
    net_note_unknown(p, where, map, known_subnet);
    s = net_iface_add_subnet(iface, p->arena, type);
    r = read_address(p, where, map, s);
    if (r == 0)
        r = net_read_text(p, where, map, "control", &s->control);
    if (r == 0)
        r = net_read_text(p, where, map, "broadcast", &s->broadcast);
    if (r == 0)
        r = net_read_text(p, where, map, "gateway", &s->gateway);
    if (r == 0)
        r = net_read_text(p, where, map, "pointopoint", &s->pointopoint);
    if (r == 0)
        r = net_read_text(p, where, map, "scope", &s->scope);
    if (r == 0)
        r = read_nonzero(p, where, map, "metric", &s->metric);
    if (r == 0)
        r = read_nonzero(p, where, map, "mtu", &s->mtu);
    if (r == 0)
        r = read_dns(p, where, map, s);
    if (r == 0)
        r = read_subnet_routes(p, where, map, s);
    return r;
}

int net_read_subnets(struct net_parser *p, const char *where, const struct ol_val *map,
                     struct net_iface *iface)
{
    const struct ol_val *subnets = ol_val_get(map, "subnets");

    iface->subnets = NULL;
    iface->n_subnets = iface->cap_subnets = 0;
    if (subnets && subnets->type != OL_VAL_NULL && subnets->type != OL_VAL_LIST)
        return ol_err_set(p->err, EINVAL, "%s: subnets: must be a list, not a %s", where,
                          ol_val_type_name(subnets));
    for (size_t i = 0; i < ol_val_count(subnets); i++) {
        const char *at = ol_arena_printf(p->arena, "%s: subnets: %zu", where, i);
        int r = read_subnet(p, at, ol_val_item(subnets, i), iface);

        if (r < 0)
            return r;
    }
    return 0;
}
