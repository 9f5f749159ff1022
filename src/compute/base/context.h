/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/env.h"

/*
 * The request context (oslo.context's RequestContext as nova extends it): who asks, with which
 * token, under which request id. It is passed on with every message, as it came. A map of the keys
 * without their prefix "_context_"; what we don't know is kept.
 */
struct nova_context {
    struct ol_val *values; /* a map, in the arena that it was made with */
};

/* One of our own: is_admin, a new request id ("req-" + uuid), now as its timestamp, no token. */
struct nova_context nova_context_admin(struct ol_arena *a, struct ol_env *env);
/* The keys of an RPC message that start with "_context_". */
struct nova_context nova_context_load(struct ol_arena *a, const struct ol_val *message);
/* The same in another arena. */
struct nova_context nova_context_copy(struct ol_arena *a, const struct nova_context *c);
/* A copy with is_admin set and "admin" among the roles. */
struct nova_context nova_context_elevated(struct ol_arena *a, const struct nova_context *c);
/* Adds "_context_…" keys to a message. */
void nova_context_dump(const struct nova_context *c, struct ol_arena *a, struct ol_val *message);

/* "" when absent. */
const char *nova_context_request_id(const struct nova_context *c);
/* The user's token; NULL when there is none. Secret. */
const char *nova_context_token(const struct nova_context *c);

/* A random UUID (version 4) as text with dashes, or 32 hex digits without. */
void nova_uuid(char out[37]);
void nova_uuid_hex(char out[33]);
/* True for 36 characters of a UUID, in lower or upper case. */
bool nova_is_uuid(const char *s);
