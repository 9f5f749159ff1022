/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "kube/base/kind.h"
#include "volume/binder/operation-internal.h"

enum { CONFLICTS = 5 };

static void look(struct binder_op *op, enum binder_op_state then, struct binder_step *s)
{
    op_go(op, then, s, BINDER_GET_PV);
    s->name = op->pv->o.meta.name;
}

static void remove_object(struct binder_op *op, struct binder_step *s)
{
    op_go(op, BINDER_OP_REMOVED, s, BINDER_DELETE_PV);
    s->object = &op->pv->o;
}

/* The volume shows why; tried again with the next round, after the backoff. */
static void fail(struct binder_op *op, struct binder_step *s)
{
    if (!binder_patch_pv_phase(s, op->pv, KUBE_PV_FAILED, op->failed.msg)) {
        binder_op_fail(op, s);
        return;
    }
    op->state = BINDER_OP_ENDS;
    binder_step_event(s, &op->pv->o, KUBE_WARNING, "VolumeFailedDelete", "%s", op->failed.msg);
}

static void on_begin(const struct binder_rules *r, struct binder_op *op,
                     const struct binder_reply *reply, struct binder_step *s)
{
    look(op, BINDER_OP_LOOKED, s);
}

static void on_looked(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    bool is_honored = !(r->options->off & BINDER_OFF_HONOR_RECLAIM);

    if (reply->reason != KUBE_OK)
        return; /* gone, or the next round asks again */
    binder_keep_pv(&op->pv, reply->object);
    if (op->pv->o.meta.deleted && !is_honored)
        return;
    if (!binder_is_released(r, op->pv))
        return;
    if (binder_find_remover(r, op->pv, &op->plugin, &op->failed) < 0)
        fail(op, s);
    else if (op->plugin)
        op_go(op, BINDER_OP_CALLED, s, BINDER_CALL);
}

static void on_call_failed(struct binder_op *op, const struct binder_reply *reply,
                           struct binder_step *s)
{
    op->failed = *reply->err;
    if (!reply->is_begun) {
        (void)!ol_err_prefix(&op->failed, 0, "failed to create deleter for volume \"%s\"",
                             op->pv->o.meta.name);
    } else if (op->failed.code == EBUSY) {
        binder_step_event(s, &op->pv->o, KUBE_NORMAL, "VolumeDelete", "%s", op->failed.msg);
        binder_op_fail(op, s);
        return;
    }
    fail(op, s);
}

static void on_called(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->err->code)
        on_call_failed(op, reply, s);
    else if (r->options->off & BINDER_OFF_HONOR_RECLAIM)
        remove_object(op, s);
    else
        look(op, BINDER_OP_REREAD, s);
}

static void on_reread(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason == KUBE_NOT_FOUND)
        return;
    if (reply->reason != KUBE_OK) {
        (void)!ol_err_set(&op->failed, EIO, "%s", reply->message);
        fail(op, s);
        return;
    }
    binder_keep_pv(&op->pv, reply->object);
    if (binder_patch_finalizer(s, &op->pv->o, BINDER_IN_TREE_FINALIZER))
        op->state = BINDER_OP_UNPROTECTED;
    else
        remove_object(op, s);
}

static void on_unprotected(const struct binder_rules *r, struct binder_op *op,
                           const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason == KUBE_NOT_FOUND)
        return;
    if (reply->reason == KUBE_CONFLICT && op->tries++ < CONFLICTS) {
        look(op, BINDER_OP_REREAD, s);
        return;
    }
    if (reply->reason != KUBE_OK) {
        (void)!ol_err_set(&op->failed, EIO,
                          "persistent volume controller can't update finalizer: %s",
                          reply->message);
        fail(op, s);
        return;
    }
    if (reply->object)
        binder_keep_pv(&op->pv, reply->object);
    remove_object(op, s);
}

/* If the object couldn't be deleted: its data is gone, and the next round does the rest. */
static void on_removed(const struct binder_rules *r, struct binder_op *op,
                       const struct binder_reply *reply, struct binder_step *s)
{
}

const op_fn binder_delete_steps[BINDER_OP_ENDS] = {
    [BINDER_OP_BEGINS] = on_begin,
    [BINDER_OP_LOOKED] = on_looked,
    [BINDER_OP_CALLED] = on_called,
    [BINDER_OP_REREAD] = on_reread,
    [BINDER_OP_UNPROTECTED] = on_unprotected,
    [BINDER_OP_REMOVED] = on_removed,
};
