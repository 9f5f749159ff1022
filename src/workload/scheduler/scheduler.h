/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/component.h"

/*
 * A small kube-scheduler, for clusters that have none: pods of "default-scheduler" get a node that
 * fits (decide.h), their claims of class mode WaitForFirstConsumer a volume there or a
 * provisioner's promise of one, and then the pod is bound. It writes what kube-scheduler writes:
 * claimRef of volumes, volume.kubernetes.io/selected-node of claims, pods/binding, the condition
 * PodScheduled, and the events Scheduled and FailedScheduling.
 *
 * Options: struct scheduler_options, NULL = all defaults.
 */
struct scheduler_options {
    ol_time bind_timeout; /* for claims to become bound; 0 = 10 min */
};

extern const struct kube_component scheduler_component; /* "scheduler" */
