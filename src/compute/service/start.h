/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/service/ops.h"

/*
 * The start in nova's order (nova/service.py of 26.2: Service.create, Service.start): wait for the
 * conductor; refuse beside computes that are too old; temporary directory; init_host; our row
 * found, made or brought to our version; the first look at resources; only then the queues, since
 * whoever sees the service asks it.
 *
 * Releases that know compute_id look for our row first, settle which compute node this host is, and
 * serve compute-alt too.
 */
int service_start(const struct service_setting *s, struct ol_err *err)
    __attribute__((warn_unused_result));

/* nova/conductor/api.py wait_until_ready(): 10 tries of 10 s, then of rpc_response_timeout, for
 * ever; a warning at each, one line when it answers at last. Fails for other causes than
 * silence. */
int service_wait_conductor(const struct service_setting *s, struct ol_err *err)
    __attribute__((warn_unused_result));
/* How long try number 'attempt' (from 1) waits. */
ol_time service_ping_timeout(const struct compute_config *c, unsigned attempt);
