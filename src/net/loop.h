/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "core/env.h"

/*
 * The event loop of a program: libuv's, with what a component of ours always needs beside it.
 * Everything above net runs on one loop in one thread, and nothing in it blocks.
 */
struct ol_loop {
    uv_loop_t *uv;
    struct ol_env *env; /* clock, log, root; borrowed */
};

/* A timer that is armed again and again; 'fired' may arm it anew. All zero before init. */
struct ol_timer {
    uv_timer_t *uv; /* heap: libuv releases it after the close */
    void (*fired)(void *ctx);
    void *ctx;
};
void ol_timer_init(struct ol_timer *t, struct ol_loop *loop, void (*fired)(void *ctx), void *ctx);
/* Fires once, 'delay' (ns, rounded up to ms) from now; replaces an earlier time. */
void ol_timer_set(struct ol_timer *t, ol_time delay);
void ol_timer_stop(struct ol_timer *t);
/* Stops it for good. It can be called for a timer that was never initialised. */
void ol_timer_done(struct ol_timer *t);
