/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"
#include "guest/network/ip.h"
#include "guest/network/network.h"

/*
 * The parsed configuration between the input forms and the renderers. Everything lives in
 * one arena; texts are never empty (NULL = not given). Values that a renderer writes as the
 * user typed them (mtu: 1500 or "1500") stay values.
 */
struct net_list {
    const char **items;
    size_t n, cap;
};

enum net_choice { NET_UNSET, NET_OFF, NET_ON };

struct net_route {
    const char *network; /* address without prefix */
    int family;          /* NET_IPV4 or NET_IPV6 */
    int prefix;
    const char *gateway; /* NULL = the destination is on the link */
    const struct ol_val *metric, *table;
};

struct net_subnet {
    const char *type;    /* dhcp4, static, static6, manual, ipv6_slaac … */
    const char *control; /* auto, manual, hotplug */
    const char *address; /* without prefix */
    int prefix;          /* -1 = none */
    const char *broadcast, *gateway, *pointopoint, *scope;
    const struct ol_val *metric, *mtu;
    struct net_list dns_nameservers, dns_search;
    struct net_route *routes;
    size_t n_routes, cap_routes;
};

struct net_iface {
    const char *key; /* name in the configuration */
    const char *name;
    const char *type; /* physical, bond, bridge, vlan, infiniband, loopback; NULL = only named */
    const char *mac;  /* lower case */
    const struct ol_val *mtu, *keep_configuration;
    enum net_choice accept_ra, wakeonlan, optional;
    struct net_subnet *subnets;
    size_t n_subnets, cap_subnets;
    const struct ol_val *vlan_id;
    const char *vlan_link;
    const char *bond_master;
    bool is_bond_master;
    bool has_bridge_ports;
    struct net_list bridge_ports;
    /* bond-*, bridge_* and whatever else a version 1 "params" holds, as it was written */
    struct ol_val *params;
    bool has_dns;
    struct net_list nameservers, search; /* of this interface; not those of its subnets */
};

struct net_state {
    int version;
    const struct ol_val *config; /* version 2: the mapping itself */
    bool is_passthrough;         /* nothing was interpreted: only 'config' is there */
    struct net_iface **ifaces;   /* in the order of their first mention */
    size_t n_ifaces, cap_ifaces;
    struct net_route *routes;
    size_t n_routes, cap_routes;
    struct net_list nameservers, search; /* for all interfaces */
};

/* What the parsers share. */
struct net_parser {
    struct net_state *state;
    const struct net_render_args *args;
    struct ol_arena *arena;
    struct ol_err *err;
};

/* --- state.c --- */
void net_list_add(struct net_list *l, struct ol_arena *a, const char *s);
void net_list_add_all(struct net_list *l, struct ol_arena *a, const struct net_list *from);
/* The items with a blank between them, in the arena. */
const char *net_list_join(const struct net_list *l, struct ol_arena *a);
struct net_iface *net_state_find(const struct net_state *s, const char *key);
/* The interface 'key', made when there is none. */
struct net_iface *net_state_add(struct net_state *s, struct ol_arena *a, const char *key);
struct net_subnet *net_iface_add_subnet(struct net_iface *i, struct ol_arena *a, const char *type);
void net_subnet_add_route(struct net_subnet *s, struct ol_arena *a, const struct net_route *route);
void net_state_add_route(struct net_state *s, struct ol_arena *a, const struct net_route *route);
/* The interface that has this MAC now; NULL when none is known to have it. */
const char *net_name_by_mac(const struct net_render_args *args, const char *mac);
/* dhcp6, static6, ipv6_* and static with an IPv6 address. */
bool net_subnet_is_ipv6(const struct net_subnet *s);
bool net_subnet_is_static(const struct net_subnet *s);
/* 0.0.0.0/0 or ::/0. */
bool net_route_is_default(const struct net_route *r);
/* Upstream's is_true(): "true", "1", "on", "yes" in any case, and true. */
bool net_is_true(const struct ol_val *v);

/* --- read.c: values out of a configuration; 'where' is the place for messages --- */
void net_note(const struct net_render_args *args, struct ol_arena *a, enum ol_log_level level,
              const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A text or number as text; "" and null are absent: *ret is untouched. -EINVAL for others. */
int net_read_text(struct net_parser *p, const char *where, const struct ol_val *map,
                  const char *key, const char **ret) __attribute__((warn_unused_result));
/* A number or its text; absent: *ret is untouched. */
int net_read_number(struct net_parser *p, const char *where, const struct ol_val *map,
                    const char *key, const struct ol_val **ret) __attribute__((warn_unused_result));
/* A list of texts, or one text: split at the bytes of 'separators' (NULL = not split). */
int net_read_list(struct net_parser *p, const char *where, const struct ol_val *value,
                  const char *separators, struct net_list *ret) __attribute__((warn_unused_result));
/* A MAC in lower case. A number is what YAML 1.1 makes of one that has only decimal digits
 * (base 60): it is turned back. */
int net_read_mac(struct net_parser *p, const char *where, const struct ol_val *map, const char *key,
                 const char **ret) __attribute__((warn_unused_result));
void net_read_choice(const struct ol_val *map, const char *key, enum net_choice *ret);
/* Text of a MAC that YAML read as a base-60 number; NULL when the number cannot be one. */
const char *net_mac_from_int(struct ol_arena *a, const struct ol_val *v);
/* Notes every key of the map that is not in the table. */
void net_note_unknown(struct net_parser *p, const char *where, const struct ol_val *map,
                      const char *const *known);

/* A route's or subnet's address together with its prefix or netmask. */
int net_read_net(struct net_parser *p, const char *where, const char *addr,
                 const struct ol_val *map, struct net_cidr *ret)
    __attribute__((warn_unused_result));
/* A route whose keys are those of version 1. */
int net_read_route(struct net_parser *p, const char *where, const struct ol_val *map,
                   struct net_route *ret) __attribute__((warn_unused_result));

/* Makes a bridge's "bridge_stp" a boolean: "on", "off", 1, 0. */
int net_read_stp(struct net_parser *p, const char *where, struct net_iface *bridge)
    __attribute__((warn_unused_result));

/* "subnets" of a version 1 device, in place of those that the interface had. */
int net_read_subnets(struct net_parser *p, const char *where, const struct ol_val *map,
                     struct net_iface *iface) __attribute__((warn_unused_result));

/* --- the parsers --- */
int net_parse_v1(struct net_parser *p, const struct ol_val *config)
    __attribute__((warn_unused_result));
int net_parse_v2(struct net_parser *p, const struct ol_val *config)
    __attribute__((warn_unused_result));

/* --- udev.c --- */
/* /etc/udev/rules.d/70-persistent-net.rules: the name of each physical interface by its MAC. */
int net_render_udev(const struct net_state *s, struct ol_arena *a, const char **ret,
                    struct ol_err *err) __attribute__((warn_unused_result));

/* Moves the text of 'b' into the arena; -EFBIG and -ENOMEM as the buffer says, with 'path'. */
int net_take_text(struct ol_buf *b, const char *path, struct ol_arena *a, const char **ret,
                  struct ol_err *err) __attribute__((warn_unused_result));
/* The comment at the top of generated files. */
extern const char net_file_header[];
/* Largest file that a renderer writes, in bytes. */
enum { NET_FILE_MAX = 4 << 20 };
