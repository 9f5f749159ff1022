/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/config/config.h"

/* [remote_debug] host and port, which made nova connect to a debugger before it started: stops here
 * until a debugger has attached to this process or SIGCONT comes, and says so in the log. Returns
 * at once when one of them is not set. */
void debugger_wait(struct ol_env *env, const struct compute_config *c);
