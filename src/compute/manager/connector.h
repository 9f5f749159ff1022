/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager-internal.h"

/*
 * os-brick's part: what this host tells cinder of itself, and how a connection_info becomes a path
 * that QEMU can open. Kinds of connection are rows of a table.
 */
/* {"host", "ip", "initiator", "multipath", "os_type", "platform", "uuid"}, in the arena. */
struct ol_val *connector_of(struct work *w);
/* *ret_path in the arena. NOVA_VOLUME_UNSUPPORTED with the kinds that there are. */
int connector_connect(struct work *w, const struct ol_val *info, const char **ret_path,
                      struct ol_err *err) __attribute__((warn_unused_result));
/* Done already is success. */
int connector_disconnect(struct work *w, const struct ol_val *info, struct ol_err *err)
    __attribute__((warn_unused_result));
