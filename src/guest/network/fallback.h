/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/network/nics.h"

/*
 * DHCP on the interface that most likely is connected, as a version 2 configuration matched by MAC;
 * NULL when the machine has none. Of those with carrier, then of those that may get one: eth0, else
 * the first in natural order. Pure. cloud-init 26.2 net.generate_fallback_config().
 */
struct ol_val *net_fallback_config(const struct nics *nics, struct ol_arena *a);

/* The name of that interface; NULL when there is none. */
const char *net_fallback_nic(const struct nics *nics);
