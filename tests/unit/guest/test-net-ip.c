/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "guest/network/ip.h"

static void tells_the_family_of_an_address(void **state)
{
    static const struct {
        const char *text;
        int family;
    } cases[] = {
        {"192.0.2.1", NET_IPV4},
        {"2001:db8::1", NET_IPV6},
        {"fe80::1%eth0", NET_IPV6},
        {"::ffff:192.0.2.1", NET_IPV6},
        {"192.0.2.01", 0},
        {"192.0.2", 0},
        {"192.0.2.1/24", 0},
        {"fe80::1%", 0},
        {"fe80::1%a%b", 0},
        {"", 0},
        {"default", 0},
        {" 192.0.2.1", 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        if (net_ip_family(cases[i].text) != cases[i].family)
            fail_msg("%s: %d", cases[i].text, net_ip_family(cases[i].text));
    assert_int_equal(net_ip_family(NULL), 0);
}

static void turns_a_mask_into_a_prefix(void **state)
{
    static const struct {
        int family;
        const char *mask;
        int prefix;
    } cases[] = {
        {NET_IPV4, "24", 24},
        {NET_IPV4, "255.255.254.0", 23},
        {NET_IPV4, "0.0.0.0", 0},
        {NET_IPV4, "255.255.255.255", 32},
        {NET_IPV4, "0.0.0.255", 24},
        {NET_IPV4, "255.0.255.0", -22},
        {NET_IPV4, "33", -22},
        {NET_IPV4, "-1", -22},
        {NET_IPV4, "ffff::", -22},
        {NET_IPV6, "64", 64},
        {NET_IPV6, "ffff:ffff:ffff::", 48},
        {NET_IPV6, "::", 0},
        {NET_IPV6, "ffff::ffff", -22},
        {NET_IPV6, "129", -22},
        {NET_IPV6, "", -22},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        if (net_mask_to_prefix(cases[i].family, cases[i].mask) != cases[i].prefix)
            fail_msg("%s: %d", cases[i].mask, net_mask_to_prefix(cases[i].family, cases[i].mask));
}

static void turns_a_prefix_into_a_mask(void **state)
{
    char mask[16];

    net_prefix_to_mask(0, mask);
    assert_string_equal(mask, "0.0.0.0");
    net_prefix_to_mask(20, mask);
    assert_string_equal(mask, "255.255.240.0");
    net_prefix_to_mask(32, mask);
    assert_string_equal(mask, "255.255.255.255");
}

static void takes_an_address_and_its_prefix_apart(void **state)
{
    struct net_cidr cidr;

    assert_int_equal(net_cidr_parse("192.0.2.9/255.255.255.0", &cidr), 0);
    assert_int_equal(cidr.prefix, 24);
    assert_string_equal(cidr.addr, "192.0.2.9");
    assert_int_equal(net_cidr_parse("2001:DB8::9", &cidr), 0);
    assert_int_equal(cidr.prefix, -1);
    assert_string_equal(cidr.addr, "2001:DB8::9");
    assert_int_equal(net_cidr_parse("192.0.2.9/", &cidr), -22);
    assert_int_equal(net_cidr_parse("/24", &cidr), -22);
    assert_int_equal(net_cidr_parse("2001:db8::/129", &cidr), -22);
}

static void knows_whether_an_address_is_inside(void **state)
{
    assert_int_equal(net_ip_is_inside("192.0.2.1", "192.0.2.200", 24), 1);
    assert_int_equal(net_ip_is_inside("192.0.3.1", "192.0.2.200", 24), 0);
    assert_int_equal(net_ip_is_inside("192.0.2.127", "192.0.2.1", 25), 1);
    assert_int_equal(net_ip_is_inside("192.0.2.128", "192.0.2.1", 25), 0);
    assert_int_equal(net_ip_is_inside("2001:db8::1", "2001:db8::2", 64), 1);
    assert_int_equal(net_ip_is_inside("192.0.2.1", "2001:db8::2", 0), 0);
    assert_int_equal(net_ip_is_inside("gateway", "192.0.2.1", 24), -22);
    assert_int_equal(net_ip_is_inside("192.0.2.1", "192.0.2.1", 33), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_family_of_an_address),
        cmocka_unit_test(turns_a_mask_into_a_prefix),
        cmocka_unit_test(turns_a_prefix_into_a_mask),
        cmocka_unit_test(takes_an_address_and_its_prefix_apart),
        cmocka_unit_test(knows_whether_an_address_is_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
