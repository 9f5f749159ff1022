/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"
#include "core/spawn.h"
#include "core/strv.h"

/*
 * A double of core/spawn.h for tests: nothing runs; what was asked for is written down and
 * answered from a table. Without a fitting answer a command ends with status 0 and no output.
 *
 *     static const struct fake_answer answers[] = {{"mkswap ", .status = 1, .err = "full"}, {0}};
 *     struct fake_exec exec;
 *
 *     fake_exec_init(&exec, &env, answers);
 *     ...
 *     assert_string_equal(exec.commands.v[0], "mkswap /swap.img");
 *     fake_exec_done(&exec);
 */
struct fake_answer {
    const char
        *command; /* how the command line starts, words joined by blanks; NULL ends a table */
    int status;   /* exit status */
    const char *out, *err;
    int start_errno; /* it cannot be started: ENOENT */
    /* What the command does to the tree; may be NULL. */
    void (*effect)(struct ol_env *env, const struct ol_spawn *spawn);
};

struct fake_exec {
    const struct fake_answer *answers; /* first fit wins; may be NULL */
    struct ol_strv commands;           /* one per start, words joined by blanks */
    struct ol_strv inputs;             /* standard input of each, "" when it had none */
    struct ol_strv environments;       /* added environment of each, joined by blanks */
    unsigned flags;                    /* those of the last one */
    ol_time patience;                  /* of ol_after_exit(), which runs at once here */
    int exit_status;                   /* what it came to */
};

/* Puts itself into env->exec and env->test. */
void fake_exec_init(struct fake_exec *f, struct ol_env *env, const struct fake_answer *answers);
void fake_exec_done(struct fake_exec *f);
