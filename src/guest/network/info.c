/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/info.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/network/ip.h"
#include "guest/network/netlink.h"

enum { TYPE_MAX = 32, ETHER_SIZE = 6 };

/* The attributes of a message by their type. */
struct attributes {
    const struct rtattr *of[TYPE_MAX];
};

static struct attributes collect(const struct rtattr *first, size_t size)
{
    struct attributes all = {.of = {NULL}};

    for (const struct rtattr *a = first; RTA_OK(a, size); a = RTA_NEXT(a, size))
        if (a->rta_type < TYPE_MAX)
            all.of[a->rta_type] = a;
    return all;
}

/* Room for one more; NULL when there are enough. Grows by doubling. */
static void *add(struct net_info *info, void *items, size_t n, size_t size)
{
    if (n >= NET_INFO_MAX)
        return NULL;
    if (n & (n - 1))
        return items;
    return ol_arena_grow(info->arena, items, n * size, (n ? 2 * n : 1) * size);
}

static const char *text_of(struct net_info *info, const struct rtattr *a)
{
    return ol_arena_strdup(info->arena, ol_arena_memdup(info->arena, RTA_DATA(a), RTA_PAYLOAD(a)));
}

static const char *ip_of(struct net_info *info, int family, const struct rtattr *a)
{
    char text[INET6_ADDRSTRLEN];

    if (!a || RTA_PAYLOAD(a) < (family == AF_INET ? 4 : 16)
        || !inet_ntop(family, RTA_DATA(a), text, sizeof(text)))
        return NULL;
    return ol_arena_strdup(info->arena, text);
}

static const char *mask_of(struct net_info *info, int prefix)
{
    char mask[16] = "";

    net_prefix_to_mask(prefix, mask);
    return ol_arena_strdup(info->arena, mask);
}

static const char *mac_of(struct net_info *info, const struct rtattr *a)
{
    const unsigned char *mac = a ? RTA_DATA(a) : NULL;

    if (!a || RTA_PAYLOAD(a) != ETHER_SIZE)
        return "";
    return ol_arena_printf(info->arena, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                           mac[3], mac[4], mac[5]);
}

static void take_link(struct net_info *info, const struct nlmsghdr *head)
{
    const struct ifinfomsg *msg = NLMSG_DATA(head);
    struct attributes all = collect(IFLA_RTA(msg), IFLA_PAYLOAD(head));
    struct net_info_link *links =
        all.of[IFLA_IFNAME] ? add(info, info->links, info->n_links, sizeof(*links)) : NULL;
    const unsigned up = IFF_UP | 1 << 16; /* IFF_LOWER_UP, which <net/if.h> lacks */

    if (!links)
        return;
    info->links = links;
    info->links[info->n_links++] = (struct net_info_link){
        .index = msg->ifi_index,
        .name = text_of(info, all.of[IFLA_IFNAME]),
        .mac = msg->ifi_type == ARPHRD_ETHER ? mac_of(info, all.of[IFLA_ADDRESS]) : "",
        .is_up = (msg->ifi_flags & up) == up,
    };
}

static const char *scope_name(int scope)
{
    switch (scope) {
    case RT_SCOPE_UNIVERSE: return "global";
    case RT_SCOPE_SITE: return "site";
    case RT_SCOPE_LINK: return "link";
    case RT_SCOPE_HOST: return "host";
    default: return "nowhere";
    }
}

static void take_address(struct net_info *info, const struct nlmsghdr *head)
{
    const struct ifaddrmsg *msg = NLMSG_DATA(head);
    struct attributes all = collect(IFA_RTA(msg), IFA_PAYLOAD(head));
    const char *local = ip_of(info, msg->ifa_family, all.of[IFA_LOCAL]);
    const char *address = ip_of(info, msg->ifa_family, all.of[IFA_ADDRESS]);
    bool has_peer = local && address && strcmp(local, address) != 0;
    const char *ip = local ? local : address;
    struct net_info_address *items = NULL;

    if (ip && (msg->ifa_family == AF_INET || msg->ifa_family == AF_INET6))
        items = add(info, info->addresses, info->n_addresses, sizeof(*items));
    if (!items)
        return;
    /* With a peer the prefix is that of the peer. */
    if (msg->ifa_family == AF_INET6 && !has_peer)
        ip = ol_arena_printf(info->arena, "%s/%d", ip, msg->ifa_prefixlen);
    info->addresses = items;
    info->addresses[info->n_addresses++] = (struct net_info_address){
        .index = (int)msg->ifa_index,
        .family = msg->ifa_family,
        .ip = ip,
        .mask = msg->ifa_family == AF_INET ? mask_of(info, msg->ifa_prefixlen) : "",
        .scope = scope_name(msg->ifa_scope),
    };
}

/* What iproute2 puts in front of a route that is not unicast; upstream takes that first word for
 * the destination, and its tables have shown "local" and "multicast" ever since. */
static const char *kind_name(int type)
{
    static const char *const names[] = {
        [RTN_LOCAL] = "local",
        [RTN_BROADCAST] = "broadcast",
        [RTN_ANYCAST] = "anycast",
        [RTN_MULTICAST] = "multicast",
        [RTN_BLACKHOLE] = "blackhole",
        [RTN_UNREACHABLE] = "unreachable",
        [RTN_PROHIBIT] = "prohibit",
        [RTN_THROW] = "throw",
        [RTN_NAT] = "nat",
    };

    return (size_t)type < ol_count(names) ? names[type] : NULL;
}

