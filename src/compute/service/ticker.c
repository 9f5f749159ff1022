/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/ticker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/alloc.h"

struct ticker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    const char *name;
    ol_time first;
    ol_time (*tick)(void *ctx);
    void *ctx;
    bool is_stopping, is_over;
};

/* Waits until *flag is set, under the lock; false when 'span' is over first. */
static bool wait_for(struct ticker *t, const bool *flag, ol_time span)
{
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(span / OL_SECOND);
    until.tv_nsec += (long)(span % OL_SECOND);
    if (until.tv_nsec >= OL_SECOND) {
        until.tv_sec++;
        until.tv_nsec -= (long)OL_SECOND;
    }
    while (!*flag && !r)
        r = pthread_cond_timedwait(&t->changed, &t->lock, &until);
    return *flag;
}

static bool goes_on(struct ticker *t, ol_time span)
{
    bool is_stopped;

    if (span < 0)
        return false;
    pthread_mutex_lock(&t->lock);
    is_stopped = wait_for(t, &t->is_stopping, span);
    pthread_mutex_unlock(&t->lock);
    return !is_stopped;
}

static void *run(void *ctx)
{
    struct ticker *t = ctx;
    ol_time span = t->first;

    pthread_setname_np(pthread_self(), t->name);
    while (goes_on(t, span))
        span = t->tick(t->ctx);
    pthread_mutex_lock(&t->lock);
    t->is_over = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
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
    pthread_cond_init(&t->changed, &attr);
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
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

bool ticker_is_over(struct ticker *t)
{
    bool is_over;

    pthread_mutex_lock(&t->lock);
    is_over = t->is_over;
    pthread_mutex_unlock(&t->lock);
    return is_over;
}

bool ticker_free(struct ticker *t, ol_time patience)
{
    bool is_over;

    if (!t)
        return true;
    ticker_stop(t);
    pthread_mutex_lock(&t->lock);
    is_over = wait_for(t, &t->is_over, patience);
    pthread_mutex_unlock(&t->lock);
    if (!is_over)
        return false;
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
    return true;
}
