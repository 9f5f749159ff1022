/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "volume/node/csi-message.h"
#include "volume/node/node-internal.h"
#include "volume/proto/csi-call.h"

/*
 * The node's half of an expansion: NodeExpandVolume of what is mounted, then the claim's status
 * says the new size (kubelet, NodeExpandVolume and MarkFSResizeFinished).
 */

#define TIMEOUT (120 * OL_SECOND)

enum { ARENA_MAX = 4 << 20 };

static const struct kube_ref *claim_of(const struct node_op *op)
{
    return op->a.volume->pv ? op->a.volume->pv->spec.claim : NULL;
}

static void patched(void *ctx, const struct kube_answer *answer)
{
    struct node_op *op = ctx;
    struct ol_err err = OL_ERR_INIT;

    op->request = NULL;
    if (answer->reason == KUBE_OK && answer->object)
        kube_informer_store(op->n->claims, answer->object);
    if (answer->reason == KUBE_OK) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    (void)kube_answer_error(answer, &err);
    node_op_end(op, NODE_NO, ol_err_text(&err));
}

static void delete_condition(struct ol_jw *w, const char *type)
{
    ol_jw_map(w, NULL);
    ol_jw_str(w, "$patch", "delete");
    ol_jw_str(w, "type", type);
    ol_jw_end(w);
}

/* The claim has its size, and nothing of the resize is pending. */
static void finish(struct node_op *op)
{
    const struct ol_quantity *size = kube_resource_get(&op->a.volume->pv->spec.capacity, "storage");
    const struct kube_ref *claim = claim_of(op);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(16 << 10);
    char text[OL_QUANTITY_MAX];
    struct ol_jw w;

    if (!claim || !size) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    ol_quantity_format(size, text);
    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    ol_jw_map(&w, "capacity");
    ol_jw_str(&w, "storage", text);
    ol_jw_end(&w);
    ol_jw_list(&w, "conditions");
    delete_condition(&w, "FileSystemResizePending");
    delete_condition(&w, "Resizing");
    ol_jw_end(&w);
    ol_jw_map(&w, "allocatedResourceStatuses");
    ol_jw_null(&w, "storage");
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
    op->request = kube_send(op->n->k.client,
                            &(struct kube_ask){.verb = KUBE_VERB_PATCH_STRATEGIC,
                                               .kind = &kube_pvc_kind,
                                               .ns = claim->ns,
                                               .name = claim->name,
                                               .subresource = "status",
                                               .body = body.data,
                                               .size = body.len},
                            patched, op);
}

static void expanded(void *ctx, const struct csi_reply *reply)
{
    struct node_op *op = ctx;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    op->call = NULL;
    if (reply->code == OL_GRPC_OK) {
        finish(op);
        return;
    }
    ol_buf_printf(&text, "rpc error: code = %s desc = %s", ol_grpc_code_name(reply->code),
                  reply->message);
    node_op_end(op, node_csi_is_final(reply->code) ? NODE_NO : NODE_PERHAPS, text.data);
}

static void expand(struct node_op *op)
{
    const struct node_driver *d = node_driver_find(op->n, op->a.volume->driver);
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    const struct node_csi_ask ask = {
        .volume = op->a.volume,
        .mount = op->a.mount,
        .driver = d,
        .secret = op->fetched ? kube_as_secret(op->fetched) : NULL,
        .root = op->n->root,
    };

    if (!d) {
        node_op_end(op, NODE_NO, "the driver is not in the list of registered CSI drivers");
        return;
    }
    op->call = csi_call(d->channel, &csi_node_expand, &node_csi_expand(&ask, &arena)->base, TIMEOUT,
                        expanded, op);
}

void node_expand_begin(struct node_op *op)
{
    const struct node_volume *v = op->a.volume;
    const struct node_driver *d = v->driver ? node_driver_find(op->n, v->driver) : NULL;
    const struct kube_ref *secret = v->pv ? v->pv->spec.csi->node_expand_secret : NULL;

    if (!v->pv || !ol_change(op->n->env, "NodeExpandVolume", v->name))
        node_op_end(op, NODE_OK, NULL);
    else if (d && !(d->can & NODE_CAN_EXPAND))
        finish(op); /* the controller has done all of it */
    else if (secret && secret->name && *secret->name)
        node_op_fetch(op, &kube_secret_kind, secret->ns, secret->name, expand);
    else
        expand(op);
}
