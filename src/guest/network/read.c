/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "core/strv.h"
#include "guest/network/ip.h"

static bool is_scalar(const struct ol_val *v)
{
    return v->type == OL_VAL_STR || v->type == OL_VAL_INT || v->type == OL_VAL_FLOAT
           || v->type == OL_VAL_BOOL;
}

bool net_is_true(const struct ol_val *v)
{
    static const char *const words[] = {"true", "1", "on", "yes"};

    if (ol_val_is(v, OL_VAL_BOOL))
        return v->boolean;
    if (ol_val_is(v, OL_VAL_INT))
        return ol_val_int(v, 0) == 1;
    for (size_t i = 0; i < ol_count(words); i++)
        if (ol_val_str(v) && ol_str_eq_nocase(ol_val_str(v), words[i]))
            return true;
    return false;
}

void net_read_choice(const struct ol_val *map, const char *key, enum net_choice *ret)
{
    const struct ol_val *v = ol_val_get(map, key);

    if (v && v->type != OL_VAL_NULL)
        *ret = net_is_true(v) ? NET_ON : NET_OFF;
}

int net_read_text(struct net_parser *p, const char *where, const struct ol_val *map,
                  const char *key, const char **ret)
{
    const struct ol_val *v = ol_val_get(map, key);
    const char *text;

    if (!v || v->type == OL_VAL_NULL)
        return 0;
    if (!is_scalar(v))
        return ol_err_set(p->err, EINVAL, "%s: %s: must be a text, not a %s", where, key,
                          ol_val_type_name(v));
    text = ol_val_to_text(p->arena, v);
    if (strpbrk(text, "\n\r"))
        return ol_err_set(p->err, EINVAL, "%s: %s: must be a single line", where, key);
    if (*text)
        *ret = text;
    return 0;
}

int net_read_number(struct net_parser *p, const char *where, const struct ol_val *map,
                    const char *key, const struct ol_val **ret)
{
    const struct ol_val *v = ol_val_get(map, key);
    int64_t number;

    if (!v || v->type == OL_VAL_NULL || (ol_val_str(v) && !*ol_val_str(v)))
        return 0;
    if (!is_scalar(v))
        return ol_err_set(p->err, EINVAL, "%s: %s: must be a number, not a %s", where, key,
                          ol_val_type_name(v));
    if (v->type != OL_VAL_INT
        && (v->type != OL_VAL_STR || ol_parse_i64(v->str.data, 10, &number) < 0))
        return ol_err_set(p->err, EINVAL, "%s: %s: must be a number, not %s", where, key,
                          ol_val_to_repr(p->arena, v));
    *ret = v;
    return 0;
}

static int add_item(struct net_parser *p, const char *where, const struct ol_val *v,
                    struct net_list *ret)
{
    const char *text;

    if (!is_scalar(v))
        return ol_err_set(p->err, EINVAL, "%s: must be texts, not a %s", where,
                          ol_val_type_name(v));
    text = ol_val_to_text(p->arena, v);
    if (strpbrk(text, "\n\r"))
        return ol_err_set(p->err, EINVAL, "%s: must be single lines", where);
    if (*text)
        net_list_add(ret, p->arena, text);
    return 0;
}

int net_read_list(struct net_parser *p, const char *where, const struct ol_val *value,
                  const char *separators, struct net_list *ret)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    if (!value || value->type == OL_VAL_NULL)
        return 0;
    if (value->type == OL_VAL_STR && separators) {
        ol_strv_split(&words, value->str.data, separators);
        ol_strv_each (word, &words)
            net_list_add(ret, p->arena, ol_arena_strdup(p->arena, word));
        return 0;
    }
    if (value->type != OL_VAL_LIST)
        return add_item(p, where, value, ret);
    for (size_t i = 0; i < ol_val_count(value); i++) {
        int r = add_item(p, where, ol_val_item(value, i), ret);

        if (r < 0)
            return r;
    }
    return 0;
}

const char *net_mac_from_int(struct ol_arena *a, const struct ol_val *v)
{
    int64_t rest = ol_val_int(v, -1);
    int octets[6];

    for (int i = 5; i > 0; i--, rest /= 60)
        octets[i] = (int)(rest % 60);
    if (rest < 1 || rest > 99)
        return NULL;
    octets[0] = (int)rest;
    return ol_arena_printf(a, "%02d:%02d:%02d:%02d:%02d:%02d", octets[0], octets[1], octets[2],
                           octets[3], octets[4], octets[5]);
}

int net_read_mac(struct net_parser *p, const char *where, const struct ol_val *map, const char *key,
                 const char **ret)
{
    const struct ol_val *v = ol_val_get(map, key);
    const char *text = NULL;
    int r;

    if (ol_val_is(v, OL_VAL_INT)) {
        text = net_mac_from_int(p->arena, v);
        if (!text)
            return ol_err_set(p->err, EINVAL, "%s: %s: must be a MAC address, not the number %s",
                              where, key, ol_val_to_text(p->arena, v));
        net_note(p->args, p->arena, OL_LOG_WARNING,
                 "%s: %s: YAML reads this as the number %s; taken as %s. Put it in quotes.", where,
                 key, ol_val_to_text(p->arena, v), text);
    } else {
        r = net_read_text(p, where, map, key, &text);
        if (r < 0)
            return r;
    }
    if (text)
        *ret = ol_str_lower(ol_arena_strdup(p->arena, text));
    return 0;
}

