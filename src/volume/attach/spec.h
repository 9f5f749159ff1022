/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/attach/world.h"

/*
 * Which volumes of a pod are attached by the controller: CSI volumes of drivers that want it, and
 * iSCSI, whose attaching is saying so. All others (NFS, hostPath, local, inline CSI …) are mounted
 * without. Migrated in-tree volumes are not known here.
 */
/* The caches; borrowed objects or NULL. */
struct attach_view {
    const struct kube_pvc *(*claim)(void *self, const char *ns, const char *name);
    const struct kube_pv *(*pv)(void *self, const char *name);
    const struct kube_csidriver *(*driver)(void *self, const char *name);
};

/* 1 and the spec (the caller's, attach_spec_done()); 0: it is not attached; -ENOENT: nobody can
 * tell yet, the claim isn't bound or an object is missing. */
int attach_spec_of(const struct attach_view *view, void *self, const struct kube_pod *pod,
                   const struct kube_volume *volume, struct attach_spec *ret);
/* The same for a volume: 1 or 0. */
int attach_spec_of_pv(const struct attach_view *view, void *self, const struct kube_pv *pv,
                      struct attach_spec *ret);
