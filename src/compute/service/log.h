/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/config/config.h"
#include "core/env.h"

/*
 * Where the program's log lines go, as oslo.log does it: a file (opened anew after it was moved
 * away), standard error, syslog, the journal; standard output when none of these is asked for.
 */
struct service_log;

/* Opens what the options ask for and adds itself to 'log'. -EINVAL an unknown facility; -errno the
 * file can't be opened. 'c' and 'env' must outlive it. */
int service_log_open(struct ol_env *env, const struct compute_config *c, const char *program,
                     struct ol_log *log, struct service_log **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* After HUP: takes the level of 'debug' again. */
void service_log_refresh(struct service_log *l);
void service_log_close(struct service_log *l);
