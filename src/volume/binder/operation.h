/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/binder/rules.h"

/*
 * What takes long: making a volume, removing one, scrubbing one. Each runs beside the rounds of its
 * claim or volume, at most one per key ("delete-pv-1[UID]"), as a machine that is told the answer
 * to its last step and says the next. No I/O here; the engine acts.
 */
struct binder_reply {
    enum kube_reason reason; /* of an API call; KUBE_OK */
    const char *message;
    const struct kube_object *object; /* borrowed; NULL when there is none */
    /* Of BINDER_CALL: */
    const struct binder_made *made;
    const struct ol_err *err; /* code 0 = it worked */
    bool is_begun;            /* the hook had begun its work */
};

enum binder_op_state {
    BINDER_OP_BEGINS,
    BINDER_OP_ANNOTATED, /* the claim says who makes its volume */
    BINDER_OP_LOOKED,    /* the API has told of the volume */
    BINDER_OP_CALLED,    /* the plug-in has answered */
    BINDER_OP_REREAD,    /* the volume as it is after its data is gone */
    BINDER_OP_UNPROTECTED,
    BINDER_OP_REMOVED,
    BINDER_OP_UNBOUND,
    BINDER_OP_CREATED,
    BINDER_OP_PAUSED,  /* before the object is created again */
    BINDER_OP_CLEANED, /* what was made for nothing is removed */
    BINDER_OP_RESTED,  /* before it is removed again */
    BINDER_OP_ENDS,    /* the last write was made; 'failed' says how it ends */
};

struct binder_op {
    char *key;
    enum binder_op_kind kind;
    enum binder_op_state state;
    unsigned tries;
    struct ol_err failed; /* code 0 = it ends well */
    /* References of the operation's own; those that its kind has. */
    const struct kube_pv *pv;
    const struct kube_pvc *claim;
    const struct kube_class *cls;
    const struct kube_node *node;
    const struct binder_plugin *plugin;
    struct binder_order order; /* of a plug-in; points into the above */
    char *pv_name;
    struct ol_buf made; /* the PersistentVolume that is to be created */
};

/* 'about' is the claim or the volume, 'plugin' and 'cls' as BINDER_START told them. */
void binder_op_init(struct binder_op *op, const struct binder_step *start);
void binder_op_done(struct binder_op *op);
/* "provision-default/claim[UID]": heap. */
char *binder_op_key(const struct binder_step *start) __attribute__((warn_unused_result));
/* 'reply' NULL: it begins. BINDER_NOTHING: it has ended well; BINDER_FAIL: it failed, and its key
 * waits. */
void binder_op_next(const struct binder_rules *r, struct binder_op *op,
                    const struct binder_reply *reply, struct binder_step *ret);
