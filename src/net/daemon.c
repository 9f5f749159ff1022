/* SPDX-License-Identifier: Apache-2.0 */
#include "net/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/notify.h"

static const int signals[] = {SIGTERM, SIGINT};

struct ol_daemon_private {
    uv_signal_t watchers[ol_count(signals)];
    uv_loop_t uv;
};

static void write_line(void *ctx, const struct ol_log_record *record)
{
    struct timespec now;
    struct tm tm;
    char when[32];

    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(stderr, "%s.%03ldZ %s %s\n", when, now.tv_nsec / 1000000,
            ol_log_level_name(record->level), record->msg);
}

static void on_signal(uv_signal_t *watcher, int number)
{
    struct ol_daemon *d = watcher->data;

    if (d->is_stopping && number == SIGINT)
        _exit(128 + number);
    ol_daemon_stop(d);
}

static int watch_signals(struct ol_daemon *d, struct ol_err *err)
{
    for (size_t i = 0; i < ol_count(signals); i++) {
        uv_signal_t *w = &d->own->watchers[i];
        int r = uv_signal_init(d->loop.uv, w);

        w->data = d;
        if (!r)
            r = uv_signal_start(w, on_signal, signals[i]);
        if (r < 0)
            return ol_err_set(err, -r, "signal %d: %s", signals[i], uv_strerror(r));
        /* The loop ends when the program's own handles are gone; these don't keep it. */
        uv_unref((uv_handle_t *)w);
    }
    return 0;
}

int ol_daemon_init(struct ol_daemon *d, enum ol_log_level least, void (*stop)(void *ctx), void *ctx,
                   struct ol_err *err)
{
    const struct ol_log_sink sink = {.least = least, .write = write_line};
    int r;

    *d = (struct ol_daemon){.stop = stop, .ctx = ctx};
    r = ol_env_init(&d->env, "/", err);
    if (r < 0)
        return r;
    if (ol_log_add_sink(&d->log, &sink) < 0)
        return ol_err_set(err, ENOMEM, "no room for a log");
    d->env.log = &d->log;
    ol_env_arm_kill(&d->env);
    d->own = ol_xcalloc(1, sizeof(*d->own));
    r = uv_loop_init(&d->own->uv);
    if (r < 0)
        return ol_err_set(err, -r, "event loop: %s", uv_strerror(r));
    d->loop = (struct ol_loop){.uv = &d->own->uv, .env = &d->env};
    /* A peer that has left is an error of the write, not the end of the program. */
    signal(SIGPIPE, SIG_IGN);
    return watch_signals(d, err);
}

void ol_daemon_ready(struct ol_daemon *d)
{
    ol_notify(&d->env, "READY=1");
}

void ol_daemon_stop(struct ol_daemon *d)
{
    if (d->is_stopping)
        return;
    d->is_stopping = true;
    d->stop(d->ctx);
}

void ol_daemon_run(struct ol_daemon *d)
{
    uv_run(d->loop.uv, UV_RUN_DEFAULT);
}

void ol_daemon_done(struct ol_daemon *d)
{
    if (d->own && d->loop.uv) {
        for (size_t i = 0; i < ol_count(signals); i++)
            if (d->own->watchers[i].data)
                uv_close((uv_handle_t *)&d->own->watchers[i], NULL);
        uv_run(d->loop.uv, UV_RUN_DEFAULT);
        if (uv_loop_close(d->loop.uv) < 0)
            ol_debug(&d->env, "the loop ends with open handles");
    }
    free(d->own);
    d->own = NULL;
    ol_env_done(&d->env);
}
