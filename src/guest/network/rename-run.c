/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "guest/network/rename.h"

enum { BUSY_TRIES = 5 };

static const char *verb(enum rename_op op)
{
    switch (op) {
    case RENAME_DOWN: return "set link down";
    case RENAME_UP: return "set link up";
    case RENAME_NAME: break;
    }
    return "rename link";
}

static int run_step(struct ol_env *env, const struct rename_step *step,
                    const struct rename_ops *ops, void *ctx)
{
    int r = 0;

    for (int i = 0; i < BUSY_TRIES; i++) {
        if (i)
            env->clock->sleep(env->clock->ctx, 100 * OL_MS);
        if (!ol_change(env, verb(step->op), step->op == RENAME_NAME ? step->to : step->name))
            return 0;
        r = ops->run(ctx, step);
        if (r != -EBUSY)
            break;
    }
    return r;
}

/* Takes back the first n steps, the last one first; NULL or the step that could not be. */
static const struct rename_step *take_back(struct ol_env *env, const struct rename_plan *plan,
                                           size_t n, const struct rename_ops *ops, void *ctx)
{
    const struct rename_step *stuck = NULL;

    while (n--) {
        struct rename_step undo = net_rename_undo(&plan->steps[n]);

        if (run_step(env, &undo, ops, ctx) < 0 && !stuck)
            stuck = &plan->steps[n];
    }
    return stuck;
}

int net_rename_run(struct ol_env *env, const struct rename_plan *plan, const struct rename_ops *ops,
                   void *ctx, struct ol_err *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct rename_step *step = &plan->steps[i], *stuck;
        int r = run_step(env, step, ops, ctx);

        if (r >= 0)
            continue;
        stuck = take_back(env, plan, i, ops, ctx);
        if (stuck)
            return ol_err_set(err, -r, "%s %s%s%s: %s; and %s stays %s", verb(step->op), step->name,
                              step->to ? " to " : "", step->to ? step->to : "", strerror(-r),
                              stuck->name, stuck->to ? stuck->to : "as it is");
        return ol_err_set(err, -r, "%s %s%s%s: %s; all names are as before", verb(step->op),
                          step->name, step->to ? " to " : "", step->to ? step->to : "",
                          strerror(-r));
    }
    return 0;
}
