/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/binder/engine.h"

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

/* An operation, or the memory of one that failed. */
struct run {
    const char *key; /* of op, or own once it is over */
    struct binder_engine *engine;
    struct binder_op op;
    struct binder_step step;
    void *request, *handle;
    const struct binder_plugin *called; /* whose hook 'handle' is of */
    bool is_running, is_waiting;
    ol_time due; /* of a wait; after a failure: not before */
    unsigned failures;
    char *subject; /* the key of the claim or volume */
};

struct binder_engine {
    struct binder_setup setup;
    struct binder_rules rules;
    struct binder_index *index;
    struct binder_metrics metrics;
    struct round *rounds;
    struct ol_table runs;
    size_t n_running;
    bool is_ending;
};

/* Sends what a step asks of the API. */
void *binder_perform(struct binder_engine *e, const struct binder_step *s, kube_done_fn done,
                     void *ctx);
void binder_tell(struct binder_engine *e, const struct binder_step *s);
/* engine-operations.c */
void binder_start(struct binder_engine *e, const struct binder_step *start);
void binder_runs_done(struct binder_engine *e);
