/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "guest/stage/run-modules.h"

#define SEM "/var/lib/cloud/instance/sem/config_"

/* Runs the section "config" of this configuration; the texts of failures, one per line. */
static const char *run(struct fixture *f, const char *cfg)
{
    struct module_failures failures = {.texts = ol_val_new_list(&f->arena)};
    const char *all = "";

    /* Whoever runs the test is root there, or nothing could be given to root. */
    fixture_put(f, "/etc/passwd",
                ol_arena_printf(&f->arena, "root:x:%u:%u::/root:/bin/sh\n", geteuid(), getegid()));
    fixture_put(f, "/etc/group", ol_arena_printf(&f->arena, "root:x:%u:\n", getegid()));
    fixture_configure(f, cfg);
    run_modules(&f->g, "config", "modules-config", &failures);
    for (size_t i = 0; i < ol_val_count(failures.texts); i++)
        all = ol_arena_printf(&f->arena, "%s%s\n", all, ol_val_str(ol_val_item(failures.texts, i)));
    return all;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        n++;
    return n;
}

/* demands: 28 30 */
static void an_entry_may_have_any_form(void **state)
{
    static const struct {
        const char *entry, *frequency, *sem;
    } cases[] = {
        {"\"write-files\"", "once-per-instance", SEM "write_files"},
        {"\" write_files \"", "once-per-instance", SEM "write_files"},
        {"\"cc_write_files\"", "once-per-instance", SEM "cc_write_files"},
        {"[\"write-files\"]", "once-per-instance", SEM "write_files"},
        {"[\"write-files\", \"once\"]", "once", "/var/lib/cloud/sem/config_write_files.once"},
        {"[\"write-files\", \"always\", \"arg\"]", "always", NULL},
        {"{\"name\": \"write-files\"}", "once-per-instance", SEM "write_files"},
        {"{\"name\": \"write-files\", \"frequency\": \"once\", \"args\": [1]}", "once",
         "/var/lib/cloud/sem/config_write_files.once"},
        {"[\"write-files\", \"sometimes\"]", "once-per-instance", SEM "write_files"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        assert_string_equal(
            run(f, ol_arena_printf(&f->arena,
                                   "{\"cloud_config_modules\": [%s], \"write_files\":"
                                   " [{\"path\": \"/made\", \"content\": \"x\"}]}",
                                   cases[i].entry)),
            "");
        fixture_assert_file(f, "/made", "x");
        if (cases[i].sem)
            assert_non_null(fixture_text(f, cases[i].sem));
        fixture_assert_logged(f,
                              ol_arena_printf(&f->arena, "with frequency %s", cases[i].frequency));
        assert_int_equal(count(f->log_text.data, "DEPRECATED: "), i == ol_count(cases) - 1);
        fixture_free(f);
    }
    (void)state;
}

static void entries_that_name_nothing_are_passed_over(void **state)
{
    struct fixture *f = fixture_new();

    assert_string_equal(run(f, "{\"cloud_config_modules\": [7, {\"x\": 1}, [[]], \"no-such\","
                               " \"emit-upstart\", \"chef\", \"write-files\"],"
                               " \"write_files\": [{\"path\": \"/made\", \"content\": \"x\"}]}"),
                        "");
    fixture_assert_file(f, "/made", "x");
    assert_int_equal(count(f->log_text.data, "Could not find module named cc_no_such"), 1);
    if (count(f->log_text.data, "Could not find module named") != 1)
        fail_msg("%s", f->log_text.data);
    fixture_assert_logged(f, "INFO: Module `emit_upstart` has been removed from cloud-init.");
    ol_buf_clear(&f->log_text);
    run(f, "{\"cloud_config_modules\": [\"chef\"], \"chef\": {\"x\": 1}}");
    fixture_assert_logged(f, "WARNING: Could not find module named cc_chef");
    ol_buf_clear(&f->log_text);
    run(f, "{\"cloud_config_modules\": []}");
    fixture_assert_logged(f, "'cloud_config_modules' is empty");
    fixture_free(f);
    (void)state;
}

/* demands: 29 31 32 */
static void a_module_without_configuration_leaves_no_semaphore(void **state)
{
    struct fixture *f = fixture_new();

    run(f, "{\"cloud_config_modules\": [\"write-files\", \"runcmd\"]}");
    fixture_assert_logged(
        f, "Skipping modules 'write-files,runcmd' because no applicable config is provided.");
    assert_null(fixture_text(f, SEM "write_files"));
    run(f, "{\"cloud_config_modules\": [\"write-files\"], \"write_files\": []}");
    assert_non_null(fixture_text(f, SEM "write_files"));
    ol_buf_clear(&f->log_text);
    run(f, "{\"cloud_config_modules\": [\"write-files\"], \"write_files\": [{\"path\": \"/x\"}]}");
    fixture_assert_logged(f, "config-write-files already ran (freq=once-per-instance)");
    assert_null(fixture_text(f, "/x"));
    fixture_free(f);
    (void)state;
}

/* demands: 28 29 */
static void one_failure_does_not_stop_the_next(void **state)
{
    struct fixture *f = fixture_new();
    const char *failures;

    failures = run(f, "{\"cloud_config_modules\": [\"runcmd\", \"write-files\"], \"runcmd\": 7,"
                      " \"write_files\": [{\"path\": \"/made\", \"content\": \"x\"}]}");
    assert_int_equal(count(failures, "\n"), 1);
    assert_true(!strncmp(failures, "('runcmd', TypeError(", 21));
    fixture_assert_file(f, "/made", "x");
    assert_non_null(fixture_text(f, SEM "runcmd"));
    assert_null(fixture_text(f, SEM "runcmd.running"));
    fixture_assert_logged(f, "WARNING: Running module runcmd (built-in) failed");
    fixture_free(f);
    (void)state;
}

static void an_error_is_shown_as_the_exception_it_was(void **state)
{
    static const struct {
        int code;
        const char *domain, *text, *want;
    } cases[] = {
        {EIO, NULL, "disk", "OSError('disk')"},
        {EINVAL, NULL, "it's", "ValueError(\"it's\")"},
        {EINVAL, "TypeError", "a\nb", "TypeError('a\\nb')"},
        {EIO, "ProcessExecutionError", "x",
         "ProcessExecutionError('Unexpected error while running command.\\nx')"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(
            ol_err_set_domain(&err, cases[i].code, cases[i].domain, 0, "%s", cases[i].text),
            -cases[i].code);
        assert_string_equal(exception_text(&f->arena, &err), cases[i].want);
    }
    fixture_free(f);
    (void)state;
}

static void a_single_module_says_how_it_went(void **state)
{
    struct fixture *f = fixture_new();
    const enum frequency always = FREQ_ALWAYS;
    const struct ol_val *none = ol_val_new_list(&f->arena);

    fixture_configure(f, "{\"runcmd\": 7, \"write_files\": []}");
    assert_int_equal(run_single_module(&f->g, "no-such", NULL, none), -ENOENT);
    assert_int_equal(run_single_module(&f->g, "runcmd", NULL, none), -EIO);
    assert_int_equal(run_single_module(&f->g, "write-files", &always, none), 0);
    assert_null(fixture_text(f, SEM "write_files"));
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_may_have_any_form),
        cmocka_unit_test(entries_that_name_nothing_are_passed_over),
        cmocka_unit_test(a_module_without_configuration_leaves_no_semaphore),
        cmocka_unit_test(one_failure_does_not_stop_the_next),
        cmocka_unit_test(an_error_is_shown_as_the_exception_it_was),
        cmocka_unit_test(a_single_module_says_how_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
