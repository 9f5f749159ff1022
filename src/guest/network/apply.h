/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "guest/base/guest.h"

/* Bits of the flags of net_apply() */
enum net_apply_flag {
    NET_APPLY_BRING_UP = 1 << 0, /* also have the interfaces configured now */
};

/*
 * Finds the network configuration, names the interfaces, writes the renderer's files and, when
 * asked to, has them take effect. All of it on a new instance, without a datasource, and on boots
 * for which an event asks (updates: network: when); else only the names are seen to.
 *
 * With the event "boot" or "boot-legacy" the datasource is asked again and g->ds.doc may be another
 * one afterwards. Files of an earlier instance, of whatever renderer, are removed.
 * cloud-init 26.2 stages.Init.apply_network_config().
 *
 *   -EINVAL  the configuration makes no sense, or names a MAC that the machine lacks
 *   -errno   a file cannot be written
 */
int net_apply(struct guest *g, unsigned flags, struct ol_err *err)
    __attribute__((warn_unused_result));
