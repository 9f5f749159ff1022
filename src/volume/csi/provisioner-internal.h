/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/events.h"
#include "volume/csi/csi-error.h"
#include "volume/csi/csi-work-internal.h"
#include "volume/csi/nfs.h"
#include "volume/csi/provisioner.h"

/* The provisioner's executor: one struct, and a controller for each kind of key. */
struct provisioner {
    const struct kube_context *k;
    const struct csi_options *o;
    struct csi_works works;
    struct kube_recorder *events;
    struct kube_controller *claims, *volumes, *clones, *capacity;
    struct kube_informer *claim_cache, *pv_cache, *class_cache, *node_cache, *csinode_cache,
        *va_cache, *csidriver_cache, *attributes_cache, *capacity_cache;
    struct kube_index *va_by_pv, *clones_by_source;
    void *ops; /* of search.h: struct provision_op by key */
    struct nfs_row *nfs;
    size_t n_nfs;
    struct ol_timer capacity_timer;
    struct ol_arena arena; /* of the NFS rows */
};

/* What this process knows about a claim that has something outstanding. */
struct provision_op {
    char *key;                               /* "ns/name" */
    uint8_t state;                           /* enum provision_state */
    const struct kube_object *claim, *class; /* as first asked with; referenced */
    struct ol_arena arena;                   /* of the members below */
    bool has_plan; /* asked with it already: asked the same until the answer is final */
    struct provision_plan plan;
    struct provision_volume volume;
    struct ol_err why_wrong; /* the claim can't take what was made; code 0 = it can */
};

/* How volumes are made and removed: CSI drivers, NFS directories. */
struct provision_removal {
    struct provision_volume volume;
    struct csi_secret_ref secret;
    const struct kube_class *class; /* NULL = not there any more */
    const char *name;               /* the provisioner's */
    bool is_unused;                 /* no pod ever saw it: nothing is worth keeping */
    void (*removed)(struct csi_work *w, enum csi_outcome outcome, const struct ol_err *err);
    void *ctx;
};
struct provision_backend {
    bool (*is_ready)(const struct provisioner *p, const char *name);
    unsigned (*plugin)(const struct provisioner *p, const char *name);
    unsigned (*controller)(const struct provisioner *p, const char *name);
    /* Ends in provision_made(). w->data is the op. */
    void (*create)(struct csi_work *w, const char *name);
    void (*remove)(struct csi_work *w, const struct provision_removal *r);
};
extern const struct provision_backend provision_csi, provision_nfs;
/* NULL: nobody here goes by this name. */
const struct provision_backend *provision_backend_of(const struct provisioner *p, const char *name);
const struct nfs_row *provision_nfs_row(const struct provisioner *p, const char *name);

/* A backend's answer; 'volume' is copied, and NULL unless OK. Ends the work. */
void provision_made(struct csi_work *w, enum csi_outcome outcome,
                    const struct provision_volume *volume, const struct ol_err *err);

/* provisioner-ops.c */
struct provision_op *provision_op_find(const struct provisioner *p, const char *key);
struct provision_op *provision_op_add(struct provisioner *p, const char *key,
                                      const struct kube_pvc *claim);
void provision_op_remove(struct provisioner *p, struct provision_op *op);
void provision_ops_free(struct provisioner *p);
/* The funnel of all changes of state. */
void provision_op_event(const struct provisioner *p, struct provision_op *op,
                        enum provision_event ev);
void provision_volume_copy(struct ol_arena *a, const struct provision_volume *from,
                           struct provision_volume *ret);
/* Nodes and CSINodes as arrays for csi-topology.h. */
void provision_world(const struct provisioner *p, struct ol_arena *a, struct csi_topology_ask *ret);

/* provisioner-claims.c, -volumes.c, -clones.c, -capacity.c: what the controllers do. */
void provision_sync_claim(void *ctx, struct kube_task *task);
void provision_sync_volume(void *ctx, struct kube_task *task);
void provision_sync_clone(void *ctx, struct kube_task *task);
void provision_sync_capacity(void *ctx, struct kube_task *task);
