/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/json-writer.h"
#include "kube/base/types.h"

/*
 * Merge patches (RFC 7386) that add or remove one finalizer and leave everything else alone. They
 * carry uid and resource version, so a patch that was decided on old facts, or for an object that
 * was since made anew, is refused with a conflict.
 */
enum csi_patch { CSI_PATCH_REMOVE, CSI_PATCH_ADD };

/* Opens {"metadata":{…; the caller adds annotations or nothing and ends both maps. */
void csi_patch_begin(struct ol_jw *w, struct ol_buf *to, const struct kube_object *o);
/* "finalizers":[…] within metadata. */
void csi_patch_finalizers(struct ol_jw *w, const struct kube_object *o, enum csi_patch what,
                          const char *finalizer);
/* The whole patch. */
void csi_patch_finalizer(struct ol_buf *to, const struct kube_object *o, enum csi_patch what,
                         const char *finalizer);
bool csi_has_finalizer(const struct kube_object *o, const char *finalizer);
/* NULL when it is absent. */
const char *csi_annotation(const struct kube_object *o, const char *key);

/* --- of a claim's status, in strategic merge patches: conditions merge by their type --- */
/* NULL when there is none of this type. */
const struct kube_condition *csi_condition(const struct kube_pvc *claim, const char *type);
/* An element of "conditions" whose status is True. reason and message NULL, times 0 = left out. */
void csi_patch_condition(struct ol_jw *w, const struct kube_condition *c);
/* The element that takes the condition away; nothing when there is none. */
void csi_patch_drop_condition(struct ol_jw *w, const struct kube_pvc *claim, const char *type);
