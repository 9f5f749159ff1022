/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "workload/pod/cri.h"
#include "workload/pod/decide.h"

/*
 * What the runtime is asked for: a sandbox in the machine's network, and a container with its
 * volumes. Pure; messages live in the arena.
 */
struct pod_place { /* where one of a container's volumes is on the machine, in the spec's order */
    const char *path;
    bool is_device;
};
struct pod_config {
    const struct kube_pod *pod;
    const char *node, *log_dir; /* of all pods: "/var/log/pods" */
    int64_t memory_bytes;       /* of the machine */
    unsigned attempt;           /* of the sandbox */
};

Runtime__V1__PodSandboxConfig *pod_sandbox_config(const struct pod_config *p, struct ol_arena *a);
/* 'mounts' has a place for each of c's mounts, 'devices' for each of its devices. */
Runtime__V1__ContainerConfig *pod_container_config(const struct pod_config *p,
                                                   const struct kube_container *c, unsigned attempt,
                                                   const struct pod_place *mounts,
                                                   const struct pod_place *devices,
                                                   struct ol_arena *a);
/* "/var/log/pods/NS_NAME_UID" into the arena. */
const char *pod_log_dir(const struct pod_config *p, struct ol_arena *a);
/* The container's variables, each with those before it filled in. */
struct kube_list pod_env(const struct kube_container *c, struct ol_arena *a);
/* $(NAME) by the container's variables, "$$" is "$"; unknown names stay as they are (Kubernetes'
 * third_party/forked/golang/expansion). */
const char *pod_expand(const char *text, const struct kube_list *env, struct ol_arena *a);
