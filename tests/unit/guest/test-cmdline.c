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

#include "codec/json.h"
#include "core/cleanup.h"
#include "guest/base/cmdline.h"
#include "guest/source/dmi.h"

static const char *as_json(struct fixture *f, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    assert_int_equal(ol_json_dump(v, &ol_json_compact, &b), 0);
    return ol_arena_strdup(&f->arena, b.data);
}

/* demands: 13 */
static void datasource_is_the_word_after_ds(void **state)
{
    static const struct {
        const char *cmdline, *want;
        bool is_old;
    } cases[] = {
        {"root=/dev/vda ds=nocloud ro", "nocloud", false},
        {"ds=nocloud;s=http://x/;h=a", "nocloud", false},
        {"ci.ds=OpenStack", "OpenStack", true},
        {"ci.datasource=Ec2 ds=None", "None", false},
        {"xds=nocloud", "", false},
        {"ds=;s=1", "", false},
        {"", "", false},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        bool is_old = !cases[i].is_old;

        assert_string_equal(cmdline_datasource(&f->arena, cases[i].cmdline, &is_old),
                            cases[i].want);
        assert_int_equal(is_old, cases[i].is_old);
    }
    fixture_free(f);
}

static void fields_follow_the_name_after_semicolons(void **state)
{
    static const struct {
        const char *cmdline, *want;
    } cases[] = {
        {"ro ds=nocloud quiet", "{}"},
        {"ds=nocloud;h=a;i=7;s=/seed/;x=y=z;;flag",
         "{\"local-hostname\":\"a\",\"instance-id\":\"7\",\"seedfrom\":\"/seed/\",\"x\":\"y=z\","
         "\"flag\":null}"},
        {"ds=nocloud ds=nocloud-net;s=http://x/", "{\"seedfrom\":\"http://x/\"}"},
        {"ds=nocloud-net", NULL},
        {"ds=nocloudy", NULL},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_val *fill = ol_val_new_map(&f->arena);

        assert_int_equal(cmdline_fields(&f->arena, cases[i].cmdline, "ds=nocloud", fill),
                         cases[i].want != NULL);
        if (cases[i].want)
            assert_string_equal(as_json(f, fill), cases[i].want);
    }
    fixture_free(f);
}

static void cloud_config_stands_between_cc_and_end_cc(void **state)
{
    static const struct {
        const char *cmdline, *want;
    } cases[] = {
        {"root=x cc: a: [1, 2] end_cc ro", "a: [1, 2] "},
        {"cc:a: %5Bsmoser%5D end_cc cc:b: 1\\nc: 2", "a: [smoser] \nb: 1\nc: 2"},
        {"xcc: a: 1", ""},
        {"cc: a: \\x end_cc", "a: \\x "},
        {"cc: %", "%"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

        cmdline_cloud_config(cases[i].cmdline, &b);
        assert_string_equal(b.data, cases[i].want);
    }
}

static void network_config_is_base64_of_plain_or_gzip_text(void **state)
{
    static const struct {
        const char *cmdline, *want;
        bool is_disabled;
        int r;
    } cases[] = {
        {"ro network-config=disabled", "", true, 0},
        {"network-config=dmVyc2lvbjogMg==", "version: 2", false, 0},
        {"network-config=H4sIAAAAAAACAytLLSrOzM+zUjACAEMuE6YKAAAA", "version: 2", false, 0},
        {"network-config=abc", "", false, -EINVAL},
        {"network-config=", "", false, 0},
        {"", "", false, 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);
        struct ol_err err = OL_ERR_INIT;
        bool is_disabled = false;

        assert_int_equal(cmdline_network_config(cases[i].cmdline, &b, &is_disabled, &err),
                         cases[i].r);
        assert_string_equal(b.data, cases[i].want);
        assert_int_equal(is_disabled, cases[i].is_disabled);
    }
}

static void container_has_the_command_line_of_its_first_process(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/proc/cmdline", "ro quiet\n");
    assert_string_equal(guest_cmdline(&f->g), "ro quiet");
    fixture_put(f, "/run/systemd/container", "lxc");
    fixture_put(f, "/proc/1/cmdline", "/sbin/init ds=nocloud");
    assert_string_equal(guest_cmdline(&f->g), "/sbin/init ds=nocloud");
    fixture_put(f, "/sys/class/dmi/id/product_uuid", "of the host\n");
    assert_null(dmi_read(&f->g, "system-uuid"));
    fixture_free(f);
}

static void dmi_variables_are_replaced(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/sys/class/dmi/id/chassis_serial", "C17\n");
    fixture_put(f, "/sys/class/dmi/id/product_serial", "\xff\xff\xff\n");
    assert_string_equal(dmi_substitute(&f->g, "http://x/__dmi.chassis-serial-number__/a"),
                        "http://x/C17/a");
    assert_string_equal(dmi_substitute(&f->g, "a__dmi.no-such__b__dmi."),
                        "a__dmi.no-such__b__dmi.");
    assert_string_equal(dmi_read(&f->g, "system-serial-number"), "");
    assert_null(dmi_read(&f->g, "system-uuid"));
    fixture_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(datasource_is_the_word_after_ds),
        cmocka_unit_test(fields_follow_the_name_after_semicolons),
        cmocka_unit_test(cloud_config_stands_between_cc_and_end_cc),
        cmocka_unit_test(network_config_is_base64_of_plain_or_gzip_text),
        cmocka_unit_test(container_has_the_command_line_of_its_first_process),
        cmocka_unit_test(dmi_variables_are_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
