/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/env.h"
#include "core/err.h"

/*
 * What is said about reports of our state (nova/servicegroup/drivers/db.py): one warning when the
 * conductor is lost, one line when it is back, an error each time that our row is gone. The service
 * goes on in every case. Pure but for the log.
 */
struct report_state {
    bool is_lost; /* nova's model_disconnected */
};

#define REPORT_FIRST (5 * OL_SECOND)

/* After a report: 'r' is what saving gave, with its exception in 'err'. */
void report_state_note(struct report_state *s, struct ol_env *env, const char *host, int r,
                       const struct ol_err *err);
