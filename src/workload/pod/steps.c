/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "workload/pod/cri.h"
#include "workload/pod/runner-internal.h"

/* The steps that pod_decide() asks for, as calls to the runtime. */

#define TIMEOUT      (120 * OL_SECOND)
#define PULL_TIMEOUT (1800 * OL_SECOND)
#define RETRY_AFTER  (10 * OL_SECOND)

enum { ARENA_MAX = 16 << 20 };

struct pod_config pod_run_config(const struct pod_run *p)
{
    return (struct pod_config){
        .pod = p->pod,
        .node = node_name(p->r->node),
        .log_dir = p->r->log_dir,
        .memory_bytes = p->r->memory_bytes,
        .attempt = p->sandbox_attempt,
    };
}

void pod_run_cancel(struct pod_run *p)
{
    if (p->call)
        ol_grpc_cancel(p->call);
    if (p->delete)
        kube_cancel(p->delete);
    if (p->status)
        kube_cancel(p->status);
    p->call = NULL;
    p->delete = p->status = NULL;
    pod_run_forget_places(p);
}

static struct pod_container *container(const struct pod_run *p)
{
    return &p->view.c[p->at];
}

static void call(struct pod_run *p, const struct csi_rpc *rpc, const ProtobufCMessage *request,
                 ol_time timeout, csi_done_fn done)
{
    if (!ol_change(p->r->env, rpc->method, p->uid)) {
        pod_run_end(p);
        return;
    }
    p->call = csi_call(p->r->channel, rpc, request, timeout, done, p);
}

/* The container waits for something that may be mended. 'reason' is static text. */
static void wait_with(struct pod_run *p, const char *reason, const char *text, ol_time delay)
{
    struct pod_container *c = container(p);

    c->waiting = reason;
    free(c->waiting_text);
    c->waiting_text = ol_xstrdup(text);
    c->not_before = ol_now_wall(p->r->env) + delay;
}

/* --- the sandbox --- */

static void sandbox_runs(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__RunPodSandboxResponse *r = (const void *)reply->message_body;
    struct pod_run *p = ctx;

    p->call = NULL;
    if (reply->code == OL_GRPC_OK) {
        free(p->sandbox_id);
        p->sandbox_id = ol_xstrdup(r->pod_sandbox_id);
        p->view.sandbox = POD_SANDBOX_READY;
    } else {
        pod_run_event(p, KUBE_WARNING, "FailedCreatePodSandBox",
                      "Failed to create pod sandbox: rpc error: code = %s desc = %s",
                      ol_grpc_code_name(reply->code), reply->message);
        for (size_t i = 0; i < p->view.n; i++)
            p->view.c[i].not_before = ol_now_wall(p->r->env) + RETRY_AFTER;
    }
    pod_run_end(p);
}

static void run_sandbox(struct pod_run *p)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    Runtime__V1__RunPodSandboxRequest q = RUNTIME__V1__RUN_POD_SANDBOX_REQUEST__INIT;
    struct pod_config config = pod_run_config(p);
    struct ol_err err = OL_ERR_INIT;

    if (ol_mkdir_p(p->r->env, pod_log_dir(&config, &a), 0755, &err) < 0)
        ol_warn(p->r->env, "logs of pod %s: %s", p->pod->o.meta.name, ol_err_text(&err));
    node_pod_hold(p->r->node, p->uid);
    p->view.is_released = false;
    q.config = pod_sandbox_config(&config, &a);
    call(p, &cri_run_sandbox, &q.base, TIMEOUT, sandbox_runs);
}

static void sandbox_stopped(void *ctx, const struct csi_reply *reply)
{
    struct pod_run *p = ctx;

    p->call = NULL;
    if (reply->code == OL_GRPC_OK || reply->code == OL_GRPC_NOT_FOUND)
        p->view.sandbox = POD_SANDBOX_DEAD;
    else
        ol_warn(p->r->env, "stopping the sandbox of pod %s: %s", p->pod->o.meta.name,
                reply->message);
    pod_run_end(p);
}

