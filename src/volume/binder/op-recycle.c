/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/strv.h"
#include "kube/base/kind.h"
#include "volume/binder/operation-internal.h"

/* Shown once: phase and event; the next round tries again. */
static void fail(struct binder_op *op, struct binder_step *s, const char *what, const char *why)
{
    char text[600];

    snprintf(text, sizeof(text), "%s%s", what, why);
    if (!binder_patch_pv_phase(s, op->pv, KUBE_PV_FAILED, text))
        return;
    op->state = BINDER_OP_ENDS;
    binder_step_event(s, &op->pv->o, KUBE_WARNING, "VolumeFailedRecycle", "%s", text);
}

/* Pods that still run with a claim of this name, "ns/a,ns/b"; false: there are none. */
static bool find_users(const struct binder_rules *r, const struct kube_ref *ref,
                       struct ol_buf *names)
{
    ol_auto(ol_strv_done) struct ol_strv users = {0};
    const struct kube_pod *pod = NULL;

    for (size_t at = 0; (pod = r->view->each_pod(r->self, ref->ns, ref->name, &at));) {
        if (!kube_pod_is_terminated(pod))
            ol_strv_addf(&users, "%s/%s", pod->o.meta.ns, pod->o.meta.name);
    }
    ol_strv_sort(&users);
    for (size_t i = 0; i < users.n; i++)
        ol_buf_printf(names, "%s%s", i ? "," : "", users.v[i]);
    return users.n > 0;
}

static void on_begin(const struct binder_rules *r, struct binder_op *op,
                     const struct binder_reply *reply, struct binder_step *s)
{
    op_go(op, BINDER_OP_LOOKED, s, BINDER_GET_PV);
    s->name = op->pv->o.meta.name;
}

static void on_looked(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    ol_auto(ol_buf_done) struct ol_buf users = OL_BUF_INIT(1 << 20);
    const struct kube_ref *ref = NULL;

    if (reply->reason != KUBE_OK)
        return;
    binder_keep_pv(&op->pv, reply->object);
    if (!binder_is_released(r, op->pv))
        return;
    ref = op->pv->spec.claim;
    /* With a claim of the name there, the pods are that one's. */
    if (find_users(r, ref, &users) && !r->view->claim(r->self, ref->ns, ref->name)) {
        binder_step_event(s, &op->pv->o, KUBE_NORMAL, "VolumeFailedRecycle",
                          "Volume is used by pods: %s", users.data);
        return;
    }
    op->plugin = binder_find_recycler(r, op->pv);
    if (op->plugin)
        op_go(op, BINDER_OP_CALLED, s, BINDER_CALL);
    else
        fail(op, s, "No recycler plugin found for the volume!", "");
}

static void on_called(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->err->code) {
        fail(op, s, "Recycle failed: ", reply->err->msg);
        return;
    }
    binder_patch_unbind(s, op->pv);
    binder_step_event(s, &op->pv->o, KUBE_NORMAL, "VolumeRecycled", "Volume recycled");
    op->state = BINDER_OP_UNBOUND;
}

static void on_unbound(const struct binder_rules *r, struct binder_op *op,
                       const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason != KUBE_OK)
        return;
    binder_keep_pv(&op->pv, reply->object);
    op->state = BINDER_OP_ENDS;
    binder_patch_pv_phase(s, op->pv, KUBE_PV_AVAILABLE, "");
}

const op_fn binder_recycle_steps[BINDER_OP_ENDS] = {
    [BINDER_OP_BEGINS] = on_begin,
    [BINDER_OP_LOOKED] = on_looked,
    [BINDER_OP_CALLED] = on_called,
    [BINDER_OP_UNBOUND] = on_unbound,
};
