/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "volume/node/csi-message.h"
#include "volume/node/node-internal.h"
#include "volume/node/path.h"
#include "volume/node/vol-data.h"
#include "volume/proto/csi-call.h"

/*
 * CSI: NodeStageVolume and NodePublishVolume. What a driver is asked for stands in vol_data.json
 * before it is asked; the staging directory and the target's parent are ours, the target is the
 * driver's.
 */

#define TIMEOUT     (120 * OL_SECOND)
#define OWN_TIMEOUT (3600 * OL_SECOND)

enum { ARENA_MAX = 4 << 20 };

static struct node_csi_ask ask_of(const struct node_op *op, const struct node_driver *d)
{
    const struct kube_va *va = node_attachment_of(op->n, op->a.volume);

    return (struct node_csi_ask){
        .volume = op->a.volume,
        .mount = op->a.mount,
        .driver = d,
        .publish_context = va && va->status.is_attached ? &va->status.metadata : NULL,
        .secret = op->fetched ? kube_as_secret(op->fetched) : NULL,
        .object = kube_as_csidriver(kube_informer_get(op->n->csidrivers, "", op->a.volume->driver)),
        .root = op->n->root,
    };
}

static void rpc_problem(const struct csi_reply *reply, struct ol_buf *to)
{
    ol_buf_printf(to, "rpc error: code = %s desc = %s", ol_grpc_code_name(reply->code),
                  reply->message);
}

/* The driver, or the operation's end with the kubelet's words. */
static const struct node_driver *driver_of(struct node_op *op, const char *who)
{
    const struct node_driver *d = node_driver_find(op->n, op->a.volume->driver);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1024);

    if (d)
        return d;
    ol_buf_printf(&text,
                  "kubernetes.io/csi: %s: driver name %s not found in the list of registered CSI "
                  "drivers",
                  who, op->a.volume->driver);
    node_op_end(op, NODE_NO, text.data);
    return NULL;
}

static void data_dir_of(const struct node_op *op, bool is_device, struct ol_buf *to)
{
    const struct node_volume *v = op->a.volume;

    if (v->is_block)
        node_path_block_data(op->n->root, v->spec_name, to);
    else if (is_device)
        node_path_staging_parent(op->n->root, v->driver, v->handle, to);
    else
        node_path_volume(op->n->root, op->a.mount->pod_uid, volume_csi.name, v->spec_name, to);
}

/* What a restart has to know, before anything is asked for. */
static int write_down(const struct node_op *op, bool is_device, struct ol_err *err)
{
    const struct node_volume *v = op->a.volume;
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);
    char attachment[69] = "";
    const struct node_vol_data d = {
        .volume_id = v->spec_name,
        .handle = v->handle,
        .driver = v->driver,
        .node = op->n->name,
        .attachment = attachment,
        .lifecycle = v->is_inline ? "Ephemeral" : "Persistent",
    };

    if (!v->is_inline)
        node_attachment_name(v->handle, v->driver, op->n->name, attachment);
    data_dir_of(op, is_device, &dir);
    return node_vol_data_save(op->n->env, dir.data, &d, err);
}

/* NAME, NAME/dev and publish/NAME of volumeDevices/NAME/data, when they are empty. */
static void leave_block(struct node_op *op, const char *data)
{
    ol_autofree char *dir = ol_path_dir(data), *devices = ol_path_dir(dir);
    ol_autofree char *dev = ol_path_join(dir, "dev");
    ol_autofree char *publish = ol_xasprintf("%s/publish/%s", devices, op->a.volume->spec_name);

    (void)!node_rmdir(op->n->env, publish, NULL);
    (void)!node_rmdir(op->n->env, dev, NULL);
    (void)!node_rmdir(op->n->env, dir, NULL);
}

/* The directory that was made for a call, and what was written down: after a clear "no", or
 * after it was undone. A block volume's note goes with its device. */
static int clean_up(struct node_op *op, bool is_device, struct ol_err *err)
{
    const struct node_volume *v = op->a.volume;
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);
    const char *path = is_device ? node_csi_staging_path(v, op->n->root, &arena)
                                 : node_csi_target_path(op->a.mount, op->n->root, &arena);
    ol_autofree char *parent = ol_path_dir(path);
    int r = node_rmdir(op->n->env, path, err);

    data_dir_of(op, is_device, &dir);
    if (r < 0)
        return r == -ENOTDIR ? 0 : r;
    if (v->is_block && !is_device) {
        r = node_rmdir(op->n->env, parent, NULL);
        return r == -ENOTEMPTY ? 0 : r; /* other pods have theirs there */
    }
    r = node_vol_data_remove(op->n->env, dir.data, err);
    if (r == 0 && v->is_block)
        leave_block(op, dir.data);
    return r;
}