static void stop_sandbox(struct pod_run *p)
{
    Runtime__V1__StopPodSandboxRequest q = RUNTIME__V1__STOP_POD_SANDBOX_REQUEST__INIT;

    q.pod_sandbox_id = p->sandbox_id;
    call(p, &cri_stop_sandbox, &q.base, TIMEOUT, sandbox_stopped);
}

static void sandbox_removed(void *ctx, const struct csi_reply *reply)
{
    struct pod_run *p = ctx;
    bool is_over = p->view.is_gone || p->pod->o.meta.deleted;

    p->call = NULL;
    if (reply->code != OL_GRPC_OK && reply->code != OL_GRPC_NOT_FOUND) {
        ol_warn(p->r->env, "removing the sandbox of pod %s: %s", p->pod->o.meta.name,
                reply->message);
        pod_run_end(p);
        return;
    }
    p->view.sandbox = POD_SANDBOX_NONE;
    p->sandbox_attempt++;
    /* The end of a pod keeps its containers' last words; a new sandbox starts them all anew. */
    for (size_t i = 0; i < p->view.n && !is_over; i++) {
        p->view.c[i].attempt += p->view.c[i].state != POD_NONE;
        p->view.c[i].state = POD_NONE;
    }
    pod_run_end(p);
}

static void remove_sandbox(struct pod_run *p)
{
    Runtime__V1__RemovePodSandboxRequest q = RUNTIME__V1__REMOVE_POD_SANDBOX_REQUEST__INIT;

    q.pod_sandbox_id = p->sandbox_id;
    call(p, &cri_remove_sandbox, &q.base, TIMEOUT, sandbox_removed);
}

/* --- the image --- */

static void pulled(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__PullImageResponse *r = (const void *)reply->message_body;
    struct pod_run *p = ctx;
    struct pod_container *c = container(p);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    p->call = NULL;
    if (reply->code == OL_GRPC_OK) {
        c->is_image_here = true;
        free(c->image_id);
        c->image_id = ol_xstrdup(r->image_ref);
        pod_run_event(p, KUBE_NORMAL, "Pulled", "Successfully pulled image \"%s\"", c->spec->image);
        pod_run_end(p);
        return;
    }
    ol_buf_printf(&text, "Failed to pull image \"%s\": rpc error: code = %s desc = %s",
                  c->spec->image, ol_grpc_code_name(reply->code), reply->message);
    pod_run_event(p, KUBE_WARNING, "Failed", "%s", text.data);
    pod_run_event(p, KUBE_WARNING, "Failed", "Error: ErrImagePull");
    c->delay = pod_next_delay(c->delay);
    wait_with(p, "ErrImagePull", text.data, c->delay);
    pod_run_end(p);
}

static void pull(struct pod_run *p)
{
    Runtime__V1__PullImageRequest q = RUNTIME__V1__PULL_IMAGE_REQUEST__INIT;
    Runtime__V1__ImageSpec image = RUNTIME__V1__IMAGE_SPEC__INIT;

    image.image = (char *)container(p)->spec->image;
    q.image = &image;
    pod_run_event(p, KUBE_NORMAL, "Pulling", "Pulling image \"%s\"", image.image);
    call(p, &cri_pull_image, &q.base, PULL_TIMEOUT, pulled);
}

static void image_known(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__ImageStatusResponse *r = (const void *)reply->message_body;
    struct pod_run *p = ctx;
    struct pod_container *c = container(p);
    const char *policy = pod_pull_policy(c->spec);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    p->call = NULL;
    if (reply->code != OL_GRPC_OK) {
        wait_with(p, "ImageInspectError", reply->message, RETRY_AFTER);
        pod_run_end(p);
        return;
    }
    if (r->image && strcmp(policy, "Always") != 0) {
        c->is_image_here = true;
        free(c->image_id);
        c->image_id = ol_xstrdup(r->image->id);
        pod_run_event(p, KUBE_NORMAL, "Pulled", "Container image \"%s\" already present on machine",
                      c->spec->image);
        pod_run_end(p);
        return;
    }
    if (strcmp(policy, "Never") != 0) {
        pull(p);
        return;
    }
    ol_buf_printf(&text, "Container image \"%s\" is not present with pull policy of Never",
                  c->spec->image);
    pod_run_event(p, KUBE_WARNING, "ErrImageNeverPull", "%s", text.data);
    pod_run_event(p, KUBE_WARNING, "Failed", "Error: ErrImageNeverPull");
    wait_with(p, "ErrImageNeverPull", text.data, RETRY_AFTER);
    pod_run_end(p);
}

