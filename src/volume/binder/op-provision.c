/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/operation-internal.h"

enum { CREATE_TRIES = 5 };
#define CREATE_INTERVAL (10 * OL_SECOND)

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

/* Tells the claim and fails with the same sentence. */
static void refuse(struct binder_op *op, struct binder_step *s)
{
    binder_step_event(s, &op->claim->o, KUBE_WARNING, "ProvisioningFailed", "%s", op->failed.msg);
    binder_op_fail(op, s);
}

static unsigned max_tries(const struct binder_rules *r)
{
    return r->options->create_tries ? r->options->create_tries : CREATE_TRIES;
}

static void pause_then(const struct binder_rules *r, struct binder_op *op,
                       enum binder_op_state state, struct binder_step *s)
{
    op_go(op, state, s, BINDER_WAIT);
    s->delay = r->options->create_interval ? r->options->create_interval : CREATE_INTERVAL;
}

/* --- external: the annotation is the order --- */
static const char *external_name(const struct binder_rules *r, const struct kube_class *cls)
{
    const char *driver = binder_migrated(r, cls->provisioner);

    return driver ? driver : cls->provisioner;
}

static void tell_external(const struct binder_rules *r, struct binder_op *op, struct binder_step *s)
{
    binder_step_event(s, &op->claim->o, KUBE_NORMAL, "ExternalProvisioning",
                      "Waiting for a volume to be created either by the external provisioner '%s' "
                      "or manually by the system administrator. If volume creation is delayed, "
                      "please verify that the provisioner is running and correctly registered.",
                      external_name(r, op->cls));
}

static void external_begins(const struct binder_rules *r, struct binder_op *op,
                            const struct binder_reply *reply, struct binder_step *s)
{
    if (binder_patch_provisioner(s, r, op->claim, external_name(r, op->cls)))
        op->state = BINDER_OP_ANNOTATED;
    else
        tell_external(r, op, s);
}

static void external_annotated(const struct binder_rules *r, struct binder_op *op,
                               const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason == KUBE_OK) {
        tell_external(r, op, s);
        return;
    }
    (void)!ol_err_set(&op->failed, EIO, "Error saving claim: %s", reply->message);
    refuse(op, s);
}

const op_fn binder_external_steps[BINDER_OP_ENDS] = {
    [BINDER_OP_BEGINS] = external_begins,
    [BINDER_OP_ANNOTATED] = external_annotated,
};

/* --- in-tree --- */
static void look(struct binder_op *op, struct binder_step *s)
{
    op->pv_name = ol_xasprintf("pvc-%s", op->claim->o.meta.uid);
    op_go(op, BINDER_OP_LOOKED, s, BINDER_GET_PV);
    s->name = op->pv_name;
}

static void on_begin(const struct binder_rules *r, struct binder_op *op,
                     const struct binder_reply *reply, struct binder_step *s)
{
    if (op->claim->spec.data_source) {
        (void)!ol_err_set(&op->failed, EINVAL,
                          "plugin \"%s\" is not a CSI plugin. Only CSI plugin can provision a "
                          "claim with a datasource",
                          op->plugin->name);
        refuse(op, s);
    } else if (binder_patch_provisioner(s, r, op->claim, op->cls->provisioner)) {
        op->state = BINDER_OP_ANNOTATED;
    } else {
        look(op, s);
    }
}

static void on_annotated(const struct binder_rules *r, struct binder_op *op,
                         const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason != KUBE_OK) {
        (void)!ol_err_set(&op->failed, EIO, "%s", reply->message);
        binder_op_fail(op, s);
        return;
    }
    binder_keep_claim(&op->claim, reply->object);
    look(op, s);
}

/* "[a b]", as Go prints a list. */
static void list_options(const struct kube_strs *all, struct ol_buf *to)
{
    ol_buf_addc(to, '[');
    for (uint32_t i = 0; i < all->n; i++)
        ol_buf_printf(to, "%s%s", i ? " " : "", all->v[i]);
    ol_buf_addc(to, ']');
}

static bool takes_mount_options(struct binder_op *op, struct binder_step *s)
{
    ol_auto(ol_buf_done) struct ol_buf list = OL_BUF_INIT(4096);

    if (!op->cls->mount_options.n || (op->plugin->flags & BINDER_MOUNT_OPTIONS))
        return true;
    list_options(&op->cls->mount_options, &list);
    binder_step_event(s, &op->claim->o, KUBE_WARNING, "ProvisioningFailed",
                      "Mount options are not supported by the provisioner but StorageClass \"%s\" "
                      "has mount options %s",
                      op->cls->o.meta.name, list.data);
    (void)!ol_err_set(&op->failed, EINVAL, "provisioner \"%s\" doesn't support mount options",
                      op->plugin->name);
    binder_op_fail(op, s);
    return false;
}

static bool find_node(const struct binder_rules *r, struct binder_op *op, struct binder_step *s)
{
    const char *name = annotation(&op->claim->o, BINDER_SELECTED_NODE);
    const struct kube_node *node = name ? r->view->node(r->self, name) : NULL;

    if (node)
        op->node = kube_as_node(kube_object_ref(&node->o));
    if (!name || node)
        return true;
    (void)!ol_err_set(&op->failed, ENOENT, "Failed to get target node: node \"%s\" not found",
                      name);
    refuse(op, s);
    return false;
}

