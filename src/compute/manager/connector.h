/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager-internal.h"

/*
 * os-brick's part: what this host tells cinder of itself, and how a connection_info (nova's form of
 * it) becomes what QEMU can open. Kinds of connection are rows of a table. Nothing of the host
 * stands for a volume: there is nothing to disconnect.
 */
/* {"host", "ip", "initiator", "multipath", "mountpoint", "os_type", "platform"}, in the arena.
 * 'device' is the mapping's name, or NULL. */
struct ol_val *connector_of(struct work *w, const char *device);
/* Pure: the disk's path, format, access and secrets, in the arena. NOVA_VOLUME_UNSUPPORTED with the
 * kinds that there are, NOVA_INVALID_VOLUME. */
int connector_disk(const struct work *w, const struct ol_val *info, struct virt_disk *d,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* The same, looking whether this host has what is named. */
int connector_check(struct work *w, const struct ol_val *info, struct ol_err *err)
    __attribute__((warn_unused_result));
