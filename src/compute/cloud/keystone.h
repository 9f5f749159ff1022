/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "compute/config/config.h"
#include "core/arena.h"
#include "core/buf.h"

/*
 * What is said to keystone (Identity API v3) and what its answer means; nothing here speaks to
 * anybody.
 */

/* POST /auth/tokens: by password, scoped to a project or the system; or by an application
 * credential, which has its scope. The buffer holds secrets afterwards. */
void keystone_body(const struct compute_auth *auth, struct ol_buf *ret);
/* "http://host:5000/v3/auth/tokens" out of auth_url with or without its version. */
void keystone_url(const struct compute_auth *auth, struct ol_buf *ret);

/* How long a token lives by its own two times, ns; 0 when they cannot be read. Whatever our clock
 * says does not count. */
ol_time keystone_lifetime(const struct ol_val *token);

struct catalog_query {
    const char *type;                 /* "placement" */
    const char *name;                 /* of the service; NULL = any */
    const char *region;               /* NULL = any */
    const struct ol_strv *interfaces; /* in order of preference; "publicURL" is "public" */
    const char *interface;            /* used when 'interfaces' is empty; NULL = internal, public */
};
/* The URL of an endpoint in a token's catalogue, or in the form of a request context
 * (service_catalog); NULL = there is none. Types have the aliases that clouds use for block
 * storage. Borrowed. */
const char *catalog_find(const struct ol_val *catalog, const struct catalog_query *q);
