/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/random.h>

#include "compute/base/log-context.h"
#include "compute/service/parts.h"
#include "compute/service/periodic.h"
#include "core/alloc.h"
#include "core/cleanup.h"

struct periodic_run {
    struct service_parts *parts;
    struct periodic periodic;
};

static double dice(void)
{
    uint32_t n = 0;

    if (getrandom(&n, sizeof(n), 0) != sizeof(n))
        return 0.5;
    return (double)n / 4294967296.0;
}

struct periodic_run *periodic_run_new(struct service_parts *p)
{
    struct periodic_run *r = ol_xcalloc(1, sizeof(*r));

    r->parts = p;
    for (const struct manager_periodic *row = manager_periodics; row->name; row++)
        if (!periodic_add(&r->periodic, row->spacing(p->config), row->is_immediate,
                          ol_now_boot(p->env)))
            ol_info(p->env, "Skipping periodic task %s because its interval is negative",
                    row->name);
    return r;
}

ol_time periodic_run_first(const struct compute_config *c)
{
    return periodic_first(c->periodic_fuzzy_delay, dice());
}

static void run_one(struct service_parts *p, const struct manager_periodic *row)
{
    struct ol_err err = OL_ERR_INIT;

    ol_debug(p->env, "Running periodic task ComputeManager.%s", row->name);
    if (row->run(p->manager, &err) < 0)
        ol_error(p->env, "Error during ComputeManager.%s: %s", row->name, ol_err_text(&err));
}

ol_time periodic_run_tick(void *run)
{
    struct periodic_run *r = run;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 10);
    struct nova_context context = nova_context_admin(&a, r->parts->env);
    ol_auto(log_context_unbind) struct log_binding bound;
    ol_time idle = PERIODIC_DEFAULT;

    log_context_bind(&bound, &context, NULL);
    for (size_t i = 0; i < r->periodic.n; i++)
        if (periodic_take(&r->periodic, i, ol_now_boot(r->parts->env), dice(), &idle))
            run_one(r->parts, &manager_periodics[i]);
    ol_alloc_trim(); /* what builds and the rounds have left */
    return idle;
}

void periodic_run_free(struct periodic_run *run)
{
    free(run);
}
