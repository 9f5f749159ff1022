/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "core/env.h"

/* Waiting for a condition until a time of the boot clock. CLOCK_MONOTONIC stands while the machine
 * sleeps, the boot clock does not, and a test's clock goes as it likes: so who waits looks at the
 * clock now and then. */
void rpc_cond_init(pthread_cond_t *c);
/* 'until' INT64_MAX = no end. It may return early. */
void rpc_cond_wait(const struct ol_env *env, pthread_cond_t *c, pthread_mutex_t *lock,
                   ol_time until);
/* The same as milliseconds for poll(2); -1 = no end. */
int rpc_poll_ms(const struct ol_env *env, ol_time until);

/* A thread that gets no signals: they are for the threads that expect them. 0 or -errno. */
int rpc_thread_start(pthread_t *ret, void *(*run)(void *ctx), void *ctx)
    __attribute__((warn_unused_result));
