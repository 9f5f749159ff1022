/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/base/privileged.h"
#include "core/strv.h"

enum privileged_kind {
    PRIVILEGED_RUN,    /* a program */
    PRIVILEGED_MOUNT,  /* a program whose last argument is a directory below a root */
    PRIVILEGED_CHOWN,  /* by our own hands: "chown" PATH USER */
    PRIVILEGED_UMOUNT, /* "umount" PATH */
};

/* One thing to do. */
struct privileged_step {
    enum privileged_kind kind;
    struct ol_strv argv;
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
/* A root as it was when the helper began: whoever puts a link in its place later leads nowhere. */
struct privileged_root {
    const char *path; /* NULL ends a list */
    int fd;           /* O_PATH; negative = there was none */
};
enum { PRIVILEGED_ROOTS = 8 };
/* Paths are opened name by name from their root on, so that no link that the daemon's user has put
 * there leads out of it. 'roots' NULL = from "/". */
int privileged_run_steps(struct ol_env *env, const struct privileged_root *roots,
                         const struct privileged_steps *s, struct ol_err *err)
    __attribute__((warn_unused_result));
