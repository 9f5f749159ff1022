/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/base/privileged.h"
#include "core/strv.h"

/* One thing to do: a program, or a chown by our own hands. */
struct privileged_step {
    struct ol_strv argv; /* "chown" PATH USER for is_chown */
    bool is_chown, may_fail;
};

enum { PRIVILEGED_STEPS = 4, PRIVILEGED_ARGS = 8, PRIVILEGED_BYTES = 4096 };

struct privileged_steps {
    struct privileged_step v[PRIVILEGED_STEPS];
    size_t n;
};

/* Checks an operation and says what it consists of. Pure. */
int privileged_steps(const char *const *roots, const char *const *argv,
                     struct privileged_steps *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void privileged_steps_done(struct privileged_steps *s);
int privileged_run_steps(struct ol_env *env, const struct privileged_steps *s, struct ol_err *err)
    __attribute__((warn_unused_result));
