/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/component.h"

/*
 * The components of one program: started in order on one client and one set of caches, put to work
 * when the caches are full (and, where asked for, we lead), stopped backwards.
 */
struct kube_stack;

struct kube_stack_row {
    const struct kube_component *component;
    const void *options; /* the component's own; lives as long as the stack */
};

struct kube_stack_options {
    struct kube_client *client; /* taken, also when starting fails */
    const struct kube_stack_row *rows;
    size_t n_rows;
    /* Leader election: the Lease "NS/NAME" and who we are; lease_name NULL = none. */
    const char *lease_ns, *lease_name, *identity;
    /* Leading was lost: nothing may be written any more, so the program has to end. */
    void (*lost)(void *ctx);
    void *ctx;
};

int kube_stack_start(struct ol_loop *loop, const struct kube_stack_options *options,
                     struct kube_stack **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Stops all components, the last first, gives the lease back, and calls 'stopped'. NULL calls it at
 * once. */
void kube_stack_stop(struct kube_stack *s, void (*stopped)(void *ctx), void *ctx);

/* All caches are full; and, where leading is asked for, we lead. */
bool kube_stack_is_running(const struct kube_stack *s);
/* What its components count, as Prometheus text. */
void kube_stack_write_metrics(const struct kube_stack *s, struct ol_buf *to);

/* The row of a component by its name; NULL. */
const struct kube_stack_row *kube_stack_row_find(const struct kube_stack_row *rows, size_t n,
                                                 const char *name);
