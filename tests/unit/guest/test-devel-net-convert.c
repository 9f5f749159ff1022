/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/cli/devel-net-convert.h"

static const char dhcp_on_eth0[] = "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n";

/* Runs the command on /in; what it says on stderr goes to said[256]. */
static int run(struct fixture *f, struct devel_net_convert_args *args, char *said,
               struct ol_err *err)
{
    FILE *out = fmemopen(said, 512, "w");
    int r;

    args->network_data = "/in";
    args->directory = "/out/here";
    args->distro = "debian";
    r = devel_net_convert(&f->env, args, out, err);
    fclose(out);
    return r;
}

/* demands: 33 */
static void writes_files_below_the_directory(void **state)
{
    struct fixture *f = fixture_new();
    struct devel_net_convert_args args = {.kind = "yaml", .output_kind = "netplan"};
    struct ol_err err = OL_ERR_INIT;
    char said[512] = "";

    fixture_put(f, "/in", dhcp_on_eth0);
    if (run(f, &args, said, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    assert_string_equal(said, "Read input format 'yaml' from '/in'.\n"
                              "Wrote output format 'netplan' to '/out/here/'\n\n");
    assert_non_null(strstr(fixture_text(f, "/out/here/etc/netplan/50-cloud-init.yaml"),
                           "\nnetwork:\n    ethernets:\n        eth0:\n"
                           "            dhcp4: true\n    version: 2\n"));
    assert_int_equal(fixture_mode(f, "/out/here/etc/netplan/50-cloud-init.yaml"), 0600);
    fixture_free(f);
}

static void names_links_by_the_macs_that_are_given(void **state)
{
    struct fixture *f = fixture_new();
    struct devel_net_convert_args args = {.kind = "network_data.json", .output_kind = "eni"};
    struct ol_err err = OL_ERR_INIT;
    char said[512] = "";

    fixture_put(f, "/in",
                "{\"links\": [{\"id\": \"t\", \"type\": \"phy\","
                " \"ethernet_mac_address\": \"02:00:00:00:00:0a\"}],"
                " \"networks\": [{\"link\": \"t\", \"type\": \"ipv4_dhcp\"}]}");
    ol_strv_add(&args.macs, "ens7,02:00:00:00:00:0A");
    if (run(f, &args, said, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    assert_non_null(strstr(fixture_text(f, "/out/here/etc/network/interfaces.d/50-cloud-init"),
                           "auto ens7\niface ens7 inet dhcp\n"));
    ol_strv_done(&args.macs);
    fixture_free(f);
}

static void says_what_it_cannot_do(void **state)
{
    static const struct {
        const char *kind, *output_kind, *text;
        int code;
    } cases[] = {
        {"azure-imds", "eni", "--kind azure-imds: not yet supported", EOPNOTSUPP},
        {"vmware-imc", "eni", "--kind vmware-imc: not yet supported", EOPNOTSUPP},
        {"toml", "eni", "--kind toml: no such kind", EINVAL},
        {"yaml", "sysconfig", "--output-kind sysconfig: not yet supported", EOPNOTSUPP},
        {"yaml", "network-manager", "--output-kind network-manager: not yet supported", EOPNOTSUPP},
        {"yaml", "wicked", "--output-kind wicked: no such kind", EINVAL},
        {"eni", "eni", "/in: interfaces: line 1: no 'iface' before 'network:'", EINVAL},
        {"yaml", "eni", NULL, 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct devel_net_convert_args args = {.kind = cases[i].kind,
                                              .output_kind = cases[i].output_kind};
        struct ol_err err = OL_ERR_INIT;
        char said[512] = "";

        fixture_put(f, "/in", dhcp_on_eth0);
        assert_int_equal(run(f, &args, said, &err), -cases[i].code);
        if (cases[i].text)
            assert_string_equal(err.msg, cases[i].text);
        fixture_free(f);
    }
}

static void refuses_a_mac_without_a_name(void **state)
{
    struct fixture *f = fixture_new();
    struct devel_net_convert_args args = {.kind = "yaml", .output_kind = "eni"};
    struct ol_err err = OL_ERR_INIT;
    char said[512] = "";

    fixture_put(f, "/in", dhcp_on_eth0);
    ol_strv_add(&args.macs, "02:00:00:00:00:0A");
    assert_int_equal(run(f, &args, said, &err), -EINVAL);
    assert_string_equal(err.msg, "--mac 02:00:00:00:00:0A: must be name,mac");
    ol_strv_done(&args.macs);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_files_below_the_directory),
        cmocka_unit_test(names_links_by_the_macs_that_are_given),
        cmocka_unit_test(says_what_it_cannot_do),
        cmocka_unit_test(refuses_a_mac_without_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
