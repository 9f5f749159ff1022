/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/binder/engine.h"
#include "volume/binder/waiting-internal.h"

/* One round of a key. */
struct round {
    struct binder_engine *engine;
    char *key;
    const struct kube_object *object; /* the claim or volume as of the last decision */
    struct binder_learnt learnt;
    struct binder_step step;
    void *request;   /* under way; NULL = none */
    bool is_holding; /* learnt.volume */
    unsigned n_steps;
    binder_round_fn done;
    void *ctx;
    struct round *prev, *next;
};

enum run_state {
    RUN_WORKS,
    RUN_WAITS, /* a pause of the operation */
    RUN_RESTS, /* it failed and may not be tried again yet */
    RUN_FADES, /* it may; forgotten when nobody does */
};

/* An operation, or the memory of one that failed. */
struct run {
    const char *key; /* heap; first, for the table */
    struct binder_engine *engine;
    enum run_state state;
    char *subject;       /* the key of the claim or volume */
    struct binder_op op; /* while it works or waits */
    struct binder_step step;
    void *request, *handle;
    const struct binder_plugin *called; /* whose hook 'handle' is of */
};

struct binder_engine {
    struct binder_setup setup;
    struct binder_rules rules;
    struct binder_index *index;
    struct binder_metrics metrics;
    struct round *rounds;
    struct waiting waiting;
    struct ol_table runs;
    struct ol_queue *due; /* keys of runs that wait, rest or fade; counts failures */
    size_t n_running;
};

/* Sends what a step asks of the API. */
void *binder_perform(struct binder_engine *e, const struct binder_step *s, kube_done_fn done,
                     void *ctx);
void binder_tell(struct binder_engine *e, const struct binder_step *s);
/* engine-operations.c */
void binder_runs_init(struct binder_engine *e);
void binder_start(struct binder_engine *e, const struct binder_step *start);
void binder_runs_done(struct binder_engine *e);
