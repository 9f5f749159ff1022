/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/csi/attacher.h"
#include "volume/csi/csi-work-internal.h"

/* The attacher's executor. */
struct attacher {
    const struct kube_context *k;
    const struct csi_options *o;
    struct csi_works works;
    struct kube_controller *attachments, *volumes, *lists; /* lists: keys are drivers' names */
    struct kube_informer *va_cache, *pv_cache, *csinode_cache;
    struct kube_index *va_by_pv, *va_by_node;
    struct ol_strv forced; /* names of attachments whose status the driver contradicts */
    struct ol_timer list_timer;
};

ol_time attacher_timeout(const struct attacher *a);
void attacher_sync(void *ctx, struct kube_task *task);
void attacher_sync_volume(void *ctx, struct kube_task *task);
/* ListVolumes against the statuses. */
void attacher_sync_list(void *ctx, struct kube_task *task);
