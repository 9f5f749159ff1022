/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "workload/pod/cri.h"
#include "workload/pod/runner-internal.h"

/*
 * What the runtime has, asked for once a second and at the start: sandboxes, containers, and the
 * exit codes of those that have ended since. A pod whose step is under way, or has ended after the
 * question was asked, keeps what that step has told.
 */

#define TIMEOUT (30 * OL_SECOND)
#define RELIST  (1 * OL_SECOND)

struct runner_list {
    struct runner *r;
    struct ol_strv ended; /* ids of containers whose end is asked for */
    size_t at;
};

static void list_end(struct runner *r, bool is_whole)
{
    struct runner_list *l = ol_take_ptr(r->list);

    if (l) {
        ol_strv_done(&l->ended);
        free(l);
    }
    if (is_whole && !r->was_listed) {
        r->was_listed = true;
        node_runner_is_ready(r->node);
    }
    ol_timer_set(&r->relist, RELIST);
    runner_wake(r);
}

void runner_list_free(struct runner *r)
{
    if (r->listing)
        ol_grpc_cancel(r->listing);
    r->listing = NULL;
    if (r->list) {
        ol_strv_done(&r->list->ended);
        free(r->list);
    }
    r->list = NULL;
}

/* Nobody answers. A socket that is not there means that there is no runtime; one that doesn't
 * answer may have containers all the same, and until that is known nothing of theirs is
 * unmounted. */
static void no_runtime(struct runner *r, const char *why)
{
    if (r->has_runtime)
        ol_warn(r->env, "the container runtime at %s doesn't answer: %s", r->socket, why);
    r->has_runtime = false;
    list_end(r, !ol_exists(r->env, r->socket));
}

static const char *label(size_t n, void *entries, const char *key)
{
    /* map<string, string> */
    struct {
        ProtobufCMessage base;
        char *key, *value;
    } **e = entries;

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(e[i]->key, key))
            return e[i]->value;
    }
    return "";
}

static struct pod_container *container_by_id(struct runner *r, const char *id,
                                             struct pod_run **ret_run)
{
    struct pod_run *p;
    size_t at = 0;

    while ((p = ol_table_each(&r->runs, &at))) {
        for (size_t i = 0; i < p->view.n; i++) {
            if (p->view.c[i].id && !strcmp(p->view.c[i].id, id)) {
                *ret_run = p;
                return &p->view.c[i];
            }
        }
    }
    return NULL;
}

/* --- exit codes --- */

bool runner_take_end(struct pod_container *c, const struct csi_reply *reply)
{
    const Runtime__V1__ContainerStatusResponse *a = (const void *)reply->message_body;

    if (reply->code != OL_GRPC_OK || !a->status
        || a->status->state != RUNTIME__V1__CONTAINER_STATE__CONTAINER_EXITED)
        return false;
    c->state = POD_EXITED;
    c->exit_code = a->status->exit_code;
    c->started = a->status->started_at;
    c->finished = a->status->finished_at;
    free(c->reason);
    c->reason = ol_xstrdup(a->status->reason);
    free(c->image_id);
    c->image_id = ol_xstrdup(a->status->image_ref);
    return true;
}

static void ask_next_end(struct runner *r);

static void got_end(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__ContainerStatusResponse *a = (const void *)reply->message_body;
    struct runner *r = ctx;
    struct pod_run *p = NULL;
    struct pod_container *c;

    r->listing = NULL;
    c = reply->code == OL_GRPC_OK && a->status ? container_by_id(r, a->status->id, &p) : NULL;
    if (c)
        (void)runner_take_end(c, reply);
    r->list->at++;
    ask_next_end(r);
}

static void ask_next_end(struct runner *r)
{
    Runtime__V1__ContainerStatusRequest q = RUNTIME__V1__CONTAINER_STATUS_REQUEST__INIT;

    if (r->list->at == r->list->ended.n) {
        list_end(r, true);
        return;
    }
    q.container_id = r->list->ended.v[r->list->at];
    r->listing = csi_call(r->channel, &cri_status, &q.base, TIMEOUT, got_end, r);
}

/* --- containers --- */

static struct pod_container *container_of(struct pod_run *p, const char *name)
{
    for (size_t i = 0; i < p->view.n; i++) {
        if (!strcmp(p->view.c[i].spec->name, name))
            return &p->view.c[i];
    }
    return NULL;
}

/* An attempt that is not known yet. */
static void take_attempt(struct pod_container *c, const Runtime__V1__Container *v)
{
    free(c->id);
    c->id = ol_xstrdup(v->id);
    c->attempt = v->metadata->attempt;
    c->created = c->started = v->created_at;
    c->state = POD_CREATED;
}

