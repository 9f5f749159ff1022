/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/controller.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/cleanup.h"

enum {
    WORKERS = 16,
    STEPS_PER_TURN = 256, /* then the loop has its turn, although there may be more */
};
#define NEVER INT64_MAX

static const struct ol_backoff default_backoff = {.first = 5 * OL_MS, .most = 1000 * OL_SECOND};

struct kube_task {
    struct kube_controller *controller;
    const char *key; /* the queue's */
    struct kube_task *prev, *next;
};

struct kube_controller {
    struct ol_loop *loop;
    struct kube_controller_options options;
    struct ol_queue *queue;
    struct ol_timer timer, resync;
    ol_time armed_for; /* when 'timer' fires; NEVER = it doesn't */
    struct kube_task *tasks;
    unsigned n_tasks;
    bool is_running, is_working;
};

static ol_time now(const struct kube_controller *c)
{
    return ol_now_boot(c->loop->env);
}

/* Sets the timer for the key that comes first, if there is a hand for it. */
static void arm(struct kube_controller *c)
{
    ol_time next, delay;

    if (!c->is_running || c->is_working || c->n_tasks >= c->options.n_workers)
        return;
    next = ol_queue_next(c->queue, now(c));
    if (next < 0 || next >= c->armed_for)
        return;
    c->armed_for = next;
    delay = next - now(c);
    ol_timer_set(&c->timer, delay > 0 ? delay : 0);
}

static void begin_task(struct kube_controller *c, const char *key)
{
    struct kube_task *t = ol_xcalloc(1, sizeof(*t));

    t->controller = c;
    t->key = key;
    t->next = c->tasks;
    if (t->next)
        t->next->prev = t;
    c->tasks = t;
    c->n_tasks++;
    c->options.sync(c->options.ctx, t);
}

static void work(void *ctx)
{
    struct kube_controller *c = ctx;

    c->armed_for = NEVER;
    c->is_working = true;
    for (int i = 0; i < STEPS_PER_TURN && c->is_running && c->n_tasks < c->options.n_workers; i++) {
        const char *key = ol_queue_take(c->queue, now(c));

        if (!key)
            break;
        begin_task(c, key);
    }
    c->is_working = false;
    arm(c);
}

static void on_resync(void *ctx)
{
    struct kube_controller *c = ctx;

    ol_timer_set(&c->resync, c->options.resync);
    c->options.resync_all(c->options.ctx, c);
}

struct kube_controller *kube_controller_new(struct ol_loop *loop,
                                            const struct kube_controller_options *options)
{
    struct kube_controller *c = ol_xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->options = *options;
    if (!c->options.n_workers)
        c->options.n_workers = WORKERS;
    c->queue = ol_queue_new(options->backoff.first ? &options->backoff : &default_backoff);
    c->armed_for = NEVER;
    ol_timer_init(&c->timer, loop, work, c);
    ol_timer_init(&c->resync, loop, on_resync, c);
    return c;
}

void kube_controller_free(struct kube_controller *c)
{
    if (!c)
        return;
    while (c->tasks) {
        struct kube_task *next = c->tasks->next;

        free(c->tasks);
        c->tasks = next;
    }
    ol_timer_done(&c->timer);
    ol_timer_done(&c->resync);
    ol_queue_free(c->queue);
    free(c);
}

void kube_controller_run(struct kube_controller *c)
{
    c->is_running = true;
    if (c->options.resync && c->options.resync_all)
        ol_timer_set(&c->resync, c->options.resync);
    arm(c);
}

void kube_controller_pause(struct kube_controller *c)
{
    c->is_running = false;
    c->armed_for = NEVER;
    ol_timer_stop(&c->timer);
    ol_timer_stop(&c->resync);
}

void kube_controller_add(struct kube_controller *c, const char *key)
{
    ol_queue_add(c->queue, key);
    arm(c);
}

void kube_controller_add_after(struct kube_controller *c, const char *key, ol_time delay)
{
    ol_queue_add_at(c->queue, key, now(c) + delay);
    arm(c);
}

void kube_controller_add_object(struct kube_controller *c, const struct kube_object *o)
{
    ol_autofree char *key = kube_object_key(o);

    kube_controller_add(c, key);
}

/* --- tasks --- */

const char *kube_task_key(const struct kube_task *t)
{
    return t->key;
}

static void end(struct kube_task *t)
{
    struct kube_controller *c = t->controller;

    ol_queue_done(c->queue, t->key);
    if (t->prev)
        t->prev->next = t->next;
    else
        c->tasks = t->next;
    if (t->next)
        t->next->prev = t->prev;
    free(t);
    c->n_tasks--;
    arm(c);
}

void kube_task_done(struct kube_task *t)
{
    ol_queue_forget(t->controller->queue, t->key);
    end(t);
}

void kube_task_again(struct kube_task *t)
{
    ol_queue_forget(t->controller->queue, t->key);
    ol_queue_add(t->controller->queue, t->key);
    end(t);
}

void kube_task_after(struct kube_task *t, ol_time delay)
{
    struct kube_controller *c = t->controller;

    ol_queue_forget(c->queue, t->key);
    ol_queue_add_at(c->queue, t->key, now(c) + delay);
    end(t);
}

void kube_task_fail(struct kube_task *t, const struct ol_err *err)
{
    struct kube_controller *c = t->controller;
    /* Somebody wrote in between, or what it waits for is not there yet. */
    bool is_usual = err && err->code == EAGAIN;

    ol_log(c->loop->env, is_usual ? OL_LOG_DEBUG : OL_LOG_WARNING, "%s: %s: %s", c->options.name,
           t->key, err ? ol_err_text(err) : "failed");
    ol_queue_retry(c->queue, t->key, now(c));
    end(t);
}