static void get_image(struct pod_run *p)
{
    Runtime__V1__ImageStatusRequest q = RUNTIME__V1__IMAGE_STATUS_REQUEST__INIT;
    Runtime__V1__ImageSpec image = RUNTIME__V1__IMAGE_SPEC__INIT;

    image.image = (char *)container(p)->spec->image;
    q.image = &image;
    call(p, &cri_image_status, &q.base, TIMEOUT, image_known);
}

/* --- a container --- */

static void failed_to_start(struct pod_run *p, const char *reason, const struct csi_reply *reply)
{
    struct pod_container *c = container(p);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    ol_buf_printf(&text, "%s", reply->message);
    pod_run_event(p, KUBE_WARNING, "Failed", "Error: %s", text.data);
    c->delay = pod_next_delay(c->delay);
    wait_with(p, reason, text.data, c->delay);
    pod_run_end(p);
}

static void started(void *ctx, const struct csi_reply *reply)
{
    struct pod_run *p = ctx;
    struct pod_container *c = container(p);
    bool is_again = c->state == POD_EXITED;

    p->call = NULL;
    if (reply->code != OL_GRPC_OK) {
        failed_to_start(p, "RunContainerError", reply);
        return;
    }
    free(c->id);
    c->id = ol_take_ptr(p->new_id);
    c->attempt = p->new_attempt;
    c->state = POD_RUNNING;
    c->started = ol_now_wall(p->r->env);
    c->waiting = NULL;
    c->is_image_here = false; /* 'Always' pulls again before it is started again */
    free(c->waiting_text);
    c->waiting_text = NULL;
    if (is_again)
        c->delay = pod_next_delay(c->delay);
    pod_run_event(p, KUBE_NORMAL, "Started", "Started container %s", c->spec->name);
    pod_run_end(p);
}

static void created(void *ctx, const struct csi_reply *reply)
{
    const Runtime__V1__CreateContainerResponse *r = (const void *)reply->message_body;
    Runtime__V1__StartContainerRequest q = RUNTIME__V1__START_CONTAINER_REQUEST__INIT;
    struct pod_run *p = ctx;

    p->call = NULL;
    pod_run_forget_places(p);
    if (reply->code != OL_GRPC_OK) {
        failed_to_start(p, "CreateContainerError", reply);
        return;
    }
    pod_run_event(p, KUBE_NORMAL, "Created", "Created container %s", container(p)->spec->name);
    free(p->new_id);
    p->new_id = ol_xstrdup(r->container_id);
    q.container_id = p->new_id;
    call(p, &cri_start, &q.base, TIMEOUT, started);
}

static void create(struct pod_run *p)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    Runtime__V1__CreateContainerRequest q = RUNTIME__V1__CREATE_CONTAINER_REQUEST__INIT;
    struct pod_config config = pod_run_config(p);
    struct pod_container *c = container(p);

    p->new_attempt = c->state == POD_NONE ? c->attempt : c->attempt + 1;
    q.pod_sandbox_id = p->sandbox_id;
    q.sandbox_config = pod_sandbox_config(&config, &a);
    q.config = pod_container_config(&config, c->spec, p->new_attempt, p->mounts, p->devices, &a);
    call(p, &cri_create, &q.base, TIMEOUT, created);
}

/* --- the end --- */

static void stop_next(struct pod_run *p);

/* Its own exit code, if it has ended within its time, else that of SIGKILL. Who was stopped, and is
 * not known to the runtime any more, has the latter too. */
