/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "core/err.h"
#include "kube/base/types.h"

/*
 * A storage class' parameters as external-provisioner reads them: keys that begin with
 * csi.storage.k8s.io/ are for us and never reach the driver; the others go to it as they are.
 * Names of secrets are templates.
 */
enum csi_secret {
    CSI_SECRET_PROVISIONER,
    CSI_SECRET_CONTROLLER_PUBLISH,
    CSI_SECRET_NODE_STAGE,
    CSI_SECRET_NODE_PUBLISH,
    CSI_SECRET_CONTROLLER_EXPAND,
    CSI_SECRET_NODE_EXPAND,
    CSI_SECRET_CONTROLLER_MODIFY,
    CSI_N_SECRETS,
};

/* Where a secret is; name NULL = there is none. Never what is in it. */
struct csi_secret_ref {
    const char *ns, *name;
};

struct csi_parameters {
    const char *fs_type; /* "" = the driver's choice */
    struct kube_map passed;
    struct csi_secret_ref secrets[CSI_N_SECRETS];
};

/* 'claim' gives the templates' values: ${pv.name}, ${pvc.namespace}; in names of secrets also
 * ${pvc.name} and ${pvc.annotations['key']}. -EINVAL with external-provisioner's sentence for
 * unknown reserved keys, half or doubly given secrets, unknown tokens and names that are none.
 * Strings are the arena's or borrowed from the class. */
int csi_parameters_read(const struct kube_map *parameters, const char *pv_name,
                        const struct kube_meta *claim, struct ol_arena *a,
                        struct csi_parameters *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* One secret alone: for deleting, when the claim is gone and only the class can tell. */
int csi_parameters_secret(const struct kube_map *parameters, enum csi_secret which,
                          const char *pv_name, const struct kube_meta *claim, struct ol_arena *a,
                          struct csi_secret_ref *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
