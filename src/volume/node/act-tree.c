/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "volume/node/node-internal.h"
#include "volume/node/path.h"

/* In-tree volumes: a plan of the plug-in in a job, after what it needs from the API was fetched. */

#define TIMEOUT     (120 * OL_SECOND)
#define OWN_TIMEOUT (3600 * OL_SECOND) /* a chown of millions of files takes its time */

static void device_dir(const struct node_op *op, struct ol_buf *to)
{
    struct volume_spec spec = node_mount_spec(op->a.mount);

    ol_buf_printf(to, "%s/plugins/", op->n->root);
    op->a.volume->plugin->device_dir(&spec, to);
}

static void target(const struct node_op *op, struct ol_buf *to)
{
    node_path_volume(op->n->root, op->a.mount->pod_uid, op->a.volume->plugin->name,
                     op->a.volume->spec_name, to);
}

static void bring(struct node_op *op)
{
    const struct volume_plugin *p = op->a.volume->plugin;
    struct volume_spec spec = node_mount_spec(op->a.mount);
    const struct kube_pod_security *security = op->a.mount->pod->spec.security;
    ol_auto(ol_buf_done) struct ol_buf device = OL_BUF_INIT(8192), dir = OL_BUF_INIT(8192);
    struct volume_setup s = {.spec = &spec, .fs_group = -1};
    struct volume_plan plan;
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (p->flags & VOLUME_HAS_DEVICE)
        device_dir(op, &device);
    target(op, &dir);
    s.device_dir = device.data;
    s.target = dir.data;
    s.data =
        (p->flags & VOLUME_IS_DATA) && op->fetched ? (const struct kube_data *)op->fetched : NULL;
    s.auth = p == &volume_iscsi && op->fetched ? kube_as_secret(op->fetched) : NULL;
    if (security && (p->flags & VOLUME_TAKES_GROUP)) {
        s.fs_group = security->fs_group;
        s.fs_group_change_policy = security->fs_group_change_policy;
    }
    volume_plan_init(&plan);
    r = op->a.verb == NODE_MOUNT_DEVICE ? p->mount_device(&s, &plan, &err)
                                        : p->set_up(&s, &plan, &err);
    if (r < 0)
        node_op_end(op, NODE_NO, ol_err_text(&err));
    else if (!plan.n_steps)
        node_op_end(op, NODE_OK, NULL);
    else
        node_op_run(op, &plan, s.fs_group >= 0 ? OWN_TIMEOUT : TIMEOUT, node_op_ran);
    volume_plan_done(&plan);
}

static void with_data(struct node_op *op)
{
    struct volume_spec spec = node_mount_spec(op->a.mount);
    bool is_secret = spec.volume->secret;
    const struct kube_keyed_source *s = is_secret ? spec.volume->secret : spec.volume->config_map;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1024);

    if (op->is_missing && !s->is_optional) {
        ol_buf_printf(&text, "%s \"%s\" not found", is_secret ? "secret" : "configmap", s->name);
        node_op_end(op, NODE_NO, text.data);
        return;
    }
    bring(op);
}

static void with_auth(struct node_op *op)
{
    if (op->is_missing)
        node_op_end(op, NODE_NO, "the secret of the iSCSI volume was not found");
    else
        bring(op);
}

/* Files of the API, or CHAP's passwords, are needed first. */
static bool fetch_first(struct node_op *op, const struct volume_spec *spec)
{
    const char *ns = op->a.mount->pod->o.meta.ns;
    const struct volume_plugin *p = op->a.volume->plugin;

    if (p == &volume_config_map) {
        node_op_fetch(op, &kube_config_map_kind, ns, spec->volume->config_map->name, with_data);
        return true;
    }
    if (p == &volume_secret) {
        node_op_fetch(op, &kube_secret_kind, ns, spec->volume->secret->name, with_data);
        return true;
    }
    if (p == &volume_iscsi && op->a.verb == NODE_MOUNT_DEVICE) {
        const struct kube_ref *secret =
            spec->pv ? spec->pv->spec.iscsi->secret : spec->volume->iscsi->secret;

        if (secret && secret->name && *secret->name) {
            node_op_fetch(op, &kube_secret_kind, secret->ns && *secret->ns ? secret->ns : ns,
                          secret->name, with_auth);
            return true;
        }
    }
    return false;
}

/* The device's directory as it is mounted: found on disk it has no spec to be made of. */
static void plan_device_away(struct node_op *op, struct volume_plan *plan)
{
    const struct node_volume *v = op->a.volume;
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);

    ol_buf_printf(&dir, "%s/plugins/", op->n->root);
    if (v->pv) {
        struct volume_spec spec = {.pv = v->pv};

        v->plugin->device_dir(&spec, &dir);
    } else {
        ol_buf_adds(&dir, v->handle ? v->handle : "");
    }
    if (v->pv || v->handle)
        v->plugin->unmount_device(dir.data, plan);
}

static void remove_it(struct node_op *op)
{
    const struct node_volume *v = op->a.volume;
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);
    struct volume_plan plan;

    volume_plan_init(&plan);
    if (op->a.verb == NODE_UNMOUNT_DEVICE) {
        plan_device_away(op, &plan);
    } else {
        bool may_force = (v->plugin->flags & VOLUME_IS_REMOTE) && op->a.mount->is_forced;

        target(op, &dir);
        if (node_has_parts(op->n, op->a.mount))
            node_plan_parts_away(op->a.mount, op->n->root, &plan);
        v->plugin->tear_down(dir.data, may_force, &plan);
    }
    if (!plan.n_steps)
        node_op_end(op, NODE_OK, NULL);
    else
        node_op_run(op, &plan, TIMEOUT, node_op_ran);
    volume_plan_done(&plan);
}

void node_tree_begin(struct node_op *op)
{
    struct volume_spec spec;

    if (op->a.verb == NODE_TEAR_DOWN || op->a.verb == NODE_UNMOUNT_DEVICE) {
        remove_it(op);
        return;
    }
    spec = node_mount_spec(op->a.mount);
    if (!fetch_first(op, &spec))
        bring(op);
}