void net_note_unknown(struct net_parser *p, const char *where, const struct ol_val *map,
                      const char *const *known)
{
    for (size_t i = 0; i < ol_val_count(map); i++) {
        const char *key = ol_val_to_text(p->arena, ol_val_pair(map, i)->key);

        if (!ol_str_in(key, known))
            net_note(p->args, p->arena, OL_LOG_WARNING, "%s: unknown key '%s'", where, key);
    }
}

/* "default" stands for the default route of the gateway's family; without a gateway it is
 * that of IPv4, on the link. */
static const char *expand_default(struct net_parser *p, const struct ol_val *map)
{
    const char *gateway = ol_val_str(ol_val_get(map, "gateway"));

    if (!ol_val_is_truthy(ol_val_get(map, "gateway")))
        return "0.0.0.0/0";
    switch (net_ip_family(gateway)) {
    case NET_IPV4: return "0.0.0.0/0";
    case NET_IPV6: return "::/0";
    default: return NULL;
    }
}

/* The prefix that stands beside the address: "prefix", "netmask", or upstream's default. */
static int read_prefix(struct net_parser *p, const char *where, const struct ol_val *map,
                       int family, int *ret)
{
    const char *keys[] = {"prefix", "netmask"};

    for (size_t i = 0; i < ol_count(keys); i++) {
        const char *text = NULL;
        int r = net_read_text(p, where, map, keys[i], &text);

        if (r < 0)
            return r;
        if (!text)
            continue;
        r = net_mask_to_prefix(family, text);
        if (r < 0)
            return ol_err_set(p->err, EINVAL, "%s: %s: '%s' is no netmask", where, keys[i], text);
        *ret = r;
        return 0;
    }
    *ret = family == NET_IPV6 ? 64 : 24;
    return 0;
}

int net_read_net(struct net_parser *p, const char *where, const char *addr,
                 const struct ol_val *map, struct net_cidr *ret)
{
    struct net_cidr cidr;
    int r;

    if (strcmp(addr, "default") == 0) {
        addr = expand_default(p, map);
        if (!addr)
            return ol_err_set(p->err, EINVAL,
                              "%s: the gateway of the default route is not an IP address", where);
    }
    if (net_cidr_parse(addr, &cidr) < 0)
        return ol_err_set(p->err, EINVAL, "%s: '%s' is not an IP address or network", where, addr);
    if (cidr.prefix < 0) {
        r = read_prefix(p, where, map, cidr.family, &cidr.prefix);
        if (r < 0)
            return r;
    }
    *ret = cidr;
    return 0;
}

static int read_metric(struct net_parser *p, const char *where, const struct ol_val *map,
                       const struct ol_val **ret)
{
    const struct ol_val *v = NULL;
    int64_t number;
    int r = net_read_number(p, where, map, "metric", &v);

    if (r < 0 || !v)
        return r;
    if (ol_val_str(v) && ol_parse_i64(ol_val_str(v), 10, &number) == 0)
        v = ol_val_new_int(p->arena, number);
    *ret = v;
    return 0;
}

int net_read_route(struct net_parser *p, const char *where, const struct ol_val *map,
                   struct net_route *ret)
{
    struct net_route route = {.network = NULL};
    const char *dest = NULL;
    struct net_cidr cidr;
    int r;

    if (!ol_val_is(map, OL_VAL_MAP))
        return ol_err_set(p->err, EINVAL, "%s: must be a mapping, not a %s", where,
                          ol_val_type_name(map));
    r = net_read_text(p, where, map, "network", &dest);
    if (r == 0)
        r = net_read_text(p, where, map, "destination", &dest);
    if (r == 0 && !dest)
        r = ol_err_set(p->err, EINVAL, "%s: has neither 'network' nor 'destination'", where);
    if (r == 0)
        r = net_read_text(p, where, map, "gateway", &route.gateway);
    if (r == 0)
        r = net_read_net(p, where, dest, map, &cidr);
    if (r == 0)
        r = read_metric(p, where, map, &route.metric);
    if (r == 0)
        r = net_read_text(p, where, map, "table", &dest);
    if (r < 0)
        return r;
    route.table = ol_val_get(map, "table");
    route.network = ol_arena_strdup(p->arena, cidr.addr);
    route.family = cidr.family;
    route.prefix = cidr.prefix;
    *ret = route;
    return 0;
}

int net_read_stp(struct net_parser *p, const char *where, struct net_iface *bridge)
{
    const struct ol_val *stp = ol_val_get(bridge->params, "bridge_stp");
    const char *text;

    if (!stp || stp->type == OL_VAL_NULL || stp->type == OL_VAL_BOOL)
        return 0;
    text = ol_val_to_text(p->arena, stp);
    if (strcmp(text, "on") != 0 && strcmp(text, "1") != 0 && strcmp(text, "off") != 0
        && strcmp(text, "0") != 0)
        return ol_err_set(p->err, EINVAL, "%s: bridge_stp: must be on or off, not %s", where,
                          ol_val_to_repr(p->arena, stp));
    ol_val_set_bool(p->arena, bridge->params, "bridge_stp",
                    strcmp(text, "on") == 0 || strcmp(text, "1") == 0);
    return 0;
}
