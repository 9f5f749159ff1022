/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/informer.h"

/*
 * Which claims a pod uses: those that its volumes name, and those that are made for its ephemeral
 * volumes ("POD-VOLUME"; component-helpers storage/ephemeral).
 */
enum { POD_CLAIM_MAX = 512 };

/* The name of the claim of one volume of the pod, in the pod's namespace; NULL = it uses none.
 * 'out' has room for POD_CLAIM_MAX bytes and may be what is returned. */
const char *pod_claim_name(const struct kube_pod *pod, const struct kube_volume *volume,
                           char out[POD_CLAIM_MAX]);
/* For kube_informer_add_index(): pods by "namespace/claim". */
void pod_claims_index(const struct kube_object *o, kube_emit_fn emit, void *to);
