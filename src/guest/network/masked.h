/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"

/* The configuration as Python shows a dict, with passwords and keys of wireless and tunnel
 * interfaces hidden: for the log. In the arena. Pure. */
const char *net_masked_repr(struct ol_arena *a, const struct ol_val *config);
