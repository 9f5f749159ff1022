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

#define HELPER "/usr/lib/cloud-init/write-ssh-key-fingerprints"

static const struct fake_answer answers[] = {{HELPER, .out = "\nkeys\n\n"}, {0}};

static struct fixture *machine(void)
{
    struct fixture *f = fixture_new();

    fake_exec_done(&f->exec);
    fake_exec_init(&f->exec, &f->env, answers);
    fixture_put(
        f, "/etc/passwd",
        ol_arena_printf(&f->arena, "joe:x:%u:%u::/home/joe:/bin/sh\n", geteuid(), getegid()));
    assert_int_equal(ol_mkdir_p(&f->env, "/home/joe/.ssh", 0700, NULL), 0);
    return f;
}

static void host_keys_are_shown_by_the_packages_helper(void **state)
{
    static const struct {
        const char *cfg, *command, *console;
    } cases[] = {
        {"{}", HELPER "  ", "keys\n"},
        {"{\"ssh_fp_console_blacklist\": [\"a\", \"b\"], \"ssh_key_console_blacklist\": [\"c\"]}",
         HELPER " a,b c", "keys\n"},
        {"{\"ssh\": {\"emit_keys_to_console\": false}}", NULL, ""},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();
        struct ol_err err = OL_ERR_INIT;

        fixture_put(f, HELPER, "");
        assert_int_equal(fixture_run(f, &module_keys_to_console, cases[i].cfg, &err), 0);
        assert_int_equal(f->exec.commands.n, cases[i].command ? 1 : 0);
        if (cases[i].command)
            assert_string_equal(f->exec.commands.v[0], cases[i].command);
        fixture_assert_file(f, "/dev/console", cases[i].console);
        fixture_free(f);
    }
}

static void missing_helper_is_warned_about(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_keys_to_console, "{}", &err), 0);
    fixture_assert_logged(f, "helper tool not found at " HELPER);
    fixture_free(f);
}

static void authorized_keys_are_shown_as_a_table(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    fixture_put_mode(f, "/home/joe/.ssh/authorized_keys", "# c\nssh-rsa YWJj me\n", 0600);
    assert_int_equal(
        fixture_run(f, &module_ssh_authkey_fingerprints, "{\"user\": {\"name\": \"joe\"}}", &err),
        0);
    fixture_assert_file(
        f, "/dev/console",
        "ci-info: ++++++++++++++++++++++++++++++++Authorized keys from /home/joe/.ssh/"
        "authorized_keys for user joe+++++++++++++++++++++++++++++++++\n"
        "ci-info: "
        "+---------+-------------------------------------------------------------------------------"
        "------------------+---------+---------+\n"
        "ci-info: | Keytype |                                       Fingerprint"
        " (sha256)            "
        "                          | Options | Comment |\n"
        "ci-info: "
        "+---------+-------------------------------------------------------------------------------"
        "------------------+---------+---------+\n"
        "ci-info: | ssh-rsa | "
        "ba:78:16:bf:8f:01:cf:ea:41:41:40:de:5d:ae:22:23:b0:03:61:a3:96:17:7a:9c:b4:10:ff:61:f2:00:"
        "15:ad |    -    |    me   |\n"
        "ci-info: "
        "+---------+-------------------------------------------------------------------------------"
        "------------------+---------+---------+\n");
    fixture_free(f);
}

static void user_without_keys_is_told(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        fixture_run(f, &module_ssh_authkey_fingerprints, "{\"user\": {\"name\": \"joe\"}}", &err),
        0);
    fixture_assert_file(f, "/dev/console",
                        "ci-info: no authorized SSH keys fingerprints found for user joe.\n");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_keys_are_shown_by_the_packages_helper),
        cmocka_unit_test(missing_helper_is_warned_about),
        cmocka_unit_test(authorized_keys_are_shown_as_a_table),
        cmocka_unit_test(user_without_keys_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
