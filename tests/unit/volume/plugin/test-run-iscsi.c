/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/spawn.h"
#include "volume/plugin/plan.h"
#include "volume/plugin/run.h"

/* An iscsiadm that answers the same each time, and a clock that doesn't keep anybody waiting. */
struct answer {
    int status;
    const char *out;
};
struct ol_child {
    const struct answer *answer;
};

static int start(struct ol_env *env, const struct ol_spawn *spawn, struct ol_child **ret,
                 struct ol_err *err)
{
    assert_string_equal(spawn->argv[0], "iscsiadm");
    *ret = ol_xcalloc(1, sizeof(**ret));
    (*ret)->answer = env->test;
    return 0;
}

static int wait_for(struct ol_env *env, struct ol_child *child, struct ol_spawn_result *ret,
                    struct ol_err *err)
{
    ret->status = child->answer->status;
    ol_buf_adds(&ret->out, child->answer->out);
    free(child);
    return 0;
}

static void sleep_never(void *ctx, ol_time span)
{
    *(ol_time *)ctx += span;
}

static const struct ol_exec exec = {.start = start, .wait = wait_for};

static int run(const char *const *step, enum volume_verb verb, struct answer answer,
               struct ol_err *err)
{
    ol_auto(ol_env_done) struct ol_env env = {.root_fd = -1};
    struct volume_plan p;
    ol_time slept = 0;
    struct ol_clock clock;
    int r;

    assert_int_equal(ol_env_init(&env, "/", err), 0);
    clock = ol_clock_real;
    clock.sleep = sleep_never;
    clock.ctx = &slept;
    env.clock = &clock;
    env.exec = &exec;
    env.test = &answer;
    volume_plan_init(&p);
    volume_plan_add_strs(&p, verb, step);
    r = volume_plan_run(&env, &p.wire, err);
    volume_plan_done(&p);
    return r;
}

#define LAST "failed to get any path for iscsi disk, last err seen:\n"

static void what_keeps_a_disk_away_is_told(void **state)
{
    static const char *const discover[] = {"10.0.0.1:3260", "default", NULL};
    static const char *const login[] = {"10.0.0.1:3260", "iqn.a", "default", NULL};
    static const char *const wait[] = {"/dev/disk/by-path/none", "10", NULL};
    static const struct {
        enum volume_verb verb;
        const char *const *step;
        struct answer answer;
        const char *want; /* NULL: no failure */
    } cases[] = {
        {VOLUME_ISCSI_DISCOVER, discover, {0, ""}, NULL},
        {VOLUME_ISCSI_DISCOVER,
         discover,
         {4, "iscsiadm: cannot connect"},
         LAST "iscsi: failed to sendtargets to portal 10.0.0.1:3260 output: iscsiadm: cannot "
              "connect, err exit status 4"},
        {VOLUME_ISCSI_LOGIN, login, {0, ""}, NULL},
        {VOLUME_ISCSI_LOGIN, login, {15, "iscsiadm: session exists"}, NULL},
        {VOLUME_ISCSI_LOGIN,
         login,
         {24, "iscsiadm: authorization failure"},
         LAST "iscsi: failed to attach disk: Error: iscsiadm: authorization failure (exit status "
              "24)"},
        {VOLUME_WAIT_DEVICE,
         wait,
         {0, ""},
         LAST "Timed out waiting for device at path /dev/disk/by-path/none after 10s"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;
        int r = run(cases[i].step, cases[i].verb, cases[i].answer, &err);

        assert_int_equal(r < 0, cases[i].want != NULL);
        if (cases[i].want)
            assert_string_equal(ol_err_text(&err), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_keeps_a_disk_away_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
