/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "compute/rpc/envelope.h"
#include "compute/rpc/rpc.h"

/* What a request asks for, and whether it was asked before. No I/O. */

/* True when who serves 'served' can be asked for 'wanted': the same major version, no higher minor
 * one, and no higher revision of the same (oslo.messaging _utils.py: version_is_compatible()). */
bool rpc_version_fits(const char *served, const char *wanted);

/* The method in the tables of a server. NOVA_UNSUPPORTED_VERSION: no endpoint of this namespace
 * serves the version; NOVA_NO_SUCH_METHOD: those that do have no such method. */
int rpc_dispatch(const struct rpc_server *s, const struct rpc_packet *p,
                 const struct rpc_method **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The last messages of a server by their _unique_id (DUP_MSG_CHECK_SIZE). */
enum { RPC_RECENT = 16, RPC_RECENT_ID = 64 };
struct rpc_recent {
    char ids[RPC_RECENT][RPC_RECENT_ID];
    unsigned next;
};
/* Remembers it; false: it is there already. NULL and ids that are too long are always new. */
bool rpc_recent_add(struct rpc_recent *r, const char *id);