static void see_container(struct runner *r, const Runtime__V1__Container *v)
{
    struct pod_run *p = runner_find(r, label(v->n_labels, v->labels, "io.kubernetes.pod.uid"));
    struct pod_container *c =
        p && p->is_known && v->metadata ? container_of(p, v->metadata->name) : NULL;

    if (!c)
        return;
    if (c->state == POD_NONE || v->metadata->attempt > c->attempt)
        take_attempt(c, v);
    else if (!c->id || strcmp(c->id, v->id) != 0)
        return; /* an older attempt */
    if (v->state == RUNTIME__V1__CONTAINER_STATE__CONTAINER_RUNNING)
        c->state = POD_RUNNING;
    else if (v->state == RUNTIME__V1__CONTAINER_STATE__CONTAINER_EXITED && c->state != POD_EXITED)
        ol_strv_add(&r->list->ended, v->id);
}

static void got_containers(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__ListContainersResponse *a = (const void *)reply->message_body;
    struct runner *r = ctx;

    r->listing = NULL;
    if (reply->code != OL_GRPC_OK) {
        no_runtime(r, reply->message);
        return;
    }
    for (size_t i = 0; i < a->n_containers; i++)
        see_container(r, a->containers[i]);
    ask_next_end(r);
}

/* --- sandboxes --- */

static void take_sandbox(struct pod_run *p, const Runtime__V1__PodSandbox *v)
{
    bool is_same = p->sandbox_id && !strcmp(p->sandbox_id, v->id);

    if (p->sandbox_id && !is_same && v->metadata->attempt < p->sandbox_attempt)
        return; /* an older one */
    if (!is_same) {
        free(p->sandbox_id);
        p->sandbox_id = ol_xstrdup(v->id);
        p->sandbox_attempt = v->metadata->attempt;
    }
    p->view.sandbox = v->state == RUNTIME__V1__POD_SANDBOX_STATE__SANDBOX_READY ? POD_SANDBOX_READY
                                                                                : POD_SANDBOX_DEAD;
    if (p->view.sandbox == POD_SANDBOX_READY && !p->view.is_released)
        node_pod_hold(p->r->node, p->uid);
}

static void see_sandbox(struct runner *r, const Runtime__V1__PodSandbox *v)
{
    struct pod_run *p;

    if (!v->metadata || !*v->metadata->uid)
        return;
    p = runner_adopt(r, v->metadata->uid, v->metadata->namespace_, v->metadata->name);
    if (p && p->is_known)
        take_sandbox(p, v);
}

static void got_sandboxes(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__ListPodSandboxResponse *a = (const void *)reply->message_body;
    Runtime__V1__ListContainersRequest q = RUNTIME__V1__LIST_CONTAINERS_REQUEST__INIT;
    struct runner *r = ctx;

    r->listing = NULL;
    if (reply->code != OL_GRPC_OK) {
        no_runtime(r, reply->message);
        return;
    }
    if (!r->has_runtime)
        ol_info(r->env, "the container runtime at %s answers", r->socket);
    r->has_runtime = true;
    for (size_t i = 0; i < a->n_items; i++)
        see_sandbox(r, a->items[i]);
    r->listing = csi_call(r->channel, &cri_list, &q.base, TIMEOUT, got_containers, r);
}

static void ask_sandboxes(struct runner *r)
{
    Runtime__V1__ListPodSandboxRequest q = RUNTIME__V1__LIST_POD_SANDBOX_REQUEST__INIT;
    struct pod_run *p;
    size_t at = 0;

    while ((p = ol_table_each(&r->runs, &at)))
        p->is_known = !p->is_busy;
    r->listing = csi_call(r->channel, &cri_list_sandboxes, &q.base, TIMEOUT, got_sandboxes, r);
}

/* --- who it is --- */

static void got_version(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__VersionResponse *a = (const void *)reply->message_body;
    struct runner *r = ctx;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1024);

    r->listing = NULL;
    if (reply->code == OL_GRPC_UNAVAILABLE) {
        no_runtime(r, reply->message);
        return;
    }
    if (reply->code == OL_GRPC_OK) {
        ol_buf_printf(&text, "%s://%s", a->runtime_name, a->runtime_version);
        node_set_runtime(r->node, text.data);
    }
    ask_sandboxes(r);
}

void runner_list(struct runner *r)
{
    Runtime__V1__VersionRequest q = RUNTIME__V1__VERSION_REQUEST__INIT;

    if (r->listing)
        return;
    r->list = ol_xcalloc(1, sizeof(*r->list));
    r->list->r = r;
    if (!ol_exists(r->env, r->socket)) {
        no_runtime(r, "there is no such socket");
        return;
    }
    if (r->has_runtime)
        ask_sandboxes(r);
    else
        r->listing = csi_call(r->channel, &cri_version, &q.base, TIMEOUT, got_version, r);
}
