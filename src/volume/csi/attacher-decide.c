/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "kube/base/kind.h"
#include "kube/base/time.h"
#include "volume/csi/attacher.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi-error.h"
#include "volume/csi/csi-patch.h"

#define NODE_ID "csi.alpha.kubernetes.io/node-id"

void attacher_finalizer(const char *driver, char out[320])
{
    char *end;

    (void)snprintf(out, 318, "external-attacher/%s", driver);
    for (end = out + strlen("external-attacher/"); *end; end++) {
        char c = (char)(*end | 32);

        if (!(c >= 'a' && c <= 'z') && !(*end >= '0' && *end <= '9'))
            *end = '-';
    }
    if (end[-1] == '-') {
        end[0] = 'X';
        end[1] = '\0';
    }
}

bool attacher_is_news(const struct kube_va *old, const struct kube_va *now)
{
    if (!old || !now || strcmp(old->o.meta.uid, now->o.meta.uid) != 0)
        return true;
    return (old->o.meta.deleted == 0) != (now->o.meta.deleted == 0)
           || (old->status.is_attached && !now->status.is_attached);
}

/* --- what a call needs --- */
static const char *node_id_of(const struct kube_csinode *n, const char *driver)
{
    const struct kube_csinode_driver *d = n ? n->drivers.v : NULL;

    for (uint32_t i = 0; n && i < n->drivers.n; i++)
        if (strcmp(d[i].name, driver) == 0)
            return d[i].node_id;
    return NULL;
}

static int find_node(const struct attacher_view *v, bool want_annotation, const char **ret,
                     struct ol_err *err)
{
    const char *id = node_id_of(v->csinode, v->va->attacher);

    /* A node that is down, or has lost its driver, must not keep a volume. */
    if (!id && want_annotation)
        id = csi_annotation(&v->va->o, NODE_ID);
    if (id) {
        *ret = id;
        return 0;
    }
    if (!v->csinode)
        return ol_err_set(err, ENOENT, "csinode.storage.k8s.io \"%s\" not found", v->va->node);
    return ol_err_set(err, ENOENT, "CSINode %s does not contain driver %s", v->va->node,
                      v->va->attacher);
}

static int find_volume(const struct attacher_view *v, struct ol_err *err)
{
    if (!v->va->pv_name)
        return ol_err_set(err, EOPNOTSUPP, "inline volumes of VolumeAttachments are not supported");
    if (!v->pv)
        return ol_err_set(err, ENOENT, "persistentvolume \"%s\" not found", v->va->pv_name);
    if (!v->pv->spec.csi)
        return ol_err_set(err, EINVAL, "pv spec contained non-csi source that was not migrated");
    return 0;
}

static int plan_attach(const struct attacher_view *v, struct attacher_plan *plan,
                       struct ol_err *err)
{
    int r = find_volume(v, err);

    if (r == 0 && v->pv->o.meta.deleted != 0)
        r = ol_err_set(err, EBUSY, "PersistentVolume \"%s\" is marked for deletion",
                       v->pv->o.meta.name);
    if (r == 0)
        r = csi_access_of(v->pv->spec.access_modes,
                          v->controller & CSI_CAN_SINGLE_NODE_MULTI_WRITER, &plan->mode, err);
    if (r == 0)
        r = find_node(v, false, &plan->node_id, err);
    if (r < 0)
        return r;
    plan->handle = v->pv->spec.csi->handle;
    plan->is_read_only =
        v->pv->spec.csi->is_read_only && (v->controller & CSI_CAN_PUBLISH_READONLY);
    return 0;
}

static bool is_held(const struct attacher_view *v, const char *finalizer, const char *node_id)
{
    const char *id = csi_annotation(&v->va->o, NODE_ID);

    return csi_has_finalizer(&v->va->o, finalizer) && id && strcmp(id, node_id) == 0;
}

static enum attacher_step decide_attach(const struct attacher_view *v, const char *finalizer,
                                        struct attacher_plan *plan, struct ol_err *err)
{
    if (v->va->status.is_attached && !v->is_forced)
        return ATTACHER_NOTHING;
    if (!(v->controller & CSI_CAN_PUBLISH))
        return v->va->status.is_attached ? ATTACHER_NOTHING : ATTACHER_MARK;
    if (plan_attach(v, plan, err) < 0)
        return ATTACHER_FAIL;
    if (!csi_has_finalizer(&v->pv->o, finalizer))
        return ATTACHER_HOLD_VOLUME;
    return is_held(v, finalizer, plan->node_id) ? ATTACHER_PUBLISH : ATTACHER_HOLD;
}

static enum attacher_step decide_detach(const struct attacher_view *v, const char *finalizer,
                                        struct attacher_plan *plan, struct ol_err *err)
{
    if (!csi_has_finalizer(&v->va->o, finalizer) && !v->is_forced)
        return ATTACHER_NOTHING;
    if (!(v->controller & CSI_CAN_PUBLISH)) /* it could, when this was attached */
        return ATTACHER_LET_GO;
    if (find_volume(v, err) < 0 || find_node(v, true, &plan->node_id, err) < 0)
        return ATTACHER_FAIL;
    plan->handle = v->pv->spec.csi->handle;
    return ATTACHER_UNPUBLISH;
}

enum attacher_step attacher_decide(const struct attacher_view *v, struct attacher_plan *ret,
                                   struct ol_err *err)
{
    char finalizer[320];

    attacher_finalizer(v->va->attacher, finalizer);
    *ret = (struct attacher_plan){0};
    return v->va->o.meta.deleted == 0 ? decide_attach(v, finalizer, ret, err)
                                      : decide_detach(v, finalizer, ret, err);
}

bool attacher_frees_volume(const struct kube_pv *pv, const char *driver, const struct kube_va *va)
{
    char finalizer[320];

    attacher_finalizer(driver, finalizer);
    return pv->o.meta.deleted != 0 && !va && csi_has_finalizer(&pv->o, finalizer);
}

/* --- patches --- */
void attacher_write_attached(struct ol_buf *to, const struct kube_map *metadata)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    ol_jw_bool(&w, "attached", true);
    ol_jw_null(&w, "attachError");
    if (metadata->n > 0) {
        ol_jw_map(&w, "attachmentMetadata");
        for (uint32_t i = 0; i < metadata->n; i++)
            ol_jw_any(&w, metadata->v[i].key, metadata->v[i].value);
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
    ol_jw_end(&w);
}

void attacher_write_detached(struct ol_buf *to, const struct kube_va *va)
{
    struct ol_jw w;

    csi_patch_begin(&w, to, &va->o);
    ol_jw_end(&w);
    ol_jw_map(&w, "status");
    ol_jw_bool(&w, "attached", false);
    ol_jw_null(&w, "detachError");
    ol_jw_null(&w, "attachmentMetadata");
    ol_jw_end(&w);
    ol_jw_end(&w);
}

void attacher_write_error(struct ol_buf *to, const char *member, ol_time now, int code,
                          const char *message)
{
    char stamp[KUBE_TIME_SIZE];
    struct ol_jw w;

    kube_time_format(now, stamp);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    ol_jw_map(&w, member);
    ol_jw_str(&w, "time", stamp);
    ol_jw_str(&w, "message", message);
    if (code >= 0)
        ol_jw_int(&w, "errorCode", code);
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
