/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"
#include "volume/binder/metrics.h"
#include "volume/binder/operation.h"

/*
 * What acts on the rules' decisions: rounds of claims and volumes, one step after the other, and
 * operations beside them. It reaches the world through ports, so the component (an API client and
 * informers) and the tables of cases (memory) run the same code.
 *
 * A key is a claim's "namespace/name" or a volume's "name". Rounds of different keys run at the
 * same time; the caller never begins a second round of a key before the first has ended.
 */
struct binder_engine;

struct binder_ports {
    /* As kube_send(): 'done' once and never from within; a handle for cancel. */
    void *(*send)(void *self, const struct kube_ask *ask, kube_done_fn done, void *ctx);
    void (*cancel)(void *self, void *handle);
    /* The result of an own write, for the caches. They tell binder_engine_changed() of it. */
    void (*store)(void *self, const struct kube_object *o);
    void (*event)(void *self, const struct binder_event *e);
    void (*enqueue)(void *self, const char *key);
    /* binder_engine_tick() is to be called then, or earlier. */
    void (*wake)(void *self, ol_time when);
    ol_time (*now)(void *self); /* boot clock */
};

struct binder_setup {
    const struct binder_options *options; /* borrowed; they live longer */
    const struct binder_view *view;
    void *view_self;
    const struct binder_ports *ports;
    void *ports_self;
};
struct binder_engine *binder_engine_new(const struct binder_setup *setup)
    __attribute__((warn_unused_result));
/* Ends all rounds and operations: requests and plug-ins' hooks are cancelled. */
void binder_engine_free(struct binder_engine *e);

/* A cache changed: old NULL = new, now NULL = deleted. Volumes and claims. */
void binder_engine_changed(struct binder_engine *e, const struct kube_object *old,
                           const struct kube_object *now);

enum binder_result {
    BINDER_DONE,   /* until something changes */
    BINDER_RETRY,  /* others were quicker (a conflict): soon again, nothing to be said */
    BINDER_FAILED, /* again after a while; err says why */
};
typedef void (*binder_round_fn)(void *ctx, enum binder_result result, const struct ol_err *err);
/* 'done' is called once, perhaps from within. */
void binder_engine_sync(struct binder_engine *e, const char *key, binder_round_fn done, void *ctx);
void binder_engine_tick(struct binder_engine *e);

const struct binder_index *binder_engine_index(const struct binder_engine *e);
const struct binder_metrics *binder_engine_metrics(const struct binder_engine *e);
/* Operations that are under way. */
size_t binder_engine_n_operations(const struct binder_engine *e);
