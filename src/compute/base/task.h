/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/env.h"
#include "core/err.h"

/*
 * The pool of threads in which the manager's work is done by blocking calls. Tasks of one key (an
 * instance's uuid) run one after the other, in the order in which they came; a lane (builds) runs
 * as many at once as it may. Waiting for either holds no thread.
 */
struct task_pool;

enum task_lane {
    TASK_ANY,   /* as many as there are threads */
    TASK_BUILD, /* max_concurrent_builds */
    TASK_N_LANES,
};

struct task {
    const char *name; /* for reports: "build_and_run_instance"; copied */
    const char *key;  /* copied; NULL = runs beside all others */
    enum task_lane lane;
    void (*run)(void *ctx);
    void (*drop)(void *ctx); /* instead of run, when the pool ends before; may be NULL */
    void *ctx;
};

struct task_pool_options {
    unsigned n_threads;           /* 0 = 16; started when needed, ended when idle for a minute */
    unsigned lanes[TASK_N_LANES]; /* how many at once; 0 = no limit */
};

struct task_pool *task_pool_new(struct ol_env *env, const struct task_pool_options *o)
    __attribute__((warn_unused_result));
/* From any thread. */
void task_pool_add(struct task_pool *p, const struct task *t);
/* Nothing more is taken. What was taken already goes on, what waits too: its message has been
 * acknowledged. After 'patience' (ns; 0 = at once) what still waits is dropped. True when nothing
 * runs any more. */
bool task_pool_stop(struct task_pool *p, ol_time patience);
/* After task_pool_stop() said true; otherwise it is left alone, to die with the process. */
void task_pool_free(struct task_pool *p);

/* What runs and waits, for the state report. Called under the pool's lock: only to be read. */
struct task_view {
    const char *name, *key;
    ol_time since; /* boot clock: when it began, or came when it waits */
    bool is_running;
};
void task_pool_each(struct task_pool *p, void (*each)(void *ctx, const struct task_view *v),
                    void *ctx);
size_t task_pool_running(struct task_pool *p);