/* --- stage --- */

static void after_refusal(struct node_op *op, bool is_device, enum node_life life)
{
    struct ol_err err = OL_ERR_INIT;

    /* What was found after a restart may be there in spite of the "no". */
    if (life == NODE_BRINGING && clean_up(op, is_device, &err) < 0)
        ol_info(op->n->env, "after a refused mount: %s", ol_err_text(&err));
}

static void staged(void *ctx, const struct csi_reply *reply)
{
    struct node_op *op = ctx;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    op->call = NULL;
    if (reply->code == OL_GRPC_OK) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    rpc_problem(reply, &text);
    if (node_csi_is_final(reply->code))
        after_refusal(op, true, op->a.volume->device);
    node_op_end(op, node_csi_is_final(reply->code) ? NODE_NO : NODE_PERHAPS, text.data);
}

static void stage(struct node_op *op)
{
    const struct node_driver *d =
        driver_of(op, "attacher.MountDevice failed to create newCsiDriverClient");
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct ol_err err = OL_ERR_INIT;
    struct node_csi_ask ask;
    int r;

    if (!d)
        return;
    if (op->is_missing) {
        node_op_end(op, NODE_NO, "fetching NodeStageSecretRef failed: the secret was not found");
        return;
    }
    ask = ask_of(op, d);
    r = write_down(op, true, &err);
    if (r == 0)
        r = node_mkdir(op->n->env, node_csi_staging_path(op->a.volume, op->n->root, &arena), 0750,
                       &err);
    if (r < 0) {
        node_op_end(op, NODE_NO, ol_err_text(&err));
        return;
    }
    if (!ol_change(op->n->env, "NodeStageVolume", op->a.volume->handle)) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    op->call = csi_call(d->channel, &csi_node_stage, &node_csi_stage(&ask, &arena)->base, TIMEOUT,
                        staged, op);
}

/* --- publish --- */

static void plan_group(const struct node_op *op, struct volume_plan *plan)
{
    const struct kube_pod_security *s = op->a.mount->pod->spec.security;
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    const char *policy = s->fs_group_change_policy;
    char gid[24];

    snprintf(gid, sizeof(gid), "%lld", (long long)s->fs_group);
    volume_plan_add(plan, VOLUME_OWN, node_csi_target_path(op->a.mount, op->n->root, &arena), gid,
                    policy && *policy ? policy : "Always", "rw");
}

/* Published, but not ready for the pod: it is published again with the next try, and undone if
 * nobody wants it. */
static void finished(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err)
{
    struct node_op *op = ctx;
    ol_auto(ol_buf_done) struct ol_buf problem = OL_BUF_INIT(64 << 10);
    enum node_outcome outcome = node_job_outcome(status, err, &problem);

    op->job = NULL;
    node_op_end(op, outcome == NODE_OK ? NODE_OK : NODE_PERHAPS, problem.data);
}

static void published(void *ctx, const struct csi_reply *reply)
{
    struct node_op *op = ctx;
    const struct node_driver *d = node_driver_find(op->n, op->a.volume->driver);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    struct volume_plan plan;
    struct node_csi_ask ask;

    op->call = NULL;
    if (reply->code != OL_GRPC_OK) {
        rpc_problem(reply, &text);
        if (node_csi_is_final(reply->code))
            after_refusal(op, false, op->a.mount->life);
        node_op_end(op, node_csi_is_final(reply->code) ? NODE_NO : NODE_PERHAPS, text.data);
        return;
    }
    volume_plan_init(&plan);
    if (op->a.volume->is_block)
        node_block_plan_map(op->a.mount, op->n->root, &plan);
    else if (d && op->a.mount->life != NODE_REDOING) {
        ask = ask_of(op, d);
        if (node_csi_group_way(&ask) == NODE_GROUP_WE)
            plan_group(op, &plan);
    }
    if (plan.n_steps)
        node_op_run(op, &plan, OWN_TIMEOUT, finished);
    else
        node_op_end(op, NODE_OK, NULL);
    volume_plan_done(&plan);
}

static void publish(struct node_op *op)
{
    const struct node_driver *d = driver_of(op, "mounter.SetUpAt failed to get CSI client");
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    ol_autofree char *parent = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct node_csi_ask ask;
    int r;

    if (!d)
        return;
    if (op->is_missing) {
        node_op_end(op, NODE_NO, "fetching NodePublishSecretRef failed: the secret was not found");
        return;
    }
    ask = ask_of(op, d);
    parent = ol_path_dir(node_csi_target_path(op->a.mount, op->n->root, &arena));
    r = write_down(op, false, &err);
    if (r == 0)
        r = node_mkdir(op->n->env, parent, 0750, &err);
    if (r < 0) {
        node_op_end(op, NODE_NO, ol_err_text(&err));
        return;
    }
    if (!ol_change(op->n->env, "NodePublishVolume", op->a.volume->handle)) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    op->call = csi_call(d->channel, &csi_node_publish, &node_csi_publish(&ask, &arena)->base,
                        TIMEOUT, published, op);
}

