/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/kind-internal.h"

#define CELL(name) static void name(const struct kube_object *o, ol_time now, struct ol_buf *to)

/* What READY, STATUS and RESTARTS say of a pod: printPod() of kube-apiserver's printers. */
struct summary {
    char reason[300];
    int64_t restarts;
    ol_time last_restart; /* 0 = none that we know of */
    uint32_t n_ready, n_containers;
    bool is_initializing;
};

static void set_reason(struct summary *s, const char *prefix, const char *reason)
{
    snprintf(s->reason, sizeof(s->reason), "%s%.250s", prefix, reason);
}

static const struct kube_container_terminated *terminated_of(
    const struct kube_container_state *state)
{
    return state ? state->terminated : NULL;
}

static const char *waiting_reason(const struct kube_container_status *c)
{
    return c->state && c->state->waiting ? c->state->waiting->reason : "";
}

static void set_terminated(struct summary *s, const char *prefix,
                           const struct kube_container_terminated *t)
{
    if (*t->reason)
        set_reason(s, prefix, t->reason);
    else if (t->signal)
        snprintf(s->reason, sizeof(s->reason), "%sSignal:%lld", prefix, (long long)t->signal);
    else
        snprintf(s->reason, sizeof(s->reason), "%sExitCode:%lld", prefix, (long long)t->exit_code);
}

static void count_restarts(const struct kube_container_status *c, int64_t *restarts, ol_time *last)
{
    const struct kube_container_terminated *t = terminated_of(c->last_state);

    *restarts += c->restarts;
    if (t && t->finished > *last)
        *last = t->finished;
}

/* An init container that stays beside the others. */
static bool is_sidecar(const struct kube_pod *pod, const char *name)
{
    const struct kube_container *c = pod->spec.init_containers.v;

    for (uint32_t i = 0; i < pod->spec.init_containers.n; i++)
        if (!strcmp(c[i].name, name))
            return !strcmp(c[i].restart_policy, "Always");
    return false;
}

/* True when this init container is where the pod stands. */
static bool is_at(struct summary *s, const struct kube_pod *pod, uint32_t at)
{
    const struct kube_container_status *c =
        &((const struct kube_container_status *)pod->status.init_containers.v)[at];
    const struct kube_container_terminated *t = terminated_of(c->state);
    const char *waiting = waiting_reason(c);

    if (t && t->exit_code == 0)
        return false;
    if (is_sidecar(pod, c->name) && c->is_started) {
        s->n_ready += c->is_ready;
        return false;
    }
    if (t)
        set_terminated(s, "Init:", t);
    else if (*waiting && strcmp(waiting, "PodInitializing") != 0)
        set_reason(s, "Init:", waiting);
    else
        snprintf(s->reason, sizeof(s->reason), "Init:%u/%u", at, pod->spec.init_containers.n);
    return true;
}

struct restarts {
    int64_t n;
    ol_time last;
};

/* The restarts of sidecars alone go to *ret_sidecars. */
static void look_at_init(struct summary *s, const struct kube_pod *pod,
                         struct restarts *ret_sidecars)
{
    const struct kube_container_status *c = pod->status.init_containers.v;

    for (uint32_t i = 0; i < pod->status.init_containers.n && !s->is_initializing; i++) {
        count_restarts(&c[i], &s->restarts, &s->last_restart);
        if (is_sidecar(pod, c[i].name))
            count_restarts(&c[i], &ret_sidecars->n, &ret_sidecars->last);
        s->is_initializing = is_at(s, pod, i);
    }
}

/* A pod of which some containers are done and others not. */
static void settle_completed(struct summary *s, const struct kube_pod *pod, bool has_running,
                             const char *failure)
{
    if (has_running && kube_condition_is_true(&pod->status.conditions, "Ready"))
        set_reason(s, "", "Running");
    else if (*failure)
        set_reason(s, "", failure);
    else if (has_running)
        set_reason(s, "", "NotReady");
}

static void look_at_containers(struct summary *s, const struct kube_pod *pod)
{
    const struct kube_container_status *c = pod->status.containers.v;
    char failure[sizeof(s->reason)] = "";
    bool has_running = false;

    for (uint32_t i = pod->status.containers.n; i-- > 0;) {
        const struct kube_container_terminated *t = terminated_of(c[i].state);

        count_restarts(&c[i], &s->restarts, &s->last_restart);
        if (*waiting_reason(&c[i])) {
            set_reason(s, "", waiting_reason(&c[i]));
        } else if (t) {
            set_terminated(s, "", t);
            if (t->exit_code)
                memcpy(failure, s->reason, sizeof(failure));
        } else if (c[i].is_ready && c[i].state && c[i].state->running) {
            has_running = true;
            s->n_ready++;
        }
    }
    if (!strcmp(s->reason, "Completed"))
        settle_completed(s, pod, has_running, failure);
}

