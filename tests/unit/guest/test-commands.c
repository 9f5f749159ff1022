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
#include "guest/module/module-internal.h"

/* demands: 48 */
static void commands_become_a_shell_script(void **state)
{
    static const struct {
        const char *json, *want, *error;
    } cases[] = {
        {"[]", "#!/bin/sh\n", NULL},
        {"[\"echo $HOME\", null]", "#!/bin/sh\necho $HOME\n", NULL},
        {"[[\"echo\", \"it's\", 5, true, null]]",
         "#!/bin/sh\n'echo' 'it'\\''s' '5' 'True' 'None'\n", NULL},
        {"\"echo\"", NULL, "Input to shellify was type 'str'. Expected list or tuple."},
        {"[5]", NULL,
         "Unable to shellify type 'int' (command 1). Expected list, string, "
         "tuple: put the command in quotes"},
        {"[{\"a\": \"b\"}]", NULL,
         "Unable to shellify type 'dict' (command 1). Expected list, string, "
         "tuple: put the command in quotes"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
        struct ol_err err = OL_ERR_INIT;
        int r = module_shellify(fixture_value(f, cases[i].json), &b, &err);

        assert_int_equal(r, cases[i].error ? -EINVAL : 0);
        if (cases[i].error)
            assert_string_equal(err.domain, "TypeError");
        assert_string_equal(cases[i].error ? err.msg : b.data,
                            cases[i].error ? cases[i].error : cases[i].want);
    }
    fixture_free(f);
    (void)state;
}

/* demands: 47 48 */
static void runcmd_is_written_for_the_final_stage(void **state)
{
    struct fixture *f = fixture_new();
    static const char path[] = "/var/lib/cloud/instance/scripts/runcmd";

    assert_int_equal(fixture_run(f, &module_runcmd,
                                 "{\"runcmd\": [[\"ls\", \"-l\"], \"date\"],"
                                 " \"cloud_final_modules\": [\"scripts-user\"]}",
                                 NULL),
                     0);
    fixture_assert_file(f, path, "#!/bin/sh\n'ls' '-l'\ndate\n");
    assert_int_equal(fixture_mode(f, path), 0700);
    assert_null(strstr(f->log_text.data, "WARNING"));
    fixture_free(f);
    (void)state;
}

/* demands: 47 */
static void runcmd_that_nobody_will_run_is_warned_about(void **state)
{
    struct fixture *f = fixture_new();

    assert_int_equal(fixture_run(f, &module_runcmd,
                                 "{\"runcmd\": [\"date\"],"
                                 " \"cloud_final_modules\": [[\"final_message\"], {\"name\": 5}]}",
                                 NULL),
                     0);
    fixture_assert_logged(f, "WARNING: runcmd will never run");
    fixture_free(f);
    (void)state;
}

static void runcmd_says_what_it_cannot_make_a_script_of(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_runcmd, "{\"runcmd\": [5]}", &err), -EINVAL);
    assert_string_equal(err.msg, "Failed to shellify 'runcmd' into file "
                                 "/var/lib/cloud/instance/scripts/runcmd: Unable to shellify type"
                                 " 'int' (command 1). Expected list, string, tuple: put the"
                                 " command in quotes");
    fixture_free(f);
    (void)state;
}

static void check_boot_script(struct ol_env *env, const struct ol_spawn *spawn)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);

    assert_int_equal(ol_file_read(env, spawn->argv[1], &b, NULL), 0);
    assert_string_equal(b.data, "#!/bin/sh\n'true'\n");
}

static void bootcmd_runs_a_script_that_is_gone_afterwards(void **state)
{
    static const struct fake_answer answers[] = {
        {"/bin/sh /run/cloud-init/tmp/tmp", .effect = check_boot_script}, {0}};
    struct fixture *f = fixture_new();
    ol_auto(ol_strv_done) struct ol_strv left = OL_STRV_INIT;

    f->exec.answers = answers;
    assert_int_equal(fixture_run(f, &module_bootcmd, "{\"bootcmd\": [[\"true\"]]}", NULL), 0);
    assert_int_equal(f->exec.commands.n, 1);
    assert_string_equal(f->exec.environments.v[0], "INSTANCE_ID=iid-1");
    assert_int_equal(f->exec.flags, OL_SPAWN_INHERIT);
    assert_int_equal(ol_list_dir(&f->env, "/run/cloud-init/tmp", &left, NULL), 0);
    assert_int_equal(left.n, 0);
    assert_int_equal(fixture_mode(f, "/run/cloud-init/tmp"), 01777);
    fixture_free(f);
    (void)state;
}

static void bootcmd_fails_with_the_words_of_upstream(void **state)
{
    static const struct fake_answer answers[] = {{"/bin/sh", .status = 3}, {0}};
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    f->exec.answers = answers;
    assert_int_equal(fixture_run(f, &module_bootcmd, "{\"bootcmd\": [\"exit 3\"]}", &err), -EIO);
    assert_string_equal(err.domain, "ProcessExecutionError");
    assert_int_equal(err.status, 3);
    fixture_assert_logged(f, "WARNING: Failed to run bootcmd module bootcmd");
    assert_non_null(strstr(err.msg, "Unexpected error while running command.\nCommand: ['/bin/sh', "
                                    "'/run/cloud-init/tmp/tmp"));
    assert_non_null(strstr(err.msg, ".sh']\nExit code: 3\nReason: -\nStdout: -\nStderr: -"));
    fixture_free(f);
    (void)state;
}

