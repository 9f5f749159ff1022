/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "kube/base/types.h"

/*
 * What the PV controller needs of an in-tree volume plug-in: hooks that make, remove and scrub what
 * a PersistentVolume stands for. A plug-in is a const row with its own 'self'; rows are given to
 * the component in its options. A hook that is NULL says that the plug-in can't do it.
 *
 * A hook begins the work and returns; 'done' is called once, never from within the hook. A hook
 * that can't even begin (Kubernetes: the provisioner, deleter or recycler can't be created) returns
 * -errno with a sentence and never calls 'done'. What it points to is lent until 'done' or
 * 'cancel'.
 */

/* Bits of binder_plugin.flags */
enum binder_plugin_flag {
    BINDER_MOUNT_OPTIONS = 1 << 0, /* takes the mountOptions of classes */
};

struct binder_order {
    const struct kube_pvc *claim;
    const struct kube_class *cls; /* parameters, mountOptions, allowedTopologies … */
    const char *pv_name;          /* "pvc-UID": the same order again makes the same volume */
    const struct kube_node *node; /* selected by the scheduler; NULL = none was */
};
/* What was made; members as JSON text. The controller writes the rest of the PersistentVolume. */
struct binder_made {
    const char *source_name; /* "hostPath": the member of spec that is the source */
    const char *source;      /* its value: {"path":"/srv/x"} */
    const char *affinity;    /* nodeAffinity, or NULL */
    const char *labels;      /* metadata.labels, or NULL */
    const char *capacity;    /* a quantity; NULL = as much as was asked for */
};

struct binder_done {
    /* err->code 0 = it worked. 'made' is of provision alone. */
    void (*fn)(void *ctx, const struct binder_made *made, const struct ol_err *err);
    void *ctx;
};

struct binder_plugin {
    const char *name; /* "kubernetes.io/host-path" */
    unsigned flags;   /* enum binder_plugin_flag */
    void *self;
    /* The volume is one of this plug-in's. */
    bool (*can_support)(const struct kube_pv *pv);
    int (*provision)(void *self, const struct binder_order *order, const struct binder_done *done,
                     void **ret_handle, struct ol_err *err);
    /* -EBUSY through 'done': still in use, which is no failure of the volume. Removing what is gone
     * already is success. */
    int (*remove)(void *self, const struct kube_pv *pv, const struct binder_done *done,
                  void **ret_handle, struct ol_err *err);
    /* Empties the volume; links are removed, never followed. */
    int (*recycle)(void *self, const struct kube_pv *pv, const struct binder_done *done,
                   void **ret_handle, struct ol_err *err);
    /* 'done' is not called any more; what is under way may still happen. */
    void (*cancel)(void *self, void *handle);
};
