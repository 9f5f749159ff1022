/* SPDX-License-Identifier: Apache-2.0 */
#include "virtual-time.h"

#include <assert.h>

#include "core/alloc.h"
#include "core/cleanup.h"

enum { STEPS = 1000000 };

struct virtual_timer {
    struct virtual_time *time;
    struct ol_timer *of;
    ol_time when;
    uint64_t order;
    bool is_set;
    struct virtual_timer *prev, *next;
};

static ol_time boot(void *ctx)
{
    const struct virtual_time *t = ctx;

    return t->now;
}

static ol_time wall(void *ctx)
{
    const struct virtual_time *t = ctx;

    return t->now + t->wall_offset;
}

static void pass(void *ctx, ol_time span)
{
    virtual_time_pass(ctx, span);
}

void virtual_time_init(struct virtual_time *t)
{
    *t = (struct virtual_time){
        .clock = {.wall = wall, .boot = boot, .sleep = pass, .ctx = t},
        .now = 1000 * OL_SECOND,
        .wall_offset = 1767225600 * OL_SECOND, /* 2026-01-01 */
    };
}

/* The timer that net/loop.h calls uv_timer_t is ours here. */
static struct virtual_timer *own(const struct ol_timer *t)
{
    return (struct virtual_timer *)(void *)t->uv;
}

void ol_timer_init(struct ol_timer *t, struct ol_loop *loop, void (*fired)(void *ctx), void *ctx)
{
    struct virtual_timer *v = ol_xcalloc(1, sizeof(*v));

    v->time = loop->env->clock->ctx;
    v->of = t;
    v->next = v->time->timers;
    if (v->next)
        v->next->prev = v;
    v->time->timers = v;
    t->uv = (uv_timer_t *)(void *)v;
    t->fired = fired;
    t->ctx = ctx;
}

void ol_timer_set(struct ol_timer *t, ol_time delay)
{
    struct virtual_timer *v = own(t);

    /* libuv counts whole milliseconds, too. */
    delay = delay > 0 ? (delay + OL_MS - 1) / OL_MS * OL_MS : 0;
    v->when = v->time->now + delay;
    v->order = v->time->order++;
    v->is_set = true;
}

void ol_timer_stop(struct ol_timer *t)
{
    if (t->uv)
        own(t)->is_set = false;
}

void ol_timer_done(struct ol_timer *t)
{
    struct virtual_timer *v = own(t);

    if (!v)
        return;
    if (v->prev)
        v->prev->next = v->next;
    else
        v->time->timers = v->next;
    if (v->next)
        v->next->prev = v->prev;
    free(v);
    t->uv = NULL;
}

static struct virtual_timer *first(const struct virtual_time *t)
{
    struct virtual_timer *best = NULL;

    for (struct virtual_timer *v = t->timers; v; v = v->next) {
        if (!v->is_set)
            continue;
        if (!best || v->when < best->when || (v->when == best->when && v->order < best->order))
            best = v;
    }
    return best;
}

ol_time virtual_time_next(const struct virtual_time *t)
{
    const struct virtual_timer *v = first(t);

    return v ? v->when : -1;
}

static void run_until(struct virtual_time *t, ol_time end)
{
    struct virtual_timer *v;
    int steps = 0;

    while ((v = first(t)) && v->when <= end) {
        assert(steps++ < STEPS);
        if (v->when > t->now)
            t->now = v->when;
        v->is_set = false;
        v->of->fired(v->of->ctx);
    }
}

void virtual_time_settle(struct virtual_time *t)
{
    run_until(t, t->now);
}

void virtual_time_pass(struct virtual_time *t, ol_time span)
{
    ol_time end = t->now + span;

    run_until(t, end);
    t->now = end;
}
