/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/provisioner-internal.h"

/* Takes cloning-protection off a source claim when no claim that is still to be made asks for
 * it. */
enum { BODY_MAX = 1 << 20 };

static bool is_still_read(const struct provisioner *p, const char *key)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_index_each(p->clones_by_source, key, &at))) {
        const struct kube_pvc *claim = kube_as_pvc(o);
        bool is_made = claim->spec.volume_name && *claim->spec.volume_name;

        if (csi_has_finalizer(o, PROVISIONER_IN_FLIGHT) || (!is_made && o->meta.deleted == 0))
            return true;
    }
    return false;
}

void provision_sync_clone(void *ctx, struct kube_task *task)
{
    struct provisioner *p = ctx;
    const char *key = kube_task_key(task);
    const struct kube_object *o = kube_informer_get_key(p->claim_cache, key);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE, .kind = &kube_pvc_kind};

    if (!o || !csi_has_finalizer(o, PROVISIONER_CLONING) || is_still_read(p, key)) {
        kube_task_done(task);
        return;
    }
    csi_patch_finalizer(&body, o, CSI_PATCH_REMOVE, PROVISIONER_CLONING);
    ask.ns = o->meta.ns;
    ask.name = o->meta.name;
    ask.body = body.data;
    ask.size = body.len;
    csi_work_api(csi_work_begin(&p->works, task, p), &ask, csi_work_next);
}
