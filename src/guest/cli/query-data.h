/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/cli/cli.h"

/* What "query" and "devel render" have in common (cmd-query.c). */

/* The instance data to read: the option's, else the sensitive file for root where there is one,
 * else that for everybody; root is told when it gets the latter. In the arena. */
const char *query_data_path(struct guest *g, const struct cli_options *o);

/* Warns on stderr of the variables that were missing in the rendered text of 'name'. */
void query_warn_missing(const char *name, const char *rendered);