static void name_destination4(struct net_info *info, const struct rtmsg *msg, const char *dst,
                              struct net_info_route *r)
{
    const char *kind = kind_name(msg->rtm_type);
    bool is_host = kind || (dst && msg->rtm_dst_len == 32);

    r->mask = mask_of(info, kind ? 32 : msg->rtm_dst_len);
    r->destination = kind ? kind : dst ? dst : "0.0.0.0";
    r->gateway = kind || dst ? "0.0.0.0" : "";
    r->flags = is_host ? "UH" : "U";
}

static void name_destination6(struct net_info *info, const struct rtmsg *msg, const char *dst,
                              struct net_info_route *r)
{
    const char *kind = kind_name(msg->rtm_type);

    r->mask = "";
    r->gateway = "::";
    r->flags = kind || dst ? "U" : "UG";
    if (kind)
        r->destination = kind;
    else if (!dst)
        r->destination = "::/0";
    else if (msg->rtm_dst_len == 128)
        r->destination = dst;
    else
        r->destination = ol_arena_printf(info->arena, "%s/%d", dst, msg->rtm_dst_len);
}

/* The last of several ways is the one that is shown. */
static void take_ways(struct net_info *info, const struct rtattr *ways, struct net_info_route *r,
                      const char **ret_gateway)
{
    int left = ways ? (int)RTA_PAYLOAD(ways) : 0;

    for (const struct rtnexthop *way = ways ? RTA_DATA(ways) : NULL; way && RTNH_OK(way, left);) {
        int step = (int)RTNH_ALIGN(way->rtnh_len);
        struct attributes all = collect(RTNH_DATA(way), way->rtnh_len - sizeof(*way));
        const char *gateway = ip_of(info, r->family, all.of[RTA_GATEWAY]);

        r->index = way->rtnh_ifindex;
        *ret_gateway = gateway ? gateway : *ret_gateway;
        if (step >= left)
            return;
        left -= step;
        way = RTNH_NEXT(way);
    }
}

static bool is_shown(const struct rtmsg *msg, const struct attributes *all)
{
    uint32_t table = msg->rtm_table;

    if (all->of[RTA_TABLE] && RTA_PAYLOAD(all->of[RTA_TABLE]) >= sizeof(table))
        memcpy(&table, RTA_DATA(all->of[RTA_TABLE]), sizeof(table));
    if (msg->rtm_flags & RTM_F_CLONED)
        return false;
    return msg->rtm_family == AF_INET6 || (msg->rtm_family == AF_INET && table == RT_TABLE_MAIN);
}

/* A fixed-size attribute's value; what is too short or not there leaves it as it was. */
static void copy_attribute(const struct rtattr *from, void *to, size_t size)
{
    if (from && RTA_PAYLOAD(from) >= size)
        memcpy(to, RTA_DATA(from), size);
}

static void fill_route(struct net_info *info, const struct rtmsg *msg, const struct attributes *all,
                       struct net_info_route *r)
{
    const char *dst = msg->rtm_dst_len ? ip_of(info, r->family, all->of[RTA_DST]) : NULL;
    const char *gateway = ip_of(info, r->family, all->of[RTA_GATEWAY]);
    struct rta_cacheinfo cache = {0};

    if (r->family == AF_INET)
        name_destination4(info, msg, dst, r);
    else
        name_destination6(info, msg, dst, r);
    copy_attribute(all->of[RTA_OIF], &r->index, sizeof(r->index));
    copy_attribute(all->of[RTA_CACHEINFO], &cache, sizeof(cache));
    take_ways(info, all->of[RTA_MULTIPATH], r, &gateway);
    if (gateway) {
        r->gateway = gateway;
        r->flags = r->family == AF_INET && !strcmp(r->flags, "UH") ? "UGH" : "UG";
    }
    if (r->family == AF_INET6 && cache.rta_expires)
        r->flags = ol_arena_printf(info->arena, "%se", r->flags);
}

static void take_route(struct net_info *info, const struct nlmsghdr *head)
{
    const struct rtmsg *msg = NLMSG_DATA(head);
    const struct attributes all = collect(RTM_RTA(msg), RTM_PAYLOAD(head));
    struct net_info_route r = {.family = msg->rtm_family};
    struct net_info_route *items =
        is_shown(msg, &all) ? add(info, info->routes, info->n_routes, sizeof(*items)) : NULL;

    if (!items)
        return;
    info->routes = items;
    fill_route(info, msg, &all, &r);
    info->routes[info->n_routes++] = r;
}

void net_info_take(struct net_info *info, const struct nlmsghdr *head)
{
    if (head->nlmsg_type == RTM_NEWLINK
        && head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
        take_link(info, head);
    if (head->nlmsg_type == RTM_NEWADDR
        && head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
        take_address(info, head);
    if (head->nlmsg_type == RTM_NEWROUTE && head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
        take_route(info, head);
}

static void take(void *ctx, const struct nlmsghdr *head)
{
    net_info_take(ctx, head);
}

int net_info_read(struct net_info *info, struct ol_err *err)
{
    static const struct {
        int type, family;
    } dumps[] = {
        {RTM_GETLINK, AF_UNSPEC},
        {RTM_GETADDR, AF_UNSPEC},
        {RTM_GETROUTE, AF_INET},
        {RTM_GETROUTE, AF_INET6},
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < ol_count(dumps); i++)
        r = net_dump(dumps[i].type, dumps[i].family, take, info, err);
    return r;
}
