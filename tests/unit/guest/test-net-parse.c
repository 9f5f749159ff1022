/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "guest/network/eni-parse.h"
#include "guest/network/network.h"

/* A configuration and what is said about it. */
struct said {
    const char *config, *text;
};

static int convert(const char *yaml, const char *renderer, struct ol_arena *a,
                   struct net_files *ret_files, struct net_notes *ret_notes, struct ol_err *err)
{
    struct net_render_args args = {.distro = "debian", .notes = ret_notes};
    struct ol_val *v;
    int r = ol_yaml_load(yaml, strlen(yaml), a, &v, err);

    if (r < 0)
        fail_msg("%s: %s", yaml, ol_err_text(err));
    return net_convert(v, net_renderer_find(renderer), &args, a, ret_files, err);
}

static void assert_refused(const struct said *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct net_files files = {.n = 0};
        struct net_notes notes = {.n = 0};
        struct ol_err err = OL_ERR_INIT;
        int r = convert(cases[i].config, "eni", &a, &files, &notes, &err);

        if (r != -22 || strcmp(err.msg, cases[i].text) != 0)
            fail_msg("%s\n gave %d '%s'\n want '%s'", cases[i].config, r, err.msg, cases[i].text);
        assert_int_equal(files.n, 0);
    }
}

static void names_the_place_of_what_makes_no_sense_in_version_1(void **state)
{
    static const struct said cases[] = {
        {"[]", "network: must be a mapping, not a list"},
        {"{version: 3}", "network: version: must be 1 or 2"},
        {"{version: 1}", "network: config: must be a list, not a NoneType"},
        {"{version: 1, config: {}}", "network: config: must be a list, not a dict"},
        {"{version: 1, config: [7]}", "network: config: 0: must be a mapping, not a int"},
        {"{version: 1, config: [{type: moon, name: x}]}",
         "network: config: 0: type: no such type 'moon'"},
        {"{version: 1, config: [{type: physical, name: e0, mtu: big}]}",
         "network: config: 0: e0: mtu: must be a number, not 'big'"},
        {"{version: 1, config: [{type: physical, name: e0, mtu: &m [*m]}]}",
         "network: config: 0: e0: mtu: must be a number, not a list"},
        {"{version: 1, config: [{type: physical, name: e0, mac_address: 7}]}",
         "network: config: 0: e0: mac_address: must be a MAC address, not the number 7"},
        {"{version: 1, config: [{type: physical, name: e0, subnets: dhcp}]}",
         "network: config: 0: e0: subnets: must be a list, not a str"},
        {"{version: 1, config: [{type: physical, name: e0, subnets: [{type: static}]}]}",
         "network: config: 0: e0: subnets: 0: a static subnet needs an address"},
        {"{version: 1, config: [{type: physical, name: e0, subnets: [{address: 10.0.0.1}]}]}",
         "network: config: 0: e0: subnets: 0: has no 'type'"},
        {"{version: 1, config: [{type: physical, name: e0, subnets: "
         "[{type: static, address: 10.0.0.300}]}]}",
         "network: config: 0: e0: subnets: 0: '10.0.0.300' is not an IP address or network"},
        {"{version: 1, config: [{type: physical, name: e0, subnets: "
         "[{type: static, address: 10.0.0.3, netmask: 255.0.255.0}]}]}",
         "network: config: 0: e0: subnets: 0: netmask: '255.0.255.0' is no netmask"},
        {"{version: 1, config: [{type: nameserver, address: 1.1.1.1, interface: gone}]}",
         "network: config: 0: interface 'gone' does not exist"},
        {"{version: 1, config: [{type: route, destination: default, gateway: up}]}",
         "network: config: 0: the gateway of the default route is not an IP address"},
        {"{version: 1, config: [{type: bridge, name: b, bridge_interfaces: [], "
         "params: {bridge_stp: maybe}}]}",
         "network: config: 0: b: bridge_stp: must be on or off, not 'maybe'"},
        {"{version: 1, config: [{type: physical, name: \"e0\\nauto e1\"}]}",
         "network: config: 0: name: must be a single line"},
    };

    assert_refused(cases, ol_count(cases));
}

static void names_the_place_of_what_makes_no_sense_in_version_2(void **state)
{
    static const struct said cases[] = {
        {"{version: 2, ethernets: [e0]}", "network: ethernets: must be a mapping, not a list"},
        {"{version: 2, ethernets: {e0: up}}",
         "network: ethernets: e0: must be a mapping, not a str"},
        {"{version: 2, ethernets: {e0: {mtu: [1500]}}}",
         "network: ethernets: e0: mtu: must be a number, not a list"},
        {"{version: 2, ethernets: {e0: {addresses: 10.0.0.1}}}",
         "network: ethernets: e0: addresses: must be a list, not a str"},
        {"{version: 2, ethernets: {e0: {addresses: [10.0.0.1/24, here]}}}",
         "network: ethernets: e0: addresses: 1: 'here' is not an IP address or network"},
        {"{version: 2, ethernets: {e0: {dhcp4: true, routes: [{via: 10.0.0.1}]}}}",
         "network: ethernets: e0: routes: 0: has no 'to'"},
        {"{version: 2, ethernets: {e0: {dhcp4: true, routes: [{to: default, via: up}]}}}",
         "network: ethernets: e0: routes: 0: the gateway of the default route is not an"
         " IP address"},
        {"{version: 2, ethernets: {e0: {nameservers: 1.1.1.1}}}",
         "network: ethernets: e0: nameservers: must be a mapping, not a str"},
        {"{version: 2, ethernets: {e0: {match: eth}}}",
         "network: ethernets: e0: match: must be a mapping, not a str"},
        {"{version: 2, vlans: {v: {id: x, link: e0}}}",
         "network: vlans: v: id: must be a number, not 'x'"},
        {"{version: 2, bonds: {b: {interfaces: [{}]}}}",
         "network: bonds: b: interfaces: must be texts, not a dict"},
    };

    assert_refused(cases, ol_count(cases));
}

