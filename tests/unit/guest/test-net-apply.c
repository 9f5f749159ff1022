/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/network/apply.h"
#include "guest/network/masked.h"
#include "guest/source/source.h"
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char eni[] = "/etc/network/interfaces.d/50-cloud-init";
static const char header[] =
    "# This file is generated from information provided by the datasource.  Changes\n";

/* A Debian machine with ifupdown and one interface. */
static struct fixture *machine(void)
{
    static const char *const programs[] = {"/sbin/ifup", "/sbin/ifdown", "/sbin/ifquery",
                                           "/sbin/ip"};
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(programs); i++)
        fixture_put_mode(f, programs[i], "", 0755);
    fixture_put(f, "/etc/network/interfaces", "");
    fixture_put(f, "/sys/class/net/eth0/address", "02:00:00:00:00:01\n");
    fixture_put(f, "/sys/class/net/eth0/operstate", "up\n");
    fixture_put(f, "/sys/class/net/eth0/carrier", "1\n");
    f->g.ds.source = source_find("NoCloud");
    f->g.is_new_instance = true;
    return f;
}

static int apply(struct fixture *f)
{
    struct ol_err err = OL_ERR_INIT;

    return net_apply(&f->g, 0, &err);
}

static void set_doc(struct fixture *f, const char *json)
{
    f->g.ds.doc = fixture_value(f, json);
}

#define STATIC_V1                                                                                  \
    "{\"version\": 1, \"config\": [{\"type\": \"physical\", \"name\": \"eth0\", "                  \
    "\"mac_address\": \"02:00:00:00:00:01\", \"subnets\": [{\"type\": \"static\", "                \
    "\"address\": \"192.0.2.7/24\"}]}]}"

/* demands: 5 42 */
static void datasource_configuration_is_written_on_a_new_instance(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/var/lib/cloud/instances/iid-1/x", "");
    fixture_put(f, "/run/cloud-init/x", "");
    assert_int_equal(
        ol_symlink(&f->env, "/var/lib/cloud/instances/iid-1", "/var/lib/cloud/instance", NULL), 0);
    set_doc(f, "{\"instance_id\": \"iid-1\", \"network_config\": " STATIC_V1 "}");
    assert_int_equal(apply(f), 0);
    assert_non_null(strstr(fixture_text(f, eni), "address 192.0.2.7/24"));
    assert_int_equal(fixture_mode(f, "/var/lib/cloud/instance/network-config.json"), 0600);
    assert_non_null(fixture_text(f, "/run/cloud-init/network-config.json"));
    assert_non_null(fixture_text(f, "/run/cloud-init/sem/apply_network_config.once"));
    fixture_assert_logged(f, "INFO: Applying network configuration from ds bringup=False: "
                             "{'version': 1, 'config': [");
    fixture_free(f);
}

static void without_any_configuration_the_fallback_is_written(void **state)
{
    struct fixture *f = machine();

    assert_int_equal(apply(f), 0);
    assert_non_null(strstr(fixture_text(f, eni), "iface eth0 inet dhcp"));
    fixture_assert_logged(f, "Applying network configuration from fallback bringup=False");
    fixture_free(f);
}

