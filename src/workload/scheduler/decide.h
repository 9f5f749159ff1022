/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/binder/match.h"
#include "workload/scheduler/amounts.h"

/*
 * Where a pod is to run: kube-scheduler's filters (1.35) as pure functions of what the caches know,
 * and its words where there is no place.
 */

/* A node and the pods on it, those included that are about to be bound to it. */
struct sched_node {
    const char *name; /* first, for tables */
    const struct kube_node *node;
    struct sched_amounts used;
    const struct kube_pod **pods;
    size_t n_pods, cap_pods;
};

/* The caches. Objects are borrowed, NULL = none; *at begins with 0. */
struct sched_view {
    const struct sched_node *(*each_node)(void *self, size_t *at);
    const struct kube_pvc *(*claim)(void *self, const char *ns, const char *name);
    const struct kube_class *(*class_of)(void *self, const char *name);
    const struct kube_csinode *(*csinode)(void *self, const char *name);
    const struct kube_csidriver *(*csidriver)(void *self, const char *name);
    const struct kube_capacity *(*each_capacity)(void *self, size_t *at);
    /* VolumeAttachments to a node. */
    const struct kube_va *(*each_attachment)(void *self, const char *node, size_t *at);
    /* Pods that use the claim and have a node, or are about to get one. */
    const struct kube_pod *(*each_user)(void *self, const char *ns, const char *claim, size_t *at);
};
struct sched_world {
    const struct sched_view *view;
    void *self;
    const struct binder_index *volumes; /* those that are held are spoken for */
};

/* An unbound claim of the pod and what becomes of it. Both borrowed. */
struct sched_volume {
    const struct kube_pvc *claim;
    const struct kube_pv *pv; /* NULL: to be provisioned for the node */
};

struct sched_decision {
    const struct sched_node *node; /* NULL = none, and 'message' says why */
    struct sched_volume *volumes;
    size_t n_volumes;
    char *message; /* "0/1 nodes are available: 1 Insufficient cpu." */
};
void sched_decision_done(struct sched_decision *d);
void sched_decide(const struct sched_world *w, const struct kube_pod *pod,
                  struct sched_decision *ret);

/* Bound and known to be so: volumeName and bind-completed. */
bool sched_is_claim_bound(const struct kube_pvc *claim);
#define SCHED_SELECTED_NODE "volume.kubernetes.io/selected-node"
