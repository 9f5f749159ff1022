/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/network/network.h"
#include "guest/network/nics.h"

/* "netplan info"'s features, NULL-terminated; NULL when the tool says nothing. In the arena. */
const char *const *net_netplan_features(struct guest *g);

/* After netplan's file is written: its generator, when something changed, and udev's link files.
 * Failures are warned about. cloud-init 26.2 net/netplan.py (postcmds). */
void net_netplan_refresh(struct guest *g, const struct nics *nics, bool is_changed);

/*
 * Has the written configuration take effect by the tool of the first available activator (ifup,
 * netplan apply, a restart of networkd). Failures are warned about. cloud-init 26.2
 * net/activators.py.
 */
void net_bring_up(struct guest *g, const struct ol_val *config);
