/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/conductor/local.h"
#include "compute/standalone/standalone.h"
#include "core/cleanup.h"

struct standalone {
    struct standalone_parts parts;
};

/* The methods. */
int standalone_create(struct rpc_request *q, struct ol_val **ret, struct ol_err *err);
int standalone_act(struct rpc_request *q, struct ol_val **ret, struct ol_err *err);
int standalone_list(struct rpc_request *q, struct ol_val **ret, struct ol_err *err);
int standalone_show(struct rpc_request *q, struct ol_val **ret, struct ol_err *err);
int standalone_console(struct rpc_request *q, struct ol_val **ret, struct ol_err *err);

/* The instance that the argument "instance" names, by uuid or by name. NOVA_INSTANCE_NOT_FOUND;
 * NOVA_VALUE when several have that name. */
int standalone_find(struct rpc_request *q, struct nova_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A row of what a user sees. */
struct ol_val *standalone_row(struct ol_arena *a, const struct nova_object *instance);
/* Notes the action (instance_actions), so that its events have something to belong to. */
int standalone_note_action(struct rpc_request *q, const char *uuid, const char *action,
                           struct ol_err *err) __attribute__((warn_unused_result));
/* Casts to the instance's host. */
int standalone_cast(struct rpc_request *q, const char *host, const char *method,
                    const struct ol_val *args, struct ol_err *err)
    __attribute__((warn_unused_result));
