/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"

/* What the services' answers have in common: pure. */

/* What a service says about a failure: each wraps its text in another way. NULL = nothing. */
const char *cloud_message(const struct ol_val *body);
