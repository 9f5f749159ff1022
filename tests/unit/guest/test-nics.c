/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/network/fallback.h"
#include "guest/network/nics.h"

static void put_fact(struct fixture *f, const char *nic, const char *name, const char *text)
{
    fixture_put(f, ol_arena_printf(&f->arena, "/sys/class/net/%s/%s", nic, name), text);
}

static void put_nic(struct fixture *f, const char *name, const char *mac, const char *operstate)
{
    put_fact(f, name, "address", mac);
    put_fact(f, name, "operstate", operstate);
    put_fact(f, name, "ifindex", "7\n");
    if (strcmp(operstate, "up\n") == 0)
        put_fact(f, name, "carrier", "1\n");
}

static void link_fact(struct fixture *f, const char *nic, const char *name, const char *target)
{
    const char *path = ol_arena_printf(&f->arena, "/sys/class/net/%s/%s", nic, name);

    assert_int_equal(ol_symlink(&f->env, target, path, NULL), 0);
}

/* demands: 44 */
static void facts_come_from_sysfs(void **state)
{
    struct fixture *f = fixture_new();
    struct nics nics;
    const struct nic *eth;

    put_nic(f, "eth0", "52:54:00:AA:00:01\n", "up\n");
    put_fact(f, "eth0", "device/device", "0x0001\n");
    put_fact(f, "eth0", "flags", "0x1003\n");
    link_fact(f, "eth0", "device/driver", "../../bus/virtio/drivers/virtio_net");
    put_fact(f, "bonding_masters", "x", "");
    nics_scan(&f->g, NULL, &nics);
    eth = nics_find(&nics, "eth0");
    assert_non_null(eth);
    assert_string_equal(eth->mac, "52:54:00:aa:00:01");
    assert_string_equal(eth->driver, "virtio_net");
    assert_string_equal(eth->device_id, "0x0001");
    assert_int_equal(eth->index, 7);
    assert_true(nic_is_up(eth) && eth->is_enabled);
    assert_true(eth->has_carrier);
    assert_int_equal(eth->kind, NIC_PHYSICAL);
    fixture_free(f);
}

/* demands: 26 44 */
static void only_usable_interfaces_have_a_known_mac(void **state)
{
    static const struct {
        const char *fact, *text;
        bool is_usable;
    } cases[] = {
        {"device/device", "0x1\n", true},
        {"bridge/x", "", false},
        {"bonding/x", "", false},
        {"uevent", "DEVTYPE=vlan\nINTERFACE=e\n", false},
        {"addr_assign_type", "2\n", false},
        {"addr_assign_type", "3\n", true},
        {"address", "00:00:00:00:00:00\n", false},
        {"address", "\n", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct ol_val *macs = NULL;
        struct nics nics;

        put_nic(f, "e", "02:00:00:00:00:01\n", "down\n");
        put_fact(f, "e", cases[i].fact, cases[i].text);
        nics_scan(&f->g, NULL, &nics);
        assert_int_equal(nics_known_macs(&f->g, &nics, &macs, NULL), 0);
        assert_int_equal(ol_val_count(macs), cases[i].is_usable);
        fixture_free(f);
    }
}

static void bond_slave_has_its_own_mac(void **state)
{
    struct fixture *f = fixture_new();
    struct nics nics;

    put_nic(f, "e", "02:00:00:00:00:99\n", "up\n");
    put_fact(f, "e", "bonding_slave/perm_hwaddr", "02:00:00:00:00:01\n");
    put_fact(f, "bond0", "bonding/mode", "x\n");
    link_fact(f, "e", "master", "../bond0");
    nics_scan(&f->g, NULL, &nics);
    assert_string_equal(nics_find(&nics, "e")->mac, "02:00:00:00:00:01");
    assert_string_equal(nics_find(&nics, "e")->master, "bond0");
    assert_true(nic_is_usable(&nics, nics_find(&nics, "e")));
    fixture_free(f);
}

static void two_interfaces_with_one_mac_are_refused(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *macs = NULL;
    struct nics nics;

    put_nic(f, "e0", "02:00:00:00:00:01\n", "up\n");
    put_nic(f, "e1", "02:00:00:00:00:01\n", "up\n");
    nics_scan(&f->g, NULL, &nics);
    assert_int_equal(nics_known_macs(&f->g, &nics, &macs, &err), -EEXIST);
    assert_string_equal(err.msg, "duplicate mac found! both 'e1' and 'e0' have mac "
                                 "'02:00:00:00:00:01'.");
    fixture_free(f);
}

static void fallback_is_dhcp_on_the_most_likely_interface(void **state)
{
    static const struct {
        const char *nics[3][2]; /* name, operstate */
        const char *want;
    } cases[] = {
        {{{"lo", "unknown\n"}}, NULL},
        {{{"veth1", "up\n"}}, NULL},
        {{{"ens10", "up\n"}, {"ens9", "up\n"}}, "ens9"},
        {{{"ens3", "up\n"}, {"eth0", "up\n"}}, "eth0"},
        {{{"eth0", "down\n"}, {"ens3", "up\n"}}, "ens3"},
        {{{"eth1", "down\n"}, {"eth0", "dormant\n"}}, "eth0"},
        {{{"eth1", "notpresent\n"}}, NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct nics nics;

        for (size_t k = 0; k < 3 && cases[i].nics[k][0]; k++)
            put_nic(f, cases[i].nics[k][0], ol_arena_printf(&f->arena, "02:00:00:00:00:%02zx\n", k),
                    cases[i].nics[k][1]);
        nics_scan(&f->g, NULL, &nics);
        if (cases[i].want)
            assert_string_equal(net_fallback_nic(&nics), cases[i].want);
        else
            assert_null(net_fallback_nic(&nics));
        fixture_free(f);
    }
}

static void fallback_matches_by_mac(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);
    struct fixture *f = fixture_new();
    struct nics nics;

    put_nic(f, "ens3", "02:00:00:00:00:0A\n", "up\n");
    nics_scan(&f->g, NULL, &nics);
    assert_int_equal(ol_json_dump(net_fallback_config(&nics, &f->arena), &ol_json_compact, &b), 0);
    assert_string_equal(b.data, "{\"ethernets\":{\"ens3\":{\"dhcp4\":true,\"dhcp6\":true,"
                                "\"set-name\":\"ens3\",\"match\":{\"macaddress\":"
                                "\"02:00:00:00:00:0a\"}}},\"version\":2}");
    fixture_free(f);
}

static void names_sort_naturally(void **state)
{
    static const char *const sorted[] = {"ens0",  "ens3",  "ens3f0", "ens3f10", "ens8",
                                         "ens10", "ens12", "eth0",   "eth007a"};

    for (size_t i = 0; i < ol_count(sorted); i++)
        for (size_t k = 0; k < ol_count(sorted); k++) {
            int r = nic_name_compare(sorted[i], sorted[k]);

            assert_int_equal((r > 0) - (r < 0), (i > k) - (i < k));
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_come_from_sysfs),
        cmocka_unit_test(only_usable_interfaces_have_a_known_mac),
        cmocka_unit_test(bond_slave_has_its_own_mac),
        cmocka_unit_test(two_interfaces_with_one_mac_are_refused),
        cmocka_unit_test(fallback_is_dhcp_on_the_most_likely_interface),
        cmocka_unit_test(fallback_matches_by_mac),
        cmocka_unit_test(names_sort_naturally),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
