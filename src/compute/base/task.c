/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/task.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"

enum { DEFAULT_THREADS = 16, STACK_SIZE = 1 << 20, IDLE_SECONDS = 60 };

struct entry {
    struct entry *next;
    char *name, *key;
    enum task_lane lane;
    void (*run)(void *ctx);
    void (*drop)(void *ctx);
    void *ctx;
    ol_time since;
};

struct list {
    struct entry *first, **end;
};

/* One lock over everything: tasks are few and long. */
struct task_pool {
    struct ol_env *env;
    pthread_mutex_t lock;
    pthread_cond_t more, ended; /* on the monotonic clock */
    struct task_pool_options options;
    struct list waiting, running;
    unsigned in_lane[TASK_N_LANES];
    unsigned n_threads, n_idle, n_waiting;
    bool is_stopping;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_add(struct list *l, struct entry *e)
{
    e->next = NULL;
    *l->end = e;
    l->end = &e->next;
}

static void list_remove(struct list *l, struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    if (l->end == &e->next)
        l->end = at;
}

static void entry_free(struct entry *e)
{
    free(e->name);
    free(e->key);
    free(e);
}

struct task_pool *task_pool_new(struct ol_env *env, const struct task_pool_options *o)
{
    struct task_pool *p = ol_xcalloc(1, sizeof(*p));
    pthread_condattr_t attr;

    p->env = env;
    p->options = *o;
    if (!p->options.n_threads)
        p->options.n_threads = DEFAULT_THREADS;
    list_init(&p->waiting);
    list_init(&p->running);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->more, &attr);
    pthread_cond_init(&p->ended, &attr);
    pthread_condattr_destroy(&attr);
    return p;
}

static bool is_key_taken(const struct list *l, const char *key, const struct entry *until)
{
    for (const struct entry *e = l->first; e && e != until; e = e->next)
        if (e->key && strcmp(e->key, key) == 0)
            return true;
    return false;
}

/* The oldest that may run: its lane has room, and none of its key runs or waits before it. */
static struct entry **find_ready(struct task_pool *p)
{
    for (struct entry **at = &p->waiting.first; *at; at = &(*at)->next) {
        struct entry *e = *at;
        unsigned most = p->options.lanes[e->lane];

        if (most && p->in_lane[e->lane] >= most)
            continue;
        if (e->key
            && (is_key_taken(&p->running, e->key, NULL) || is_key_taken(&p->waiting, e->key, e)))
            continue;
        return at;
    }
    return NULL;
}

static void run_one(struct task_pool *p, struct entry **at)
{
    struct entry *e = *at;

    list_remove(&p->waiting, at);
    p->n_waiting--;
    list_add(&p->running, e);
    p->in_lane[e->lane]++;
    e->since = ol_now_boot(p->env);
    pthread_mutex_unlock(&p->lock);
    e->run(e->ctx);
    pthread_mutex_lock(&p->lock);
    p->in_lane[e->lane]--;
    for (at = &p->running.first; *at != e; at = &(*at)->next)
        ;
    list_remove(&p->running, at);
    entry_free(e);
    /* Whoever waited for its key or its lane may go now. */
    pthread_cond_broadcast(&p->more);
    pthread_cond_broadcast(&p->ended);
}

static void *work(void *ctx)
{
    struct task_pool *p = ctx;
    struct timespec until;
    int r = 0;

    pthread_mutex_lock(&p->lock);
    while (!p->is_stopping || p->waiting.first) {
        struct entry **at = find_ready(p);

        if (at) {
            run_one(p, at);
            r = 0;
            continue;
        }
        if (r == ETIMEDOUT)
            break;
        p->n_idle++;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        r = pthread_cond_timedwait(&p->more, &p->lock, &until);
        p->n_idle--;
    }
    p->n_threads--;
    pthread_cond_broadcast(&p->ended);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Detached: the pool counts its threads itself, and one that hangs is left behind at the end. */
static bool start_thread(struct task_pool *p)
{
    pthread_attr_t attr;
    pthread_t thread;
    int r;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    r = pthread_create(&thread, &attr, work, p);
    pthread_attr_destroy(&attr);
    if (r == 0)
        p->n_threads++;
    return r == 0;
}

void task_pool_add(struct task_pool *p, const struct task *t)
{
    struct entry *e = ol_xcalloc(1, sizeof(*e));
    bool is_dropped;

    e->name = ol_xstrdup(t->name);
    e->key = t->key ? ol_xstrdup(t->key) : NULL;
    e->lane = t->lane;
    e->run = t->run;
    e->drop = t->drop;
    e->ctx = t->ctx;
    e->since = ol_now_boot(p->env);
    pthread_mutex_lock(&p->lock);
    is_dropped = p->is_stopping;
    if (!is_dropped) {
        list_add(&p->waiting, e);
        p->n_waiting++;
        pthread_cond_signal(&p->more);
        /* An idle thread may have been woken for another task and not run yet. */
        if (p->n_waiting > p->n_idle && p->n_threads < p->options.n_threads && !start_thread(p)
            && p->n_threads == 0)
            ol_error(p->env, "no thread can be started for %s: it waits", t->name);
    }
    pthread_mutex_unlock(&p->lock);
    if (is_dropped) {
        if (e->drop)
            e->drop(e->ctx);
        entry_free(e);
    }
}

static void drop_waiting(struct task_pool *p)
{
    struct entry *e = p->waiting.first, *next;

    list_init(&p->waiting);
    p->n_waiting = 0;
    pthread_mutex_unlock(&p->lock);
    for (; e; e = next) {
        next = e->next;
        if (e->drop)
            e->drop(e->ctx);
        entry_free(e);
    }
    pthread_mutex_lock(&p->lock);
}

bool task_pool_stop(struct task_pool *p, ol_time patience)
{
    struct timespec until;
    bool is_done;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience / OL_SECOND;
    until.tv_nsec += patience % OL_SECOND;
    if (until.tv_nsec >= OL_SECOND) {
        until.tv_nsec -= OL_SECOND;
        until.tv_sec++;
    }
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    if (patience == 0)
        drop_waiting(p);
    pthread_cond_broadcast(&p->more);
    while (p->n_threads && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&p->ended, &p->lock, &until);
    drop_waiting(p);
    pthread_cond_broadcast(&p->more);
    is_done = p->n_threads == 0;
    pthread_mutex_unlock(&p->lock);
    return is_done;
}

void task_pool_free(struct task_pool *p)
{
    if (!p)
        return;
    /* The last thread may still be on its way out of the lock. */
    pthread_mutex_lock(&p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_cond_destroy(&p->more);
    pthread_cond_destroy(&p->ended);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void each_of(const struct list *l, bool is_running,
                    void (*each)(void *ctx, const struct task_view *v), void *ctx)
{
    for (const struct entry *e = l->first; e; e = e->next) {
        struct task_view v = {e->name, e->key, e->since, is_running};

        each(ctx, &v);
    }
}

void task_pool_each(struct task_pool *p, void (*each)(void *ctx, const struct task_view *v),
                    void *ctx)
{
    pthread_mutex_lock(&p->lock);
    each_of(&p->running, true, each, ctx);
    each_of(&p->waiting, false, each, ctx);
    pthread_mutex_unlock(&p->lock);
}

size_t task_pool_running(struct task_pool *p)
{
    size_t n = 0;

    pthread_mutex_lock(&p->lock);
    for (const struct entry *e = p->running.first; e; e = e->next)
        n++;
    pthread_mutex_unlock(&p->lock);
    return n;
}
