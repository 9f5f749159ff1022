/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/binder/operation.h"
#include "volume/binder/patch.h"

/* One table of these per kind of operation, by state. */
typedef void (*op_fn)(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s);

extern const op_fn binder_delete_steps[], binder_recycle_steps[], binder_provision_steps[],
    binder_external_steps[];

/* The next step is 'act', and its answer goes to 'state'. */
static inline void op_go(struct binder_op *op, enum binder_op_state state, struct binder_step *s,
                         enum binder_act act)
{
    op->state = state;
    s->act = act;
}
/* Ends it as a failure with op->failed. */
void binder_op_fail(struct binder_op *op, struct binder_step *s);
/* Keeps a reference in *at instead of what was there. */
void binder_keep_pv(const struct kube_pv **at, const struct kube_object *o);
void binder_keep_claim(const struct kube_pvc **at, const struct kube_object *o);
