/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/controller.h"
#include "kube/client/events.h"
#include "volume/node/driver.h"
#include "volume/node/node.h"
#include "volume/node/reconcile.h"

/* The node's state and what its files ask of each other. */
struct node_op;
struct node_registry; /* registry.c: drivers of this machine */
struct node_self;     /* self.c: the Node object and the Lease */
struct node_part;     /* subpath.c: a part of a volume that is being bound */

struct node {
    struct kube_context k;
    struct ol_env *env;
    char *name, *root, *address;
    struct node_link *link;
    struct node_world world;
    struct kube_informer *pods, *claims, *pvs, *attachments, *csidrivers, *nodes;
    struct kube_index *pods_here; /* by spec.nodeName */
    struct kube_recorder *recorder;
    struct ol_timer tick;
    bool is_running, is_ticking, wants_tick, is_runner_ready;
    bool wants_sweep;    /* directories of pods may be left */
    struct ol_strv held; /* uids of pods whose containers may run */
    void (*changed)(void *ctx);
    void *changed_ctx;
    void (*left)(void *ctx, const char *driver, const char *handle); /* or NULL */
    void *left_ctx;
    struct node_op *ops;
    struct node_part *parts;
    struct node_registry *registry;
    struct node_self *self;
};

/* Look at everything again, soon. */
void node_wake(struct node *n);
const struct kube_node *node_own_object(const struct node *n);
/* The VolumeAttachment of a volume for this node; NULL = none. */
const struct kube_va *node_attachment_of(const struct node *n, const struct node_volume *v);

/* --- act.c: actions become operations --- */
struct node_op {
    struct node_op *next;
    struct node *n;
    struct node_action a;
    struct ol_grpc_call *call; /* at most one of these is under way */
    struct ol_job *job;
    struct kube_request *request;
    const struct kube_object *fetched; /* the Secret or ConfigMap; a reference */
    void (*then)(struct node_op *op);
    bool is_missing; /* there is no such object */
    bool is_waiting; /* for an attachment, until give_up */
    ol_time give_up;
};
void node_act(struct node *n, const struct node_action *a);
/* Cancels all of them. */
void node_ops_cancel(struct node *n);
/* Ends the operation: tells the world and, of failures, the pod. 'problem' NULL with NODE_OK. */
void node_op_end(struct node_op *op, enum node_outcome outcome, const char *problem);
/* GETs an object, then goes on with 'then'; ends the operation when that fails, but sets
 * is_missing when there is none. */
void node_op_fetch(struct node_op *op, const struct kube_kind *kind, const char *ns,
                   const char *name, void (*then)(struct node_op *op));
/* Runs a plan in a job, then calls 'done' with 0, -ETIMEDOUT or -errno and a sentence. */
void node_op_run(struct node_op *op, const struct volume_plan *plan, ol_time timeout,
                 void (*done)(void *ctx, int status, const struct ol_buf *out,
                              const struct ol_buf *err));
/* The usual 'done': ends the operation. */
void node_op_ran(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err);
/* What such a status means, and its sentence. */
enum node_outcome node_job_outcome(int status, const struct ol_buf *err, struct ol_buf *problem);

/* --- act-csi.c, act-block.c, act-tree.c, attach.c --- */
void node_csi_begin(struct node_op *op);
void node_tree_begin(struct node_op *op);
void node_attach_begin(struct node_op *op);
/* Whether an attachment that this node waits for has come, or has failed. */
void node_attach_look(struct node *n);
/* The steps around publishing a block volume, and backwards. */
void node_block_plan_map(const struct node_mount *m, const char *root, struct volume_plan *to);
void node_block_plan_unmap(const struct node_mount *m, const char *root, struct volume_plan *to);
/* Bind mounts of parts of the volume (subPath) that have to go before it. */
void node_plan_parts_away(const struct node_mount *m, const char *root, struct volume_plan *to);
bool node_has_parts(struct node *n, const struct node_mount *m);
void node_parts_cancel(struct node *n);

/* --- expand.c --- */
void node_expand_begin(struct node_op *op);

/* --- report.c: what users are told --- */
void node_report(struct node *n, const struct node_action *a, enum node_outcome outcome,
                 const char *problem);

/* --- registry.c --- */
struct node_registry *node_registry_new(struct node *n, const struct ol_strv *sockets)
    __attribute__((warn_unused_result));
void node_registry_run(struct node_registry *r);
void node_registry_free(struct node_registry *r);
/* NULL: not registered (now). */
const struct node_driver *node_driver_find(const struct node *n, const char *name);
/* All of them: *at starts with 0. */
const struct node_driver *node_driver_each(const struct node *n, size_t *at);

/* --- self.c --- */
struct node_self *node_self_new(struct node *n) __attribute__((warn_unused_result));
void node_self_run(struct node_self *s);
void node_self_free(struct node_self *s);
/* volumesInUse is written if it is not what the API has. */
void node_self_report(struct node_self *s);
/* The Node object exists: drivers may be written into it. */
bool node_self_exists(const struct node_self *s);

/* --- reconstruct.c --- */
/* Puts into the world what is on disk. */
void node_reconstruct(struct node *n);
/* Directories of pods that are gone and of which nothing is mounted. */
void node_remove_orphans(struct node *n);
