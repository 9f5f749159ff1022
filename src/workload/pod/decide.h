/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "kube/base/kind.h"

/*
 * What is to be done for a pod next, and what its status says: pure functions of the pod, of what
 * the container runtime has, and of now (the kubelet's computePodActions and generateAPIPodStatus,
 * for containers without probes). Times are of the wall clock, as the runtime tells them.
 */
enum pod_container_state { POD_NONE, POD_CREATED, POD_RUNNING, POD_EXITED };

struct pod_container { /* the newest attempt of a container of the spec */
    const struct kube_container *spec;
    bool is_init;
    enum pod_container_state state;
    char *id, *image_id;
    unsigned attempt; /* restarts so far */
    int exit_code;
    ol_time created, started, finished;
    char *reason; /* of the runtime, when it has ended */
    bool is_image_here;
    const char *waiting; /* why it is not started: static text; NULL = ContainerCreating */
    char *waiting_text;
    ol_time not_before; /* 0 = at once */
    ol_time delay;      /* since it ended, before it is started again; 0 = at once */
};

enum pod_sandbox { POD_SANDBOX_NONE, POD_SANDBOX_READY, POD_SANDBOX_DEAD };

struct pod_view {
    const struct kube_pod *pod;
    bool is_gone;      /* the API doesn't have it any more */
    bool has_runtime;  /* somebody answers at the runtime's socket */
    bool has_volumes;  /* all that it mounts is there */
    bool lost_volumes; /* … and nothing of it is, any more */
    bool is_released;  /* the node was told that no container uses them */
    bool is_delete_sent;
    bool is_overdue; /* pod_is_late() was true once */
    enum pod_sandbox sandbox;
    struct pod_container *c; /* init containers first */
    size_t n;
};

enum pod_verb {
    POD_WAIT,
    POD_RUN_SANDBOX,
    POD_GET_IMAGE, /* of the container */
    POD_START,     /* the container */
    POD_STOP,      /* all containers */
    POD_STOP_SANDBOX,
    POD_REMOVE_SANDBOX, /* with all containers in it */
    POD_RELEASE,        /* its volumes may go */
    POD_DELETE,         /* from the API, for good */
    POD_FORGET,
};
struct pod_step {
    enum pod_verb verb;
    size_t container;
    ol_time again; /* for WAIT: look again then at the latest; 0 = when something changes */
};
struct pod_step pod_decide(const struct pod_view *v, ol_time now);

/* "Pending", "Running", "Succeeded", "Failed" */
const char *pod_phase(const struct pod_view *v);
#define POD_LATE "Pod was active on the node longer than the specified deadline"
/* Its containers go on, and its activeDeadlineSeconds are over. */
bool pod_is_late(const struct pod_view *v, ol_time now);
/* Nothing will ever be started again. */
bool pod_is_over(const struct pod_view *v);
/* A running container has ended or will be started again: how long after its end. Doubles from
 * 10 s to 5 min with each call. */
ol_time pod_next_delay(ol_time delay);

/* The status as a strategic patch. 'address' is the node's, which the pod shares; 'node' its
 * name. A condition keeps its lastTransitionTime while it says the same. */
void pod_status(const struct pod_view *v, const char *address, ol_time now, struct ol_buf *to);

/* Never, IfNotPresent or Always; what is absent follows from the image's tag. */
const char *pod_pull_policy(const struct kube_container *c);
