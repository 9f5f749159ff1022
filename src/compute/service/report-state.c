/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/report-state.h"

#include "compute/base/exception.h"

void report_state_note(struct report_state *s, struct ol_env *env, const char *host, int r,
                       const struct ol_err *err)
{
    if (r >= 0) {
        if (s->is_lost)
            ol_info(env, "Recovered from being unable to report status.");
        s->is_lost = false;
        return;
    }
    if (nova_is(err, NOVA_MESSAGING_TIMEOUT)) {
        if (!s->is_lost)
            ol_warn(env, "Lost connection to nova-conductor for reporting service status.");
    } else if (nova_is(err, NOVA_SERVICE_NOT_FOUND)) {
        ol_error(env,
                 "The services table record for the %s service on host %s is gone. You either need "
                 "to stop this service if it should be deleted or restart it to recreate the "
                 "record in the database.",
                 "nova-compute", host);
    } else {
        ol_error(env, "Unexpected error while reporting service status: %s", ol_err_text(err));
    }
    s->is_lost = true;
}
