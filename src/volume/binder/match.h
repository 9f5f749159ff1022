/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "kube/base/types.h"

/*
 * Which volume suits a claim: the rules of Kubernetes' component-helpers storage/volume
 * (FindMatchingVolume) and of the PV controller's index, over an index that answers in O(log n).
 *
 * The index holds a reference to each volume. Free volumes (Available, without claimRef, not being
 * deleted, not held) stand sorted by capacity, then name, in one list per access-mode set, volume
 * mode, class and attributes class; volumes with a claimRef are found by the claim they name.
 *
 *     struct binder_index *x = binder_index_new();
 *     binder_index_put(x, pv);                    with each change of a volume
 *     pv = binder_find_best(x, claim, is_delayed);
 */
struct binder_index;

struct binder_index *binder_index_new(void) __attribute__((warn_unused_result));
void binder_index_free(struct binder_index *x);
/* Adds the volume or replaces the one of its name. */
void binder_index_put(struct binder_index *x, const struct kube_pv *pv);
void binder_index_remove(struct binder_index *x, const char *name);
/* Borrowed until the volume is replaced; NULL = not there. */
const struct kube_pv *binder_index_get(const struct binder_index *x, const char *name);
/* Available, without claimRef, not being deleted, not held. */
bool binder_index_is_free(const struct binder_index *x, const char *name);
/* All volumes, in no order: *at starts with 0; NULL ends. */
const struct kube_pv *binder_index_each(const struct binder_index *x, size_t *at);
size_t binder_index_count(const struct binder_index *x);

/* A decision about the volume is under way: until it is released nobody is offered it as a free
 * one. Stays through replacements of the volume; an unknown name does nothing. */
void binder_index_hold(struct binder_index *x, const char *name);
void binder_index_release(struct binder_index *x, const char *name);

/* The sets of access modes (enum kube_access_mode) of which there are volumes and that contain all
 * of 'modes', those of fewest modes first. Returns how many. */
size_t binder_index_sets(const struct binder_index *x, unsigned modes, unsigned ret_sets[16]);

/*
 * The PV controller's choice: sets of fewest modes first; in a set a volume that is reserved for
 * this claim and large enough, else the smallest free one that fits mode, class, attributes class
 * and selector. 'is_delayed' (class mode WaitForFirstConsumer): a reserved one or none. Borrowed;
 * NULL = none.
 */
const struct kube_pv *binder_find_best(const struct binder_index *x, const struct kube_pvc *claim,
                                       bool is_delayed);

/*
 * The scheduler's choice for a claim of a pod that is to run on 'node': also the node affinity of
 * volumes against the node's labels, and no volume that is excluded because another claim of the
 * pod takes it. A volume that is reserved for the claim wins, and when it can't be reached from the
 * node there is none.
 */
struct binder_node_match {
    const struct kube_pvc *claim;
    const struct kube_node *node;
    /* NULL = none is excluded. */
    bool (*is_excluded)(void *ctx, const struct kube_pv *pv);
    void *ctx;
};
const struct kube_pv *binder_find_for_node(const struct binder_index *x,
                                           const struct binder_node_match *m);
/* Tells the names of the volumes whose claimRef names this claim. */
void binder_each_reserved(const struct binder_index *x, const struct kube_pvc *claim,
                          void (*tell)(void *to, const char *name), void *to);
/* The volume's node affinity (none = everywhere) matches the node's labels. */
bool binder_reaches_node(const struct kube_pv *pv, const struct kube_node *node);

/* The volume's claimRef names this claim, and its UID is the claim's or empty. */
bool binder_is_bound_to(const struct kube_pv *pv, const struct kube_pvc *claim);
/* Filesystem is what counts where there is none. */
bool binder_has_mode(const struct kube_pv *pv, const struct kube_pvc *claim);
/* Each mode that the claim asks for is one of the volume's. */
bool binder_has_access(const struct kube_pv *pv, const struct kube_pvc *claim);
/* Of spec.capacity and spec.resources.requests "storage"; zero when there is none. */
struct ol_quantity binder_pv_size(const struct kube_pv *pv);
struct ol_quantity binder_claim_size(const struct kube_pvc *claim);
/* NULL, or why the volume that a claim names can't be bound to it, in Kubernetes' words (checks in
 * Kubernetes' order: deletion, size, class, attributes class, mode, access modes). 'out' has room
 * for 320 bytes and is what is returned. */
const char *binder_mismatch(const struct kube_pv *pv, const struct kube_pvc *claim,
                            bool has_attributes_classes, char out[320]);
