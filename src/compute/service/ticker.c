/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/ticker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/alloc.h"

struct ticker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped; /* on the monotonic clock */
    const char *name;
    ol_time first;
    ol_time (*tick)(void *ctx);
    void *ctx;
    bool is_stopping;
};

/* True when it shall go on. */
static bool wait_for(struct ticker *t, ol_time span)
{
    struct timespec until;
    int r = 0;
    bool goes_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(span / OL_SECOND);
    until.tv_nsec += (long)(span % OL_SECOND);
    if (until.tv_nsec >= OL_SECOND) {
        until.tv_sec++;
        until.tv_nsec -= (long)OL_SECOND;
    }
    pthread_mutex_lock(&t->lock);
    while (!t->is_stopping && !r)
        r = pthread_cond_timedwait(&t->stopped, &t->lock, &until);
    goes_on = !t->is_stopping;
    pthread_mutex_unlock(&t->lock);
    return goes_on;
}

static void *run(void *ctx)
{
    struct ticker *t = ctx;
    ol_time span = t->first;

    pthread_setname_np(pthread_self(), t->name);
    while (wait_for(t, span))
        span = t->tick(t->ctx);
    return NULL;
}

struct ticker *ticker_start(const char *name, ol_time first, ol_time (*tick)(void *ctx), void *ctx)
{
    struct ticker *t = ol_xcalloc(1, sizeof(*t));
    pthread_condattr_t attr;
    pthread_attr_t thread;
    int r;

    *t = (struct ticker){.name = name, .first = first, .tick = tick, .ctx = ctx};
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->stopped, &attr);
    pthread_condattr_destroy(&attr);
    pthread_attr_init(&thread);
    pthread_attr_setstacksize(&thread, 1 << 20);
    r = pthread_create(&t->thread, &thread, run, t);
    pthread_attr_destroy(&thread);
    if (!r)
        return t;
    free(t);
    return NULL;
}

void ticker_stop(struct ticker *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->is_stopping = true;
    pthread_cond_signal(&t->stopped);
    pthread_mutex_unlock(&t->lock);
}

bool ticker_free(struct ticker *t, ol_time patience)
{
    struct timespec until;

    if (!t)
        return true;
    ticker_stop(t);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(patience / OL_SECOND) + 1;
    if (pthread_clockjoin_np(t->thread, NULL, CLOCK_MONOTONIC, &until))
        return false;
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->stopped);
    free(t);
    return true;
}
