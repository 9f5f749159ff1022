/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"

/*
 * Who this host is to a cloud of 2023.1 and later: STATE/compute_id holds the UUID of its compute
 * node (nova/virt/node.py). It is written once and never changed: a host that loses it would
 * claim to be another one.
 */

/* -ENOENT there is no such file; -EINVAL it holds no UUID. */
int compute_id_read(struct ol_env *env, const char *state_path, char ret[37], struct ol_err *err)
    __attribute__((warn_unused_result));
/* Writes it (0644, durable). -EEXIST there is one. */
int compute_id_write(struct ol_env *env, const char *state_path, const char *uuid,
                     struct ol_err *err) __attribute__((warn_unused_result));

/* What a start does with it: 'file' is what was read (NULL = no file), 'node' the UUID of the
 * compute node that the cloud has of this host (NULL = none yet). */
enum compute_id_action {
    COMPUTE_ID_KEEP,     /* they agree, or the node is still to be made */
    COMPUTE_ID_ADOPT,    /* an upgrade: the node's UUID is written into the file */
    COMPUTE_ID_GENERATE, /* a new host: a new UUID is written */
    COMPUTE_ID_DISAGREE, /* the start fails */
};
enum compute_id_action compute_id_decide(const char *file, const char *node);
