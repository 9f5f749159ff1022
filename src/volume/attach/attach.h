/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "kube/client/component.h"
#include "volume/attach/world.h"

/*
 * The attach/detach controller as a component: pods that have a node get their volumes attached
 * there, by a VolumeAttachment for CSI, and volumes that nobody wants any more are taken away.
 * Drop-in for kube-controller-manager's "persistentvolume-attach-detach-controller" (alias
 * "attachdetach").
 *
 * Options: struct attach_options, of which the callbacks are the component's own; NULL = defaults.
 */
extern const struct kube_component attach_component; /* "attachdetach" */

/* Prometheus text. */
void attach_write_metrics(void *state, struct ol_buf *to);