/* demands: 17 */
static void scripts_run_in_order_and_one_failure_stops_none(void **state)
{
    static const struct fake_answer answers[] = {
        {"/var/lib/cloud/instance/scripts/part-001", .status = 1},
        {"/var/lib/cloud/instance/scripts/runcmd", .start_errno = ENOEXEC},
        {0}};
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;

    f->exec.answers = answers;
    fixture_put_mode(f, "/var/lib/cloud/instance/scripts/runcmd", "#!/bin/sh\n", 0700);
    fixture_put_mode(f, "/var/lib/cloud/instance/scripts/part-001", "#!/bin/sh\n", 0700);
    fixture_put_mode(f, "/var/lib/cloud/instance/scripts/part-002", "#!/bin/sh\n", 0700);
    fixture_put(f, "/var/lib/cloud/instance/scripts/part-003", "#!/bin/sh\n");
    assert_int_equal(ol_mkdir_p(&f->env, "/var/lib/cloud/instance/scripts/vendor", 0755, NULL), 0);
    assert_int_equal(fixture_run(f, &module_scripts_user, "{}", &err), -EIO);
    assert_string_equal(err.domain, "RuntimeError");
    assert_string_equal(err.msg, "Runparts: 2 failures (part-001,runcmd) in 3 attempted commands");
    assert_int_equal(f->exec.commands.n, 3);
    assert_string_equal(f->exec.commands.v[1], "/var/lib/cloud/instance/scripts/part-002");
    fixture_assert_logged(f,
                          "WARNING: skipping /var/lib/cloud/instance/scripts/part-003 as its not "
                          "executable");
    fixture_assert_logged(f, "WARNING: Failed to run module scripts_user (scripts in "
                             "/var/lib/cloud/instance/scripts)");
    fixture_free(f);
    (void)state;
}

static void vendor_scripts_have_the_prefix_of_the_configuration(void **state)
{
    static const struct {
        const char *prefix, *want;
        int r;
    } cases[] = {
        {"\"/usr/bin/nice\"", "/usr/bin/nice /var/lib/cloud/instance/scripts/vendor/a", 0},
        {"[\"nice\", 5]", "nice 5 /var/lib/cloud/instance/scripts/vendor/a", 0},
        {"null", "/var/lib/cloud/instance/scripts/vendor/a", 0},
        {"5", NULL, -EINVAL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        const char *cfg =
            ol_arena_printf(&f->arena, "{\"vendor_data\": {\"prefix\": %s}}", cases[i].prefix);

        fixture_put_mode(f, "/var/lib/cloud/instance/scripts/vendor/a", "#!/bin/sh\n", 0700);
        assert_int_equal(fixture_run(f, &module_scripts_vendor, cfg, NULL), cases[i].r);
        assert_int_equal(f->exec.commands.n, cases[i].want ? 1 : 0);
        if (cases[i].want)
            assert_string_equal(f->exec.commands.v[0], cases[i].want);
        fixture_free(f);
    }
    (void)state;
}

static void each_scripts_module_has_its_directory(void **state)
{
    static const struct {
        const struct module *module;
        const char *path;
    } cases[] = {
        {&module_scripts_per_boot, "/var/lib/cloud/scripts/per-boot/x"},
        {&module_scripts_per_instance, "/var/lib/cloud/scripts/per-instance/x"},
        {&module_scripts_per_once, "/var/lib/cloud/scripts/per-once/x"},
        {&module_scripts_user, "/var/lib/cloud/instance/scripts/x"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        assert_int_equal(fixture_run(f, cases[i].module, "{}", NULL), 0);
        assert_int_equal(f->exec.commands.n, 0);
        fixture_put_mode(f, cases[i].path, "#!/bin/sh\n", 0755);
        assert_int_equal(fixture_run(f, cases[i].module, "{}", NULL), 0);
        assert_int_equal(f->exec.commands.n, 1);
        assert_string_equal(f->exec.commands.v[0], cases[i].path);
        fixture_free(f);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_become_a_shell_script),
        cmocka_unit_test(runcmd_is_written_for_the_final_stage),
        cmocka_unit_test(runcmd_that_nobody_will_run_is_warned_about),
        cmocka_unit_test(runcmd_says_what_it_cannot_make_a_script_of),
        cmocka_unit_test(bootcmd_runs_a_script_that_is_gone_afterwards),
        cmocka_unit_test(bootcmd_fails_with_the_words_of_upstream),
        cmocka_unit_test(scripts_run_in_order_and_one_failure_stops_none),
        cmocka_unit_test(vendor_scripts_have_the_prefix_of_the_configuration),
        cmocka_unit_test(each_scripts_module_has_its_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
