/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pod/decide.h"

#include <string.h>

static bool is_policy(const struct pod_view *v, const char *policy)
{
    const char *has = v->pod->spec.restart_policy;

    return !strcmp(has && *has ? has : "Always", policy);
}

static bool is_sidecar(const struct pod_container *c)
{
    const char *policy = c->spec->restart_policy;

    return c->is_init && policy && !strcmp(policy, "Always");
}

static bool starts_again(const struct pod_view *v, const struct pod_container *c)
{
    if (is_sidecar(c))
        return true;
    if (is_policy(v, "Never"))
        return false;
    return c->exit_code != 0 || (is_policy(v, "Always") && !c->is_init);
}

static struct pod_step step(enum pod_verb verb, size_t container)
{
    return (struct pod_step){.verb = verb, .container = container};
}

static struct pod_step wait_until(ol_time when)
{
    return (struct pod_step){.verb = POD_WAIT, .again = when};
}

/* What a container needs before it can be started, one thing after the other. */
static struct pod_step bring(const struct pod_view *v, size_t i, ol_time now)
{
    const struct pod_container *c = &v->c[i];
    ol_time when = c->not_before;

    if (c->state == POD_EXITED && c->delay && c->finished + c->delay > when)
        when = c->finished + c->delay;
    if (v->sandbox == POD_SANDBOX_DEAD)
        return step(POD_REMOVE_SANDBOX, 0);
    if (when > now)
        return wait_until(when);
    if (v->sandbox == POD_SANDBOX_NONE)
        return step(POD_RUN_SANDBOX, 0);
    return step(c->is_image_here ? POD_START : POD_GET_IMAGE, i);
}

static bool needs_start(const struct pod_view *v, const struct pod_container *c)
{
    return c->state == POD_NONE || c->state == POD_CREATED
           || (c->state == POD_EXITED && starts_again(v, c));
}

/* The init container that has to do something before anything else may; -1 = none. Once a
 * container of the pod itself has run, the others are not looked at again. */
static int open_init(const struct pod_view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        if (!v->c[i].is_init && v->c[i].state != POD_NONE)
            return -1;
    }
    for (size_t i = 0; i < v->n && v->c[i].is_init; i++) {
        const struct pod_container *c = &v->c[i];

        if (is_sidecar(c) ? c->state != POD_RUNNING : c->state != POD_EXITED || c->exit_code != 0)
            return (int)i;
    }
    return -1;
}

static bool has_failed_init(const struct pod_view *v)
{
    int i = open_init(v);

    return i >= 0 && v->c[i].state == POD_EXITED && !starts_again(v, &v->c[i]);
}

bool pod_is_over(const struct pod_view *v)
{
    if (kube_pod_is_terminated(v->pod) || v->is_overdue || has_failed_init(v))
        return true;
    for (size_t i = 0; i < v->n; i++) {
        if (!v->c[i].is_init && (v->c[i].state != POD_EXITED || starts_again(v, &v->c[i])))
            return false;
    }
    return v->n > 0;
}

/* 0 = none */
static ol_time deadline_of(const struct kube_pod *pod)
{
    if (pod->spec.active_deadline_seconds < 0 || !pod->status.started)
        return 0;
    return pod->status.started + pod->spec.active_deadline_seconds * OL_SECOND;
}

bool pod_is_late(const struct pod_view *v, ol_time now)
{
    ol_time deadline = deadline_of(v->pod);

    return deadline && deadline <= now && !pod_is_over(v);
}

static struct pod_step go_on(const struct pod_view *v, ol_time now)
{
    struct pod_step first = wait_until(0);
    int init = open_init(v);

    if (!v->has_runtime || !v->has_volumes)
        return first;
    if (init >= 0)
        return needs_start(v, &v->c[init]) ? bring(v, (size_t)init, now) : first;
    for (size_t i = 0; i < v->n; i++) {
        struct pod_step s;

        if (!needs_start(v, &v->c[i]) || (v->c[i].is_init && !is_sidecar(&v->c[i])))
            continue;
        s = bring(v, i, now);
        if (s.verb != POD_WAIT)
            return s;
        if (!first.again || s.again < first.again)
            first.again = s.again;
    }
    return first;
}

/* Containers, sandbox, volumes, API object: in this order. */
static struct pod_step finish(const struct pod_view *v, bool is_deleted)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->c[i].state == POD_RUNNING || v->c[i].state == POD_CREATED)
            return step(POD_STOP, 0);
    }
    if (v->sandbox == POD_SANDBOX_READY)
        return step(POD_STOP_SANDBOX, 0);
    if (is_deleted && v->sandbox == POD_SANDBOX_DEAD)
        return step(POD_REMOVE_SANDBOX, 0);
    if (!v->is_released)
        return step(POD_RELEASE, 0);
    if (!is_deleted || !v->lost_volumes)
        return wait_until(0);
    if (v->is_gone)
        return step(POD_FORGET, 0);
    return v->is_delete_sent ? wait_until(0) : step(POD_DELETE, 0);
}

struct pod_step pod_decide(const struct pod_view *v, ol_time now)
{
    bool is_deleted = v->is_gone || v->pod->o.meta.deleted;
    ol_time deadline = deadline_of(v->pod);
    struct pod_step s;

    if (is_deleted || pod_is_over(v))
        return finish(v, is_deleted);
    s = go_on(v, now);
    if (s.verb == POD_WAIT && deadline && (!s.again || deadline < s.again))
        s.again = deadline;
    return s;
}

/* Of the containers proper. */
struct count {
    size_t unstarted, running, failed;
};

static void count(const struct pod_view *v, const struct pod_container *c, struct count *to)
{
    switch (c->state) {
    case POD_NONE:
    case POD_CREATED:
        to->unstarted += !c->attempt;
        to->running += c->attempt != 0;
        break;
    case POD_RUNNING: to->running++; break;
    case POD_EXITED:
        to->running += starts_again(v, c);
        to->failed += c->exit_code != 0;
        break;
    }
}

static bool has_running(const struct pod_view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->c[i].state == POD_RUNNING)
            return true;
    }
    return false;
}

const char *pod_phase(const struct pod_view *v)
{
    struct count n = {0};

    if (has_failed_init(v))
        return "Failed";
    if (kube_pod_is_terminated(v->pod))
        return v->pod->status.phase;
    if (v->is_overdue && !has_running(v))
        return "Failed";
    if (open_init(v) >= 0 || !v->n)
        return "Pending";
    for (size_t i = 0; i < v->n; i++) {
        if (!v->c[i].is_init)
            count(v, &v->c[i], &n);
    }
    if (n.unstarted)
        return "Pending";
    return n.running ? "Running" : n.failed ? "Failed" : "Succeeded";
}

ol_time pod_next_delay(ol_time delay)
{
    delay = delay ? 2 * delay : 10 * OL_SECOND;
    return delay < 300 * OL_SECOND ? delay : 300 * OL_SECOND;
}

const char *pod_pull_policy(const struct kube_container *c)
{
    const char *slash = strrchr(c->image, '/');
    const char *tag = strchr(slash ? slash : c->image, ':');

    if (c->pull_policy && *c->pull_policy)
        return c->pull_policy;
    if (strchr(c->image, '@') || (tag && strcmp(tag, ":latest") != 0))
        return "IfNotPresent";
    return "Always";
}
