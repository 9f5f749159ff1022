/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "volume/node/node-internal.h"
#include "volume/node/path.h"

/*
 * A node that attaches by itself (--enable-controller-attach-detach=false): it writes the
 * VolumeAttachment that else the controller would, and waits for the attacher. Volumes
 * that are not CSI's have nothing to attach.
 */

#define PATIENCE (120 * OL_SECOND)

const struct kube_va *node_attachment_of(const struct node *n, const struct node_volume *v)
{
    char name[69];

    if (!v->driver || !v->handle || v->is_inline)
        return NULL;
    node_attachment_name(v->handle, v->driver, n->name, name);
    return kube_as_va(kube_informer_get(n->attachments, "", name));
}

static void wait_for_it(struct node_op *op)
{
    op->is_waiting = true;
    op->give_up = ol_now_boot(op->n->env) + PATIENCE;
    node_wake(op->n);
}

static void asked(void *ctx, const struct kube_answer *answer)
{
    struct node_op *op = ctx;
    struct ol_err err = OL_ERR_INIT;
    enum kube_reason fine = op->a.verb == NODE_ATTACH ? KUBE_ALREADY_EXISTS : KUBE_NOT_FOUND;

    op->request = NULL;
    if (answer->reason == KUBE_OK || answer->reason == fine) {
        wait_for_it(op);
        return;
    }
    (void)kube_answer_error(answer, &err);
    node_op_end(op, NODE_PERHAPS, ol_err_text(&err));
}

static void create(struct node_op *op, const char *name)
{
    const struct node_volume *v = op->a.volume;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(64 << 10);
    struct ol_jw w;

    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "apiVersion", "storage.k8s.io/v1");
    ol_jw_str(&w, "kind", "VolumeAttachment");
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "name", name);
    ol_jw_end(&w);
    ol_jw_map(&w, "spec");
    ol_jw_str(&w, "attacher", v->driver);
    ol_jw_str(&w, "nodeName", op->n->name);
    ol_jw_map(&w, "source");
    ol_jw_str(&w, "persistentVolumeName", v->spec_name);
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
    op->request = kube_send(
        op->n->k.client,
        &(struct kube_ask){
            .verb = KUBE_VERB_CREATE, .kind = &kube_va_kind, .body = body.data, .size = body.len},
        asked, op);
}

void node_attach_begin(struct node_op *op)
{
    const struct node_volume *v = op->a.volume;
    bool is_attach = op->a.verb == NODE_ATTACH;
    char name[69];

    if (v->plugin != &volume_csi
        || !ol_change(op->n->env, is_attach ? "attach" : "detach", v->name)) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    node_attachment_name(v->handle, v->driver, op->n->name, name);
    if (is_attach)
        create(op, name);
    else
        op->request = kube_send(
            op->n->k.client,
            &(struct kube_ask){.verb = KUBE_VERB_DELETE, .kind = &kube_va_kind, .name = name},
            asked, op);
}

/* Ends the operation when its end has come. */
static void look_at(struct node_op *op, ol_time now)
{
    const struct kube_va *va = node_attachment_of(op->n, op->a.volume);
    bool is_attach = op->a.verb == NODE_ATTACH;
    const struct kube_volume_error *e = NULL;

    if (va)
        e = is_attach ? va->status.attach_error : va->status.detach_error;
    if (is_attach ? va && va->status.is_attached : !va)
        node_op_end(op, NODE_OK, NULL);
    else if (e)
        node_op_end(op, NODE_PERHAPS, e->message);
    else if (now >= op->give_up)
        node_op_end(op, NODE_PERHAPS, "timed out waiting for external-attacher");
}

void node_attach_look(struct node *n)
{
    ol_time now = ol_now_boot(n->env);
    struct node_op *op = n->ops;

    while (op) {
        struct node_op *next = op->next;

        if (op->is_waiting)
            look_at(op, now);
        op = next;
    }
}