static bool has_note(const struct net_notes *notes, const char *text)
{
    for (size_t i = 0; i < notes->n; i++)
        if (strstr(notes->items[i].text, text))
            return true;
    return false;
}

static void notes_what_it_does_not_know(void **state)
{
    static const struct said cases[] = {
        {"{version: 2, ethernets: {e0: {dhcp5: true}}}",
         "network: ethernets: e0: unknown key 'dhcp5'"},
        {"{version: 2, tunnels: {}}", "network: unknown key 'tunnels'"},
        {"{version: 2, bonds: {b: {interfaces: [], parameters: {colour: 1}}}}",
         "network: bonds: b: parameters: unknown key 'colour'"},
        {"{version: 2, ethernets: {e0: {gateway4: 10.0.0.1}}}", "is deprecated in 22.4"},
        {"{version: 2, wifis: {w: {}}}", "Wifi configuration is only available"},
        {"{version: 2, ethernets: {e0: {match: {macaddress: 11:22:33:44:55:06}}}}",
         "taken as 11:22:33:44:55:06"},
        {"{version: 1, config: [{type: physical, name: e0, speed: 9}]}",
         "network: config: 0: e0: unknown key 'speed'"},
        {"{version: 1, config: [{type: physical}]}",
         "network: config: 0: skipped: a physical needs 'name'"},
        {"{version: 1, config: [{type: bond, name: b, bond_interfaces: []}]}",
         "network: config: 0: skipped: a bond needs 'params'"},
        {"{version: 1, config: [{type: route, destination: 10.0.0.0/8}]}",
         "route to 10.0.0.0/8 has no gateway and no interface"},
        {"{version: 1, config: [{type: physical, name: e0, mtu: 1400, subnets: "
         "[{type: static, address: 10.0.0.1/8, mtu: 9000}]}]}",
         "ignoring e0 device-level mtu:1400 because ipv4 subnet-level mtu:9000 provided."},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct net_files files = {.n = 0};
        struct net_notes notes = {.n = 0};
        struct ol_err err = OL_ERR_INIT;

        if (convert(cases[i].config, "eni", &a, &files, &notes, &err) < 0)
            fail_msg("%s: %s", cases[i].config, ol_err_text(&err));
        if (!has_note(&notes, cases[i].text))
            fail_msg("%s: %s", cases[i].config, notes.n ? notes.items[0].text : "nothing noted");
    }
}