static void sources_are_asked_in_order(void **state)
{
    static const struct {
        const char *cmdline, *cfg, *logged;
    } cases[] = {
        {"network-config=disabled", "{\"network\": {\"version\": 2}}",
         "network config is disabled by cmdline"},
        {"network-config=dmVyc2lvbjogMg==", "{\"network\": {\"config\": \"disabled\"}}",
         "configuration from cmdline"},
        {"", "{\"network\": {\"config\": \"disabled\"}}",
         "network config is disabled by system_cfg"},
        {"", "{\"network\": " STATIC_V1 "}", "configuration from system_cfg"},
        {"network-config=abc", "{}", "configuration from ds"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        set_doc(f, "{\"network_config\": {\"network\": " STATIC_V1 "}}");
        fixture_put(f, "/proc/cmdline", cases[i].cmdline);
        fixture_configure(f, cases[i].cfg);
        assert_int_equal(apply(f), 0);
        fixture_assert_logged(f, cases[i].logged);
        fixture_free(f);
    }
}

static void upgraded_machine_keeps_its_network(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/var/lib/cloud/data/upgraded-network", "");
    assert_int_equal(apply(f), 0);
    assert_null(fixture_text(f, eni));
    fixture_assert_logged(f, "network config is disabled by "
                             "/var/lib/cloud/data/upgraded-network");
    fixture_free(f);
}

/* demands: 45 35 */
static void known_instance_is_left_alone_unless_an_event_asks(void **state)
{
    static const struct {
        const char *cfg;
        bool has_run, is_written;
    } cases[] = {
        {"{}", false, false},
        {"{\"updates\": {\"network\": {\"when\": [\"boot\"]}}}", false, true},
        {"{\"updates\": {\"network\": {\"when\": [\"boot\"]}}}", true, false},
        {"{\"updates\": {\"network\": {\"when\": [\"boot-legacy\"]}}}", true, true},
        {"{\"updates\": {\"network\": {\"when\": [\"boot\", \"nonsense\"]}}}", false, false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", "");
        fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "");
        set_doc(f, "{\"description\": \"DataSourceNoCloud [seed=x]\"}");
        f->g.is_new_instance = false;
        if (cases[i].has_run)
            fixture_put(f, "/run/cloud-init/sem/apply_network_config.once", "");
        fixture_configure(f, cases[i].cfg);
        assert_int_equal(apply(f), 0);
        assert_int_equal(fixture_text(f, eni) != NULL, cases[i].is_written);
        fixture_free(f);
    }
}

/* demands: 37 38 */
static void files_of_an_earlier_instance_are_removed(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/etc/netplan/50-cloud-init.yaml", header);
    fixture_put(f, "/etc/netplan/10-mine.yaml", header);
    fixture_put(f, "/etc/systemd/network/10-cloud-init-eth9.network", "[Match]\nName=eth9\n");
    fixture_put(f, "/etc/systemd/network/20-mine.network", "[Match]\nName=eth9\n");
    assert_int_equal(apply(f), 0);
    assert_null(fixture_text(f, "/etc/netplan/50-cloud-init.yaml"));
    assert_null(fixture_text(f, "/etc/systemd/network/10-cloud-init-eth9.network"));
    assert_non_null(fixture_text(f, "/etc/netplan/10-mine.yaml"));
    assert_non_null(fixture_text(f, "/etc/systemd/network/20-mine.network"));
    fixture_put(f, "/etc/netplan/50-cloud-init.yaml", "network: {}\n");
    assert_int_equal(apply(f), 0);
    assert_non_null(fixture_text(f, "/etc/netplan/50-cloud-init.yaml"));
    fixture_free(f);
}

/* demands: 39 */
static void renderer_is_the_first_that_can_be_used(void **state)
{
    static const struct {
        const char *cfg, *logged;
    } cases[] = {
        {"{}", "Selected renderer 'eni' from priority list: ['eni', 'netplan', 'networkd']"},
        {"{\"system_info\": {\"network\": {\"renderers\": [\"sysconfig\", \"eni\"]}}}",
         "Selected renderer 'eni' from priority list: ['sysconfig', 'eni']"},
        {"{\"system_info\": {\"network\": {\"renderers\": [\"netplan\"]}}}",
         "ERROR: Unable to render networking. Network config is likely broken: No available "
         "network renderers found. Searched through list: ['netplan']"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        fixture_configure(f, cases[i].cfg);
        assert_int_equal(apply(f), 0);
        fixture_assert_logged(f, cases[i].logged);
        fixture_free(f);
    }
}

static void absent_interface_is_told_and_the_rest_configured(void **state)
{
    struct fixture *f = machine();

    set_doc(f, "{\"network_config\": {\"version\": 1, \"config\": [{\"type\": \"physical\", "
               "\"name\": \"eth5\", \"mac_address\": \"02:00:00:00:00:55\", \"subnets\": "
               "[{\"type\": \"dhcp\"}]}]}}");
    assert_int_equal(apply(f), 0);
    fixture_assert_logged(f, "WARNING: Not all expected physical devices present: "
                             "{'02:00:00:00:00:55'}");
    assert_non_null(strstr(fixture_text(f, eni), "iface eth5 inet dhcp"));
    fixture_free(f);
}

static void network_data_is_converted_with_the_macs_of_now(void **state)
{
    static const char known[] =
        "{\"network_json\": {\"links\": [{\"id\": \"l\", \"type\": \"phy\", "
        "\"ethernet_mac_address\": \"02:00:00:00:00:01\"}], \"networks\": [{\"id\": \"n\", "
        "\"type\": \"ipv4_dhcp\", \"link\": \"l\"}], \"services\": []}}";
    static const char unknown[] =
        "{\"network_json\": {\"links\": [{\"id\": \"l\", \"type\": \"phy\", "
        "\"ethernet_mac_address\": \"02:00:00:00:00:99\"}], \"networks\": [], \"services\": []}}";
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    set_doc(f, known);
    assert_int_equal(apply(f), 0);
    assert_non_null(strstr(fixture_text(f, eni), "iface eth0 inet dhcp"));
    set_doc(f, unknown);
    assert_int_equal(net_apply(&f->g, 0, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "02:00:00:00:00:99"));
    fixture_free(f);
}

static void initramfs_is_asked_after_the_command_line(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/run/net-eth0.conf",
                "DEVICE='eth0'\nPROTO='none'\nIPV4ADDR='192.0.2.7'\nIPV4NETMASK='255.255.255.0'\n"
                "IPV4GATEWAY='192.0.2.1'\nIPV4DNS0='192.0.2.53'\nIPV4DNS1='0.0.0.0'\n"
                "DOMAINSEARCH='a.example b.example'\n");
    fixture_put(f, "/run/net6-eth0.conf", "DEVICE6=eth0\nIPV6PROTO=dhcp6\nIPV6ADDR=2001:db8::1\n");
    assert_int_equal(apply(f), 0);
    fixture_assert_logged(f, "configuration from fallback");
    fixture_put(f, "/proc/cmdline", "root=/dev/nfs ip=dhcp");
    assert_int_equal(apply(f), 0);
    fixture_assert_logged(
        f, "configuration from initramfs bringup=False: {'config': [{'type': 'physical', 'name': "
           "'eth0', 'subnets': [{'type': 'static', 'control': 'manual', 'address': '192.0.2.7', "
           "'netmask': '255.255.255.0', 'gateway': '192.0.2.1', 'dns_nameservers': "
           "['192.0.2.53'], 'dns_search': ['a.example', 'b.example']}, {'type': 'dhcp6', "
           "'control': 'manual'}], 'mac_address': '02:00:00:00:00:01'}], 'version': 1}");
    assert_non_null(strstr(fixture_text(f, eni), "address 192.0.2.7/24"));
    fixture_free(f);
}

static void broken_initramfs_file_is_named(void **state)
{
    static const char *const texts[] = {"PROTO=none\n", "DEVICE=eth0\nPROTO=magic\n", "", "=\n'\n"};
    struct fixture *f = machine();

    fixture_put(f, "/proc/cmdline", "ip6=dhcp");
    for (size_t i = 0; i < ol_count(texts); i++) {
        struct ol_err err = OL_ERR_INIT;

        fixture_put(f, "/run/net-eth0.conf", texts[i]);
        assert_int_equal(net_apply(&f->g, 0, &err), -EINVAL);
        assert_non_null(strstr(err.msg, "/run/net-eth0.conf: "));
    }
    fixture_free(f);
}

static void old_interfaces_text_is_converted(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data",
                "network-interfaces: |\n  auto eth0\n  iface eth0 inet static\n"
                "  address 192.0.2.9/24\n");
    assert_int_equal(source_find_first(&f->g, SOURCE_NEEDS_DISK, NULL, NULL), 0);
    assert_int_equal(apply(f), 0);
    assert_non_null(strstr(fixture_text(f, eni), "address 192.0.2.9/24"));
    fixture_assert_logged(f, "DEPRECATED: Eni network configuration in NoCloud is deprecated");
    fixture_free(f);
}

