/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/rpc/rpc.h"

/* What every service of nova serves beside its own (nova/baserpc.py 1.1, namespace "baseapi"):
 * ping, which gives back its argument, and get_backdoor_port, which is null: there is no
 * backdoor. */
extern const struct rpc_endpoint baseapi_endpoint;
