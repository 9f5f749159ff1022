/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/component.h"
#include "volume/binder/rules.h"

/*
 * The PV controller as a component: claims and volumes are bound to each other, volumes are made
 * and removed, here or by asking an external provisioner. Drop-in for kube-controller-manager's
 * "persistentvolume-binder-controller".
 *
 * Options: struct binder_component_options, NULL = all defaults. Without plug-ins of the caller's
 * those of in-tree.h are used.
 */
struct binder_component_options {
    struct binder_options rules;
    unsigned n_workers; /* claims and volumes in hand at once; 0 = 256 */
    ol_time resync;     /* of all claims and volumes; 0 = 15 s */
};

extern const struct kube_component binder_component; /* "persistentvolume-binder" */

/* Prometheus text of the controller's metrics, as kube-controller-manager names them. */
void binder_write_metrics(void *state, struct ol_buf *to);
