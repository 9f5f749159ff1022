/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/spawn.h"

static int say_b(struct ol_env *env, void *ctx)
{
    (void)env;
    return write(*(int *)ctx, "b", 1) == 1 ? 0 : 1;
}

/* A process that leaves another behind, says "a" and ends; its exit status. */
static int leave_behind(struct ol_env *env, int fd)
{
    if (ol_after_exit(env, 600 * OL_SECOND, &(struct ol_afterwards){.run = say_b, .ctx = &fd}, NULL)
        < 0)
        return 1;
    return write(fd, "a", 1) == 1 ? 0 : 1;
}

static void what_is_left_behind_runs_after_our_end(void **state)
{
    struct ol_env env;
    char got[8] = "";
    size_t len = 0;
    int ends[2], status = -1;
    ssize_t n;
    pid_t pid;

    assert_int_equal(ol_env_init(&env, "/", NULL), 0);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(leave_behind(&env, ends[1]));
    }
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    while (len < sizeof(got) - 1 && (n = read(ends[0], got + len, sizeof(got) - 1 - len)) > 0)
        len += (size_t)n;
    assert_string_equal(got, "ab");
    close(ends[0]);
    ol_env_done(&env);
    (void)state;
}

static void below_another_root_nothing_is_left_behind(void **state)
{
    struct ol_env env;
    int fd = -1;

    assert_int_equal(ol_env_init(&env, "/tmp", NULL), 0);
    assert_int_equal(
        ol_after_exit(&env, 0, &(struct ol_afterwards){.run = say_b, .ctx = &fd}, NULL), 0);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    ol_env_done(&env);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_behind_runs_after_our_end),
        cmocka_unit_test(below_another_root_nothing_is_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
