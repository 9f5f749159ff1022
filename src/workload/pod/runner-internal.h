/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/table.h"
#include "kube/client/events.h"
#include "net/grpc.h"
#include "workload/pod/config.h"
#include "workload/pod/runner.h"

/* A pod of this node, and the chain of calls that is under way for it: one at a time. */
struct pod_run {
    const char *uid; /* first, for the table */
    struct runner *r;
    const struct kube_pod *pod; /* a reference: the newest that was seen */
    struct pod_view view;       /* of it; containers are ours */
    char *sandbox_id;
    unsigned sandbox_attempt;
    bool is_busy, is_known; /* known: the runtime was asked after our last step */
    struct ol_grpc_call *call;
    struct kube_request *delete, *status;
    struct ol_buf told; /* the status that the API has from us */
    /* of the step under way */
    size_t at; /* the container */
    struct pod_place *mounts, *devices;
    struct ol_strv paths; /* what the places point to */
    uint32_t n_placed;
    char *new_id; /* created, and not started yet */
    unsigned new_attempt;
    struct pod_part *part; /* a subPath that is being bound */
};

struct runner {
    struct kube_context k;
    struct ol_env *env;
    struct node *node;
    struct kube_informer *pods;
    struct kube_index *here;
    struct kube_recorder *recorder;
    char *socket, *log_dir;
    struct ol_grpc_channel *channel;
    struct ol_table runs; /* struct pod_run by uid */
    struct ol_timer sync, again, relist;
    struct ol_grpc_call *listing;
    struct runner_list *list; /* what the listing has brought so far */
    int64_t memory_bytes;
    bool is_running, has_runtime, was_listed;
};

/* --- runner.c --- */
void runner_wake(struct runner *r);
/* A step has ended: the pod is looked at again. */
void pod_run_end(struct pod_run *p);
struct pod_run *runner_find(struct runner *r, const char *uid);
/* A pod of which the runtime has something and the API perhaps nothing. */
struct pod_run *runner_adopt(struct runner *r, const char *uid, const char *ns, const char *name);

/* --- steps.c --- */
void pod_run_begin(struct pod_run *p, const struct pod_step *s);
void pod_run_cancel(struct pod_run *p);
struct pod_config pod_run_config(const struct pod_run *p);

/* --- places.c: volumes of the container at p->at, then 'then' --- */
void pod_run_place(struct pod_run *p, void (*then)(struct pod_run *p));
void pod_run_forget_places(struct pod_run *p);

/* --- list.c: what the runtime has --- */
void runner_list(struct runner *r);
void runner_list_free(struct runner *r);
struct csi_reply;
/* How the container ended, from the answer of ContainerStatus; false when that does not say. */
bool runner_take_end(struct pod_container *c, const struct csi_reply *reply);

/* --- tell.c: the API --- */
void pod_run_tell(struct pod_run *p);
void pod_run_event(struct pod_run *p, enum kube_event_type type, const char *reason,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
