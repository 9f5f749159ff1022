/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/*
 * Where the output of stages and their scripts goes: the configuration's
 * "output: {all|init|config|final: FORMAT | [out, err] | {output, error}}" with the formats
 * "> FILE", ">> FILE", "| COMMAND" and "&1" (cloud-init util.get_output_cfg, redirect_output).
 */
struct output_plan {
    const char *out, *err; /* "| tee -a /var/log/x", "> /file"; NULL = leave it */
};

/* What the configuration says for this mode ("init", "config", "final"); pure. Into 'a'. */
struct output_plan output_decide(struct ol_arena *a, const struct ol_val *cfg, const char *mode);

struct output;

/* Redirects stdout and stderr. NULL with err when a file or command cannot be had (they are then as
 * before), NULL without one when there is nothing to do. */
struct output *output_redirect(struct guest *g, const struct output_plan *plan, struct ol_err *err);
/* Puts stdout and stderr back; the commands see the end of their input, and take the last of it
 * while we go on. */
void output_close(struct guest *g, struct output *o);
/* The same, and lets the commands finish, for a moment at most. */
void output_restore(struct guest *g, struct output *o);

/* Standard input becomes /dev/null unless it is a terminal or $_CLOUD_INIT_SAVE_STDIN is set. */
void output_close_stdin(struct ol_env *env);
