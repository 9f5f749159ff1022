/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-patch.h"

#include <string.h>

#include "kube/base/time.h"

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

const struct kube_condition *csi_condition(const struct kube_pvc *claim, const char *type)
{
    const struct kube_condition *c = claim->status.conditions.v;

    for (uint32_t i = 0; i < claim->status.conditions.n; i++)
        if (strcmp(c[i].type, type) == 0)
            return &c[i];
    return NULL;
}

static void write_time(struct ol_jw *w, const char *key, ol_time t)
{
    char text[KUBE_TIME_SIZE];

    if (!t)
        return;
    kube_time_format(t, text);
    ol_jw_str(w, key, text);
}

void csi_patch_condition(struct ol_jw *w, const struct kube_condition *c)
{
    ol_jw_map(w, NULL);
    ol_jw_str(w, "type", c->type);
    ol_jw_str(w, "status", "True");
    write_time(w, "lastProbeTime", c->probed);
    write_time(w, "lastTransitionTime", c->changed);
    ol_jw_str(w, "reason", c->reason);
    ol_jw_str(w, "message", c->message);
    ol_jw_end(w);
}

void csi_patch_drop_condition(struct ol_jw *w, const struct kube_pvc *claim, const char *type)
{
    if (!csi_condition(claim, type))
        return;
    ol_jw_map(w, NULL);
    ol_jw_str(w, "$patch", "delete");
    ol_jw_str(w, "type", type);
    ol_jw_end(w);
}
