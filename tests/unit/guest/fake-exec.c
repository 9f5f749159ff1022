/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-exec.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

struct ol_child {
    const struct fake_answer *answer;
};

static void add_joined(struct ol_strv *to, const char *const *words)
{
    ol_auto(ol_strv_done) struct ol_strv list = OL_STRV_INIT;

    if (words)
        ol_strv_add_all(&list, words);
    ol_strv_take(to, ol_strv_join(&list, " "));
}

static const struct fake_answer *find_answer(const struct fake_exec *f, const char *command)
{
    static const struct fake_answer none = {.command = ""};

    for (const struct fake_answer *a = f->answers; a && a->command; a++)
        if (ol_str_starts(command, a->command))
            return a;
    return &none;
}

static int start(struct ol_env *env, const struct ol_spawn *spawn, struct ol_child **ret,
                 struct ol_err *err)
{
    struct fake_exec *f = env->test;
    const struct fake_answer *answer;

    add_joined(&f->commands, spawn->argv);
    add_joined(&f->environments, spawn->env);
    ol_strv_addn(&f->inputs, spawn->in ? spawn->in : "", spawn->in_size);
    f->flags = spawn->flags;
    answer = find_answer(f, f->commands.v[f->commands.n - 1]);
    if (answer->start_errno)
        return ol_err_set(err, answer->start_errno, "start '%s': %s", spawn->argv[0],
                          strerror(answer->start_errno));
    if (!ol_change(env, "run", spawn->argv[0]))
        answer = find_answer(&(struct fake_exec){0}, "");
    if (answer->effect)
        answer->effect(env, spawn);
    *ret = ol_xcalloc(1, sizeof(**ret));
    (*ret)->answer = answer;
    return 0;
}

static int wait_for(struct ol_env *env, struct ol_child *child, struct ol_spawn_result *ret,
                    struct ol_err *err)
{
    const struct fake_answer *answer = child->answer;

    (void)env;
    (void)err;
    free(child);
    ret->status = answer->status;
    ret->signal = 0;
    if (answer->out)
        ol_buf_adds(&ret->out, answer->out);
    if (answer->err)
        ol_buf_adds(&ret->err, answer->err);
    return 0;
}

static int after_exit(struct ol_env *env, ol_time patience, const struct ol_afterwards *then,
                      struct ol_err *err)
{
    struct fake_exec *f = env->test;

    (void)err;
    f->patience = patience;
    f->exit_status = then->run(env, then->ctx);
    return 0;
}

static const struct ol_exec fake_exec = {
    .start = start,
    .wait = wait_for,
    .after_exit = after_exit,
};

void fake_exec_init(struct fake_exec *f, struct ol_env *env, const struct fake_answer *answers)
{
    *f = (struct fake_exec){.answers = answers};
    env->exec = &fake_exec;
    env->test = f;
}

void fake_exec_done(struct fake_exec *f)
{
    ol_strv_done(&f->commands);
    ol_strv_done(&f->inputs);
    ol_strv_done(&f->environments);
}