static void names_the_place_of_what_makes_no_sense_in_network_data(void **state)
{
    static const struct said cases[] = {
        {"[]", "network_data: must be a mapping, not a list"},
        {"{\"links\": {}}", "network_data: links: must be a list, not a dict"},
        {"{\"links\": [null]}", "network_data: links: 0: must be a mapping, not a NoneType"},
        {"{\"links\": [{\"type\": \"phy\"}]}", "network_data: links: 0: has no 'id'"},
        {"{\"links\": [{\"id\": \"a\", \"type\": \"phy\"}]}",
         "network_data: links: 0: has neither a name nor a MAC address"},
        {"{\"links\": [{\"id\": \"a\", \"ethernet_mac_address\": \"02:00:00:00:00:99\"}]}",
         "network_data: links: 0: no interface has the MAC address 02:00:00:00:00:99"},
        {"{\"links\": [{\"id\": \"v\", \"type\": \"vlan\", \"vlan_id\": 4, \"vlan_link\": \"a\"}]}",
         "network_data: links: 0: vlan_link: there is no link 'a'"},
        {"{\"links\": [{\"id\": \"v\", \"type\": \"vlan\"}]}",
         "network_data: links: 0: a vlan needs 'vlan_id'"},
        {"{\"links\": [{\"id\": \"b\", \"type\": \"bond\", \"bond_links\": [\"x\"]}]}",
         "network_data: links: 0: bond_links: there is no link 'x'"},
        {"{\"links\": [{\"id\": \"b\", \"name\": \"n\"}], \"networks\": [{\"link\": \"b\"}]}",
         "network_data: networks: 0: has no 'type'"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct net_render_args args = {.distro = "debian"};
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *data, *ret;
        int r = ol_json_load(cases[i].config, strlen(cases[i].config), &a, &data, &err);

        assert_int_equal(r, 0);
        r = net_from_network_data(data, &args, &a, &ret, &err);
        if (r != -22 || strcmp(err.msg, cases[i].text) != 0)
            fail_msg("%s\n gave %d '%s'", cases[i].config, r, err.msg);
    }
}

/* demands: 33 */
static void names_the_line_of_what_makes_no_sense_in_interfaces(void **state)
{
    static const struct said cases[] = {
        {"address 10.0.0.1\n", "interfaces: line 1: no 'iface' before 'address'"},
        {"auto e0\niface e0 inet", "interfaces: line 2: expected a name, a family and a method "
                                   "after 'iface'"},
        {"iface e0 inet static\n", "interfaces: e0: a static stanza needs an address"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *ret;
        const char *text = cases[i].config;

        assert_int_equal(net_from_eni(text, strlen(text), &a, &ret, &err), -22);
        assert_string_equal(err.msg, cases[i].text);
    }
}

static void finds_renderers_by_name(void **state)
{
    assert_ptr_equal(net_renderer_find("eni"), &net_renderer_eni);
    assert_ptr_equal(net_renderer_find("networkd"), &net_renderer_networkd);
    assert_null(net_renderer_find("sysconfig"));
}

static void names_an_interface_by_its_mac(void **state)
{
    static const char text[] = "{version: 2, ethernets: {any: {match: {macaddress: "
                               "'02:00:00:00:0A:01'}, dhcp4: true}}}";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *macs = ol_val_new_map(&a), *config;
    struct net_render_args args = {.distro = "debian", .known_macs = macs};
    struct net_files files = {.n = 0};
    struct ol_err err = OL_ERR_INIT;

    ol_val_set_str(&a, macs, "02:00:00:00:0a:01", "ens9");
    assert_int_equal(ol_yaml_load(text, strlen(text), &a, &config, &err), 0);
    assert_int_equal(net_convert(config, &net_renderer_eni, &args, &a, &files, &err), 0);
    assert_non_null(strstr(files.items[0].text, "iface ens9 inet dhcp\n"));
    assert_non_null(strstr(files.items[1].text, "ATTR{address}==\"02:00:00:00:0a:01\", "
                                                "NAME=\"ens9\"\n"));
}

static void gives_an_infiniband_port_its_twenty_octets(void **state)
{
    static const char text[] = "{\"links\": [{\"id\": \"p\", \"name\": \"ib0\", \"type\": \"phy\","
                               " \"ethernet_mac_address\": \"02:00:00:00:0a:02\"}]}";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *macs = ol_val_new_map(&a), *data, *config;
    struct net_render_args args = {.distro = "debian", .ib_macs = macs};
    const struct ol_val *link;
    struct ol_err err = OL_ERR_INIT;

    ol_val_set_str(&a, macs, "ib0", "a0:00:02:20:fe:80:00:00:00:00:00:00:02:00:00:ff:fe:00:0a:02");
    assert_int_equal(ol_json_load(text, strlen(text), &a, &data, &err), 0);
    assert_int_equal(net_from_network_data(data, &args, &a, &config, &err), 0);
    link = ol_val_item(ol_val_get(config, "config"), 0);
    assert_string_equal(ol_val_str(ol_val_get(link, "type")), "infiniband");
    assert_int_equal(strlen(ol_val_str(ol_val_get(link, "mac_address"))), 59);
}

static void writes_routes_for_route_where_there_is_no_ip(void **state)
{
    static const char text[] = "{version: 2, ethernets: {e: {addresses: [10.0.0.2/8], routes: "
                               "[{to: 0.0.0.0/0, via: 10.0.0.1}, {to: 192.0.2.1/32, via: 10.0.0.3},"
                               " {to: '2001:db8::/32', via: 'fe80::1'}]}}}";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct net_render_args args = {.distro = "debian", .has_route_tool_only = true};
    struct net_files files = {.n = 0};
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *config;
    const char *got;

    assert_int_equal(ol_yaml_load(text, strlen(text), &a, &config, &err), 0);
    assert_int_equal(net_convert(config, &net_renderer_eni, &args, &a, &files, &err), 0);
    got = files.items[0].text;
    assert_non_null(strstr(got, "    post-up route add default gw 10.0.0.1 || true\n"));
    assert_non_null(strstr(got, "    pre-down route del -host 192.0.2.1/32 gw 10.0.0.3 || true\n"));
    assert_non_null(
        strstr(got, "    post-up route add -A inet6 2001:db8::/32 gw fe80::1 || true\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_place_of_what_makes_no_sense_in_version_1),
        cmocka_unit_test(names_the_place_of_what_makes_no_sense_in_version_2),
        cmocka_unit_test(names_the_place_of_what_makes_no_sense_in_network_data),
        cmocka_unit_test(names_the_line_of_what_makes_no_sense_in_interfaces),
        cmocka_unit_test(notes_what_it_does_not_know),
        cmocka_unit_test(finds_renderers_by_name),
        cmocka_unit_test(names_an_interface_by_its_mac),
        cmocka_unit_test(gives_an_infiniband_port_its_twenty_octets),
        cmocka_unit_test(writes_routes_for_route_where_there_is_no_ip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
