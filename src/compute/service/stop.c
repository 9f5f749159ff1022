/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "compute/service/service.h"

static void tell_unfinished(void *ctx, const struct task_view *v)
{
    const struct service *s = ctx;

    if (v->is_running)
        ol_warn(s->env, "Task %s%s%s has not ended after %.0f s and is left", v->name,
                v->key ? " of " : "", v->key ? v->key : "",
                (double)(ol_now_boot(s->env) - v->since) / (double)OL_SECOND);
}

/* Releases with compute-alt go on serving there, where running migrations are asked things. */
static ol_time patience(const struct service *s)
{
    ol_time t = s->release->has_compute_alt ? s->config->manager_shutdown_timeout
                                            : s->config->graceful_shutdown_timeout;

    /* 0: as long as it takes (oslo.service). */
    return t ? t : 365 * 24 * 3600 * OL_SECOND;
}

void *service_stop_thread(void *ctx)
{
    struct service *s = ctx;
    bool is_over;

    pthread_setname_np(pthread_self(), "stop");
    s->setting.ops->stop_serving(s->setting.ctx, "compute");
    ticker_stop(s->periodic);
    is_over = task_pool_stop(s->parts.pool, patience(s));
    if (!is_over)
        task_pool_each(s->parts.pool, tell_unfinished, s);
    if (s->release->has_compute_alt)
        s->setting.ops->stop_serving(s->setting.ctx, "compute-alt");
    /* A report or a periodic task that waits for the conductor is not worth a minute. */
    is_over = ticker_free(s->reporter, 2 * OL_SECOND) && is_over;
    is_over = ticker_free(s->periodic, 2 * OL_SECOND) && is_over;
    s->result = is_over ? 0 : -ETIMEDOUT;
    uv_async_send(&s->wake);
    return NULL;
}
