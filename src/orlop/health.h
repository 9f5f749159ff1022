/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/stack.h"

/*
 * What an operator's probes ask a controller for, by plain HTTP: /metrics (Prometheus text of the
 * components), /healthz and /livez (the loop turns), /readyz (the caches are full, and we lead
 * where leading is asked for).
 */
struct health;

/* 'address' as in net/http-server.h; 'stack' points to where the stack is or will be, NULL =
 * none. */
int health_start(struct ol_loop *loop, const char *address, struct kube_stack *const *stack,
                 struct health **ret, struct ol_err *err) __attribute__((warn_unused_result));
/* NULL is nothing. */
void health_stop(struct health *h);
