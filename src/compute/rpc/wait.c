/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/wait.h"

#include <signal.h>
#include <time.h>

#define LOOK_EVERY      OL_SECOND
#define LOOK_EVERY_FAKE OL_MS

void rpc_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* How long to wait before the next look; 0 = 'until' has come. */
static ol_time next_look(const struct ol_env *env, ol_time until)
{
    bool is_real = env->clock == &ol_clock_real;
    ol_time left = until - ol_now_boot(env);

    if (left <= 0)
        return 0;
    if (!is_real)
        return LOOK_EVERY_FAKE;
    return left < LOOK_EVERY ? left : LOOK_EVERY;
}

void rpc_cond_wait(const struct ol_env *env, pthread_cond_t *c, pthread_mutex_t *lock,
                   ol_time until)
{
    struct timespec at;
    ol_time left;

    if (until == INT64_MAX) {
        pthread_cond_wait(c, lock);
        return;
    }
    left = next_look(env, until);
    if (!left)
        return;
    clock_gettime(CLOCK_MONOTONIC, &at);
    left += at.tv_nsec;
    at.tv_sec += left / OL_SECOND;
    at.tv_nsec = left % OL_SECOND;
    pthread_cond_timedwait(c, lock, &at);
}

int rpc_poll_ms(const struct ol_env *env, ol_time until)
{
    return until != INT64_MAX ? (int)((next_look(env, until) + OL_MS - 1) / OL_MS) : -1;
}

int rpc_thread_start(pthread_t *ret, void *(*run)(void *ctx), void *ctx)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(ret, NULL, run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -code;
}
