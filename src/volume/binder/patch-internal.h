/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/json-writer.h"
#include "volume/binder/patch.h"

/* Makes the step a patch of o and begins its body: {"metadata":{"resourceVersion":… with the
 * metadata still open. */
void binder_patch_begin(struct ol_jw *w, struct binder_step *s, enum binder_act act,
                        const struct kube_object *o);
/* Closes all that is open. */
void binder_patch_end(struct ol_jw *w);
/* Members "accessModes" and "claimRef". */
void binder_write_modes(struct ol_jw *w, unsigned modes);
void binder_write_claim_ref(struct ol_jw *w, const struct kube_pvc *claim);
