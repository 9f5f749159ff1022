/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "compute/service/guru.h"
#include "compute/service/log.h"
#include "compute/service/ops.h"
#include "compute/service/parts.h"
#include "compute/service/report-state.h"
#include "compute/service/ticker.h"

/*
 * The life of the host agent: a start that blocks, in a thread of its own; then reports and
 * periodic tasks in threads of theirs, the manager's work in the pool; a stop that blocks, in a
 * thread again. The main thread has the loop, which turns signals into these:
 *
 *     TERM    stop consuming, let tasks end, leave          INT    leave at once (status 1)
 *     HUP     read the configuration again                  USR2   the state report
 *     TERM or INT during the stop: leave at once
 */
enum service_phase { SERVICE_STARTING, SERVICE_RUNNING, SERVICE_STOPPING };

enum { SERVICE_SIGNALS = 4 };

struct service {
    struct ol_env *env;
    struct compute_config *config;
    const struct nova_release *release;
    struct service_log *log;
    struct service_parts parts;
    struct service_setting setting;
    enum service_phase phase; /* of the loop's thread */
    bool is_served;

    uv_loop_t loop;
    uv_signal_t signals[SERVICE_SIGNALS];
    uv_async_t wake;              /* the thread below has ended */
    uv_timer_t watchdog, overdue; /* a sign of life; the end of patience with the stop */
    pthread_t thread;             /* of the start or the stop */
    int result;
    struct ol_err err;

    struct ticker *reporter, *periodic;
    struct periodic_run *periodic_run;
    struct report_state reports;
    /* The state report is written in a thread, too: it asks the driver, which may be what hangs. */
    struct guru report; /* as seen when the thread began */
    struct ticker *guru;
    _Atomic ol_time reported; /* boot clock: the last report's end, whatever became of it */
    int status;               /* exit status */
};

/* Begins the start. NOVA_RUNTIME "serve() can only be called once". */
int service_serve(struct service *s, struct ol_err *err) __attribute__((warn_unused_result));
/* Runs until it was stopped or could not start; the exit status. */
int service_wait(struct service *s);

/* --- stop.c --- */
/* In a thread: stops serving, waits for tasks, logs each that did not end. Then s->result is 0, or
 * -ETIMEDOUT when something goes on. */
void *service_stop_thread(void *ctx);