/* --- and backwards --- */

static void removed(struct node_op *op, const struct csi_reply *reply, bool is_device)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    struct ol_err err = OL_ERR_INIT;

    op->call = NULL;
    /* A volume that the driver doesn't know any more is not mounted by it; rmdir() would tell. */
    if (reply->code != OL_GRPC_OK && reply->code != OL_GRPC_NOT_FOUND) {
        rpc_problem(reply, &text);
        node_op_end(op, NODE_PERHAPS, text.data);
        return;
    }
    if (clean_up(op, is_device, &err) < 0)
        node_op_end(op, NODE_PERHAPS, ol_err_text(&err));
    else
        node_op_end(op, NODE_OK, NULL);
}

static void unpublished(void *ctx, const struct csi_reply *reply)
{
    removed(ctx, reply, false);
}

static void unstaged(void *ctx, const struct csi_reply *reply)
{
    removed(ctx, reply, true);
}

static void unpublish(struct node_op *op)
{
    const struct node_driver *d = driver_of(op, "Unmounter.TearDownAt failed to get CSI client");
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);

    if (!d)
        return;
    if (!ol_change(op->n->env, "NodeUnpublishVolume", op->a.volume->handle)) {
        node_op_end(op, NODE_OK, NULL);
        return;
    }
    op->call = csi_call(d->channel, &csi_node_unpublish,
                        &node_csi_unpublish(op->a.mount, op->n->root, &arena)->base, TIMEOUT,
                        unpublished, op);
}

static void unmapped(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err)
{
    struct node_op *op = ctx;
    ol_auto(ol_buf_done) struct ol_buf problem = OL_BUF_INIT(64 << 10);
    enum node_outcome outcome = node_job_outcome(status, err, &problem);

    op->job = NULL;
    if (outcome == NODE_OK)
        unpublish(op);
    else
        node_op_end(op, NODE_PERHAPS, problem.data);
}

static void tear_down(struct node_op *op)
{
    struct volume_plan plan;

    volume_plan_init(&plan);
    if (op->a.volume->is_block)
        node_block_plan_unmap(op->a.mount, op->n->root, &plan);
    else if (node_has_parts(op->n, op->a.mount))
        node_plan_parts_away(op->a.mount, op->n->root, &plan);
    if (plan.n_steps)
        node_op_run(op, &plan, TIMEOUT, unmapped);
    else
        unpublish(op);
    volume_plan_done(&plan);
}

static void unstage(struct node_op *op)
{
    const struct node_driver *d =
        driver_of(op, "attacher.UnmountDevice failed to create newCsiDriverClient");
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    const struct csi_reply nothing = {.code = OL_GRPC_OK, .message = ""};

    if (!d)
        return;
    if (!(d->can & NODE_CAN_STAGE)
        || !ol_change(op->n->env, "NodeUnstageVolume", op->a.volume->handle)) {
        removed(op, &nothing, true);
        return;
    }
    op->call =
        csi_call(d->channel, &csi_node_unstage,
                 &node_csi_unstage(op->a.volume, op->n->root, &arena)->base, TIMEOUT, unstaged, op);
}

/* A secret of the PV, or of the pod's own words, is needed first. */
static void with_secret(struct node_op *op, const struct kube_ref *ref, const char *ns,
                        void (*then)(struct node_op *op))
{
    if (!ref || !ref->name || !*ref->name)
        then(op);
    else
        node_op_fetch(op, &kube_secret_kind, ref->ns && *ref->ns ? ref->ns : ns, ref->name, then);
}

void node_csi_begin(struct node_op *op)
{
    const struct node_volume *v = op->a.volume;
    const struct kube_csi_source *csi = v->pv ? v->pv->spec.csi : NULL;
    const struct node_driver *d = node_driver_find(op->n, v->driver);
    struct volume_spec spec;

    switch (op->a.verb) {
    case NODE_MOUNT_DEVICE:
        if (d && !(d->can & NODE_CAN_STAGE))
            node_op_end(op, NODE_OK, NULL);
        else
            with_secret(op, csi->node_stage_secret, "", stage);
        break;
    case NODE_SET_UP:
        spec = node_mount_spec(op->a.mount);
        with_secret(op, csi ? csi->node_publish_secret : spec.volume->csi->node_publish_secret,
                    op->a.mount->pod->o.meta.ns, publish);
        break;
    case NODE_TEAR_DOWN: tear_down(op); break;
    default: unstage(op); break;
    }
}
