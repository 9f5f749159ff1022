/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "kube/base/types.h"

/*
 * Kubernetes' access modes as CSI's (csi-lib-utils accessmodes). The numbers are those of
 * csi.v1.VolumeCapability.AccessMode.Mode.
 */
enum csi_access_mode {
    CSI_ACCESS_UNKNOWN = 0,
    CSI_ACCESS_SINGLE_NODE_WRITER = 1,
    CSI_ACCESS_MULTI_NODE_READER_ONLY = 3,
    CSI_ACCESS_MULTI_NODE_MULTI_WRITER = 5,
    CSI_ACCESS_SINGLE_NODE_SINGLE_WRITER = 6,
    CSI_ACCESS_SINGLE_NODE_MULTI_WRITER = 7,
};

/* One CSI mode for a set of modes, as attaching needs it; for a single mode as provisioning does.
 * -EINVAL for sets that CSI can't say: ReadOnlyMany beside ReadWriteOnce, ReadWriteOncePod beside
 * anything, none at all. 'knows_single_multi': the driver has SINGLE_NODE_MULTI_WRITER. */
int csi_access_of(unsigned modes, bool knows_single_multi, enum csi_access_mode *ret,
                  struct ol_err *err) __attribute__((warn_unused_result));
