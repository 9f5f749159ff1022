/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "kube/client/controller.h"
#include "kube/client/informer.h"
#include "net/job.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi-parameters.h"
#include "volume/proto/csi-call.h"

/*
 * One key of a controller in hand, and the one outside step that it waits for. All works of a
 * component are in one list, so that stopping it cancels them all. A step's callback ends the work
 * (csi_work_done() and such) or begins the next step.
 */
struct csi_works {
    const struct kube_context *k;
    struct csi_drivers *drivers;
    struct csi_work *first;
};

struct provision_removal;

struct csi_work {
    struct csi_works *all;
    struct csi_work *next, **at;
    struct kube_task *task;
    struct ol_arena arena;                   /* of what the step needs */
    void *ctx;                               /* the component's */
    void *data;                              /* the step's */
    const struct provision_removal *removal; /* of the provisioner */

    struct kube_request *request;
    struct ol_grpc_call *call;
    struct ol_job *job;
    const struct csi_driver *driver;
    const struct csi_secret_ref *ref; /* of the secret under way */
    struct kube_map secrets;          /* what csi_work_secret() brought; never logged */
    const struct kube_kind *kind;
    bool is_write;
    void (*answered)(struct csi_work *w, const struct kube_answer *a);
    void (*replied)(struct csi_work *w, const struct csi_reply *r);
    void (*finished)(struct csi_work *w, int status, const struct ol_buf *err);
    void (*got_secret)(struct csi_work *w, int r, const struct ol_err *err);
};

struct csi_work *csi_work_begin(struct csi_works *all, struct kube_task *task, void *ctx);
/* Cancels what they wait for; their tasks are not ended. */
void csi_works_cancel(struct csi_works *all);

/* A request to the API; what a write brings back goes into the cache first. */
void csi_work_api(struct csi_work *w, const struct kube_ask *ask,
                  void (*answered)(struct csi_work *w, const struct kube_answer *a));
/* A strategic merge patch of the claim's status. */
void csi_work_patch_claim(struct csi_work *w, const struct kube_pvc *claim,
                          const struct ol_buf *body,
                          void (*answered)(struct csi_work *w, const struct kube_answer *a));
/* A merge patch of the volume. */
void csi_work_patch_volume(struct csi_work *w, const char *name, const struct ol_buf *body,
                           void (*answered)(struct csi_work *w, const struct kube_answer *a));
/* A call of the driver, which is told to be lost when nobody is there. 'changes' names what the
 * call changes for ol_change(), NULL = nothing. */
void csi_work_call(struct csi_work *w, const struct csi_driver *d, const struct csi_rpc *rpc,
                   const ProtobufCMessage *request, ol_time timeout, const char *changes,
                   void (*replied)(struct csi_work *w, const struct csi_reply *r));
/* The secret's values into w->secrets; a ref without name is none, and no step. */
void csi_work_secret(struct csi_work *w, const struct csi_secret_ref *ref,
                     void (*got)(struct csi_work *w, int r, const struct ol_err *err));
void csi_work_job(struct csi_work *w, const char *const *argv, ol_time timeout,
                  void (*finished)(struct csi_work *w, int status, const struct ol_buf *err));

/* Each ends the task and the work. */
void csi_work_done(struct csi_work *w);
void csi_work_again(struct csi_work *w);
void csi_work_after(struct csi_work *w, ol_time delay);
void csi_work_fail(struct csi_work *w, const struct ol_err *err);
/* OK: again. A conflict, or an object that is gone: again too, since the caches will tell. Other
 * answers: fail. For writes whose result is looked at in the next round. */
void csi_work_next(struct csi_work *w, const struct kube_answer *a);
