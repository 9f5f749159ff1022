/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/component.h"
#include "volume/node/node.h"

/*
 * Runs the pods that are placed on a node: their containers through a container runtime (CRI v1),
 * after volume/node has mounted what they want. Pods share the machine's network.
 *
 * Without a runtime pods stay Pending and say so; their volumes are mounted all the same.
 */
struct pods_options {
    struct node_link *link; /* the same as in node_options; that component starts first */
    const char *runtime;    /* socket; NULL = "/run/containerd/containerd.sock" */
    const char *log_dir;    /* NULL = "/var/log/pods" */
};

/* "pods"; options are struct pods_options. */
extern const struct kube_component pods_component;
