/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"

/*
 * What every long-running program of ours does the same way: environment, loop, log lines on stderr
 * ("2026-01-02T03:04:05.678Z INFO text"), SIGTERM and SIGINT, and telling the service manager that
 * it is ready (sd_notify's protocol).
 *
 *     struct ol_daemon d;
 *     if (ol_daemon_init(&d, level, stop, &program, &err) < 0) …
 *     start things on &d.loop
 *     ol_daemon_ready(&d);
 *     status = ol_daemon_run(&d);      until stop() has closed everything
 *     ol_daemon_done(&d);
 */
struct ol_daemon {
    struct ol_env env;
    struct ol_log log;
    struct ol_loop loop;
    void (*stop)(void *ctx);
    void *ctx;
    bool is_stopping;
    struct ol_daemon_private *own;
};

/* 'stop' is called once in the loop, with the first signal: it closes what the program has opened,
 * so that the loop runs dry. A second SIGINT ends the program at once. -EIO, -ENOMEM. */
int ol_daemon_init(struct ol_daemon *d, enum ol_log_level least, void (*stop)(void *ctx), void *ctx,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* READY=1 to $NOTIFY_SOCKET, when there is one. */
void ol_daemon_ready(struct ol_daemon *d);
/* As if SIGTERM had come. */
void ol_daemon_stop(struct ol_daemon *d);
/* Runs the loop until nothing is left in it. */
void ol_daemon_run(struct ol_daemon *d);
void ol_daemon_done(struct ol_daemon *d);
