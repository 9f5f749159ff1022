/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/base/types.h"

/*
 * Amounts of resources by name: what a pod asks for, and what the pods of a node ask for together
 * (k8s.io/component-helpers resource, PodRequests).
 */
struct sched_amounts {
    struct kube_resource *v; /* names are ours */
    uint32_t n, cap;
};

void sched_amounts_done(struct sched_amounts *a);
void sched_amounts_add(struct sched_amounts *a, const char *name, const struct ol_quantity *more);
/* 'sign' -1 takes them away again. */
void sched_amounts_add_all(struct sched_amounts *a, const struct sched_amounts *more, int sign);
/* NULL when there is none of it. */
const struct ol_quantity *sched_amounts_get(const struct sched_amounts *a, const char *name);
/* Requests of containers together, or of an init container where that is more; init containers that
 * stay count with both. What has a limit alone requests that. */
void sched_pod_requests(const struct kube_pod *pod, struct sched_amounts *ret);
