/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/env.h"
#include "core/strv.h"

static void a_root_has_to_be_a_directory(void **state)
{
    struct ol_env env;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_env_init(&env, "/none/such", &err), -ENOENT);
    assert_string_equal(ol_err_text(&err), "root '/none/such': No such file or directory");
    assert_int_equal(ol_env_init(&env, "/etc/passwd", &err), -ENOTDIR);
    assert_int_equal(ol_env_init(&env, "/", NULL), 0);
    assert_true(ol_env_is_host(&env));
    ol_env_done(&env);
    ol_env_done(&env);
    (void)state;
}

static void changes_are_counted_and_asked_for(void **state)
{
    struct ol_env env;

    assert_int_equal(ol_env_init(&env, "/tmp", NULL), 0);
    assert_false(ol_env_is_host(&env));
    assert_true(ol_change(&env, "write", "/x"));
    env.is_dry_run = true;
    assert_false(ol_change(&env, "write", "/x"));
    assert_int_equal(env.n_changes, 2);
    ol_env_done(&env);
    (void)state;
}

static void it_can_die_instead_of_the_nth_change(void **state)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct ol_env env;

        if (ol_env_init(&env, "/tmp", NULL) < 0)
            _exit(1);
        env.kill_at = 2;
        if (!ol_change(&env, "write", "/x"))
            _exit(2);
        _exit(ol_change(&env, "write", "/x") ? 3 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    (void)state;
}

static void keep_line(void *ctx, const struct ol_log_record *record)
{
    ol_buf_printf(ctx, "%s %zu|", ol_log_level_name(record->level), strlen(record->msg));
}

static void each_sink_gets_its_levels(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf all = OL_BUF_INIT(1000), some = OL_BUF_INIT(1000);
    struct ol_log log = {.n_sinks = 0};
    const struct ol_log_sink sinks[] = {{OL_LOG_DEBUG, keep_line, &all},
                                        {OL_LOG_DEPRECATED, keep_line, &some}};
    struct ol_env env = {.log = &log};

    for (size_t i = 0; i < ol_count(sinks); i++)
        assert_int_equal(ol_log_add_sink(&log, &sinks[i]), 0);
    ol_debug(&env, "%s", "x");
    ol_warn(&env, "%*d", 1000, 1);
    ol_deprecated(&env, "xyz");
    ol_log_remove_sink(&log, &some);
    ol_error(&env, "%s", "");
    assert_string_equal(all.data, "DEBUG 1|WARNING 1000|DEPRECATED 3|ERROR 0|");
    assert_string_equal(some.data, "DEPRECATED 3|");
    while (log.n_sinks < OL_LOG_MAX_SINKS)
        assert_int_equal(ol_log_add_sink(&log, &sinks[0]), 0);
    assert_int_equal(ol_log_add_sink(&log, &sinks[0]), -ENOSPC);
    env.log = NULL;
    ol_error(&env, "to nobody");
    (void)state;
}

static void an_error_keeps_its_cause_and_gets_prefixes(void **state)
{
    struct ol_err err = OL_ERR_INIT;
    char large[2000];

    assert_int_equal(ol_err_set_domain(&err, EIO, "UrlError", 404, "no %s", "page"), -EIO);
    assert_int_equal(ol_err_prefix(&err, -EIO, "outer"), -EIO);
    assert_string_equal(ol_err_text(&err), "outer: no page");
    assert_int_equal(err.status, 404);
    assert_int_equal(ol_err_set(&err, ENOENT, "x"), -ENOENT);
    assert_null(err.domain);
    assert_int_equal(err.status, 0);
    assert_int_equal(ol_err_set(NULL, ENOENT, "x"), -ENOENT);
    assert_int_equal(ol_err_prefix(NULL, -EIO, "x"), -EIO);
    memset(large, 'y', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(ol_err_set(&err, EIO, "%s", large), -EIO);
    assert_int_equal(ol_err_prefix(&err, -EIO, "%s", large), -EIO);
    assert_true(strlen(ol_err_text(&err)) < sizeof(err.msg));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_has_to_be_a_directory),
        cmocka_unit_test(changes_are_counted_and_asked_for),
        cmocka_unit_test(it_can_die_instead_of_the_nth_change),
        cmocka_unit_test(each_sink_gets_its_levels),
        cmocka_unit_test(an_error_keeps_its_cause_and_gets_prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