static void end_known(void *ctx, const struct csi_reply *reply)
{
    struct pod_run *p = ctx;
    struct pod_container *c = container(p);

    p->call = NULL;
    if (!runner_take_end(c, reply)) {
        c->state = POD_EXITED;
        c->finished = ol_now_wall(p->r->env);
        c->exit_code = 137;
        free(c->reason);
        c->reason = ol_xstrdup("ContainerStatusUnknown");
    }
    p->at++;
    stop_next(p);
}

static void container_stopped(void *ctx, const struct csi_reply *reply)
{
    Runtime__V1__ContainerStatusRequest q = RUNTIME__V1__CONTAINER_STATUS_REQUEST__INIT;
    struct pod_run *p = ctx;

    p->call = NULL;
    if (reply->code == OL_GRPC_OK || reply->code == OL_GRPC_NOT_FOUND) {
        q.container_id = container(p)->id;
        p->call = csi_call(p->r->channel, &cri_status, &q.base, TIMEOUT, end_known, p);
        return;
    }
    ol_warn(p->r->env, "stopping container %s: %s", container(p)->spec->name, reply->message);
    p->at++;
    stop_next(p);
}

static int64_t grace_of(const struct pod_run *p)
{
    const struct kube_pod *pod = p->pod;

    if (p->view.is_gone)
        return 1;
    if (pod->o.meta.deleted && pod->o.meta.grace_seconds >= 0)
        return pod->o.meta.grace_seconds;
    return pod->spec.grace_seconds >= 0 ? pod->spec.grace_seconds : 30;
}

static void stop_next(struct pod_run *p)
{
    Runtime__V1__StopContainerRequest q = RUNTIME__V1__STOP_CONTAINER_REQUEST__INIT;

    while (p->at < p->view.n && container(p)->state != POD_RUNNING
           && container(p)->state != POD_CREATED)
        p->at++;
    if (p->at == p->view.n) {
        p->at = 0;
        p->is_known = false;
        pod_run_end(p);
        return;
    }
    pod_run_event(p, KUBE_NORMAL, "Killing", "Stopping container %s", container(p)->spec->name);
    q.container_id = container(p)->id;
    q.timeout = grace_of(p);
    call(p, &cri_stop, &q.base, TIMEOUT + q.timeout * OL_SECOND, container_stopped);
}

static void deleted(void *ctx, const struct kube_answer *answer)
{
    struct pod_run *p = ctx;
    struct ol_err err = OL_ERR_INIT;

    p->delete = NULL;
    if (answer->reason != KUBE_OK && answer->reason != KUBE_NOT_FOUND
        && answer->reason != KUBE_CONFLICT) {
        if (kube_answer_error(answer, &err) < 0)
            ol_warn(p->r->env, "deleting pod %s: %s", p->pod->o.meta.name, ol_err_text(&err));
        p->view.is_delete_sent = false;
    }
    pod_run_end(p);
}

/* The second half of the kubelet's two-phase delete: nothing of the pod is left here. */
static void delete_pod(struct pod_run *p)
{
    const struct kube_meta *m = &p->pod->o.meta;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(4096);

    ol_buf_printf(&body,
                  "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"gracePeriodSeconds\":0,"
                  "\"preconditions\":{\"uid\":\"%s\"}}",
                  m->uid);
    p->view.is_delete_sent = true;
    p->delete = kube_send(p->r->k.client,
                          &(struct kube_ask){.verb = KUBE_VERB_DELETE,
                                             .kind = &kube_pod_kind,
                                             .ns = m->ns,
                                             .name = m->name,
                                             .body = body.data,
                                             .size = body.len},
                          deleted, p);
}

void pod_run_begin(struct pod_run *p, const struct pod_step *s)
{
    p->is_busy = true;
    p->at = s->container;
    switch (s->verb) {
    case POD_RUN_SANDBOX: run_sandbox(p); break;
    case POD_GET_IMAGE: get_image(p); break;
    case POD_START: pod_run_place(p, create); break;
    case POD_STOP:
        p->at = 0;
        stop_next(p);
        break;
    case POD_STOP_SANDBOX: stop_sandbox(p); break;
    case POD_REMOVE_SANDBOX: remove_sandbox(p); break;
    case POD_DELETE: delete_pod(p); break;
    default: pod_run_end(p); break;
    }
}
