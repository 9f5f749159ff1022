/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/conductor/conductor.h"

/*
 * The side of conductor_local() that is no call of nova's objects: what a command line shows. All
 * of it only reads, and may be asked while an agent in another process writes.
 */

/* Opens a database that is there. Every call that would write fails with -EROFS. -ENOENT: there is
 * none yet. */
int conductor_local_reader(struct ol_env *env, const char *path, const struct nova_release *r,
                           struct conductor **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

enum local_show {
    LOCAL_SHOW_SERVICES,  /* ServiceList */
    LOCAL_SHOW_NODES,     /* ComputeNodeList */
    LOCAL_SHOW_INSTANCES, /* InstanceList with flavor, info_cache and fault, without deleted ones */
    LOCAL_SHOW_ACTIONS,   /* InstanceActionList of the instance 'of', newest first */
    LOCAL_SHOW_EVENTS,    /* InstanceActionEventList of the action whose id is 'of' */
};
/* Any conductor can be asked. 'of' is NULL for the first three. */
int conductor_show(struct conductor *c, enum local_show what, const char *of, struct ol_arena *a,
                   struct nova_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
