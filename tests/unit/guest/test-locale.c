/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/base/version.h"
#include "guest/module/locale-text.h"

static void shell_assignments_are_read(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"LANG=C.UTF-8\n", "C.UTF-8"},
        {"# LANG=no\nLANG=\"de_DE.UTF-8\" # yes\n", "de_DE.UTF-8"},
        {"LANG=a\nLANG='b c'\n", "b c"},
        {"LANGUAGE=x\n", NULL},
        {"LANG=\n", NULL},
        {"", NULL},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *got = locale_assigned(&a, cases[i].text, "LANG");

        if (cases[i].want)
            assert_string_equal(got, cases[i].want);
        else
            assert_null(got);
    }
    (void)state;
}

static void an_assignment_is_replaced_where_it_stands(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "LANG=x\n"},
        {"# top\nLANG=a\nLC_ALL=b\n", "# top\nLANG=x\nLC_ALL=b\n"},
        {"LANG=a\nLANG=b", "LANG=x\n"},
        {"A=1", "A=1\nLANG=x\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);

        locale_assign(cases[i].text, "LANG", "x", &b);
        assert_string_equal(b.data, cases[i].want);
    }
    (void)state;
}

static void locale_gen_gets_a_line_that_glibc_knows(void **state)
{
    static const char supported[] = "fi_FI.UTF-8 UTF-8\nfi_FI ISO-8859-1\n"
                                    "fi_FI@euro ISO-8859-15\nde_DE.UTF-8 UTF-8\n"
                                    "af_ZA ISO-8859-1\naf_ZA.UTF-8 UTF-8\n";
    static const struct {
        const char *locale, *want;
    } cases[] = {
        {"fi_FI", "fi_FI.UTF-8 UTF-8"},           {"fi_FI.UTF-8", "fi_FI.UTF-8 UTF-8"},
        {"fi_FI@euro", "fi_FI@euro ISO-8859-15"}, {"af_ZA", "af_ZA.UTF-8 UTF-8"},
        {"xx_YY", "xx_YY.UTF-8 UTF-8"},           {"xx_YY.KOI8-R", "xx_YY.KOI8-R KOI8-R"},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_string_equal(locale_gen_line(&a, supported, cases[i].locale), cases[i].want);
    (void)state;
}

static void locale_gen_lines_are_enabled_once(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "de UTF-8\n"},
        {"# head\n\n# de UTF-8\n# en UTF-8\n\n", "# head\n\nde UTF-8\n# en UTF-8\n"},
        {"de UTF-8\n", "de UTF-8\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);

        locale_gen_enable(cases[i].text, "de UTF-8", &b);
        assert_string_equal(b.data, cases[i].want);
    }
    (void)state;
}

static void debian_generates_and_updates(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/etc/locale.gen", "# de_DE.UTF-8 UTF-8\n");
    assert_int_equal(fixture_run(f, &module_locale, "{\"locale\": \"de_DE.UTF-8\"}", NULL), 0);
    fixture_assert_file(f, "/etc/locale.gen", "de_DE.UTF-8 UTF-8\n");
    assert_int_equal(f->exec.commands.n, 2);
    assert_string_equal(f->exec.commands.v[0], "locale-gen --keep-existing");
    assert_string_equal(f->exec.commands.v[1],
                        "update-locale --locale-file=/etc/default/locale LANG=de_DE.UTF-8");
    assert_string_equal(f->exec.environments.v[1], "LANGUAGE=C.UTF-8 LANG=C.UTF-8 LC_ALL=C.UTF-8");
    fixture_free(f);
    (void)state;
}

static void debian_does_nothing_when_the_locale_is_set(void **state)
{
    static const char *const configurations[] = {"{\"locale\": \"c.utf-8\"}", "{}",
                                                 "{\"locale\": false}"};

    for (size_t i = 0; i < ol_count(configurations); i++) {
        struct fixture *f = fixture_new();

        fixture_put(f, "/etc/default/locale", "LANG=C.UTF-8\n");
        assert_int_equal(fixture_run(f, &module_locale, configurations[i], NULL), 0);
        assert_int_equal(f->exec.commands.n, 0);
        fixture_free(f);
    }
    (void)state;
}

static void a_missing_tool_is_a_failed_command(void **state)
{
    static const struct fake_answer answers[] = {{"locale-gen", .start_errno = ENOENT}, {0}};
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    f->exec.answers = answers;
    assert_int_equal(fixture_run(f, &module_locale, "{\"locale\": \"de_DE\"}", &err), -ENOENT);
    assert_string_equal(err.domain, "ProcessExecutionError");
    assert_string_equal(err.msg, "Unexpected error while running command.\nCommand: ['locale-gen', "
                                 "'--keep-existing']\nExit code: -\nReason: [Errno 2] No such file "
                                 "or directory: b'locale-gen'\nStdout: -\nStderr: -");
    fixture_free(f);
    (void)state;
}

