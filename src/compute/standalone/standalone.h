/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/conductor/conductor.h"
#include "compute/config/config.h"
#include "compute/rpc/rpc.h"

/*
 * What a user asks of a machine that stands alone: the small part of nova-api's work that is needed
 * there. Served by the agent itself on the topic "orlop" beside its own; 'orlop instance …' is the
 * client. Everything else happens as in a whole OpenStack: rows in the conductor, casts to
 * compute.HOST.
 */
#define STANDALONE_TOPIC   "orlop"
#define STANDALONE_VERSION "1.0"

struct standalone_parts {
    struct ol_env *env;
    const struct compute_config *config;
    const struct nova_release *release;
    struct conductor *conductor; /* a local one */
    struct rpc *rpc;
};

struct standalone;
struct standalone *standalone_new(const struct standalone_parts *parts)
    __attribute__((warn_unused_result));
void standalone_free(struct standalone *s);
/* For rpc_serve(); 'service' there is the standalone. */
const struct rpc_endpoint *standalone_endpoints(size_t *ret_n);
