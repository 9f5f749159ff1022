/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/jobs.h"

#include <errno.h>

#include "core/cleanup.h"

enum { MAX_JOBS = 16 };

struct guest_jobs {
    struct {
        struct guest_job job;
        struct ol_child *child;
    } items[MAX_JOBS];
    int n;
};

int guest_job_start(struct guest *g, const struct guest_job *job, const struct ol_spawn *spawn,
                    struct ol_err *err)
{
    struct ol_child *child = NULL;
    int r;

    if (!g->jobs)
        g->jobs = ol_arena_alloc(g->arena, sizeof(*g->jobs));
    if (g->jobs->n == MAX_JOBS)
        return ol_err_set(err, EAGAIN, "%s: %d jobs run already", job->name, MAX_JOBS);
    r = ol_spawn_start(g->env, spawn, &child, err);
    if (r < 0)
        return r;
    g->jobs->items[g->jobs->n].job = *job;
    g->jobs->items[g->jobs->n].child = child;
    g->jobs->n++;
    return 0;
}

static void await(struct guest *g, const struct guest_job *job, struct ol_child *child)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    struct ol_err err = OL_ERR_INIT;
    int r = ol_spawn_wait(g->env, child, &result, &err);

    if (r < 0)
        ol_warn(g->env, "%s: %s", job->name, ol_err_text(&err));
    job->done(g, job->ctx, r, &result);
}

void guest_jobs_await(struct guest *g)
{
    int n = g->jobs ? g->jobs->n : 0;

    for (int i = 0; i < n; i++)
        await(g, &g->jobs->items[i].job, g->jobs->items[i].child);
    if (g->jobs)
        g->jobs->n = 0;
}
