/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/table.h"
#include "kube/client/controller.h"
#include "kube/client/events.h"
#include "workload/scheduler/decide.h"
#include "workload/scheduler/scheduler.h"

/* --- nodes with what is on them (nodes.c) --- */
struct sched_nodes {
    struct ol_table table; /* struct sched_node; 'node' NULL: its pods were seen before it */
};
void sched_nodes_init(struct sched_nodes *all);
void sched_nodes_done(struct sched_nodes *all);
void sched_nodes_set(struct sched_nodes *all, const struct kube_node *node);
void sched_nodes_unset(struct sched_nodes *all, const char *name);
/* The pod counts on the node; with a reference. */
void sched_nodes_add_pod(struct sched_nodes *all, const char *node, const struct kube_pod *pod);
/* By UID. */
void sched_nodes_remove_pod(struct sched_nodes *all, const char *node, const struct kube_pod *pod);
const struct sched_node *sched_nodes_each(const struct sched_nodes *all, size_t *at);
const struct sched_node *sched_nodes_get(const struct sched_nodes *all, const char *name);

/* --- pods in hand --- */

enum bind_phase {
    BIND_WRITE, /* volumes and claims are told */
    BIND_WAIT,  /* until the claims are bound */
    BIND_POD,   /* pods/binding */
    BIND_DONE,  /* the cache doesn't know yet */
};

/* A volume to be bound, or a claim to be provisioned. */
struct bind_volume {
    struct binding *binding;
    const struct kube_pvc *claim; /* with references */
    const struct kube_pv *pv;     /* NULL: provisioned */
    struct kube_request *request;
};

/* A pod that has got a node, until it is bound to it. */
struct binding {
    const char *key; /* 'own_key', of the pod; first, for the table */
    char *own_key, *node;
    struct scheduler *s;
    const struct kube_pod *pod; /* with a reference */
    enum bind_phase phase;
    struct bind_volume *volumes;
    size_t n_volumes, n_pending;
    ol_time deadline; /* of BIND_WAIT */
    struct kube_task *task;
    struct kube_request *request;
    struct ol_err err; /* the first of BIND_WRITE */
    bool is_conflict, is_counted;
};

/* A pod that has no node, and what was last told about that. */
struct parked {
    const char *key; /* first, for the table */
    char *own_key, *message;
    ol_time told;
    ol_time not_before, delay; /* after binding failed: of the next try */
};

struct scheduler {
    const struct kube_context *k;
    ol_time bind_timeout;
    struct kube_informer *pods, *nodes, *claims, *volumes, *classes, *csinodes, *csidrivers,
        *capacities, *attachments;
    struct kube_index *pods_by_claim, *attachments_by_node;
    struct sched_nodes node_cache;
    struct binder_index *index;
    struct sched_world world;
    struct ol_table bindings, parked;
    struct ol_table reports; /* struct report: conditions under way */
    struct kube_controller *controller;
    struct kube_recorder *recorder;
    struct ol_timer wake;
};

/* component.c: pods without a node are looked at again soon. */
void scheduler_wake(struct scheduler *s);

/* bind.c */
struct binding *binding_new(struct scheduler *s, const char *key, const struct kube_pod *pod,
                            const struct sched_decision *d);
/* Takes back what it had reserved; nothing that was written. */
void binding_free(struct binding *b);
/* The next step of binding; ends the task, at once or later. */
void binding_step(struct binding *b, struct kube_task *task);
/* The pod is on its node as the cache has it: it isn't counted twice. */
void binding_uncount(struct binding *b);
/* One of the pod's unbound claims is being bound for another pod. */
bool binding_is_claim_taken(const struct scheduler *s, const struct kube_pod *pod);

/* report.c */
struct report;
/* The condition PodScheduled is False for 'reason' ("Unschedulable", "SchedulerError"), and an
 * event says so. */
void scheduler_report(struct scheduler *s, const struct kube_pod *pod, const char *reason,
                      const char *message);
void scheduler_park(struct scheduler *s, const char *key);
/* Its next try waits: 1 s, then twice as long each time up to 10 s, as kube-scheduler's. */
void scheduler_hold(struct scheduler *s, const char *key);
/* How long it still waits; 0 = not at all. */
ol_time scheduler_held(const struct scheduler *s, const char *key);
void scheduler_unpark(struct scheduler *s, const char *key);
void scheduler_reports_done(struct scheduler *s);
