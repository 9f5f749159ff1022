/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/network/info.h"

/* A message of the kernel with room for its attributes. */
struct message {
    union {
        struct nlmsghdr head;
        char room[512];
    };
};

static void begin(struct message *m, int type, const void *body, size_t size)
{
    *m = (struct message){
        .head = {.nlmsg_type = (uint16_t)type, .nlmsg_len = (uint32_t)NLMSG_LENGTH(size)}};
    memcpy(NLMSG_DATA(&m->head), body, size);
}

static void attribute(struct message *m, int type, const void *data, size_t size)
{
    struct rtattr *a = (struct rtattr *)(m->room + NLMSG_ALIGN(m->head.nlmsg_len));

    a->rta_type = (unsigned short)type;
    a->rta_len = (unsigned short)RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    m->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static void address_attribute(struct message *m, int type, const char *text)
{
    unsigned char raw[16];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;

    assert_int_equal(inet_pton(family, text, raw), 1);
    attribute(m, type, raw, family == AF_INET ? 4 : 16);
}

static void link_is(struct net_info *info, int index, const char *name, unsigned flags)
{
    static const unsigned char mac[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
    bool is_loop = !strcmp(name, "lo");
    const struct ifinfomsg body = {.ifi_index = index,
                                   .ifi_flags = flags,
                                   .ifi_type = is_loop ? ARPHRD_LOOPBACK : ARPHRD_ETHER};
    struct message m;

    begin(&m, RTM_NEWLINK, &body, sizeof(body));
    attribute(&m, IFLA_IFNAME, name, strlen(name) + 1);
    attribute(&m, IFLA_ADDRESS, mac, sizeof(mac));
    net_info_take(info, &m.head);
}

static void address_is(struct net_info *info, int index, const char *ip, const char *peer,
                       int prefix)
{
    struct message m;
    const struct ifaddrmsg body = {
        .ifa_family = strchr(ip, ':') ? AF_INET6 : AF_INET,
        .ifa_index = (unsigned)index,
        .ifa_prefixlen = (unsigned char)prefix,
        .ifa_scope = index == 1 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
    };

    begin(&m, RTM_NEWADDR, &body, sizeof(body));
    address_attribute(&m, IFA_LOCAL, ip);
    address_attribute(&m, IFA_ADDRESS, peer);
    net_info_take(info, &m.head);
}

struct route {
    const char *to; /* NULL = default */
    int prefix;
    const char *via;
    int type, table, index;
    unsigned flags;
};

static void route_is(struct net_info *info, int family, const struct route *r)
{
    struct message m;
    const struct rtmsg body = {.rtm_family = (unsigned char)family,
                               .rtm_dst_len = (unsigned char)r->prefix,
                               .rtm_type = (unsigned char)r->type,
                               .rtm_table = (unsigned char)r->table,
                               .rtm_flags = r->flags};

    begin(&m, RTM_NEWROUTE, &body, sizeof(body));
    if (r->to)
        address_attribute(&m, RTA_DST, r->to);
    if (r->via)
        address_attribute(&m, RTA_GATEWAY, r->via);
    attribute(&m, RTA_OIF, &r->index, sizeof(r->index));
    net_info_take(info, &m.head);
}

static void expect(const struct net_info *info, const char *want)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 16);

    net_info_print(info, &text);
    assert_string_equal(text.data, want);
}

/* Captured from cloud-init 26.2. */
static void machine_without_addresses_looks_like_upstreams(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(1 << 20);
    struct net_info info = {.arena = &arena};

    link_is(&info, 1, "lo", IFF_UP | 1 << 16);
    link_is(&info, 2, "eth0", 0);
    address_is(&info, 1, "127.0.0.1", "127.0.0.1", 8);
    address_is(&info, 1, "::1", "::1", 128);
    route_is(&info, AF_INET6, &(struct route){"::1", 128, NULL, RTN_UNICAST, RT_TABLE_MAIN, 1, 0});
    expect(&info,
           "ci-info: +++++++++++++++++++++++++++Net device info++++++++++++++++++++++++++++\n"
           "ci-info: +--------+-------+-----------+-----------+-------+-------------------+\n"
           "ci-info: | Device |   Up  |  Address  |    Mask   | Scope |     Hw-Address    |\n"
           "ci-info: +--------+-------+-----------+-----------+-------+-------------------+\n"
           "ci-info: |  eth0  | False |     .     |     .     |   .   | 52:54:00:12:34:56 |\n"
           "ci-info: |   lo   |  True | 127.0.0.1 | 255.0.0.0 |  host |         .         |\n"
           "ci-info: |   lo   |  True |  ::1/128  |     .     |  host |         .         |\n"
           "ci-info: +--------+-------+-----------+-----------+-------+-------------------+\n"
           "ci-info: +++++++++++++++++++Route IPv6 info+++++++++++++++++++\n"
           "ci-info: +-------+-------------+---------+-----------+-------+\n"
           "ci-info: | Route | Destination | Gateway | Interface | Flags |\n"
           "ci-info: +-------+-------------+---------+-----------+-------+\n"
           "ci-info: +-------+-------------+---------+-----------+-------+\n");
    (void)state;
}