static void other_families_write_their_own_file(void **state)
{
    static const struct {
        const char *distro, *path, *want;
    } cases[] = {
        {"rocky", "/etc/locale.conf",
         "# Created by cloud-init v. " GUEST_VERSION
         " on Tue, 14 Nov 2023 22:13:20 +0000\nLANG=de\n"},
        {"sles", "/etc/locale.conf",
         "# Created by cloud-init v. " GUEST_VERSION
         " on Tue, 14 Nov 2023 22:13:20 +0000\nLANG=de\n"},
        {"alpine", "/etc/profile.d/50-cloud-init-locale.sh",
         "#\n# This file is created by cloud-init once per new instance boot\n#\n"
         "export CHARSET=UTF-8\nexport LANG=de\nexport LC_COLLATE=C\n"},
        {"arch", "/etc/locale.gen",
         "# Created by cloud-init v. " GUEST_VERSION
         " on Tue, 14 Nov 2023 22:13:20 +0000\nde UTF-8\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        assert_int_equal(fixture_run(f, &module_locale,
                                     ol_arena_printf(&f->arena,
                                                     "{\"locale\": \"de\", \"system_info\":"
                                                     " {\"distro\": \"%s\"}}",
                                                     cases[i].distro),
                                     NULL),
                         0);
        fixture_assert_file(f, cases[i].path, cases[i].want);
        fixture_free(f);
    }
    (void)state;
}

static void the_zone_is_named_and_linked(void **state)
{
    struct fixture *f = fixture_new();
    ol_autofree char *target = NULL;

    fixture_put(f, "/usr/share/zoneinfo/Europe/Berlin", "TZif2");
    assert_int_equal(fixture_run(f, &module_timezone, "{\"timezone\": \"Europe/Berlin\"}", NULL),
                     0);
    fixture_assert_file(f, "/etc/timezone", "Europe/Berlin\n");
    target = ol_readlink(&f->env, "/etc/localtime");
    assert_string_equal(target, "/usr/share/zoneinfo/Europe/Berlin");
    fixture_free(f);
    (void)state;
}

static void a_localtime_that_is_a_file_stays_a_file(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/usr/share/zoneinfo/UTC", "TZif2");
    fixture_put(f, "/etc/localtime", "old");
    assert_int_equal(fixture_run(f, &module_timezone, "{\"timezone\": \"UTC\"}", NULL), 0);
    assert_false(ol_is_link(&f->env, "/etc/localtime"));
    fixture_assert_file(f, "/etc/localtime", "TZif2");
    fixture_free(f);
    (void)state;
}

static void redhat_has_only_the_link(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/usr/share/zoneinfo/UTC", "TZif2");
    fixture_put(f, "/etc/localtime", "old");
    assert_int_equal(fixture_run(f, &module_timezone,
                                 "{\"timezone\": \"UTC\", \"system_info\": {\"distro\": \"rhel\"}}",
                                 NULL),
                     0);
    assert_true(ol_is_link(&f->env, "/etc/localtime"));
    assert_false(ol_exists(&f->env, "/etc/timezone"));
    fixture_free(f);
    (void)state;
}

static void an_unknown_zone_changes_nothing(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_timezone, "{\"timezone\": \"Mars/Base\"}", &err),
                     -ENOENT);
    assert_string_equal(err.msg, "Invalid timezone Mars/Base, no file found at "
                                 "/usr/share/zoneinfo/Mars/Base");
    assert_false(ol_exists(&f->env, "/etc/timezone"));
    assert_int_equal(fixture_run(f, &module_timezone, "{\"timezone\": null}", NULL), 0);
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shell_assignments_are_read),
        cmocka_unit_test(an_assignment_is_replaced_where_it_stands),
        cmocka_unit_test(locale_gen_gets_a_line_that_glibc_knows),
        cmocka_unit_test(locale_gen_lines_are_enabled_once),
        cmocka_unit_test(debian_generates_and_updates),
        cmocka_unit_test(debian_does_nothing_when_the_locale_is_set),
        cmocka_unit_test(a_missing_tool_is_a_failed_command),
        cmocka_unit_test(other_families_write_their_own_file),
        cmocka_unit_test(the_zone_is_named_and_linked),
        cmocka_unit_test(a_localtime_that_is_a_file_stays_a_file),
        cmocka_unit_test(redhat_has_only_the_link),
        cmocka_unit_test(an_unknown_zone_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
