/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/module/passwords.h"

static void expect_commands(struct fixture *f, const char *want)
{
    ol_autofree char *got = ol_strv_join(&f->exec.commands, "|");

    assert_string_equal(got, want);
}

static void hashes_of_every_method_are_known(void **state)
{
    static const struct {
        const char *secret;
        bool is_hash;
    } cases[] = {
        {"$6$salt$hash", true},
        {"$y$j9T$salt$hash", true},
        {"$2b$10$saltandhash", true},
        {"$7$CU..$hash", true},
        {"$5$rounds=1$s$h", true},
        {"$6$salt", false},
        {"$6$$hash", false},
        {"$6$salt$", false},
        {"$9$salt$hash", false},
        {"plain", false},
        {"", false},
        {"$6$sa:lt$hash", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(password_is_hash(cases[i].secret), cases[i].is_hash);
}

static void a_password_that_is_too_long_is_not_set_to_nothing(void **state)
{
    struct fixture *f = fixture_new();
    char *secret = ol_arena_alloc(&f->arena, (1 << 20) + 1);
    struct password_list list = {0};
    struct ol_err err = OL_ERR_INIT;

    memset(secret, 'x', 1 << 20);
    passwords_add(&f->arena, &list, "joe", secret);
    assert_true(passwords_set(&f->g, &list, 0, &err) < 0);
    assert_string_equal(ol_err_text(&err), "Failed to set password for joe: it is too long");
    expect_commands(f, "");
    fixture_free(f);
}

static void each_kind_goes_through_one_call_and_expires(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        fixture_run(f, &module_set_passwords,
                    "{\"chpasswd\": {\"users\": [{\"name\": \"a\", \"password\": \"$y$j9T$s$h\"},"
                    "{\"name\": \"b\", \"password\": \"wordb\", \"type\": \"text\"}],"
                    " \"list\": \"c:wordc\\nd:$6$s$h\\n\"}}",
                    &err),
        0);
    expect_commands(f, "chpasswd|chpasswd -e|passwd --expire b|passwd --expire c|passwd --expire a|"
                       "passwd --expire d");
    assert_string_equal(f->exec.inputs.v[0], "b:wordb\nc:wordc\n");
    assert_string_equal(f->exec.inputs.v[1], "a:$y$j9T$s$h\nd:$6$s$h\n");
    fixture_assert_logged(f, "Changing password for ['b', 'c']:");
    fixture_assert_logged(f, "Setting hashed password for ['a', 'd']:");
    fixture_assert_logged(f, "Expired passwords for: ['b', 'c', 'a', 'd'] users");
    assert_null(strstr(f->log_text.data, "wordb"));
    assert_null(strstr(f->log_text.data, "$6$"));
    fixture_free(f);
}

static void password_is_for_the_default_user(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_set_passwords,
                                 "{\"password\": 1234, \"chpasswd\": {\"expire\": false},"
                                 " \"user\": {\"name\": \"joe\"}}",
                                 &err),
                     0);
    expect_commands(f, "chpasswd");
    assert_string_equal(f->exec.inputs.v[0], "joe:1234\n");
    fixture_free(f);
}

static void random_password_is_shown_on_the_console_only(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_set_passwords,
                                 "{\"chpasswd\": {\"expire\": false, \"users\":"
                                 " [{\"name\": \"joe\", \"type\": \"RANDOM\"}]}}",
                                 &err),
                     0);
    assert_int_equal(strlen(f->exec.inputs.v[0]), strlen("joe:") + 20 + 1);
    fixture_assert_file(f, "/dev/console",
                        ol_arena_printf(&f->arena, "Set the following 'random' passwords\n\n%s",
                                        f->exec.inputs.v[0]));
    f->exec.inputs.v[0][strlen(f->exec.inputs.v[0]) - 1] = '\0';
    assert_null(strstr(f->log_text.data, f->exec.inputs.v[0] + 4));
    fixture_free(f);
}

static void one_bad_password_keeps_no_other_from_being_set(void **state)
{
    static const struct fake_answer answers[] = {
        {"chpasswd", .status = 1, .err = "line 1: user 'x' does not exist"}, {0}};
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    fake_exec_done(&f->exec);
    fake_exec_init(&f->exec, &f->env, answers);
    assert_true(fixture_run(f, &module_set_passwords,
                            "{\"chpasswd\": {\"expire\": false, \"list\": [\"x:secret\","
                            " \"y:secret\"]}, \"ssh_pwauth\": false}",
                            &err)
                < 0);
    assert_string_equal(f->exec.inputs.v[1], "x:secret\n");
    assert_string_equal(f->exec.inputs.v[2], "y:secret\n");
    assert_string_equal(err.domain, "ProcessExecutionError");
    assert_null(strstr(err.msg, "secret"));
    fixture_assert_file(f, "/etc/ssh/sshd_config", "PasswordAuthentication no\n");
    fixture_free(f);
}

static void a_secret_of_two_lines_is_refused(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_true(fixture_run(f, &module_set_passwords,
                            "{\"chpasswd\": {\"expire\": false, \"users\": [{\"name\": \"x\","
                            " \"type\": \"text\", \"password\": \"a\\nroot:b\"}]}}",
                            &err)
                < 0);
    assert_int_equal(f->exec.commands.n, 0);
    fixture_free(f);
}

static void sshd_is_restarted_only_when_it_runs(void **state)
{
    static const struct fake_answer active[] = {{"systemctl show", .out = "active\n"}, {0}};
    static const struct fake_answer inactive[] = {{"systemctl show", .out = "inactive\n"}, {0}};
    static const struct {
        const struct fake_answer *answers;
        const char *pwauth, *before, *commands;
    } cases[] = {
        {active, "true", "",
         "systemctl show --property ActiveState --value ssh|"
         "systemctl restart ssh --job-mode=ignore-dependencies"},
        {inactive, "false", "", "systemctl show --property ActiveState --value ssh"},
        {active, "true", "PasswordAuthentication yes\n", ""},
        {active, "\"unchanged\"", "", ""},
        {active, "\"what\"", "", ""},
        {NULL, "true", "", "service ssh restart"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct ol_err err = OL_ERR_INIT;
        const char *cfg = ol_arena_printf(&f->arena, "{\"ssh_pwauth\": %s}", cases[i].pwauth);

        fake_exec_done(&f->exec);
        fake_exec_init(&f->exec, &f->env, cases[i].answers);
        fixture_put(f, "/etc/ssh/sshd_config", cases[i].before);
        if (cases[i].answers)
            assert_int_equal(ol_mkdir_p(&f->env, "/run/systemd/system", 0755, NULL), 0);
        assert_int_equal(fixture_run(f, &module_set_passwords, cfg, &err), 0);
        expect_commands(f, cases[i].commands);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_every_method_are_known),
        cmocka_unit_test(a_password_that_is_too_long_is_not_set_to_nothing),
        cmocka_unit_test(each_kind_goes_through_one_call_and_expires),
        cmocka_unit_test(password_is_for_the_default_user),
        cmocka_unit_test(random_password_is_shown_on_the_console_only),
        cmocka_unit_test(one_bad_password_keeps_no_other_from_being_set),
        cmocka_unit_test(a_secret_of_two_lines_is_refused),
        cmocka_unit_test(sshd_is_restarted_only_when_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
