/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "kube/client/component.h"

/*
 * In-use protection: a claim that a scheduled pod mentions, a volume that is bound, and a
 * VolumeAttributesClass that a claim or a volume names, stay after they have been deleted until
 * that has ended. Finalizers say so; the API server puts them on new objects, and here they are
 * put on those that lack them and taken away when nobody is in the way (Kubernetes 1.35
 * pkg/controller/volume/pvcprotection, pvprotection and vacprotection).
 *
 * The components take no options.
 */
#define PROTECTION_CLAIM_FINALIZER  "kubernetes.io/pvc-protection"
#define PROTECTION_VOLUME_FINALIZER "kubernetes.io/pv-protection"
#define PROTECTION_CLASS_FINALIZER  "kubernetes.io/vac-protection"

extern const struct kube_component protection_claims;  /* "persistentvolumeclaim-protection" */
extern const struct kube_component protection_volumes; /* "persistentvolume-protection" */
extern const struct kube_component protection_classes; /* "volumeattributesclass-protection" */

/* --- rules --- */
enum protection_use {
    PROTECTION_USED,
    PROTECTION_UNUSED, /* as the cache has it, which is not enough for a claim */
    PROTECTION_FREE,   /* as the API itself says, or no cache can be wrong about it */
};
enum protection_act {
    PROTECTION_NOTHING,
    PROTECTION_ADD,
    PROTECTION_LOOK, /* ask the API, then decide again with USED or FREE */
    PROTECTION_REMOVE,
};
enum protection_act protection_decide(const struct kube_object *o, const char *finalizer,
                                      enum protection_use use);
/* A pod without a node doesn't: it will not be started with a claim that is being deleted. One that
 * has ended does, until it is deleted: its volumes may still be mounted. */
bool protection_pod_uses(const struct kube_pod *pod, const struct kube_pvc *claim);
/* A bound one is in use. */
enum protection_use protection_use_of(const struct kube_pv *pv);
/* An index of claims and volumes: the VolumeAttributesClasses that they name, which for a claim are
 * those that it wants, has, and is on its way to. */
void protection_classes_index(const struct kube_object *o, kube_emit_fn emit, void *to);
/* A change of this pod may end a use: it is gone, has ended, or has no node. */
bool protection_pod_matters(const struct kube_pod *now);
/* The merge patch, with the resource version as its precondition. */
void protection_write_patch(const struct kube_object *o, const char *finalizer,
                            enum protection_act act, struct ol_buf *to);
