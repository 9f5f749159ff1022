/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/log.h"
#include "core/spawn.h"

static struct ol_env env;

static int set_up(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    return ol_env_init(&env, "/", NULL);
}

static int tear_down(void **state)
{
    ol_env_done(&env);
    return 0;
}

#define SHELL(line) ((const char *const[]){"sh", "-c", (line), NULL})

static void output_and_status_come_back(void **state)
{
    static const struct {
        const char *line, *out, *err;
        unsigned flags;
        int status, signal;
    } cases[] = {
        {"echo a; echo b >&2", "a\n", "b\n", 0, 0, 0},
        {"echo a; echo b >&2; exit 3", "a\nb\n", "", OL_SPAWN_MERGE_ERR, 3, 0},
        {"kill -9 $$", "", "", 0, 137, 9},
        {"cat", "", "", 0, 0, 0},
        {"echo $PPID >/dev/null; ulimit -c 0; kill -TERM $$", "", "", 0, 143, 15},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
        const struct ol_spawn s = {.argv = SHELL(cases[i].line), .flags = cases[i].flags};

        assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
        assert_string_equal(got.out.data, cases[i].out);
        assert_string_equal(got.err.data, cases[i].err);
        assert_int_equal(got.status, cases[i].status);
        assert_int_equal(got.signal, cases[i].signal);
    }
    (void)state;
}

static void input_larger_than_a_pipe_passes_through(void **state)
{
    static char data[300000];
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = SHELL("cat"), .in = data, .in_size = sizeof(data)};

    memset(data, 'x', sizeof(data));
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_int_equal(got.out.len, sizeof(data));
    assert_memory_equal(got.out.data, data, sizeof(data));
    (void)state;
}

static void a_child_need_not_read_its_input(void **state)
{
    static char data[300000];
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {
        .argv = SHELL("exec <&-; echo x"), .in = data, .in_size = sizeof(data)};

    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_string_equal(got.out.data, "x\n");
    (void)state;
}

static void more_output_than_wanted_is_dropped(void **state)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = SHELL("head -c 200000 /dev/zero; echo x >&2"),
                               .out_max = 10};

    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_int_equal(got.out.len, 10);
    assert_string_equal(got.err.data, "x\n");
    (void)state;
}

static void what_cannot_start_says_why(void **state)
{
    static const struct {
        const char *name;
        int want;
    } cases[] = {{"no-such-program", ENOENT}, {"/etc", EACCES}, {"/etc/passwd", EACCES}};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct ol_spawn s = {.argv = (const char *const[]){cases[i].name, NULL}};
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(ol_spawn_run(&env, &s, &got, &err), -cases[i].want);
        assert_non_null(strstr(ol_err_text(&err), cases[i].name));
    }
    (void)state;
}

static void a_script_without_its_interpreter_is_not_run(void **state)
{
    char path[] = "/tmp/core-spawn-XXXXXX";
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = (const char *const[]){path, NULL}};
    int fd = mkostemp(path, O_CLOEXEC);

    assert_true(fd >= 0 && fchmod(fd, 0700) == 0 && write(fd, "echo x\n", 7) == 7);
    close(fd);
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), -ENOEXEC);
    unlink(path);
    (void)state;
}

static void the_whole_group_dies_at_the_deadline(void **state)
{
    static const char *const lines[] = {
        "sleep 1000 & echo $!; wait",
        "yes & sleep 1000", /* output without end does not put it off */
        "trap '' TERM; while :; do sleep 1000; done",
    };

    for (size_t i = 0; i < ol_count(lines); i++) {
        ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
        const struct ol_spawn s = {.argv = SHELL(lines[i]), .timeout = 20 * OL_MS};
        struct ol_err err = OL_ERR_INIT;
        ol_time before = ol_now_boot(&env);

        assert_int_equal(ol_spawn_run(&env, &s, &got, &err), -ETIMEDOUT);
        assert_string_equal(ol_err_text(&err), "'sh' was killed: it took too long");
        assert_true(ol_now_boot(&env) - before < 5 * OL_SECOND);
    }
    (void)state;
}

static void a_daemon_left_behind_is_not_waited_for(void **state)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = SHELL("(while echo y; do :; done) & echo $! >&2")};
    ol_time before = ol_now_boot(&env);
    int pid = 0;

    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_int_equal(got.status, 0);
    assert_true(ol_now_boot(&env) - before < 5 * OL_SECOND);
    for (const char *p = got.err.data; *p >= '0' && *p <= '9'; p++)
        pid = pid * 10 + *p - '0';
    assert_true(pid > 1);
    kill(pid, SIGKILL);
    (void)state;
}

static void the_environment_is_ours_and_what_is_added(void **state)
{
    static const char *const added[] = {"X_ADDED=1 2", NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = SHELL("echo \"$X_ADDED\" ${PATH:+path}"), .env = added};

    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_string_equal(got.out.data, "1 2 path\n");
    (void)state;
}

static void what_is_added_stands_instead_of_ours(void **state)
{
    static const char *const added[] = {"HOME=/new", "X_ADDED=1", NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = SHELL("env | grep -e ^HOME= -e ^X_ADD"), .env = added};

    setenv("HOME", "/old", 1);
    setenv("X_ADD", "2", 1);
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_non_null(strstr(got.out.data, "HOME=/new\n"));
    assert_non_null(strstr(got.out.data, "X_ADD=2\n"));
    assert_null(strstr(got.out.data, "/old"));
    (void)state;
}

