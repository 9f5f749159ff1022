/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/queue.h"
#include "kube/client/client.h"

/*
 * The frame of a controller: a work queue of keys, worked on by 'sync', several keys at a time, one
 * hand per key. sync looks at the caches, decides the next thing to do, begins it, and ends the
 * task from its callback. So a controller is a chain of small idempotent steps: after each outside
 * step it looks again.
 */
struct kube_controller;
struct kube_task; /* one key in hand */

struct kube_controller_options {
    const char *name;
    struct ol_backoff backoff; /* after kube_task_fail(); 0 = 5 ms to 1000 s as client-go */
    unsigned n_workers;        /* keys in hand at once; 0 = 16 */
    ol_time resync;            /* every key of the last round again ('resync_all'); 0 = never */
    void (*sync)(void *ctx, struct kube_task *task);
    void (*resync_all)(void *ctx, struct kube_controller *c); /* adds all keys */
    void *ctx;
};
struct kube_controller *kube_controller_new(struct ol_loop *loop,
                                            const struct kube_controller_options *options)
    __attribute__((warn_unused_result));
/* No key may be in hand that still waits for a callback; those are the owner's to cancel. */
void kube_controller_free(struct kube_controller *c);
/* Keys wait until it runs: after the caches are full, or when it leads. */
void kube_controller_run(struct kube_controller *c);
void kube_controller_pause(struct kube_controller *c);
void kube_controller_add(struct kube_controller *c, const char *key);
void kube_controller_add_after(struct kube_controller *c, const char *key, ol_time delay);
void kube_controller_add_object(struct kube_controller *c, const struct kube_object *o);

const char *kube_task_key(const struct kube_task *t);
/* Exactly one of these ends the task, at once or later. */
void kube_task_done(struct kube_task *t);                 /* all is as it should be */
void kube_task_again(struct kube_task *t);                /* look again at once: a step was made */
void kube_task_after(struct kube_task *t, ol_time delay); /* look again then; no failure */
void kube_task_fail(struct kube_task *t,
                    const struct ol_err *err); /* logged (EAGAIN: debug); again after the backoff */
