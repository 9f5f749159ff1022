/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager-internal.h"

/* The config drive of an instance: whether it gets one, and its file DIRECTORY/disk.config. */
bool drive_is_wanted(const struct work *w);
/* With what the message brought (password, files), the mappings and the VIFs. */
int drive_make(struct work *w, const struct nova_object *mappings,
               const struct ol_val *network_info, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The same when its file is missing: passwords and injected files are not in it any more. */
int drive_need(struct work *w, const struct nova_object *mappings,
               const struct ol_val *network_info, struct ol_err *err)
    __attribute__((warn_unused_result));
