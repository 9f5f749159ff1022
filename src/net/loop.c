/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "core/alloc.h"
#include "core/cleanup.h"

static void release(uv_handle_t *handle)
{
    free(handle);
}

static void on_timer(uv_timer_t *uv)
{
    struct ol_timer *t = uv->data;

    t->fired(t->ctx);
}

void ol_timer_init(struct ol_timer *t, struct ol_loop *loop, void (*fired)(void *ctx), void *ctx)
{
    t->uv = ol_xcalloc(1, sizeof(*t->uv));
    t->fired = fired;
    t->ctx = ctx;
    uv_timer_init(loop->uv, t->uv);
    t->uv->data = t;
}

void ol_timer_set(struct ol_timer *t, ol_time delay)
{
    uint64_t ms = delay > 0 ? (uint64_t)((delay - 1) / OL_MS) + 1 : 0;

    /* libuv counts from the start of this turn, which may lie some time back. */
    uv_update_time(t->uv->loop);
    uv_timer_start(t->uv, on_timer, ms, 0);
}

void ol_timer_stop(struct ol_timer *t)
{
    if (t->uv)
        uv_timer_stop(t->uv);
}

void ol_timer_done(struct ol_timer *t)
{
    uv_timer_t *uv = t->uv;

    if (!uv)
        return;
    t->uv = NULL;
    uv_timer_stop(uv);
    uv_close((uv_handle_t *)uv, release);
}
