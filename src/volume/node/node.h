/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/strv.h"
#include "kube/client/component.h"
#include "net/job.h"

/*
 * The node: what the kubelet's volume manager and its plug-in registration do. It makes itself
 * known (Node, CSINode, a Lease), and mounts what the pods that are placed on it want
 * (reconcile.h).
 *
 * Whoever runs the pods' containers (workload/pod) holds a pod while they may use its volumes and
 * waits until they are mounted; it finds the node by a link that both have in their options.
 */
struct node;

struct node_link {
    struct node *node; /* set while the node's component is started */
    bool
        expects_runner; /* somebody will call node_runner_is_ready(): nothing is torn down before */
};

struct node_options {
    const char *name;    /* NULL = the host's name */
    const char *root;    /* NULL = "/var/lib/kubelet" */
    const char *address; /* status.addresses; NULL = the first that is not a loopback's */
    const struct ol_strv *csi_sockets; /* drivers that don't register themselves; or NULL */
    bool attaches_itself;              /* --enable-controller-attach-detach=false */
    struct node_link *link;            /* or NULL */
    /* Nothing of this volume of a CSI driver is mounted here any more; or NULL. */
    void (*left)(void *ctx, const char *driver, const char *handle);
    void *left_ctx;
};

/* "node"; options are struct node_options. */
extern const struct kube_component node_component;

/* The functions of its jobs, for ol_job_main() of every program that has this component. */
extern const struct ol_job_function node_job_functions[];

/* --- for who runs the containers --- */
/* It knows which pods' containers run and holds those. */
void node_runner_is_ready(struct node *n);
/* What runs containers, as the node's status tells it: "containerd://1.6.20". */
void node_set_runtime(struct node *n, const char *version);
/* While a pod is held its volumes stay, even if it is gone from the API. */
void node_pod_hold(struct node *n, const char *uid);
void node_pod_release(struct node *n, const char *uid);
/* Everything that the pod mounts is there. False also for a pod not seen yet. */
bool node_pod_mounts_ready(const struct node *n, const char *uid);
/* Nothing of it is mounted any more. */
bool node_pod_mounts_gone(const struct node *n, const char *uid);
/* Called when one of these answers may have changed. One listener. */
void node_listen(struct node *n, void (*changed)(void *ctx), void *ctx);

/* Where the machine has a pod's volume: its directory, or with *ret_is_block its device.
 * -ENOENT: the pod has no such volume, or it isn't mounted. */
int node_pod_volume_path(const struct node *n, const char *uid, const char *volume,
                         struct ol_buf *to, bool *ret_is_block) __attribute__((warn_unused_result));
/* A part of it for a container (subPath); the path is for the container's mount. 'done' is
 * called once, later; err NULL = done. */
void node_pod_subpath(struct node *n, const char *uid, const char *volume, const char *part,
                      const char *container, unsigned index,
                      void (*done)(void *ctx, const char *path, const struct ol_err *err),
                      void *ctx);
const char *node_name(const struct node *n);
const char *node_root(const struct node *n);
const char *node_address(const struct node *n);
