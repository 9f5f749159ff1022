/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/base/context.h"
#include "compute/object/object.h"
#include "compute/rpc/rpc.h"

/*
 * Where objects are loaded and saved: nova-conductor over RPC, or our own on SQLite for a machine
 * that stands alone. Which of them is a row of operations; what is asked is the same. All calls
 * block and may be made from any task thread.
 */
struct conductor;

struct conductor_ops {
    /* "1.21 GigaWatts" until it answers is the caller's business (service/); one try here. */
    int (*ping)(struct conductor *c, ol_time timeout, struct ol_err *err);
    /* objinst.METHOD(**kwargs): *ret_updates as nova_object_update() takes them; *ret the
     * result; both in 'a'. */
    int (*object_action)(struct conductor *c, const struct nova_context *ctx,
                         const struct nova_object *o, const char *method,
                         const struct ol_val *kwargs, struct ol_arena *a,
                         const struct ol_val **ret_updates, const struct ol_val **ret,
                         struct ol_err *err);
    /* CLASS.METHOD(*args, **kwargs) */
    int (*class_action)(struct conductor *c, const struct nova_context *ctx, const char *class,
                        const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                        struct ol_arena *a, const struct ol_val **ret, struct ol_err *err);
    /* Casts to others than conductor's object calls: compute_task.build_instances (reschedule), and
     * the scheduler's fanout. A conductor that stands alone does them itself or drops them. */
    int (*cast)(struct conductor *c, const struct nova_context *ctx, const struct rpc_target *to,
                const struct rpc_message *m, struct ol_err *err);
    /* An object of a version that we don't know as one that we do: its primitive with the versions
     * of our manifest. NULL = cannot: all objects are of this very release. */
    int (*backport)(struct conductor *c, const struct nova_context *ctx,
                    const struct ol_val *primitive, const struct ol_val *manifest,
                    struct ol_arena *a, const struct ol_val **ret, struct ol_err *err);
    void (*free)(struct conductor *c);
};

struct conductor {
    const struct conductor_ops *ops;
    struct ol_env *env;
    const struct nova_release *release;
    /* Who reads a fault may know all of it: paths, programs, errors of the host. */
    bool is_operators;
};

/* Over RPC. The rpc is borrowed. */
struct conductor *conductor_remote(struct ol_env *env, struct rpc *rpc,
                                   const struct nova_release *r)
    __attribute__((warn_unused_result));
/* On SQLite at 'path' (made when absent, 0600). */
int conductor_local(struct ol_env *env, const char *path, const struct nova_release *r,
                    struct conductor **ret, struct ol_err *err) __attribute__((warn_unused_result));
void conductor_free(struct conductor *c);

/* --- what the agent asks, by name. Objects are in 'a'. Errors: exceptions as nova raises them.
 * --- */

/* o.METHOD(**kwargs), and takes in what changed. kwargs may be NULL. */
int conductor_action(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                     const char *method, const struct ol_val *kwargs, struct ol_err *err)
    __attribute__((warn_unused_result));
int conductor_save(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* Instance.save() with expected_task_state: names, NULL-terminated, "" stands for None. 'expected'
 * NULL = whatever it is. NOVA_UNEXPECTED_TASK_STATE, NOVA_UNEXPECTED_DELETING. */
int conductor_save_instance(struct conductor *c, const struct nova_context *ctx,
                            struct nova_object *instance, const char *const *expected,
                            struct ol_err *err) __attribute__((warn_unused_result));
int conductor_create(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                     struct ol_err *err) __attribute__((warn_unused_result));
int conductor_destroy(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                      struct ol_err *err) __attribute__((warn_unused_result));
/* A class method whose result is an object (NULL when null). args and kwargs may be NULL. */
int conductor_get(struct conductor *c, const struct nova_context *ctx, const char *class,
                  const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                  struct ol_arena *a, struct nova_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A class method whose result is a plain value: Service.get_minimum_version. */
int conductor_value(struct conductor *c, const struct nova_context *ctx, const char *class,
                    const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                    struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* nova_object_load() of what came with a message; one of another major version is made ours by the
 * conductor. */
int conductor_load(struct conductor *c, const struct nova_context *ctx, struct ol_arena *a,
                   const struct ol_val *primitive, struct nova_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Instance.get_by_uuid with expected_attrs, NULL-terminated; NULL = none. */
int conductor_get_instance(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                           const char *const *attrs, struct ol_arena *a, struct nova_object **ret,
                           struct ol_err *err) __attribute__((warn_unused_result));
/* InstanceActionEvent.event_start and event_finish_with_failure; 'why' NULL = it succeeded. The
 * event that has not finished is found by request id; its host was told at its start. */
int conductor_event_start(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                          const char *event, const char *host, struct ol_err *err)
    __attribute__((warn_unused_result));
int conductor_event_finish(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                           const char *event, const char *host, const struct ol_err *why,
                           struct ol_err *err) __attribute__((warn_unused_result));
/* InstanceFault.create from a failure; a NovaException's sentence is shown to the user, other text
 * only as the class's name, as nova does. */
int conductor_fault(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                    const char *host, const struct ol_err *why, struct ol_err *err)
    __attribute__((warn_unused_result));
