/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/service/guru.h"
#include "compute/service/start.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "net/notify.h"

static const int signal_numbers[SERVICE_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};

static const char *const phase_names[] = {"starting", "running", "stopping"};

static void *start_thread(void *ctx)
{
    struct service *s = ctx;

    pthread_setname_np(pthread_self(), "start");
    s->result = service_start(&s->setting, &s->err);
    uv_async_send(&s->wake);
    return NULL;
}

/* nova's timers leave out what a report took. */
static ol_time report_tick(void *ctx)
{
    struct service *s = ctx;
    ol_time begin = ol_now_boot(s->env), interval = s->config->report_interval, took;
    struct ol_err err = OL_ERR_INIT;
    int r = s->setting.ops->report(s->setting.ctx, &err);

    report_state_note(&s->reports, s->env, s->config->host, r, &err);
    atomic_store(&s->reported, ol_now_boot(s->env));
    took = ol_now_boot(s->env) - begin;
    return took < interval ? interval - took : 0;
}

static int start_tickers(struct service *s)
{
    const struct compute_config *c = s->config;

    atomic_store(&s->reported, ol_now_boot(s->env));
    if (c->report_interval > 0) {
        s->reporter = ticker_start("report", REPORT_FIRST, report_tick, s);
        if (!s->reporter)
            return -EAGAIN;
    }
    if (c->periodic_enable) {
        s->periodic_run = periodic_run_new(&s->parts);
        s->periodic =
            ticker_start("periodic", periodic_run_first(c), periodic_run_tick, s->periodic_run);
        if (!s->periodic)
            return -EAGAIN;
    }
    return 0;
}

/* A service that lives but no longer reports is what the watchdog is for: the cloud sees it down,
 * and only a restart would help. */
static void on_watchdog(uv_timer_t *timer)
{
    struct service *s = timer->data;
    ol_time most = s->config->report_interval + 3 * s->config->rpc_response_timeout;

    if (!s->reporter || ol_now_boot(s->env) - atomic_load(&s->reported) < most)
        ol_notify(s->env, "WATCHDOG=1");
}

static void start_watchdog(struct service *s)
{
    const char *span = getenv("WATCHDOG_USEC"), *who = getenv("WATCHDOG_PID");
    uint64_t us = 0;
    int pid = 0;

    if (!span || ol_parse_u64(span, 10, &us) < 0 || us < 2000)
        return;
    if (who && (ol_parse_int(who, 10, 1, INT32_MAX, &pid) < 0 || pid != getpid()))
        return;
    uv_timer_start(&s->watchdog, on_watchdog, us / 2000, us / 2000);
}

static void begin_running(struct service *s)
{
    if (start_tickers(s) < 0) {
        ol_log(s->env, OL_LOG_CRITICAL, "no threads for reports and periodic tasks");
        _exit(1);
    }
    s->phase = SERVICE_RUNNING;
    ol_alloc_trim(); /* all of the host's instances were looked at */
    ol_notify(s->env, "READY=1");
    start_watchdog(s);
}

static void end_loop(struct service *s, int status)
{
    s->status = status;
    uv_stop(&s->loop);
}

static void on_wake(uv_async_t *wake)
{
    struct service *s = wake->data;

    pthread_join(s->thread, NULL);
    if (s->phase == SERVICE_STARTING && s->result >= 0) {
        begin_running(s);
    } else if (s->phase == SERVICE_STARTING) {
        ol_log(s->env, OL_LOG_CRITICAL, "Unhandled error: %s%s%s",
               s->err.domain ? s->err.domain : "", s->err.domain ? ": " : "", ol_err_text(&s->err));
        end_loop(s, 1);
    } else {
        end_loop(s, s->result < 0 ? 1 : 0);
    }
}

static void on_overdue(uv_timer_t *timer)
{
    struct service *s = timer->data;

    ol_info(s->env, "Graceful shutdown timeout exceeded, instantaneous exiting");
    _exit(1);
}

