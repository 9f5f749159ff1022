/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/scheduler/decide.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"
#include "kube/base/kind.h"
#include "workload/scheduler/decide-internal.h"

enum { REASON_MAX = 4096, MESSAGE_MAX = 64 << 10 };

void sched_decision_done(struct sched_decision *d)
{
    free(d->volumes);
    free(d->message);
    *d = (struct sched_decision){0};
}

void sched_refuse(struct sched_reasons *to, const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(REASON_MAX);
    va_list ap;

    va_start(ap, fmt);
    ol_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < to->n; i++)
        if (strcmp(to->v[i].text, b.data) == 0) {
            to->v[i].n++;
            return;
        }
    to->v = ol_xrealloc(to->v, to->n + 1, sizeof(*to->v));
    to->v[to->n++] = (struct sched_reason){ol_buf_take(&b), 1};
}

static void reasons_done(struct sched_reasons *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].text);
    free(r->v);
}

static void try_done(struct sched_try *t)
{
    sched_amounts_done(&t->requests);
    free(t->bound);
    free(t->delayed);
    free(t->volumes);
}

/* --- scores --- */

static int64_t share_free(const struct sched_try *t, const struct sched_node *n, const char *name)
{
    const struct ol_quantity *have = kube_resource_get(&n->node->status.allocatable, name);
    const struct ol_quantity *used = sched_amounts_get(&n->used, name);
    const struct ol_quantity *want = sched_amounts_get(&t->requests, name);
    int64_t all = have ? ol_quantity_milli(have) : 0, gone = 0;

    if (all <= 0)
        return 0;
    gone = (used ? ol_quantity_milli(used) : 0) + (want ? ol_quantity_milli(want) : 0);
    return gone >= all ? 0 : (int64_t)((double)(all - gone) * 100 / (double)all);
}

static int64_t preferred(const struct kube_pod *pod, const struct kube_node *node)
{
    const struct kube_preferred_term *terms = pod->spec.preferred_nodes.v;
    int64_t sum = 0;

    for (uint32_t i = 0; i < pod->spec.preferred_nodes.n; i++) {
        const struct kube_node_selector one = {.terms = {.v = terms[i].preference, .n = 1}};

        if (terms[i].preference && kube_node_matches(&one, node))
            sum += terms[i].weight;
    }
    return sum;
}

static int64_t soft_taints(const struct kube_pod *pod, const struct kube_node *node)
{
    const struct kube_taint *taints = node->taints.v;
    int64_t n = 0;

    for (uint32_t i = 0; i < node->taints.n; i++)
        n += strcmp(taints[i].effect, "PreferNoSchedule") == 0
             && !kube_is_tolerated(&pod->spec.tolerations, &taints[i]);
    return n;
}

/* Soft taints count most, then what the pod prefers, then free room, as with kube-scheduler's
 * weights; but not normalized over the nodes. */
int64_t sched_score(const struct sched_try *t, const struct sched_node *n)
{
    return (share_free(t, n, "cpu") + share_free(t, n, "memory")) / 2
           + 2 * preferred(t->pod, n->node) - 300 * soft_taints(t->pod, n->node);
}

/* --- the decision --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *message_of(size_t n_nodes, const char *problem, const struct sched_reasons *why)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MESSAGE_MAX);
    struct ol_strv lines = OL_STRV_INIT;
    ol_autofree char *all = NULL;

    if (!n_nodes)
        return ol_xstrdup("no nodes available to schedule pods");
    ol_buf_printf(&b, "0/%zu nodes are available:", n_nodes);
    for (size_t i = 0; i < why->n; i++)
        ol_strv_addf(&lines, "%u %s", why->v[i].n, why->v[i].text);
    if (lines.n)
        qsort(lines.v, lines.n, sizeof(*lines.v), by_text);
    all = ol_strv_join(&lines, ", ");
    ol_strv_done(&lines);
    ol_buf_printf(&b, " %s.", problem ? problem : all);
    return ol_buf_take(&b);
}

static bool passes(struct sched_try *t, const struct sched_node *n, struct sched_reasons *why)
{
    struct sched_reasons own = {0};
    bool is_good;

    for (const sched_filter_fn *f = sched_filters; *f && !own.n; f++)
        (*f)(t, n, &own);
    is_good = !own.n;
    for (size_t i = 0; i < own.n; i++)
        sched_refuse(why, "%s", own.v[i].text);
    reasons_done(&own);
    return is_good;
}

static bool is_better(int64_t score, const struct sched_node *n, int64_t best_score,
                      const struct sched_node *best)
{
    if (!best || score != best_score)
        return !best || score > best_score;
    if (n->n_pods != best->n_pods)
        return n->n_pods < best->n_pods;
    return strcmp(n->name, best->name) < 0;
}

static const struct sched_node *choose(struct sched_try *t, size_t *ret_n,
                                       struct sched_reasons *why)
{
    const struct sched_node *n, *best = NULL;
    int64_t best_score = 0;
    size_t at = 0;

    while ((n = t->w->view->each_node(t->w->self, &at))) {
        int64_t score;

        ++*ret_n;
        if (!passes(t, n, why))
            continue;
        score = sched_score(t, n);
        if (is_better(score, n, best_score, best)) {
            best = n;
            best_score = score;
        }
    }
    return best;
}

static size_t count_nodes(const struct sched_world *w)
{
    size_t at = 0, n = 0;

    while (w->view->each_node(w->self, &at))
        n++;
    return n;
}

void sched_decide(const struct sched_world *w, const struct kube_pod *pod,
                  struct sched_decision *ret)
{
    ol_auto(try_done) struct sched_try t = {.w = w, .pod = pod};
    ol_auto(reasons_done) struct sched_reasons why = {0};
    ol_autofree char *problem = NULL;
    size_t n_nodes = 0;

    *ret = (struct sched_decision){0};
    sched_pod_requests(pod, &t.requests);
    problem = sched_read_claims(&t);
    if (problem) {
        ret->message = message_of(count_nodes(w), problem, &why);
        return;
    }
    ret->node = choose(&t, &n_nodes, &why);
    if (!ret->node) {
        ret->message = message_of(n_nodes, NULL, &why);
        return;
    }
    /* The plan of the node that was looked at last may be another's. */
    sched_filter_volumes(&t, ret->node, &why);
    ret->volumes = ol_take_ptr(t.volumes);
    ret->n_volumes = t.n_volumes;
}
