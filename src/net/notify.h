/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"

/* Tells the service manager "READY=1", "STOPPING=1", "WATCHDOG=1" … by sd_notify's protocol; does
 * nothing when $NOTIFY_SOCKET names none. A failure is logged. */
void ol_notify(struct ol_env *env, const char *state);