/* As a kernel does that lacks it, for this process and what it starts. */
static int refuse_call(unsigned number)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = ol_count(code), .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
                   || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
               ? -errno
               : 0;
}

/* 0 = what an old kernel has is enough; else the number of what failed. */
static int run_on_old_kernel(void)
{
    static char data[300000];
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn cat = {.argv = SHELL("cat; exit 3"), .in = data, .in_size = sizeof(data)};
    const struct ol_spawn sleeper = {.argv = SHELL("exec >&-; sleep 1000"), .timeout = 50 * OL_MS};

    memset(data, 'x', sizeof(data));
    if (refuse_call(SYS_pidfd_open) < 0 || refuse_call(SYS_openat2) < 0)
        return 1;
    if (ol_spawn_run(&env, &cat, &got, NULL) < 0 || got.status != 3 || got.out.len != sizeof(data))
        return 2;
    if (ol_spawn_run(&env, &sleeper, &got, NULL) != -ETIMEDOUT)
        return 3;
    return ol_is_file(&env, "/etc/passwd") ? 0 : 4;
}

static void a_kernel_without_pidfds_will_do(void **state)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(run_on_old_kernel());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)state;
}

static void no_descriptor_of_ours_reaches_the_child(void **state)
{
    ol_autoclose int fd = ol_open(&env, "/etc/passwd", O_RDONLY, 0);
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    char line[64];
    const struct ol_spawn s = {.argv = SHELL(line)};

    assert_true(fd >= 0);
    snprintf(line, sizeof(line), "[ ! -e /proc/self/fd/%d ]", fd);
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_int_equal(got.status, 0);
    (void)state;
}

static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void nothing_stays_open_after_a_child(void **state)
{
    static const char *const lines[] = {"true", "exit 1", "sleep 1000"};
    const char *const none[] = {"no-such-program", NULL};
    int before = count_fds();

    for (size_t i = 0; i <= ol_count(lines); i++) {
        ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
        const struct ol_spawn s = {.argv = i < ol_count(lines) ? SHELL(lines[i]) : none,
                                   .in = "x",
                                   .in_size = 1,
                                   .timeout = 20 * OL_MS};

        if (ol_spawn_run(&env, &s, &got, NULL) == 0)
            assert_int_equal(got.out.len, 0);
    }
    assert_int_equal(count_fds(), before);
    (void)state;
}

static void keep_line(void *ctx, const struct ol_log_record *record)
{
    ol_buf_printf(ctx, "%s\n", record->msg);
}

static void secret_arguments_are_not_logged(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf lines = OL_BUF_INIT(1 << 20);
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    struct ol_spawn s = {.argv = (const char *const[]){"true", "hunter2", NULL},
                         .flags = OL_SPAWN_SECRET,
                         .in = "hunter3",
                         .in_size = 7};
    struct ol_log log = {.n_sinks = 0};

    assert_int_equal(ol_log_add_sink(&log, &(struct ol_log_sink){OL_LOG_DEBUG, keep_line, &lines}),
                     0);
    env.log = &log;
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_string_equal(lines.data, "Running command ['true'] (capture=True)\n");
    ol_buf_clear(&lines);
    s.flags = 0;
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_string_equal(lines.data, "Running command ['true', 'hunter2'] (capture=True)\n");
    env.log = NULL;
    (void)state;
}

static void a_tool_that_fails_is_an_error_with_its_words(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(100);
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_run(&env, SHELL("echo x"), &out, &err), 0);
    assert_string_equal(out.data, "x\n");
    assert_int_equal(ol_run(&env, SHELL("echo why >&2; exit 4"), NULL, &err), -EIO);
    assert_string_equal(err.domain, "ProcessExecutionError");
    assert_int_equal(err.status, 4);
    assert_string_equal(ol_err_text(&err), "'sh' ended with status 4: why");
    assert_int_equal(ol_run_input(&env, SHELL("read x && [ $x = y ]"), "y\n", 2, &err), 0);
    (void)state;
}

static void a_dry_run_starts_nothing(void **state)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result got = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn s = {.argv = SHELL("echo x; exit 3"), .in = "x", .in_size = 1};

    env.is_dry_run = true;
    assert_int_equal(ol_spawn_run(&env, &s, &got, NULL), 0);
    assert_int_equal(got.status, 0);
    assert_int_equal(got.out.len, 0);
    env.is_dry_run = false;
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_status_come_back),
        cmocka_unit_test(input_larger_than_a_pipe_passes_through),
        cmocka_unit_test(a_child_need_not_read_its_input),
        cmocka_unit_test(more_output_than_wanted_is_dropped),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(a_script_without_its_interpreter_is_not_run),
        cmocka_unit_test(the_whole_group_dies_at_the_deadline),
        cmocka_unit_test(a_daemon_left_behind_is_not_waited_for),
        cmocka_unit_test(the_environment_is_ours_and_what_is_added),
        cmocka_unit_test(what_is_added_stands_instead_of_ours),
        cmocka_unit_test(a_kernel_without_pidfds_will_do),
        cmocka_unit_test(no_descriptor_of_ours_reaches_the_child),
        cmocka_unit_test(nothing_stays_open_after_a_child),
        cmocka_unit_test(secret_arguments_are_not_logged),
        cmocka_unit_test(a_tool_that_fails_is_an_error_with_its_words),
        cmocka_unit_test(a_dry_run_starts_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