static void summarize(const struct kube_pod *pod, struct summary *s)
{
    const struct kube_condition *c = pod->status.conditions.v;
    const struct kube_container *init = pod->spec.init_containers.v;
    struct restarts sidecars = {0};

    *s = (struct summary){.n_containers = pod->spec.containers.n};
    set_reason(s, "", *pod->status.reason ? pod->status.reason : pod->status.phase);
    for (uint32_t i = 0; i < pod->status.conditions.n; i++)
        if (!strcmp(c[i].type, "PodScheduled") && !strcmp(c[i].reason, "SchedulingGated"))
            set_reason(s, "", "SchedulingGated");
    for (uint32_t i = 0; i < pod->spec.init_containers.n; i++)
        s->n_containers += !strcmp(init[i].restart_policy, "Always");
    look_at_init(s, pod, &sidecars);
    if (!s->is_initializing || kube_condition_is_true(&pod->status.conditions, "Initialized")) {
        s->restarts = sidecars.n;
        s->last_restart = sidecars.last;
        look_at_containers(s, pod);
    }
    if (pod->o.meta.deleted && !strcmp(pod->status.reason, "NodeLost"))
        set_reason(s, "", "Unknown");
    else if (pod->o.meta.deleted && !kube_pod_is_terminated(pod))
        set_reason(s, "", "Terminating");
}

CELL(pod_ready)
{
    struct summary s;

    summarize(kube_as_pod(o), &s);
    ol_buf_printf(to, "\"%u/%u\"", s.n_ready, s.n_containers);
}

CELL(pod_status)
{
    struct summary s;

    summarize(kube_as_pod(o), &s);
    kube_cell_str(to, s.reason);
}

CELL(pod_restarts)
{
    ol_auto(ol_buf_done) struct ol_buf since = OL_BUF_INIT(64);
    struct summary s;

    summarize(kube_as_pod(o), &s);
    if (s.restarts == 0 || s.last_restart == 0) {
        ol_buf_printf(to, "\"%lld\"", (long long)s.restarts);
        return;
    }
    kube_cell_since(&since, s.last_restart, now);
    /* Without its quotes. */
    ol_buf_printf(to, "\"%lld (%.*s ago)\"", (long long)s.restarts, (int)since.len - 2,
                  since.data + 1);
}

static void add_or_none(struct ol_buf *to, const char *s)
{
    kube_cell_str(to, *s ? s : "<none>");
}

CELL(pod_ip)
{
    add_or_none(to, kube_as_pod(o)->status.pod_ip);
}

CELL(pod_node)
{
    add_or_none(to, kube_as_pod(o)->spec.node);
}

CELL(pod_nominated)
{
    add_or_none(to, kube_as_pod(o)->status.nominated_node);
}

CELL(pod_gates)
{
    const struct kube_pod *pod = kube_as_pod(o);
    const struct kube_readiness_gate *gate = pod->spec.readiness_gates.v;
    unsigned n_true = 0;

    if (pod->spec.readiness_gates.n == 0) {
        kube_cell_str(to, "<none>");
        return;
    }
    for (uint32_t i = 0; i < pod->spec.readiness_gates.n; i++)
        n_true += kube_condition_is_true(&pod->status.conditions, gate[i].condition);
    ol_buf_printf(to, "\"%u/%u\"", n_true, pod->spec.readiness_gates.n);
}

const struct kube_column kube_pod_columns[] = {
    {"Name", "string", "name", 0, "Name of the object.", kube_cell_name},
    {"Ready", "string", "", 0, "How many containers are ready.", pod_ready},
    {"Status", "string", "", 0, "What its containers do, in one word.", pod_status},
    {"Restarts", "string", "", 0, "How often containers were started anew.", pod_restarts},
    {"Age", "string", "", 0, "Time since the object was made.", kube_cell_age},
    {"IP", "string", "", 1, "Its address.", pod_ip},
    {"Node", "string", "", 1, "Its node.", pod_node},
    {"Nominated Node", "string", "", 1, "The node where room is made for it.", pod_nominated},
    {"Readiness Gates", "string", "", 1, "How many of its gates are open.", pod_gates},
    {NULL},
};
