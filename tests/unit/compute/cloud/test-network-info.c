/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compute/cloud/address.h"
#include "compute/cloud/network-info.h"
#include "core/cleanup.h"
#include "golden.h"

/* Goldens: what nova 26.2.2 made of the same answers. */
static void interfaces_are_those_that_nova_makes(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    const struct ol_val *in = golden_load(&a, "network-info/mixed.in");
    const struct ol_val *out = golden_load(&a, "network-info/mixed.out");
    const struct network_facts facts = {
        .ports = ol_val_get(in, "ports"),
        .networks = ol_val_get(in, "networks"),
        .subnets = ol_val_get(in, "subnets"),
        .dhcp_ports = ol_val_get(in, "dhcp_ports"),
        .floating = ol_val_get(in, "floating"),
        .ovs_bridge = "br-int",
    };
    const struct ol_val *got = network_info_make(&a, &facts);

    assert_int_equal(ol_val_count(got), ol_val_count(out));
    for (size_t i = 0; i < ol_val_count(out); i++)
        assert_string_equal(golden_text(&a, ol_val_item(got, i)),
                            golden_text(&a, ol_val_item(out, i)));
}

static void answers_that_make_no_sense_are_survived(void **state)
{
    static const struct ol_val number = {.type = OL_VAL_INT};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *ports = ol_val_new_list(&a), *port = ol_val_new_map(&a);
    const struct network_facts facts = {
        .ports = ports, .networks = &number, .subnets = ports, .floating = ports};

    ol_val_append(&a, ports, ol_val_new_null(&a));
    ol_val_append(&a, ports, port);
    ol_val_set_str(&a, port, "binding:vif_type", "bridge");
    ol_val_set_int(&a, port, "fixed_ips", 7);
    assert_int_equal(ol_val_count(network_info_make(&a, &facts)), 2);
}

static void masks_and_networks(void **state)
{
    static const struct {
        const char *cidr, *netmask, *network;
    } cases[] = {
        {"10.1.2.3/24", "255.255.255.0", "10.1.2.0"},
        {"10.1.2.3", "255.255.255.255", "10.1.2.3"},
        {"0.0.0.0/0", "0.0.0.0", "0.0.0.0"},
        {"10.255.1.1/9", "255.128.0.0", "10.128.0.0"},
        {"fd00::1/64", "ffff:ffff:ffff:ffff::", "fd00::"},
        {"fd00::1/0", "::", "::"},
        {"10.0.0.0/33", NULL, NULL},
        {"10.0.0.0/-1", NULL, NULL},
        {"", NULL, NULL},
        {"10.0.0/8", NULL, NULL},
        {"x/8", NULL, NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char netmask[ADDRESS_TEXT] = "", network[ADDRESS_TEXT] = "";
        bool is_good =
            address_netmask(cases[i].cidr, netmask) && address_network(cases[i].cidr, network);

        assert_int_equal(is_good, cases[i].netmask != NULL);
        if (is_good) {
            assert_string_equal(netmask, cases[i].netmask);
            assert_string_equal(network, cases[i].network);
        }
    }
}

static void addresses_are_in_networks(void **state)
{
    assert_true(address_is_in("10.0.0.5", "10.0.0.0/24"));
    assert_false(address_is_in("10.0.1.5", "10.0.0.0/24"));
    assert_true(address_is_in("fd00::5", "fd00::/64"));
    assert_false(address_is_in("10.0.0.5", "fd00::/64"));
    assert_false(address_is_in("x", "fd00::/64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interfaces_are_those_that_nova_makes),
        cmocka_unit_test(answers_that_make_no_sense_are_survived),
        cmocka_unit_test(masks_and_networks),
        cmocka_unit_test(addresses_are_in_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
