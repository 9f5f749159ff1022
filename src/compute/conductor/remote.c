/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/conductor/conductor.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/* nova/conductor/rpcapi.py: objects are asked with 3.0, ping belongs to baseapi 1.0. */
static const struct rpc_target objects = {.topic = "conductor", .version = "3.0"};

struct remote {
    struct conductor base;
    struct rpc *rpc;
};

static struct rpc *rpc_of(struct conductor *c)
{
    return ((struct remote *)c)->rpc;
}

static int ping(struct conductor *c, ol_time timeout, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct rpc_target to = {
        .topic = "conductor", .space = "baseapi", .version = "1.0", .timeout = timeout};
    const struct nova_context ctx = nova_context_admin(&a, c->env);
    struct ol_val *args = ol_val_new_map(&a);
    const struct rpc_message m = {"ping", args};
    const struct ol_val *answer;

    ol_val_set_str(&a, args, "arg", "1.21 GigaWatts");
    return rpc_call(rpc_of(c), &to, &ctx, &m, &a, &answer, err);
}

/* The message's own values may be shared: it is only read. */
static struct ol_val *or_empty(struct ol_arena *a, const struct ol_val *v, bool is_map)
{
    if (v)
        return (struct ol_val *)v;
    return is_map ? ol_val_new_map(a) : ol_val_new_list(a);
}

/*
 * A question that nobody answered in time was most often never read: it leaves the queue when its
 * time is over. So what can be asked twice is asked again, and work that is under way outlives a
 * conductor that starts anew. Reports of the service are not: each has its own time and its own
 * words for a conductor that is away.
 */
enum { TRIES = 3 };

static bool may_repeat(const char *class, const char *method)
{
    return strcmp(class, "Service") != 0 && strcmp(method, "create") != 0
           && strcmp(method, "action_start") != 0;
}

/* True when it is to be asked again. */
static bool is_lost(struct conductor *c, const char *class, const char *method, int n_tries,
                    const struct ol_err *why)
{
    if (n_tries >= TRIES || !nova_is(why, NOVA_MESSAGING_TIMEOUT) || !may_repeat(class, method))
        return false;
    ol_warn(c->env, "No answer of the conductor to %s.%s in time: it is asked again", class,
            method);
    return true;
}

/* If it was done all the same, the state is the one that we set. */
static void expect_own_state(struct ol_arena *a, struct ol_val *args, const struct nova_object *o)
{
    struct ol_val *kwargs = ol_val_copy(a, ol_val_get(args, "kwargs"));
    struct ol_val *expected = ol_val_get_mut(kwargs, "expected_task_state");
    const char *own;

    if (!ol_val_is(expected, OL_VAL_LIST) || !nova_is_changed(o, "task_state"))
        return;
    own = nova_str(o, "task_state");
    ol_val_append(a, expected, own ? ol_val_new_str(a, own) : ol_val_new_null(a));
    ol_val_set(a, args, "kwargs", kwargs);
}

static int ask_object(struct conductor *c, const struct nova_context *ctx,
                      const struct nova_object *o, struct ol_val *args, struct ol_arena *a,
                      const struct ol_val **ret, struct ol_err *err)
{
    const char *method = ol_val_str(ol_val_get(args, "objmethod"));
    const struct rpc_message m = {"object_action", args};
    struct ol_err why = OL_ERR_INIT;
    int r, n = 0;

    do {
        if (n == 1)
            expect_own_state(a, args, o);
        why = OL_ERR_INIT;
        r = rpc_call(rpc_of(c), &objects, ctx, &m, a, ret, &why);
    } while (r < 0 && is_lost(c, o->class->name, method, ++n, &why));
    if (r < 0 && err)
        *err = why;
    return r;
}

static int object_action(struct conductor *c, const struct nova_context *ctx,
                         const struct nova_object *o, const char *method,
                         const struct ol_val *kwargs, struct ol_arena *a,
                         const struct ol_val **ret_updates, const struct ol_val **ret,
                         struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(a);
    const struct ol_val *answer = NULL;
    int r;

    ol_val_set(a, args, "objinst", nova_object_dump(o));
    ol_val_set_str(a, args, "objmethod", method);
    ol_val_set(a, args, "args", ol_val_new_list(a));
    ol_val_set(a, args, "kwargs", or_empty(a, kwargs, true));
    r = ask_object(c, ctx, o, args, a, &answer, err);
    if (r < 0)
        return r;
    if (!ol_val_is(answer, OL_VAL_LIST) || ol_val_count(answer) != 2)
        return ol_err_set(err, EPROTO, "%s.%s: the conductor's answer is no pair", o->class->name,
                          method);
    *ret_updates = ol_val_item(answer, 0);
    *ret = ol_val_item(answer, 1);
    return 0;
}

static int class_action(struct conductor *c, const struct nova_context *ctx, const char *class,
                        const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                        struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *all = ol_val_new_map(a);
    const struct rpc_message m = {"object_class_action_versions", all};
    struct ol_err why = OL_ERR_INIT;
    int r, n = 0;

    ol_val_set_str(a, all, "objname", class);
    ol_val_set_str(a, all, "objmethod", method);
    ol_val_set(a, all, "object_versions", nova_manifest(a, c->release, class));
    ol_val_set(a, all, "args", or_empty(a, args, false));
    ol_val_set(a, all, "kwargs", or_empty(a, kwargs, true));
    do {
        why = OL_ERR_INIT;
        r = rpc_call(rpc_of(c), &objects, ctx, &m, a, ret, &why);
    } while (r < 0 && is_lost(c, class, method, ++n, &why));
    if (r < 0 && err)
        *err = why;
    return r;
}

static int backport(struct conductor *c, const struct nova_context *ctx,
                    const struct ol_val *primitive, const struct ol_val *manifest,
                    struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(a);
    const struct rpc_message m = {"object_backport_versions", args};

    ol_val_set(a, args, "objinst", (struct ol_val *)primitive);
    ol_val_set(a, args, "object_versions", (struct ol_val *)manifest);
    return rpc_call(rpc_of(c), &objects, ctx, &m, a, ret, err);
}

static int cast(struct conductor *c, const struct nova_context *ctx, const struct rpc_target *to,
                const struct rpc_message *m, struct ol_err *err)
{
    return rpc_cast(rpc_of(c), to, ctx, m, err);
}

static void free_remote(struct conductor *c)
{
    free(c);
}

static const struct conductor_ops ops = {
    .ping = ping,
    .object_action = object_action,
    .class_action = class_action,
    .cast = cast,
    .backport = backport,
    .free = free_remote,
};

struct conductor *conductor_remote(struct ol_env *env, struct rpc *rpc,
                                   const struct nova_release *r)
{
    struct remote *c = ol_xcalloc(1, sizeof(*c));

    c->base = (struct conductor){.ops = &ops, .env = env, .release = r};
    c->rpc = rpc;
    return &c->base;
}
