/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "fixture.h"
#include "guest/base/hostname.h"
#include "guest/module/hostname-set.h"

static void same(const char *got, const char *want)
{
    if (!got || !want)
        assert_ptr_equal(got, want);
    else
        assert_string_equal(got, want);
}

static void name_follows_configuration_then_metadata(void **state)
{
    static const struct {
        const char *cfg, *metadata, *hostname, *fqdn;
        unsigned flags;
    } cases[] = {
        {"{\"fqdn\": \"a.b.c\"}", "{}", "a", "a.b.c", 0},
        {"{\"fqdn\": \"a.b.c\", \"hostname\": \"x\"}", "{}", "x", "a.b.c", 0},
        {"{\"hostname\": \"h.d.e\"}", "{}", "h", "h.d.e", 0},
        {"{\"hostname\": 17}", "{\"local-hostname\": \"m.d\"}", "17", "m.d", 0},
        {"{}", "{\"local-hostname\": \"m\"}", "m", "m", 0},
        {"{}", "{\"local-hostname\": \"m.localdomain\"}", "m", "m", 0},
        {"{}", "{\"local-hostname\": \"m.example.org\"}", "m", "m.example.org", 0},
        {"{}", "{\"local-hostname\": \"10.0.0.7\"}", "ip-10-0-0-7", "ip-10-0-0-7", 0},
        {"{}", "{}", NULL, NULL, HOSTNAME_METADATA_ONLY},
        {"{\"hostname\": \"h\"}", "{}", "h", NULL, HOSTNAME_METADATA_ONLY},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct guest_hostname name;

        f->g.ds.doc = ol_val_new_map(&f->arena);
        ol_val_set(&f->arena, f->g.ds.doc, "metadata", fixture_value(f, cases[i].metadata));
        guest_get_hostname(&f->g, fixture_value(f, cases[i].cfg), cases[i].flags, &name);
        same(name.hostname, cases[i].hostname);
        same(name.fqdn, cases[i].fqdn);
        assert_false(name.is_default);
    }
    fixture_free(f);
}

static void nameless_machine_is_called_localhost_by_default(void **state)
{
    struct fixture *f = fixture_new();
    struct guest_hostname name;

    guest_get_hostname(&f->g, fixture_value(f, "{}"), 0, &name);
    same(name.hostname, "localhost");
    assert_true(name.is_default);
    fixture_free(f);
}

static void running_name_is_qualified_by_hosts(void **state)
{
    struct fixture *f = fixture_new();
    struct guest_hostname name;

    fixture_put(f, "/proc/sys/kernel/hostname", "old\n");
    fixture_put(f, "/etc/hosts",
                "127.0.0.1 localhost\n# x\n10.0.0.1\told.example.org old # alias\n");
    guest_get_hostname(&f->g, fixture_value(f, "{}"), 0, &name);
    same(name.hostname, "old");
    same(name.fqdn, "old.example.org");
    assert_false(name.is_default);
    fixture_free(f);
}

/* demands: 39 */
static void name_is_written_once_and_recorded(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    fixture_put(f, "/etc/hostname", "# mine\n\nold # was\n");
    assert_int_equal(fixture_run(f, &module_set_hostname, "{\"fqdn\": \"a.b.c\"}", &err), 0);
    fixture_assert_file(f, "/etc/hostname", "# mine\n\na# was\n");
    fixture_assert_file(f, "/var/lib/cloud/data/set-hostname",
                        "{\n \"fqdn\": \"a.b.c\",\n \"hostname\": \"a\"\n}\n");
    fixture_put(f, "/etc/hostname", "admin\n");
    assert_int_equal(fixture_run(f, &module_set_hostname, "{\"fqdn\": \"a.b.c\"}", &err), 0);
    fixture_assert_file(f, "/etc/hostname", "admin\n");
    assert_int_equal(f->exec.commands.n, 0);
    fixture_free(f);
}

static void options_say_which_name_goes_where(void **state)
{
    static const struct {
        const char *cfg, *before, *after;
    } cases[] = {
        {"{\"fqdn\": \"a.b.c\", \"prefer_fqdn_over_hostname\": true}", "old\n", "a.b.c\n"},
        {"{\"fqdn\": \"a.b.c\", \"preserve_hostname\": true}", "old\n", "old\n"},
        {"{\"hostname\": \"a\", \"create_hostname_file\": false}", "old\n", "a\n"},
        {"{\"hostname\": \"a\", \"create_hostname_file\": false}", NULL, NULL},
        {"{\"hostname\": \"a\"}", NULL, "a\n"},
        {"{\"hostname\": \"a\"}", "one\ntwo\n", "a\n"},
        {"{}", "old\n", "old\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct ol_err err = OL_ERR_INIT;

        if (cases[i].before)
            fixture_put(f, "/etc/hostname", cases[i].before);
        assert_int_equal(fixture_run(f, &module_set_hostname, cases[i].cfg, &err), 0);
        same(fixture_text(f, "/etc/hostname"), cases[i].after);
        fixture_free(f);
    }
}

static void early_stage_sets_only_a_name_that_was_given(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(set_hostname_now(&f->g, fixture_value(f, "{}"), &err), 0);
    assert_null(fixture_text(f, "/etc/hostname"));
    assert_int_equal(set_hostname_now(&f->g, fixture_value(f, "{\"hostname\": \"a\"}"), &err), 0);
    fixture_assert_file(f, "/etc/hostname", "a\n");
    fixture_free(f);
}

static void a_name_that_the_administrator_changed_is_left(void **state)
{
    static const struct {
        const char *previous, *before, *after, *previous_after;
    } cases[] = {
        {NULL, "old\n", "old\n", "new\n"},    {NULL, NULL, "new\n", "new\n"},
        {"old\n", "old\n", "new\n", "new\n"}, {"old\n", "admin\n", "admin\n", "old\n"},
        {"new\n", "new\n", "new\n", "new\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct ol_err err = OL_ERR_INIT;
        const char *cfg = "{\"hostname\": \"new\"}";

        if (cases[i].previous)
            fixture_put(f, "/var/lib/cloud/data/previous-hostname", cases[i].previous);
        if (cases[i].before)
            fixture_put(f, "/etc/hostname", cases[i].before);
        assert_int_equal(fixture_run(f, &module_update_hostname, cfg, &err), 0);
        same(fixture_text(f, "/etc/hostname"), cases[i].after);
        same(fixture_text(f, "/var/lib/cloud/data/previous-hostname"), cases[i].previous_after);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_follows_configuration_then_metadata),
        cmocka_unit_test(nameless_machine_is_called_localhost_by_default),
        cmocka_unit_test(running_name_is_qualified_by_hosts),
        cmocka_unit_test(name_is_written_once_and_recorded),
        cmocka_unit_test(options_say_which_name_goes_where),
        cmocka_unit_test(early_stage_sets_only_a_name_that_was_given),
        cmocka_unit_test(a_name_that_the_administrator_changed_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
