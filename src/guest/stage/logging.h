/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/env.h"

/*
 * Where a stage's log lines go: /var/log/cloud-init.log in upstream's line format, warnings
 * also to stderr, and a record of them for status.json. Lines that come before the log file
 * is known are kept and written to it once it is.
 */
struct stage_log;

/* Becomes env->log. */
struct stage_log *stage_log_new(struct ol_env *env);
void stage_log_free(struct stage_log *l);

/* Opens the file that the configuration names (log_cfgs, else def_log_file, else
 * /var/log/cloud-init.log) and gives it mode and owner (syslog_fix_perms). When it cannot be
 * opened the lines go to stderr, so that a boot is never silent. */
void stage_log_open(struct stage_log *l, const struct ol_val *cfg);
/* Only to stderr from 'least' on: for commands that are not stages. */
void stage_log_to_stderr(struct stage_log *l, enum ol_log_level least);

/* {"WARNING": [message …], "DEPRECATED": […]} since the last call, into 'a'; then forgotten. */
struct ol_val *stage_log_take_errors(struct stage_log *l, struct ol_arena *a);

/* The log file's path as the configuration gives it; into 'a'. */
const char *stage_log_path(struct ol_arena *a, const struct ol_val *cfg);