static void on_looked(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason == KUBE_OK)
        return; /* made by an earlier run */
    if (reply->reason != KUBE_NOT_FOUND) {
        (void)!ol_err_set(&op->failed, EIO, "%s", reply->message);
        binder_op_fail(op, s);
        return;
    }
    if (!takes_mount_options(op, s) || !find_node(r, op, s))
        return;
    op->order = (struct binder_order){
        .claim = op->claim, .cls = op->cls, .pv_name = op->pv_name, .node = op->node};
    op_go(op, BINDER_OP_CALLED, s, BINDER_CALL);
}

/* The scheduler is to choose another node. */
static void on_call_failed(struct binder_op *op, const struct binder_reply *reply,
                           struct binder_step *s)
{
    op->failed = *reply->err;
    if (!reply->is_begun) {
        (void)!ol_err_prefix(&op->failed, 0, "Failed to create provisioner");
        refuse(op, s);
        return;
    }
    (void)!ol_err_prefix(&op->failed, 0, "Failed to provision volume with StorageClass \"%s\"",
                         op->cls->o.meta.name);
    if (!op->node) {
        refuse(op, s);
        return;
    }
    binder_step_event(s, &op->claim->o, KUBE_WARNING, "ProvisioningFailed", "%s", op->failed.msg);
    s->tells_first = true;
    binder_patch_drop(s, &op->claim->o, BINDER_SELECTED_NODE);
    op->state = BINDER_OP_ENDS;
}

static void create(struct binder_op *op, struct binder_step *s)
{
    op_go(op, BINDER_OP_CREATED, s, BINDER_CREATE_PV);
    s->name = op->pv_name;
    ol_buf_clear(&s->body);
    ol_buf_add(&s->body, op->made.data, op->made.len);
}

static void on_called(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->err->code) {
        on_call_failed(op, reply, s);
        return;
    }
    binder_write_made(&op->made, &op->order, op->plugin, reply->made, r->options->off);
    create(op, s);
}

static void clean(struct binder_op *op, struct binder_step *s);

static void on_created(const struct binder_rules *r, struct binder_op *op,
                       const struct binder_reply *reply, struct binder_step *s)
{
    if (reply->reason == KUBE_OK || reply->reason == KUBE_ALREADY_EXISTS) {
        binder_step_event(s, &op->claim->o, KUBE_NORMAL, "ProvisioningSucceeded",
                          "Successfully provisioned volume %s using %s", op->pv_name,
                          op->plugin->name);
        return;
    }
    if (++op->tries < max_tries(r)) {
        pause_then(r, op, BINDER_OP_PAUSED, s);
        return;
    }
    binder_step_event(s, &op->claim->o, KUBE_WARNING, "ProvisioningFailed",
                      "Error creating provisioned PV object for claim %s/%s: %s. Deleting the "
                      "volume.",
                      op->claim->o.meta.ns, op->claim->o.meta.name, reply->message);
    s->tells_first = true;
    op->tries = 0;
    clean(op, s);
}

static void on_paused(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    create(op, s);
}

/* --- what was made has no object: it is removed again --- */
static void tell_unclean(struct binder_op *op, struct binder_step *s, const char *why)
{
    binder_step_event(s, &op->claim->o, KUBE_WARNING, "ProvisioningCleanupFailed",
                      "Error cleaning provisioned volume for claim %s/%s: %s. Please delete "
                      "manually.",
                      op->claim->o.meta.ns, op->claim->o.meta.name, why);
}

static void clean(struct binder_op *op, struct binder_step *s)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (!op->plugin->remove) {
        tell_unclean(op, s, "no deletable volume plugin matched");
        return;
    }
    if (!op->pv) {
        if (kube_decode_text(&kube_pv_kind, op->made.data, op->made.len, &o, &err) < 0) {
            tell_unclean(op, s, ol_err_text(&err));
            return;
        }
        binder_keep_pv(&op->pv, o);
    }
    op_go(op, BINDER_OP_CLEANED, s, BINDER_CALL);
}

static void on_cleaned(const struct binder_rules *r, struct binder_op *op,
                       const struct binder_reply *reply, struct binder_step *s)
{
    if (!reply->err->code)
        return;
    if (++op->tries < max_tries(r))
        pause_then(r, op, BINDER_OP_RESTED, s);
    else
        tell_unclean(op, s, reply->err->msg);
}

static void on_rested(const struct binder_rules *r, struct binder_op *op,
                      const struct binder_reply *reply, struct binder_step *s)
{
    clean(op, s);
}

const op_fn binder_provision_steps[BINDER_OP_ENDS] = {
    [BINDER_OP_BEGINS] = on_begin,    [BINDER_OP_ANNOTATED] = on_annotated,
    [BINDER_OP_LOOKED] = on_looked,   [BINDER_OP_CALLED] = on_called,
    [BINDER_OP_CREATED] = on_created, [BINDER_OP_PAUSED] = on_paused,
    [BINDER_OP_CLEANED] = on_cleaned, [BINDER_OP_RESTED] = on_rested,
};
