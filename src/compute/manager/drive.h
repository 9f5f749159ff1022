/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager-internal.h"

/* The config drive of an instance: whether it gets one, and its file DIRECTORY/disk.config. */
bool drive_is_wanted(const struct work *w);
/* With what the message brought (password, files) and the VIFs. */
int drive_make(struct work *w, const struct ol_val *network_info, struct ol_err *err)
    __attribute__((warn_unused_result));
