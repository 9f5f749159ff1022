/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/pod-claims.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/cleanup.h"

const char *pod_claim_name(const struct kube_pod *pod, const struct kube_volume *volume,
                           char out[POD_CLAIM_MAX])
{
    if (volume->claim)
        return volume->claim->claim;
    if (!volume->ephemeral)
        return NULL;
    snprintf(out, POD_CLAIM_MAX, "%s-%s", pod->o.meta.name, volume->name);
    return out;
}

void pod_claims_index(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    const struct kube_pod *pod = kube_as_pod(o);
    const struct kube_volume *volumes = pod->spec.volumes.v;
    char name[POD_CLAIM_MAX];

    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        const char *claim = pod_claim_name(pod, &volumes[i], name);
        ol_autofree char *key = claim ? ol_xasprintf("%s/%s", o->meta.ns, claim) : NULL;

        if (key)
            emit(to, key);
    }
}