static void routes_have_the_flags_of_netstat(void **state)
{
    static const struct {
        int family;
        struct route route;
        const char *destination, *gateway, *mask, *flags;
    } cases[] = {
        {AF_INET,
         {NULL, 0, "192.0.2.1", RTN_UNICAST, RT_TABLE_MAIN, 2, 0},
         "0.0.0.0",
         "192.0.2.1",
         "0.0.0.0",
         "UG"},
        {AF_INET,
         {"203.0.113.0", 24, NULL, RTN_UNICAST, RT_TABLE_MAIN, 2, 0},
         "203.0.113.0",
         "0.0.0.0",
         "255.255.255.0",
         "U"},
        {AF_INET,
         {"198.51.100.7", 32, "192.0.2.1", RTN_UNICAST, RT_TABLE_MAIN, 2, 0},
         "198.51.100.7",
         "192.0.2.1",
         "255.255.255.255",
         "UGH"},
        {AF_INET,
         {"10.9.0.0", 16, NULL, RTN_BLACKHOLE, RT_TABLE_MAIN, 0, 0},
         "blackhole",
         "0.0.0.0",
         "255.255.255.255",
         "UH"},
        {AF_INET6,
         {NULL, 0, "fe80::1", RTN_UNICAST, RT_TABLE_MAIN, 2, 0},
         "::/0",
         "fe80::1",
         "",
         "UG"},
        {AF_INET6,
         {"2001:db8::", 64, NULL, RTN_UNICAST, RT_TABLE_MAIN, 2, 0},
         "2001:db8::/64",
         "::",
         "",
         "U"},
        {AF_INET6,
         {"2001:db8::5", 128, NULL, RTN_LOCAL, RT_TABLE_LOCAL, 2, 0},
         "local",
         "::",
         "",
         "U"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(1 << 20);
        struct net_info info = {.arena = &arena};

        route_is(&info, cases[i].family, &cases[i].route);
        assert_int_equal(info.n_routes, 1);
        assert_string_equal(info.routes[0].destination, cases[i].destination);
        assert_string_equal(info.routes[0].gateway, cases[i].gateway);
        assert_string_equal(info.routes[0].mask, cases[i].mask);
        assert_string_equal(info.routes[0].flags, cases[i].flags);
    }
    (void)state;
}

static void what_nobody_asks_for_is_left_out(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(4 << 20);
    struct net_info info = {.arena = &arena};
    struct message m;
    const struct ifaddrmsg empty = {.ifa_family = AF_INET};

    route_is(&info, AF_INET,
             &(struct route){"127.0.0.0", 8, NULL, RTN_LOCAL, RT_TABLE_LOCAL, 1, 0});
    route_is(&info, AF_INET6,
             &(struct route){"fe80::2", 128, NULL, RTN_UNICAST, RT_TABLE_MAIN, 2, RTM_F_CLONED});
    begin(&m, RTM_NEWADDR, &empty, sizeof(empty));
    net_info_take(&info, &m.head);
    m.head.nlmsg_len = NLMSG_LENGTH(1);
    net_info_take(&info, &m.head);
    assert_int_equal(info.n_routes + info.n_addresses, 0);
    for (int i = 0; i < NET_INFO_MAX + 5; i++)
        address_is(&info, 2, "fd00::1", "fd00::2", 128);
    assert_int_equal(info.n_addresses, NET_INFO_MAX);
    assert_string_equal(info.addresses[NET_INFO_MAX - 1].ip, "fd00::1");
    expect(&info, "");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_without_addresses_looks_like_upstreams),
        cmocka_unit_test(routes_have_the_flags_of_netstat),
        cmocka_unit_test(what_nobody_asks_for_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
