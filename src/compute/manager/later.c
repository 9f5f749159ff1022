/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"
#include "core/alloc.h"

/*
 * Work on an instance that nobody asked for: what a periodic task or a machine's own change leads
 * to. It waits for its turn among the tasks of the instance and decides on the row as it is then; a
 * list that was read before may be old.
 */
struct later {
    struct manager *m;
    char uuid[37];
    const char *name;
    int (*run)(struct work *w, struct ol_err *err);
};

static void run_later(void *ctx)
{
    static const char *const attrs[] = {"info_cache", "metadata", "system_metadata", NULL};
    ol_autofree struct later *l = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(log_context_unbind) struct log_binding bound;
    struct nova_context admin = nova_context_admin(&a, l->m->env);
    struct nova_object *instance;
    struct ol_err err = OL_ERR_INIT;
    int r;

    log_context_bind(&bound, &admin, l->uuid);
    r = conductor_get_instance(l->m->conductor, &admin, l->uuid, attrs, &a, &instance, &err);
    if (r >= 0) {
        struct work w = instance_work(l->m, &a, instance);

        r = l->run(&w, &err);
    }
    if (r < 0 && !nova_is(&err, NOVA_INSTANCE_NOT_FOUND))
        ol_warn(l->m->env, "%s: %s", l->name, ol_err_text(&err));
}

void instance_later(struct manager *m, const char *uuid, const char *name,
                    int (*run)(struct work *w, struct ol_err *err))
{
    struct later *l = ol_xcalloc(1, sizeof(*l));

    l->m = m;
    l->name = name;
    l->run = run;
    strncat(l->uuid, uuid, sizeof(l->uuid) - 1);
    task_pool_add(
        m->parts.pool,
        &(struct task){.name = name, .key = l->uuid, .run = run_later, .drop = free, .ctx = l});
}
