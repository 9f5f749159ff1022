/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/exception.h"
#include "compute/service/start.h"

enum { EARLY_ATTEMPTS = 10 };

ol_time service_ping_timeout(const struct compute_config *c, unsigned attempt)
{
    return attempt <= EARLY_ATTEMPTS ? 10 * OL_SECOND : c->rpc_response_timeout;
}

int service_wait_conductor(const struct service_setting *s, struct ol_err *err)
{
    for (unsigned attempt = 1;; attempt++) {
        struct ol_err cause = OL_ERR_INIT;
        int r = s->ops->ping(s->ctx, service_ping_timeout(s->config, attempt), &cause);

        if (r >= 0) {
            if (attempt > 1)
                ol_info(s->env, "nova-conductor connection established successfully");
            return 0;
        }
        if (!nova_is(&cause, NOVA_MESSAGING_TIMEOUT)) {
            *err = cause;
            return r;
        }
        ol_warn(s->env, "Timed out waiting for nova-conductor.  Is it running? Or did this service "
                        "start before nova-conductor?  Reattempting establishment of "
                        "nova-conductor connection...");
    }
}
