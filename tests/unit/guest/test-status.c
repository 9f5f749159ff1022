/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/version.h"
#include "guest/cli/boot-status.h"
#include "guest/stage/interrupt.h"
#include "guest/stage/logging.h"
#include "guest/stage/status.h"

#define DATA "/var/lib/cloud/data/"

/* A fixture whose log is a stage's. */
static struct fixture *machine(struct stage_log **ret_log)
{
    struct fixture *f = fixture_new();

    *ret_log = stage_log_new(&f->env);
    return f;
}

static void leave(struct fixture *f, struct stage_log *log)
{
    stage_log_free(log);
    fixture_free(f);
}

static const struct ol_val *at(struct fixture *f, const char *file, const char *path)
{
    const char *text = fixture_text(f, file);

    return text ? ol_val_at(fixture_value(f, text), path) : NULL;
}

/* One whole stage with that many errors; its exit status. */
static int stage(struct fixture *f, struct stage_log *log, const char *mode, int n_errors)
{
    struct status s;

    assert_int_equal(status_begin(&f->g, mode, &s, NULL), 0);
    for (int i = 0; i < n_errors; i++)
        status_add_error(&f->g, &s, ol_arena_printf(&f->arena, "('x%d', ValueError('y'))", i));
    return status_end(&f->g, &s, log);
}

static void a_boot_leaves_status_and_result(void **state)
{
    static const char *const modes[] = {"init-local", "init", "modules-config", "modules-final"};
    struct stage_log *log;
    struct fixture *f = machine(&log);
    ol_autofree char *link = NULL;

    ol_val_set_str(&f->arena, f->g.ds.doc, "description", "DataSourceNoCloud [x]");
    for (size_t i = 0; i < ol_count(modes); i++) {
        assert_null(fixture_text(f, "/run/cloud-init/result.json"));
        assert_int_equal(stage(f, log, modes[i], i == 2), i == 2);
        assert_string_equal(
            ol_val_to_text(&f->arena, at(f, "/run/cloud-init/status.json",
                                         ol_arena_printf(&f->arena, "v1/%s/start", modes[i]))),
            "12.34");
    }
    assert_string_equal(ol_val_str(at(f, DATA "status.json", "v1/datasource")),
                        "DataSourceNoCloud [x]");
    assert_true(ol_val_is(at(f, DATA "status.json", "v1/stage"), OL_VAL_NULL));
    assert_string_equal(ol_val_to_repr(&f->arena, at(f, DATA "result.json", "v1/errors")),
                        "[\"('x0', ValueError('y'))\"]");
    assert_int_equal(fixture_mode(f, DATA "status.json"), 0644);
    link = ol_readlink(&f->env, "/run/cloud-init/result.json");
    assert_string_equal(link, "../../var/lib/cloud/data/result.json");
    leave(f, log);
    (void)state;
}

static void the_local_stage_starts_afresh(void **state)
{
    struct stage_log *log;
    struct fixture *f = machine(&log);
    struct status s;

    assert_int_equal(stage(f, log, "init-local", 1), 1);
    assert_int_equal(stage(f, log, "modules-final", 0), 0);
    assert_int_equal(status_begin(&f->g, "init-local", &s, NULL), 0);
    assert_null(fixture_text(f, DATA "result.json"));
    assert_int_equal(ol_val_count(at(f, DATA "status.json", "v1/init-local/errors")), 0);
    assert_true(ol_val_is(at(f, DATA "status.json", "v1/modules-final/start"), OL_VAL_NULL));
    leave(f, log);
    (void)state;
}

static void a_stage_that_was_cut_short_is_noticed(void **state)
{
    struct stage_log *log;
    struct fixture *f = machine(&log);
    struct status s;

    assert_int_equal(status_begin(&f->g, "init", &s, NULL), 0);
    assert_int_equal(status_begin(&f->g, "init", &s, NULL), 0);
    assert_int_equal(status_end(&f->g, &s, log), 0);
    assert_string_equal(
        ol_val_to_repr(&f->arena, at(f, DATA "status.json", "v1/init/recoverable_errors")),
        "{'WARNING': ['Unexpected start time found for init. Was this stage restarted?']}");
    leave(f, log);
    (void)state;
}

