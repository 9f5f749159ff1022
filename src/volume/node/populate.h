/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/node/world.h"

/*
 * What the pods of this node want: from pod and claim to volume, with the kubelet's conditions and
 * sentences (desired_state_of_world_populator.go). Objects come from the caller: caches, or a test.
 */
struct node_lookup {
    void *ctx;
    /* NULL = there is none. Borrowed until the call has ended. */
    const struct kube_pvc *(*claim)(void *ctx, const char *ns, const char *name);
    const struct kube_pv *(*pv)(void *ctx, const char *name);
    const struct kube_csidriver *(*csidriver)(void *ctx, const char *name);
    const struct kube_node *(*node)(void *ctx);
};

/* 'pods' are those whose volumes are wanted; all others' are not any more. */
void node_populate(struct node_world *w, const struct node_lookup *l,
                   const struct kube_pod *const *pods, size_t n, ol_time now);

/* The claim that a pod's volume names, also for a generic ephemeral one: 254 bytes; NULL = none. */
const char *node_claim_name(const struct kube_pod *pod, const struct kube_volume *v, char out[254]);
/* A driver without CSIDriver object has to be attached. */
bool node_csi_needs_attach(const struct kube_csidriver *d);
/* The file system has to grow on the node: the volume is larger than what the claim has got. */
bool node_wants_expansion(const struct kube_pv *pv, const struct kube_pvc *claim);
