/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/* Sentences that cloud-init's users know and look for. */

/*
 * Logs that something of the configuration is old (lifecycle.deprecate()): 'what' begins the
 * sentence, 'major'.'minor' is the version that deprecated it (it goes five majors later), and
 * 'instead' is a sentence with the remedy.
 */
void guest_deprecated(const struct guest *g, const char *what, int major, int minor,
                      const char *instead);

/* "Thu, 01 Jan 1970 00:00:00 +0000": now in UTC (util.time_rfc2822()). In the arena. */
const char *guest_timestamp(const struct guest *g);

/* "# Created by cloud-init v. 26.2 on Thu, 01 Jan 1970 00:00:00 +0000" without newline, into the
 * arena; 'verb' is "Created" or "Added" (util.make_header()). */
const char *guest_header(const struct guest *g, const char *verb);