static void secrets_do_not_reach_the_log(void **state)
{
    struct fixture *f = machine();

    assert_string_equal(
        net_masked_repr(&f->arena, fixture_value(f, "{\"wifis\": {\"w\": {\"access-points\": "
                                                    "{\"home\": {\"password\": \"x\"}}}}}")),
        "{'wifis': {'w': {'access-points': {'home': {'password': 'hidden'}}}}}");
    fixture_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(datasource_configuration_is_written_on_a_new_instance),
        cmocka_unit_test(without_any_configuration_the_fallback_is_written),
        cmocka_unit_test(sources_are_asked_in_order),
        cmocka_unit_test(upgraded_machine_keeps_its_network),
        cmocka_unit_test(known_instance_is_left_alone_unless_an_event_asks),
        cmocka_unit_test(files_of_an_earlier_instance_are_removed),
        cmocka_unit_test(renderer_is_the_first_that_can_be_used),
        cmocka_unit_test(absent_interface_is_told_and_the_rest_configured),
        cmocka_unit_test(network_data_is_converted_with_the_macs_of_now),
        cmocka_unit_test(initramfs_is_asked_after_the_command_line),
        cmocka_unit_test(broken_initramfs_file_is_named),
        cmocka_unit_test(old_interfaces_text_is_converted),
        cmocka_unit_test(secrets_do_not_reach_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
