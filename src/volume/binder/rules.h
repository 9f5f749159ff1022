/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/clock.h"
#include "core/queue.h"
#include "kube/client/events.h"
#include "volume/binder/match.h"
#include "volume/binder/plugin.h"

/*
 * The rules of the PV controller (Kubernetes pkg/controller/volume/persistentvolume, 1.35) as pure
 * functions: the world is read through a view, and the result is the one next thing to do. After it
 * has been done the caller asks again, with the world as it is then; so a crash between two steps
 * needs no special case. docs/design/binder.md has the tables.
 */
/* Annotations and finalizers. */
#define BINDER_BIND_COMPLETED      "pv.kubernetes.io/bind-completed"
#define BINDER_BOUND_BY_CONTROLLER "pv.kubernetes.io/bound-by-controller"
#define BINDER_PROVISIONED_BY      "pv.kubernetes.io/provisioned-by"
#define BINDER_MIGRATED_TO         "pv.kubernetes.io/migrated-to"
#define BINDER_SELECTED_NODE       "volume.kubernetes.io/selected-node"
#define BINDER_PROVISIONER         "volume.kubernetes.io/storage-provisioner"
#define BINDER_BETA_PROVISIONER    "volume.beta.kubernetes.io/storage-provisioner"
#define BINDER_PRE_RESIZE_CAPACITY "volume.alpha.kubernetes.io/pre-resize-capacity"
#define BINDER_IN_TREE_FINALIZER   "kubernetes.io/pv-controller"
#define BINDER_EXTERNAL_FINALIZER  "external-provisioner.volume.kubernetes.io/finalizer"
#define BINDER_BETA_CLASS          "volume.beta.kubernetes.io/storage-class"
#define BINDER_EVENT_SOURCE        "persistentvolume-controller"

/* Bits of binder_options.off: Kubernetes' feature gates that are switched off. */
enum binder_gate {
    BINDER_OFF_ATTRIBUTES_CLASS = 1 << 0, /* VolumeAttributesClass */
    BINDER_OFF_HONOR_RECLAIM = 1 << 1,    /* HonorPVReclaimPolicy */
    BINDER_OFF_PROVISIONING = 1 << 2,     /* --enable-dynamic-provisioning=false */
};

/* An in-tree plug-in whose volumes a CSI driver has taken over. */
struct binder_migration {
    const char *plugin, *driver; /* plugin NULL ends a table */
};
/* Those that Kubernetes 1.35 always hands over: gce-pd, aws-ebs, azure-disk … */
extern const struct binder_migration binder_migrations[];

struct binder_options {
    const struct binder_plugin *const *plugins; /* NULL-terminated; NULL = in-tree.h */
    const struct binder_migration *migrations;  /* NULL = binder_migrations */
    unsigned off;                               /* enum binder_gate */
    unsigned create_tries;                      /* of a provisioned volume's object; 0 = 5 */
    ol_time create_interval;                    /* 0 = 10 s */
    struct ol_backoff operation_backoff;        /* 0 = 500 ms, doubled to 2 min 2 s */
    /* Told of each operation's key before it begins; NULL = nobody. */
    void (*begins)(void *ctx, const char *operation);
    void *begins_ctx;
};

/* The caches. Each returns a borrowed object or NULL. */
struct binder_view {
    const struct kube_pvc *(*claim)(void *self, const char *ns, const char *name);
    const struct kube_class *(*class_of)(void *self, const char *name);
    const struct kube_class *(*each_class)(void *self, size_t *at);
    /* Pods of the claim's namespace that use it. */
    const struct kube_pod *(*each_pod)(void *self, const char *ns, const char *claim, size_t *at);
    const struct kube_node *(*node)(void *self, const char *name);
};
struct binder_rules {
    const struct binder_options *options;
    const struct binder_view *view;
    void *self;                       /* of the view */
    const struct binder_index *index; /* all volumes */
};

enum binder_act {
    BINDER_NOTHING,      /* all is as it should be */
    BINDER_PATCH,        /* merge patch 'body' on 'object' */
    BINDER_PATCH_STATUS, /* the same on its status subresource */
    BINDER_GET_CLAIM,    /* ask the API itself for the claim 'ref' names, then decide again */
    BINDER_GET_PV,       /* ask the API itself for the volume 'name' (operations) */
    BINDER_CREATE_PV,    /* of 'body' */
    BINDER_DELETE_PV,    /* 'object' */
    BINDER_QUEUE_CLAIM,  /* the claim 'ref' names is to be looked at */
    BINDER_START,        /* begin operation 'op' unless it runs or waits after a failure */
    BINDER_CALL,         /* the plug-in's hook of the operation */
    BINDER_WAIT,         /* go on after 'delay' */
    BINDER_FAIL,         /* 'err' */
};
enum binder_op_kind { BINDER_PROVISION, BINDER_PROVISION_EXTERNAL, BINDER_DELETE, BINDER_RECYCLE };

struct binder_event {
    const struct kube_object *about;
    enum kube_event_type type;
    const char *reason;
    char text[1024];
};

/* What to do next. Objects are borrowed from the caches. */
struct binder_step {
    enum binder_act act;
    bool is_last;    /* of this round: a later event brings the key back */
    bool is_waiting; /* the claim has found no volume, and a free one would suit it */
    const struct kube_object *object;
    const struct kube_ref *ref;
    const char *name;
    struct ol_buf body;
    ol_time delay;
    /* Of BINDER_START. */
    enum binder_op_kind op;
    const struct binder_plugin *plugin; /* NULL: external */
    const struct kube_class *cls;
    /* Told when the step has been done, or before it. */
    struct binder_event events[2];
    unsigned n_events;
    bool tells_first;
    struct ol_err err;
};
void binder_step_init(struct binder_step *s);
void binder_step_done(struct binder_step *s);
/* To be filled in anew. */
void binder_step_clear(struct binder_step *s);
void binder_step_event(struct binder_step *s, const struct kube_object *about,
                       enum kube_event_type type, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* What was learnt in this round beyond the caches. */
struct binder_learnt {
    bool has_looked;              /* the API was asked for the claim of the volume … */
    const struct kube_pvc *claim; /* … and this is it; NULL = there is none */
    char *volume;                 /* the volume that this round has begun to bind */
};

void binder_decide_claim(const struct binder_rules *r, const struct kube_pvc *claim,
                         const struct binder_learnt *learnt, struct binder_step *ret);
void binder_decide_volume(const struct binder_rules *r, const struct kube_pv *pv,
                          const struct binder_learnt *learnt, struct binder_step *ret);

/* The default class: newest, then first by name; NULL = none. */
const struct kube_class *binder_default_class(const struct binder_rules *r);
/* Released as the caches have it: the claimRef's claim is gone or uses another volume. */
bool binder_is_released(const struct binder_rules *r, const struct kube_pv *pv);
/* Plug-ins, as Kubernetes finds them. 0 with *ret NULL: an external provisioner's business. */
int binder_find_remover(const struct binder_rules *r, const struct kube_pv *pv,
                        const struct binder_plugin **ret, struct ol_err *err);
int binder_find_provisioner(const struct binder_rules *r, const struct kube_pvc *claim,
                            const struct binder_plugin **ret, const struct kube_class **ret_class,
                            struct ol_err *err);
/* NULL when there is none. */
const struct binder_plugin *binder_find_recycler(const struct binder_rules *r,
                                                 const struct kube_pv *pv);
/* The driver that has taken over a plug-in; NULL = nobody has. */
const char *binder_migrated(const struct binder_rules *r, const char *plugin);
