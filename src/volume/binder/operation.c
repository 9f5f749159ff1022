/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/operation.h"

#include <errno.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "kube/base/kind.h"
#include "volume/binder/operation-internal.h"

enum { PV_MAX = 1 << 20 };

static const struct kind {
    const char *name;
    const op_fn *steps;
} kinds[] = {
    [BINDER_PROVISION] = {"provision", binder_provision_steps},
    [BINDER_PROVISION_EXTERNAL] = {"provision", binder_external_steps},
    [BINDER_DELETE] = {"delete", binder_delete_steps},
    [BINDER_RECYCLE] = {"recycle", binder_recycle_steps},
};

char *binder_op_key(const struct binder_step *start)
{
    const struct kube_meta *m = &start->object->meta;

    return ol_xasprintf("%s-%s%s%s[%s]", kinds[start->op].name, m->ns, m->ns[0] ? "/" : "", m->name,
                        m->uid);
}

void binder_keep_pv(const struct kube_pv **at, const struct kube_object *o)
{
    const struct kube_pv *old = *at;

    *at = kube_as_pv(kube_object_ref(o));
    if (old)
        kube_object_unref(&old->o);
}

void binder_keep_claim(const struct kube_pvc **at, const struct kube_object *o)
{
    const struct kube_pvc *old = *at;

    *at = kube_as_pvc(kube_object_ref(o));
    if (old)
        kube_object_unref(&old->o);
}

void binder_op_init(struct binder_op *op, const struct binder_step *start)
{
    *op = (struct binder_op){.kind = start->op, .plugin = start->plugin};
    op->key = binder_op_key(start);
    if (kube_as_pv(start->object))
        binder_keep_pv(&op->pv, start->object);
    else
        binder_keep_claim(&op->claim, start->object);
    if (start->cls)
        op->cls = kube_as_class(kube_object_ref(&start->cls->o));
    ol_buf_init(&op->made, PV_MAX);
}

void binder_op_done(struct binder_op *op)
{
    kube_object_unref(op->pv ? &op->pv->o : NULL);
    kube_object_unref(op->claim ? &op->claim->o : NULL);
    kube_object_unref(op->cls ? &op->cls->o : NULL);
    kube_object_unref(op->node ? &op->node->o : NULL);
    ol_buf_done(&op->made);
    free(op->pv_name);
    free(op->key);
}

void binder_op_fail(struct binder_op *op, struct binder_step *s)
{
    s->act = BINDER_FAIL;
    s->err = op->failed;
}

void binder_op_next(const struct binder_rules *r, struct binder_op *op,
                    const struct binder_reply *reply, struct binder_step *ret)
{
    if (op->state != BINDER_OP_ENDS)
        kinds[op->kind].steps[op->state](r, op, reply, ret);
    else if (op->failed.code)
        binder_op_fail(op, ret);
}
