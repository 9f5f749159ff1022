/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * The addresses and routes that the machine has, as the tables that people know from the console
 * of a machine that boots ("ci-info: ++++Net device info++++"). cloud-init 26.2 netinfo.py; what
 * it learns from "ip" comes from the kernel directly, in the same order.
 *
 *     struct net_info info = {.arena = arena};
 *     r = net_info_read(&info, &err);
 *     net_info_print(&info, &text);
 */
struct net_info_link {
    int index;
    const char *name, *mac; /* mac: "" for what is no ethernet */
    bool is_up;             /* set up, and with a carrier */
};

struct net_info_address {
    int index, family;
    const char *ip, *mask, *scope; /* mask: of IPv4 alone, IPv6 has its prefix in ip */
};

struct net_info_route {
    int index, family; /* index 0: the route has no interface */
    const char *destination, *gateway, *mask, *flags;
};

enum { NET_INFO_MAX = 1024 }; /* of each kind; nobody reads more */

struct net_info {
    struct ol_arena *arena; /* of all strings and items */
    struct net_info_link *links;
    struct net_info_address *addresses;
    struct net_info_route *routes;
    size_t n_links, n_addresses, n_routes;
};

/* Adds what one message of the kernel tells: RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE. Pure. */
void net_info_take(struct net_info *info, const struct nlmsghdr *head);

/* Asks the kernel for everything: 0 or -errno. */
int net_info_read(struct net_info *info, struct ol_err *err) __attribute__((warn_unused_result));

/* The tables, each line behind "ci-info: ". Interfaces are sorted by name. Pure. */
void net_info_print(const struct net_info *info, struct ol_buf *to);
