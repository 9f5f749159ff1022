/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/module/hosts.h"

static void own_address_gets_the_name_and_the_rest_stays(void **state)
{
    static const struct {
        const char *before, *after; /* NULL: nothing to do */
    } cases[] = {
        {"", "127.0.1.1\th.d\th\n"},
        {"# c\n\n127.0.0.1  localhost # l\n",
         "# c\n\n127.0.0.1\tlocalhost# l\n127.0.1.1\th.d\th\n"},
        {"127.0.1.1 h.d x h\n", NULL},
        {"127.0.1.1 old.d old # o\n::1 ip6\n",
         "::1\tip6\n127.0.1.1\told.d\told\n127.0.1.1\th.d\th\n"},
        {"127.0.1.1 h.d\n", "127.0.1.1\th.d\n127.0.1.1\th.d\th\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4096);

        assert_int_equal(hosts_set_own(cases[i].before, "127.0.1.1", "h.d", "h", &text),
                         cases[i].after != NULL);
        assert_string_equal(text.data, cases[i].after ? cases[i].after : "");
    }
}

static void template_gets_the_machines_names(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    fixture_put(f, "/etc/cloud/templates/hosts.debian.tmpl",
                "## template:jinja\n{# why -#}\n127.0.1.1 {{fqdn}} {{hostname}}\n");
    assert_int_equal(fixture_run(f, &module_update_etc_hosts,
                                 "{\"manage_etc_hosts\": true, \"fqdn\": \"h.d.e\"}", &err),
                     0);
    fixture_assert_file(f, "/etc/hosts", "127.0.1.1 h.d.e h\n");
    assert_int_equal(fixture_mode(f, "/etc/hosts"), 0644);
    fixture_free(f);
}

static void other_modes_are_told_apart(void **state)
{
    static const struct {
        const char *mode, *after, *log;
        bool fails;
    } cases[] = {
        {"\"localhost\"", "10.0.0.1\tgw\n127.0.1.1\th.d\th\n\n", "Managing localhost", false},
        {"false", "10.0.0.1 gw\n", "is not set, not managing /etc/hosts", false},
        {"\"template\"", "10.0.0.1 gw\n", "Value 'template' for key 'manage_etc_hosts'", true},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct ol_err err = OL_ERR_INIT;
        const char *cfg = ol_arena_printf(
            &f->arena, "{\"manage_etc_hosts\": %s, \"fqdn\": \"h.d\"}", cases[i].mode);

        fixture_put(f, "/etc/hosts", "10.0.0.1 gw\n");
        assert_int_equal(fixture_run(f, &module_update_etc_hosts, cfg, &err) < 0, cases[i].fails);
        fixture_assert_file(f, "/etc/hosts", cases[i].after);
        fixture_assert_logged(f, cases[i].log);
        if (cases[i].fails)
            assert_string_equal(err.msg, "No hosts template could be found for distro debian");
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_address_gets_the_name_and_the_rest_stays),
        cmocka_unit_test(template_gets_the_machines_names),
        cmocka_unit_test(other_modes_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
