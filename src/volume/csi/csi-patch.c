/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-patch.h"

#include <string.h>

bool csi_has_finalizer(const struct kube_object *o, const char *finalizer)
{
    return kube_strs_has(&o->meta.finalizers, finalizer);
}

const char *csi_annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

void csi_patch_begin(struct ol_jw *w, struct ol_buf *to, const struct kube_object *o)
{
    ol_jw_init(w, to);
    ol_jw_map(w, NULL);
    ol_jw_map(w, "metadata");
    ol_jw_str(w, "uid", *o->meta.uid ? o->meta.uid : NULL);
    ol_jw_str(w, "resourceVersion", *o->meta.resource_version ? o->meta.resource_version : NULL);
}

void csi_patch_finalizers(struct ol_jw *w, const struct kube_object *o, enum csi_patch what,
                          const char *finalizer)
{
    const struct kube_strs *f = &o->meta.finalizers;

    ol_jw_list(w, "finalizers");
    for (uint32_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i], finalizer) != 0)
            ol_jw_str(w, NULL, f->v[i]);
    if (what == CSI_PATCH_ADD)
        ol_jw_str(w, NULL, finalizer);
    ol_jw_end(w);
}

void csi_patch_finalizer(struct ol_buf *to, const struct kube_object *o, enum csi_patch what,
                         const char *finalizer)
{
    struct ol_jw w;

    csi_patch_begin(&w, to, o);
    csi_patch_finalizers(&w, o, what, finalizer);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
