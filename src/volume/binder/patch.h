/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/binder/rules.h"

/*
 * The merge patches of the PV controller: each has what it changes and the resourceVersion that it
 * was decided on, so that a decision on old news is a conflict and is made again.
 */
/* claimRef of the claim when it isn't its already, the mark when the controller made the link.
 * False: nothing is to be changed, and the step is untouched. */
bool binder_patch_bind_pv(struct binder_step *s, const struct kube_pv *pv,
                          const struct kube_pvc *claim);
/* volumeName with the controller's mark, and bind-completed. False as above. */
bool binder_patch_bind_claim(struct binder_step *s, const struct kube_pvc *claim,
                             const struct kube_pv *pv);
/* Phase of a volume; 'message' "" = none. False as above (same phase). */
bool binder_patch_pv_phase(struct binder_step *s, const struct kube_pv *pv,
                           enum kube_pv_phase phase, const char *message);
/* Bound to pv (fills in capacity and access modes), or another phase with pv NULL (clears them).
 * -EINVAL: the volume has no capacity. 1: there is a patch, 0: nothing is to be changed. */
int binder_patch_claim_status(struct binder_step *s, const struct kube_pvc *claim,
                              enum kube_pvc_phase phase, const struct kube_pv *pv);
/* Takes the claimRef away, or, when a user made the link, its UID. */
void binder_patch_unbind(struct binder_step *s, const struct kube_pv *pv);
void binder_patch_class(struct binder_step *s, const struct kube_pvc *claim, const char *name);
/* One annotation away. */
void binder_patch_drop(struct binder_step *s, const struct kube_object *o, const char *annotation);
/* Both provisioner annotations and migrated-to. False as above. */
bool binder_patch_provisioner(struct binder_step *s, const struct binder_rules *r,
                              const struct kube_pvc *claim, const char *provisioner);
/* The finalizers without 'gone'. False as above. */
bool binder_patch_finalizer(struct binder_step *s, const struct kube_object *o, const char *gone);
/* migrated-to of a claim; migrated-to and finalizers of a volume. False as above. */
bool binder_patch_migrated_claim(struct binder_step *s, const struct binder_rules *r,
                                 const struct kube_pvc *claim);
bool binder_patch_migrated_pv(struct binder_step *s, const struct binder_rules *r,
                              const struct kube_pv *pv);
/* The PersistentVolume that stands for what a plug-in has made, with claimRef. */
void binder_write_made(struct ol_buf *to, const struct binder_order *order,
                       const struct binder_plugin *plugin, const struct binder_made *made,
                       unsigned off);
