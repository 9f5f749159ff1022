/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "kube/base/time.h"
#include "workload/pod/decide.h"

/* A pod's status as users see it. */

static void put_time(struct ol_jw *w, const char *key, ol_time t)
{
    char text[KUBE_TIME_SIZE];

    if (!t)
        return;
    kube_time_format(t, text);
    ol_jw_str(w, key, text);
}

static void put_id(struct ol_jw *w, const struct pod_container *c)
{
    char text[256];

    if (!c->id)
        return;
    snprintf(text, sizeof(text), "containerd://%s", c->id);
    ol_jw_str(w, "containerID", text);
}

static void put_terminated(struct ol_jw *w, const struct pod_container *c)
{
    const char *reason = c->reason && *c->reason ? c->reason : c->exit_code ? "Error" : "Completed";

    ol_jw_map(w, "terminated");
    ol_jw_int(w, "exitCode", c->exit_code);
    ol_jw_str(w, "reason", reason);
    put_time(w, "startedAt", c->started);
    put_time(w, "finishedAt", c->finished);
    put_id(w, c);
    ol_jw_end(w);
}

static bool is_ending(const struct pod_view *v)
{
    return v->pod->o.meta.deleted || pod_is_over(v);
}

/* Reasons of containers that were never begun. */
static const char *waiting_of(const struct pod_view *v, const struct pod_container *c)
{
    if (c->waiting)
        return c->waiting;
    if (c->is_init)
        return "PodInitializing";
    for (size_t i = 0; i < v->n && v->c[i].is_init; i++) {
        if (v->c[i].state != POD_EXITED)
            return "PodInitializing";
    }
    return "ContainerCreating";
}

static void put_state(struct ol_jw *w, const struct pod_view *v, const struct pod_container *c)
{
    bool is_back_off = c->state == POD_EXITED && c->waiting && !is_ending(v);

    ol_jw_map(w, "state");
    if (c->state == POD_RUNNING) {
        ol_jw_map(w, "running");
        put_time(w, "startedAt", c->started);
        ol_jw_end(w);
    } else if (c->state == POD_EXITED && !is_back_off) {
        put_terminated(w, c);
    } else {
        ol_jw_map(w, "waiting");
        ol_jw_str(w, "reason", waiting_of(v, c));
        ol_jw_str(w, "message", c->waiting_text);
        ol_jw_end(w);
    }
    ol_jw_end(w);
    ol_jw_map(w, "lastState");
    if (is_back_off)
        put_terminated(w, c);
    ol_jw_end(w);
}

static void put_containers(struct ol_jw *w, const struct pod_view *v, bool want_init)
{
    ol_jw_list(w, want_init ? "initContainerStatuses" : "containerStatuses");
    for (size_t i = 0; i < v->n; i++) {
        const struct pod_container *c = &v->c[i];
        bool is_ready = want_init ? c->state == POD_EXITED && !c->exit_code
                                  : c->state == POD_RUNNING && !v->pod->o.meta.deleted;

        if (c->is_init != want_init)
            continue;
        ol_jw_map(w, NULL);
        ol_jw_str(w, "name", c->spec->name);
        put_state(w, v, c);
        ol_jw_bool(w, "ready", is_ready);
        ol_jw_bool(w, "started", c->state == POD_RUNNING);
        ol_jw_int(w, "restartCount", c->attempt);
        ol_jw_str(w, "image", c->spec->image);
        ol_jw_str(w, "imageID", c->image_id ? c->image_id : "");
        put_id(w, c);
        ol_jw_end(w);
    }
    ol_jw_end(w);
}

static void put_condition(struct ol_jw *w, const struct pod_view *v, const char *type, bool is_true,
                          const char *reason, const char *message, ol_time now)
{
    const struct kube_condition *c = v->pod->status.conditions.v;
    const char *status = is_true ? "True" : "False";
    ol_time since = now;

    for (uint32_t i = 0; i < v->pod->status.conditions.n; i++) {
        if (!strcmp(c[i].type, type) && !strcmp(c[i].status, status) && c[i].changed)
            since = c[i].changed;
    }
    ol_jw_map(w, NULL);
    ol_jw_str(w, "type", type);
    ol_jw_str(w, "status", status);
    if (is_true) {
        ol_jw_null(w, "reason");
        ol_jw_null(w, "message");
    } else {
        ol_jw_str(w, "reason", reason);
        ol_jw_str(w, "message", message);
    }
    ol_jw_null(w, "lastProbeTime");
    put_time(w, "lastTransitionTime", since);
    ol_jw_end(w);
}

static bool all_ready(const struct pod_view *v, struct ol_buf *unready)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++) {
        if (v->c[i].is_init || v->c[i].state == POD_RUNNING)
            continue;
        ol_buf_printf(unready, "%s%s", n++ ? " " : "", v->c[i].spec->name);
    }
    return !n && !v->pod->o.meta.deleted;
}

static bool is_initialized(const struct pod_view *v)
{
    for (size_t i = 0; i < v->n && v->c[i].is_init; i++) {
        if (v->c[i].state != POD_EXITED || v->c[i].exit_code)
            return v->c[i].state == POD_RUNNING && v->c[i].spec->restart_policy
                   && *v->c[i].spec->restart_policy;
    }
    return true;
}

static void put_conditions(struct ol_jw *w, const struct pod_view *v, ol_time now)
{
    ol_auto(ol_buf_done) struct ol_buf unready = OL_BUF_INIT(64 << 10);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    bool is_ready = all_ready(v, &unready), is_done = pod_is_over(v);
    const char *reason = is_done ? "PodCompleted" : "ContainersNotReady";

    if (!v->has_runtime && !is_ready) {
        reason = "NoContainerRuntime";
        ol_buf_adds(&text, "there is no container runtime on this node; its volumes are mounted, "
                           "its containers are not run");
    } else if (!is_done) {
        ol_buf_printf(&text, "containers with unready status: [%s]", unready.data);
    }
    ol_jw_list(w, "conditions");
    put_condition(w, v, "PodReadyToStartContainers", v->sandbox == POD_SANDBOX_READY, NULL, NULL,
                  now);
    put_condition(w, v, "Initialized", is_initialized(v), "ContainersNotInitialized", text.data,
                  now);
    put_condition(w, v, "Ready", is_ready, reason, text.data, now);
    put_condition(w, v, "ContainersReady", is_ready, reason, text.data, now);
    ol_jw_end(w);
}

static bool has_init(const struct pod_view *v)
{
    return v->n && v->c[0].is_init;
}

void pod_status(const struct pod_view *v, const char *address, ol_time now, struct ol_buf *to)
{
    bool has_address = v->sandbox == POD_SANDBOX_READY;
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    ol_jw_str(&w, "phase", pod_phase(v));
    if (v->is_overdue) {
        ol_jw_str(&w, "reason", "DeadlineExceeded");
        ol_jw_str(&w, "message", POD_LATE);
    }
    put_conditions(&w, v, now);
    ol_jw_str(&w, "hostIP", address);
    if (has_address) {
        ol_jw_str(&w, "podIP", address);
        ol_jw_list(&w, "podIPs");
        ol_jw_map(&w, NULL);
        ol_jw_str(&w, "ip", address);
        ol_jw_end(&w);
        ol_jw_end(&w);
    }
    put_time(&w, "startTime", v->pod->status.started ? v->pod->status.started : now);
    if (has_init(v))
        put_containers(&w, v, true);
    put_containers(&w, v, false);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
