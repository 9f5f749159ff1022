/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/cloud/cloud-internal.h"

/*
 * Where a service is: endpoint_override, glance's api_servers in turns, what the user's request
 * context says (its URLs may have the user's project in them), the catalogue of our own token.
 */

/* The whole URL of a question as a heap string; 'number' counts tries of it, from 0. */
int cloud_url(struct cloud *c, const struct cloud_ask *q, unsigned number, char **ret,
              struct ol_err *err) __attribute__((warn_unused_result));
