/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "workload/scheduler/decide.h"

/* A pod while its place is looked for. */
struct sched_try {
    const struct sched_world *w;
    const struct kube_pod *pod;
    struct sched_amounts requests;
    /* Its claims, in two groups. */
    const struct kube_pvc **bound, **delayed;
    size_t n_bound, n_delayed;
    bool is_claim_in_use; /* a ReadWriteOncePod claim that another pod has */
    /* What would become of 'delayed' on the node that was looked at last. */
    struct sched_volume *volumes;
    size_t n_volumes;
};

/* Why nodes are refused, and how many. */
struct sched_reasons {
    struct sched_reason {
        char *text;
        unsigned n;
    } *v;
    size_t n;
};
void sched_refuse(struct sched_reasons *to, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A filter refuses by giving reasons; the first one that does is the last that is asked. */
typedef void (*sched_filter_fn)(struct sched_try *t, const struct sched_node *n,
                                struct sched_reasons *to);
extern const sched_filter_fn sched_filters[]; /* in kube-scheduler's order; NULL-terminated */

/* filter-volume.c */
void sched_filter_restrictions(struct sched_try *t, const struct sched_node *n,
                               struct sched_reasons *to);
void sched_filter_limits(struct sched_try *t, const struct sched_node *n, struct sched_reasons *to);
void sched_filter_volumes(struct sched_try *t, const struct sched_node *n,
                          struct sched_reasons *to);
/* Sorts the pod's claims into the groups. NULL, or why it can be nowhere, heap. */
char *sched_read_claims(struct sched_try *t);

/* The higher the better. */
int64_t sched_score(const struct sched_try *t, const struct sched_node *n);