/* The stop's own patience ends first; this is for a stop that hangs itself. */
static void begin_stop(struct service *s)
{
    ol_time graceful = s->config->graceful_shutdown_timeout;
    bool is_starting = s->phase == SERVICE_STARTING;

    ol_notify(s->env, "STOPPING=1");
    s->phase = SERVICE_STOPPING;
    if (is_starting) {
        /* Nothing is served and no task runs; whoever waits for a conductor can't be told. */
        ol_info(s->env, "Stopped before the start was over");
        if (!ticker_free(s->guru, OL_SECOND))
            ol_debug(s->env, "a Guru Meditation Report is not finished");
        _exit(0);
    }
    if (s->release->has_compute_alt && graceful < s->config->manager_shutdown_timeout)
        graceful = s->config->manager_shutdown_timeout;
    if (graceful > 0)
        uv_timer_start(&s->overdue, on_overdue, (uint64_t)(graceful / OL_MS) + 10 * 1000, 0);
    if (pthread_create(&s->thread, NULL, service_stop_thread, s)) {
        ol_error(s->env, "no thread for the stop: leaving at once");
        _exit(1);
    }
}

/* It takes the tracker's lock, for which an update of resources may be waited. */
static void reset_manager(void *ctx)
{
    manager_reset(ctx);
}

static void reload(struct service *s)
{
    const struct task reset = {.name = "reset", .run = reset_manager, .ctx = s->parts.manager};
    struct ol_err err = OL_ERR_INIT;

    ol_info(s->env, "Caught SIGHUP, handling");
    if (compute_config_reload(s->config, s->env, &err) < 0) {
        ol_warn(s->env, "Caught Error while reloading configure files: %s", ol_err_text(&err));
        return;
    }
    service_log_refresh(s->log);
    if (s->phase == SERVICE_RUNNING)
        task_pool_add(s->parts.pool, &reset);
}

static ol_time guru_tick(void *ctx)
{
    struct service *s = ctx;

    guru_report(&s->report);
    return -1;
}

static void report_guru(struct service *s)
{
    if (s->guru && !ticker_is_over(s->guru)) {
        ol_warn(s->env, "A Guru Meditation Report is being written already");
        return;
    }
    if (!ticker_free(s->guru, OL_SECOND))
        return;
    s->report = (struct guru){
        .env = s->env,
        .config = s->config,
        .release = s->release,
        .parts = s->phase == SERVICE_STARTING ? NULL : &s->parts,
        .phase = phase_names[s->phase],
    };
    s->guru = ticker_start("guru", 0, guru_tick, s);
}

static void on_signal(uv_signal_t *watcher, int number)
{
    struct service *s = watcher->data;

    if (number == SIGHUP) {
        reload(s);
    } else if (number == SIGUSR2) {
        report_guru(s);
    } else if (number == SIGINT || s->phase == SERVICE_STOPPING) {
        ol_info(s->env, "Caught %s signal, instantaneous exiting",
                number == SIGINT ? "SIGINT" : "SIGTERM");
        _exit(1);
    } else {
        ol_info(s->env, "Caught SIGTERM, handling");
        begin_stop(s);
    }
}

static int watch(struct service *s, struct ol_err *err)
{
    int r = uv_loop_init(&s->loop);

    if (r >= 0)
        r = uv_async_init(&s->loop, &s->wake, on_wake);
    if (r < 0)
        return ol_err_set(err, -r, "event loop: %s", uv_strerror(r));
    s->wake.data = s;
    uv_timer_init(&s->loop, &s->watchdog);
    uv_timer_init(&s->loop, &s->overdue);
    s->watchdog.data = s->overdue.data = s;
    for (size_t i = 0; i < SERVICE_SIGNALS && r >= 0; i++) {
        s->signals[i].data = s;
        uv_signal_init(&s->loop, &s->signals[i]);
        r = uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    return r < 0 ? ol_err_set(err, -r, "signals: %s", uv_strerror(r)) : 0;
}

int service_serve(struct service *s, struct ol_err *err)
{
    int r;

    if (s->is_served)
        return nova_fail(err, NOVA_RUNTIME, "serve() can only be called once");
    s->is_served = true;
    r = watch(s, err);
    if (r < 0)
        return r;
    r = pthread_create(&s->thread, NULL, start_thread, s);
    return r ? ol_err_set(err, r, "no thread for the start: %s", strerror(r)) : 0;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

int service_wait(struct service *s)
{
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_walk(&s->loop, close_handle, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&s->loop) < 0)
        ol_debug(s->env, "the loop ends with open handles");
    if (!ticker_free(s->guru, 2 * OL_SECOND) || (s->phase == SERVICE_STOPPING && s->result < 0)) {
        /* Something still runs in a thread, on memory that must stay. */
        ol_warn(s->env, "Leaving with work under way");
        _exit(s->status);
    }
    periodic_run_free(s->periodic_run);
    return s->status;
}
