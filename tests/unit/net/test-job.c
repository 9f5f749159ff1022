/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/strv.h"
#include "net/job.h"

struct fixture {
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    int n_done, status;
    char out[256], err[256];
    struct ol_strv plan;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (ol_env_init(&f->env, "/", NULL) < 0 || uv_loop_init(&f->uv) < 0)
        return -1;
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    *state = f;
    return 0;
}

static void nothing(void *ctx) {}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ol_time end = ol_now_boot(&f->env) + 20 * OL_SECOND;

    /* A cancelled process keeps nobody waiting, but the loop has its handle until it is reaped,
     * and looks for that only while something else keeps it going. */
    uv_run(&f->uv, UV_RUN_DEFAULT);
    while (uv_loop_close(&f->uv) < 0) {
        struct ol_timer timer = {0};

        if (ol_now_boot(&f->env) > end)
            return -1;
        ol_timer_init(&timer, &f->loop, nothing, NULL);
        ol_timer_set(&timer, OL_MS);
        uv_run(&f->uv, UV_RUN_DEFAULT);
        ol_timer_done(&timer);
        uv_run(&f->uv, UV_RUN_DEFAULT);
    }
    ol_env_done(&f->env);
    ol_strv_done(&f->plan);
    free(f);
    return 0;
}

static void done(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err)
{
    struct fixture *f = ctx;

    f->n_done++;
    f->status = status;
    snprintf(f->out, sizeof(f->out), "%s", out->data);
    snprintf(f->err, sizeof(f->err), "%s", err->data);
}

static struct ol_job *start(struct fixture *f, struct ol_job_options o)
{
    o.done = done;
    o.ctx = f;
    o.timeout = o.timeout ? o.timeout : 20 * OL_SECOND;
    return ol_job_start(&f->loop, &o);
}

#define ARGV(...)   ((const char *const[]){__VA_ARGS__, NULL})
#define SHELL(line) ARGV("sh", "-c", (line))

static void status_and_output_come_back(void **state)
{
    static const struct {
        const char *line, *in;
        int status;
        const char *out, *err;
    } cases[] = {
        {"echo a; echo b >&2; exit 3", NULL, 3, "a\n", "b\n"},
        {"cat", "secret", 0, "secret", ""},
        {"cat", NULL, 0, "", ""},
        {"kill -9 $$", NULL, 137, "", ""},
        {"exit 1", "nobody reads this", 1, "", ""},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(cases); i++) {
        start(f, (struct ol_job_options){.argv = SHELL(cases[i].line),
                                         .in = cases[i].in,
                                         .in_size = cases[i].in ? strlen(cases[i].in) : 0});
        assert_int_equal(f->n_done, i);
        uv_run(&f->uv, UV_RUN_DEFAULT);
        assert_int_equal(f->n_done, i + 1);
        assert_int_equal(f->status, cases[i].status);
        assert_string_equal(f->out, cases[i].out);
        assert_string_equal(f->err, cases[i].err);
    }
}

static void a_missing_program_is_told_later(void **state)
{
    struct fixture *f = *state;

    start(f, (struct ol_job_options){.argv = ARGV("no-such-program-at-all")});
    assert_int_equal(f->n_done, 0);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, -ENOENT);
}

static void output_beyond_the_maximum_is_dropped(void **state)
{
    struct fixture *f = *state;

    start(f, (struct ol_job_options){.argv = SHELL("yes | head -c 300000"), .out_max = 5});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->status, 0);
    assert_string_equal(f->out, "y\ny\ny");
}

/* One that nobody has reaped is dead too. */
static bool is_alive(struct fixture *f, int pid)
{
    ol_autofree char *path = ol_xasprintf("/proc/%d/stat", pid);
    ol_autofree char *stat = ol_file_read_line(&f->env, path);

    return stat && !strstr(stat, ") Z ");
}

static void the_whole_group_dies_at_the_deadline(void **state)
{
    struct fixture *f = *state;
    int child = 0;

    start(f, (struct ol_job_options){.argv = SHELL("sleep 60 & echo $!; wait"),
                                     .timeout = 100 * OL_MS});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, -ETIMEDOUT);
    f->out[strcspn(f->out, "\n")] = '\0';
    assert_int_equal(ol_parse_int(f->out, 10, 2, INT32_MAX, &child), 0);
    for (int i = 0; i < 100 && is_alive(f, child); i++)
        usleep(10000);
    assert_false(is_alive(f, child));
}

static void who_keeps_the_output_open_holds_nothing_up(void **state)
{
    struct fixture *f = *state;

    start(f, (struct ol_job_options){.argv = SHELL("sleep 5 & echo started")});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->status, 0);
    assert_string_equal(f->out, "started\n");
}

static void a_cancelled_job_never_calls_back(void **state)
{
    struct fixture *f = *state;

    ol_job_cancel(start(f, (struct ol_job_options){.argv = ARGV("sleep", "60")}));
    ol_job_cancel(start(f, (struct ol_job_options){.argv = ARGV("no-such-program-at-all")}));
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->n_done, 0);
}

static void functions_of_ours_run_in_a_process_of_their_own(void **state)
{
    struct fixture *f = *state;

    start(f, (struct ol_job_options){.argv = ARGV("add", "2", "3"), .is_function = true});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->status, 5);
    assert_string_equal(f->out, "dies with its parent: 9\n");
    start(f, (struct ol_job_options){.argv = ARGV("nothing"), .is_function = true});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->status, 127);
    assert_string_equal(f->err, "no job is called 'nothing'\n");
}

static void many_jobs_run_at_once(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 40; i++)
        start(f, (struct ol_job_options){.argv = ARGV("true")});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->n_done, 40);
    assert_int_equal(f->status, 0);
}

static void note(void *ctx, const char *verb, const char *object)
{
    struct fixture *f = ctx;

    ol_strv_addf(&f->plan, "%s %s", verb, object);
}

static void a_dry_run_starts_nothing(void **state)
{
    struct fixture *f = *state;

    f->env.is_dry_run = true;
    f->env.plan = note;
    f->env.plan_ctx = f;
    start(f, (struct ol_job_options){.argv = ARGV("mkfs.ext4", "/dev/none")});
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->plan.n, 1);
    assert_string_equal(f->plan.v[0], "run mkfs.ext4 /dev/none");
}

static int add(int argc, char **argv)
{
    int signal = 0;

    prctl(PR_GET_PDEATHSIG, &signal);
    printf("dies with its parent: %d\n", signal);
    return argc == 3 ? argv[1][0] - '0' + argv[2][0] - '0' : 99;
}

static const struct ol_job_function functions[] = {{"add", add}, {NULL, NULL}};

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_and_output_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_program_is_told_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_beyond_the_maximum_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_whole_group_dies_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_keeps_the_output_open_holds_nothing_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_job_never_calls_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_of_ours_run_in_a_process_of_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_jobs_run_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dry_run_starts_nothing, set_up, tear_down),
    };

    ol_job_main(functions, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
