/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "kube/base/time.h"
#include "workload/scheduler/scheduler-internal.h"

enum { BODY_MAX = 128 << 10 };
#define TELL_AGAIN (60 * OL_SECOND) /* the same words */
#define HOLD_FIRST (1 * OL_SECOND)
#define HOLD_MOST  (10 * OL_SECOND)

/* What is told about pods without a node, and the condition that says so. */

struct report {
    const char *key; /* 'own_key'; first, for the table */
    char *own_key;
    struct scheduler *s;
    struct kube_request *request;
};

static void drop_report(struct report *r)
{
    ol_table_remove(&r->s->reports, r);
    free(r->own_key);
    free(r);
}

static void on_written(void *ctx, const struct kube_answer *a)
{
    struct report *r = ctx;
    struct scheduler *s = r->s;

    if (a->object)
        kube_informer_store(s->pods, a->object);
    else if (a->reason != KUBE_NOT_FOUND)
        ol_info(s->k->loop->env, "scheduler: condition of pod '%s': %s", r->key, a->message);
    drop_report(r);
}

static const struct kube_condition *condition_of(const struct kube_pod *pod)
{
    const struct kube_condition *c = pod->status.conditions.v;

    for (uint32_t i = 0; i < pod->status.conditions.n; i++)
        if (strcmp(c[i].type, "PodScheduled") == 0)
            return &c[i];
    return NULL;
}

static void write_condition(struct scheduler *s, const struct kube_pod *pod, const char *reason,
                            const char *message)
{
    const struct kube_condition *old = condition_of(pod);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_STRATEGIC,
                           .kind = &kube_pod_kind,
                           .ns = pod->o.meta.ns,
                           .name = pod->o.meta.name,
                           .subresource = "status"};
    char now[KUBE_TIME_SIZE];
    struct report *r;
    struct ol_jw w;

    if (old && strcmp(old->status, "False") == 0 && strcmp(old->reason, reason) == 0
        && strcmp(old->message, message) == 0)
        return;
    r = ol_xcalloc(1, sizeof(*r));
    r->own_key = kube_object_key(&pod->o);
    r->key = r->own_key;
    r->s = s;
    if (ol_table_find_str(&s->reports, r->key)) { /* the next round tells */
        free(r->own_key);
        free(r);
        return;
    }
    ol_table_put(&s->reports, r);
    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "uid", pod->o.meta.uid);
    ol_jw_end(&w);
    ol_jw_map(&w, "status");
    ol_jw_list(&w, "conditions");
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "type", "PodScheduled");
    ol_jw_str(&w, "status", "False");
    ol_jw_str(&w, "reason", reason);
    ol_jw_str(&w, "message", message);
    if (!old || strcmp(old->status, "False") != 0) {
        kube_time_format(ol_now_wall(s->k->loop->env), now);
        ol_jw_str(&w, "lastTransitionTime", now);
    }
    while (w.depth)
        ol_jw_end(&w);
    ask.body = body.data;
    ask.size = body.len;
    r->request = kube_send(s->k->client, &ask, on_written, r);
}

static struct parked *park(struct scheduler *s, const char *key)
{
    struct parked *p = ol_table_find_str(&s->parked, key);

    if (p)
        return p;
    p = ol_xcalloc(1, sizeof(*p));
    p->own_key = ol_xstrdup(key);
    p->key = p->own_key;
    ol_table_put(&s->parked, p);
    return p;
}

void scheduler_park(struct scheduler *s, const char *key)
{
    park(s, key);
}

void scheduler_hold(struct scheduler *s, const char *key)
{
    struct parked *p = park(s, key);

    p->delay = p->delay ? 2 * p->delay : HOLD_FIRST;
    if (p->delay > HOLD_MOST)
        p->delay = HOLD_MOST;
    p->not_before = ol_now_boot(s->k->loop->env) + p->delay;
}

ol_time scheduler_held(const struct scheduler *s, const char *key)
{
    const struct parked *p = ol_table_find_str(&s->parked, key);
    ol_time now = ol_now_boot(s->k->loop->env);

    return p && p->not_before > now ? p->not_before - now : 0;
}

void scheduler_unpark(struct scheduler *s, const char *key)
{
    struct parked *p = ol_table_find_str(&s->parked, key);

    if (!p)
        return;
    ol_table_remove(&s->parked, p);
    free(p->own_key);
    free(p->message);
    free(p);
}

void scheduler_report(struct scheduler *s, const struct kube_pod *pod, const char *reason,
                      const char *message)
{
    ol_autofree char *key = kube_object_key(&pod->o);
    struct parked *p = park(s, key);
    ol_time now = ol_now_boot(s->k->loop->env);

    write_condition(s, pod, reason, message);
    if (p->message && strcmp(p->message, message) == 0 && now - p->told < TELL_AGAIN)
        return;
    free(p->message);
    p->message = ol_xstrdup(message);
    p->told = now;
    kube_event_add(s->recorder, &pod->o, KUBE_WARNING, "FailedScheduling", "%s", message);
}

void scheduler_reports_done(struct scheduler *s)
{
    struct report *r;
    struct parked *p;
    size_t at = 0;

    while ((r = ol_table_each(&s->reports, &at))) {
        kube_cancel(r->request);
        free(r->own_key);
        free(r);
    }
    ol_table_done(&s->reports);
    at = 0;
    while ((p = ol_table_each(&s->parked, &at))) {
        free(p->own_key);
        free(p->message);
        free(p);
    }
    ol_table_done(&s->parked);
}
