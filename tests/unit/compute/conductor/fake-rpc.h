/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/conductor/conductor.h"
#include "core/arena.h"
#include "core/buf.h"

/*
 * rpc_call() and rpc_cast() of a test: what is asked is kept as JSON text, the answer is what the
 * test says.
 */
struct rpc {
    struct ol_buf asked;  /* "TOPIC METHOD VERSION {args}" of the last one */
    struct ol_buf target; /* "topic=conductor version=3.0 …" of the last one */
    const char *answer;   /* JSON; NULL = null */
    int fails;            /* -errno; with 'why' when it has a sentence */
    unsigned n_fails;     /* so often, then it answers; 0 = always */
    struct ol_err why;
    /* Instead: a conductor that is asked what the message, read from its text, says. */
    struct conductor *behind;
    unsigned n_calls, n_casts;
};

void fake_rpc_init(struct rpc *r);
void fake_rpc_done(struct rpc *r);
