/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "guest/base/guest.h"

/* updates: network: when names the event ("boot", "boot-legacy", "hotplug"); without that only
 * "boot-new-instance" is on. cloud-init 26.2 stages.update_event_enabled(). */
bool net_event_is_enabled(struct guest *g, const char *event);

/* True when the event is on and the datasource, asked again, still has data; g->ds.doc is the new
 * document then. */
bool net_event_refreshes(struct guest *g, const char *event);
