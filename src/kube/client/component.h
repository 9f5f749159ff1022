/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/informer.h"

/*
 * A part of a program that works on the API: a controller, the scheduler, the node. A program
 * starts those of its table in order and stops them backwards. They share client and caches: a
 * component asks for its informers in start(), when none runs yet, and begins to work in run(),
 * when all caches are full.
 */
struct kube_context {
    struct ol_loop *loop;
    struct kube_client *client;
    struct kube_informers *informers;
};

struct kube_component {
    const char *name; /* as in --controllers and in the log: "persistentvolume-binder" */
    /* Adds informers, indexes and handlers; 'options' is the component's own struct, NULL =
     * defaults. 0 and its state, or -errno. 'k' lives longer than the state. */
    int (*start)(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err);
    /* All caches are full, and we lead where leading is asked for. */
    void (*run)(void *state);
    /* Ends what is under way, then calls 'stopped' once, perhaps at once; the state is gone
     * then. */
    void (*stop)(void *state, void (*stopped)(void *ctx), void *ctx);
    /* Prometheus text of what it counts; NULL = it counts nothing. */
    void (*write_metrics)(void *state, struct ol_buf *to);
};
