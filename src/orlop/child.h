/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"

/*
 * A program of ours that runs beside this one, such as a CSI driver: started again when it ends
 * (after 1 s, then 2 s … 30 s), ended with us. Its standard error is ours. Its standard input is a
 * pipe that we hold: when we are killed, that ends, which tells the child to end too
 * (--end-with-stdin).
 */
struct child;

/* argv is copied; argv[0] is looked for beside our own program and then in PATH. -ENOENT. */
int child_start(struct ol_loop *loop, const char *const *argv, struct child **ret,
                struct ol_err *err) __attribute__((warn_unused_result));
/* SIGTERM, after 5 s SIGKILL; then 'stopped' (may be NULL). NULL calls it at once. */
void child_stop(struct child *c, void (*stopped)(void *ctx), void *ctx);
