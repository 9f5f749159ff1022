/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/conductor/local.h"

#include <errno.h>
#include <string.h>

#include "compute/conductor/local-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"

static const struct local_method *const tables[] = {
    local_service_methods, local_node_methods,   local_instance_methods, local_save_methods,
    local_part_methods,    local_action_methods, local_device_methods,
};

static const struct local_method *find_method(const char *class, const char *name, unsigned kind)
{
    for (size_t t = 0; t < ol_count(tables); t++)
        for (const struct local_method *m = tables[t]; m->class; m++)
            if ((m->flags & LOCAL_OBJECT) == kind && !strcmp(m->class, class)
                && !strcmp(m->name, name))
                return m;
    return NULL;
}

/* A call is whole or not at all. */
static int run_locked(struct local_call *q)
{
    struct local *l = q->local;
    bool writes = q->method->flags & LOCAL_WRITES;
    int r;

    if (writes && l->is_reader)
        return ol_err_set(q->err, EROFS, "the database %s is only read here", l->path);
    if (writes)
        (void)!ol_change(l->base.env, "write", l->path); /* a dry run's is in memory */
    r = local_db_exec(l, writes ? "BEGIN IMMEDIATE" : "BEGIN", q->err);
    if (r < 0)
        return r;
    r = q->method->run(q);
    if (r == 0)
        r = local_db_exec(l, "COMMIT", q->err);
    if (r < 0)
        (void)local_db_exec(l, "ROLLBACK", NULL);
    return r;
}

static int run(struct local_call *q, const char *class, const char *name)
{
    int r;

    q->method = find_method(class, name, q->o ? LOCAL_OBJECT : 0);
    if (!q->method)
        return nova_fail(q->err, NOVA_NOT_IMPLEMENTED,
                         "%s.%s is not known to a conductor that stands alone", class, name);
    pthread_mutex_lock(&q->local->lock);
    r = run_locked(q);
    pthread_mutex_unlock(&q->local->lock);
    return r;
}

static int object_action(struct conductor *c, const struct nova_context *ctx,
                         const struct nova_object *o, const char *method,
                         const struct ol_val *kwargs, struct ol_arena *a,
                         const struct ol_val **ret_updates, const struct ol_val **ret,
                         struct ol_err *err)
{
    struct local_call q = {.local = (struct local *)c,
                           .ctx = ctx,
                           .a = a,
                           .kwargs = kwargs,
                           .o = o,
                           .updates = ol_val_new_map(a),
                           .err = err};
    int r = run(&q, o->class->name, method);

    if (r < 0)
        return r;
    *ret_updates = q.updates;
    *ret = q.result ? q.result : ol_val_new_null(a);
    return 0;
}

static int class_action(struct conductor *c, const struct nova_context *ctx, const char *class,
                        const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                        struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    struct local_call q = {
        .local = (struct local *)c, .ctx = ctx, .a = a, .args = args, .kwargs = kwargs, .err = err};
    int r = run(&q, class, method);

    if (r < 0)
        return r;
    *ret = q.result ? q.result : ol_val_new_null(a);
    return 0;
}

static int ping(struct conductor *c, ol_time timeout, struct ol_err *err)
{
    return 0;
}

/* There is no scheduler that wants to know of instances. To build elsewhere there is nowhere. */
static int cast(struct conductor *c, const struct nova_context *ctx, const struct rpc_target *to,
                const struct rpc_message *m, struct ol_err *err)
{
    if (to->topic && !strcmp(to->topic, "scheduler"))
        return 0;
    return nova_fail(err, NOVA_NOT_IMPLEMENTED,
                     "%s: a machine that stands alone has no other to ask", m->method);
}

static void free_local(struct conductor *c)
{
    struct local *l = (struct local *)c;

    sqlite3_close(l->db);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

static const struct conductor_ops ops = {
    .ping = ping,
    .object_action = object_action,
    .class_action = class_action,
    .cast = cast,
    .free = free_local,
};

static int open_local(struct local *l, struct ol_env *env, const char *path,
                      const struct nova_release *r, struct ol_err *err)
{
    l->base = (struct conductor){.ops = &ops, .env = env, .release = r, .is_operators = true};
    l->path = ol_xstrdup(path);
    pthread_mutex_init(&l->lock, NULL);
    return local_db_open(l, err);
}

int conductor_local(struct ol_env *env, const char *path, const struct nova_release *release,
                    struct conductor **ret, struct ol_err *err)
{
    struct local *l = ol_xcalloc(1, sizeof(*l));
    int r = open_local(l, env, path, release, err);

    if (r < 0)
        free_local(&l->base);
    else
        *ret = &l->base;
    return r;
}

int conductor_local_reader(struct ol_env *env, const char *path, const struct nova_release *release,
                           struct conductor **ret, struct ol_err *err)
{
    struct local *l = ol_xcalloc(1, sizeof(*l));
    int r;

    l->is_reader = true;
    r = open_local(l, env, path, release, err);
    if (r < 0)
        free_local(&l->base);
    else
        *ret = &l->base;
    return r;
}

int conductor_show(struct conductor *c, enum local_show what, const char *of, struct ol_arena *a,
                   struct nova_object **ret, struct ol_err *err)
{
    static const struct {
        const char *class, *method;
    } calls[] = {
        [LOCAL_SHOW_SERVICES] = {"ServiceList", "get_all"},
        [LOCAL_SHOW_NODES] = {"ComputeNodeList", "get_all"},
        [LOCAL_SHOW_INSTANCES] = {"InstanceList", "get_all"},
        [LOCAL_SHOW_ACTIONS] = {"InstanceActionList", "get_by_instance_uuid"},
        [LOCAL_SHOW_EVENTS] = {"InstanceActionEventList", "get_by_action"},
    };
    const struct nova_context ctx = nova_context_admin(a, c->env);
    struct ol_val *args = ol_val_new_list(a), *attrs = ol_val_new_list(a);
    int64_t id;

    if (what == LOCAL_SHOW_EVENTS) {
        if (!of || ol_parse_i64(of, 10, &id) < 0)
            return ol_err_set(err, EINVAL, "'%s' is no action's id", of ? of : "");
        ol_val_append(a, args, ol_val_new_int(a, id));
    } else if (what == LOCAL_SHOW_ACTIONS) {
        ol_val_append(a, args, ol_val_new_str(a, of ? of : ""));
    } else if (what == LOCAL_SHOW_INSTANCES) {
        ol_val_append(a, attrs, ol_val_new_str(a, "flavor"));
        ol_val_append(a, attrs, ol_val_new_str(a, "info_cache"));
        ol_val_append(a, attrs, ol_val_new_str(a, "fault"));
        ol_val_append(a, args, attrs);
    }
    return conductor_get(c, &ctx, calls[what].class, calls[what].method, args, NULL, a, ret, err);
}