static void what_is_on_disk_need_not_be_a_status(void **state)
{
    static const char *const cases[] = {"",
                                        "{",
                                        "[]",
                                        "{\"v1\": 1}",
                                        "{\"v1\": {\"init\": 7}}",
                                        "{\"v1\": {\"init\": {\"errors\": 1}}}",
                                        "{\"v1\": {\"x\": {\"errors\": {}}}}"};

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct stage_log *log;
        struct fixture *f = machine(&log);

        fixture_put(f, DATA "status.json", cases[i]);
        assert_int_equal(stage(f, log, "init", 1), 1);
        assert_int_equal(stage(f, log, "modules-final", 0), 0);
        assert_int_equal(ol_val_count(at(f, DATA "result.json", "v1/errors")), 1);
        leave(f, log);
    }
    (void)state;
}

static void many_errors_are_all_kept_and_never_look_like_none(void **state)
{
    static const int counts[] = {0, 1, 254, 255, 256, 300};
    struct stage_log *log;
    struct fixture *f = machine(&log);
    char large[60000];

    for (size_t i = 0; i < ol_count(counts); i++) {
        assert_int_equal(stage(f, log, "init-local", counts[i]), counts[i] < 255 ? counts[i] : 255);
        assert_int_equal(ol_val_count(at(f, DATA "status.json", "v1/init-local/errors")),
                         counts[i]);
    }
    memset(large, 1, sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    for (int i = 0; i < 100; i++)
        ol_warn(&f->env, "%s", large);
    assert_int_equal(stage(f, log, "modules-final", 0), 0);
    assert_non_null(fixture_text(f, DATA "result.json"));
    leave(f, log);
    (void)state;
}

static void a_status_that_cannot_be_written_is_an_error(void **state)
{
    struct stage_log *log;
    struct fixture *f = machine(&log);
    struct ol_err err = OL_ERR_INIT;
    struct status s;

    fixture_put(f, "/var/lib/cloud", "a file");
    assert_true(status_begin(&f->g, "init", &s, &err) < 0);
    assert_non_null(strstr(ol_err_text(&err), "make directory '/var/lib/cloud"));
    assert_int_equal(ol_unlink(&f->env, "/var/lib/cloud", NULL), 0);
    assert_int_equal(status_begin(&f->g, "init", &s, NULL), 0);
    assert_int_equal(ol_remove_tree(&f->env, "/var/lib/cloud", NULL), 0);
    fixture_put(f, "/var/lib/cloud", "a file");
    assert_int_equal(status_end(&f->g, &s, log), 1);
    leave(f, log);
    (void)state;
}

static void the_boot_is_told_from_its_files(void **state)
{
    static const struct {
        const char *status, *result, *more;
        enum boot_running running;
        enum boot_condition condition;
    } cases[] = {
        {NULL, NULL, NULL, BOOT_NOT_STARTED, BOOT_PEACHY},
        {NULL, NULL, "/etc/cloud/cloud-init.disabled", BOOT_DISABLED, BOOT_PEACHY},
        {NULL, NULL, "/run/cloud-init/disabled", BOOT_DISABLED, BOOT_PEACHY},
        {"{\"v1\": {\"stage\": \"init\", \"init\": {\"start\": 1.0, \"finished\": null,"
         " \"errors\": []}}}",
         NULL, "/run/cloud-init/enabled", BOOT_RUNNING, BOOT_PEACHY},
        {"{\"v1\": {\"stage\": null, \"init\": {\"start\": 1.0, \"finished\": 2.0,"
         " \"errors\": []}}}",
         "{}", NULL, BOOT_DONE, BOOT_PEACHY},
        {"{\"v1\": {\"stage\": null, \"init\": {\"start\": 1.0, \"finished\": 2.0,"
         " \"errors\": [\"x\"]}}}",
         "{}", NULL, BOOT_DONE, BOOT_ERROR},
        {"{\"v1\": {\"stage\": null, \"init\": {\"start\": 1.0, \"finished\": 2.0,"
         " \"errors\": [], \"recoverable_errors\": {\"WARNING\": [\"w\"]}}}}",
         "{}", NULL, BOOT_DONE, BOOT_DEGRADED},
        {"{\"v1\": 7}", "{}", NULL, BOOT_DONE, BOOT_PEACHY},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct boot_status s;

        assert_int_equal(ol_mkdir_p(&f->env, "/run/systemd/system", 0755, NULL), 0);
        if (cases[i].status)
            fixture_put(f, "/run/cloud-init/status.json", cases[i].status);
        if (cases[i].result)
            fixture_put(f, "/run/cloud-init/result.json", cases[i].result);
        if (cases[i].more)
            fixture_put(f, cases[i].more, "");
        boot_status_read(&f->g, &s);
        if (s.running != cases[i].running || s.condition != cases[i].condition)
            fail_msg("case %zu: %s %d", i, boot_running_name(s.running), s.condition);
        fixture_free(f);
    }
    (void)state;
}

/* A stage that gets this signal, before its end or while it notes that. */
static void be_signalled(struct fixture *f, struct stage_log *log, const char *mode, int number,
                         bool is_at_end)
{
    struct status s;

    if (status_begin(&f->g, mode, &s, NULL) < 0)
        _exit(9);
    close(STDERR_FILENO);
    interrupt_arm(&f->g, &s);
    if (!is_at_end)
        raise(number);
    interrupt_disarm();
    raise(number);
    status_end(&f->g, &s, log);
    interrupt_release();
    _exit(8);
}

static void a_signal_is_noted_in_the_status(void **state)
{
    static const struct {
        int signal;
        bool is_at_end;
        const char *errors;
    } cases[] = {
        {SIGTERM, false, "['Cloud-init " GUEST_VERSION " received SIGTERM, exiting']"},
        {SIGINT, false, "['Cloud-init " GUEST_VERSION " received SIGINT, exiting']"},
        {SIGTERM, true, "[]"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct stage_log *log;
        struct fixture *f = machine(&log);
        const struct ol_val *v1;
        int status = -1;
        pid_t pid = fork();

        if (pid == 0)
            be_signalled(f, log, "init", cases[i].signal, cases[i].is_at_end);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, cases[i].is_at_end ? cases[i].signal : 1 << 8);
        v1 = at(f, "/run/cloud-init/status.json", "v1");
        assert_string_equal(ol_val_to_repr(&f->arena, ol_val_at(v1, "init/errors")),
                            cases[i].errors);
        assert_int_equal(ol_val_is(ol_val_at(v1, "init/finished"), OL_VAL_NULL),
                         !cases[i].is_at_end);
        assert_int_equal(fixture_mode(f, DATA "status.json"), 0644);
        leave(f, log);
    }
    (void)state;
}

static void a_final_stage_that_is_signalled_has_a_result(void **state)
{
    struct stage_log *log;
    struct fixture *f = machine(&log);
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        be_signalled(f, log, "modules-final", SIGTERM, false);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 1 << 8);
    assert_string_equal(
        ol_val_to_repr(&f->arena, at(f, "/run/cloud-init/result.json", "v1/errors")),
        "['Cloud-init " GUEST_VERSION " received SIGTERM, exiting']");
    leave(f, log);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_boot_leaves_status_and_result),
        cmocka_unit_test(the_local_stage_starts_afresh),
        cmocka_unit_test(a_stage_that_was_cut_short_is_noticed),
        cmocka_unit_test(what_is_on_disk_need_not_be_a_status),
        cmocka_unit_test(many_errors_are_all_kept_and_never_look_like_none),
        cmocka_unit_test(a_status_that_cannot_be_written_is_an_error),
        cmocka_unit_test(the_boot_is_told_from_its_files),
        cmocka_unit_test(a_signal_is_noted_in_the_status),
        cmocka_unit_test(a_final_stage_that_is_signalled_has_a_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
