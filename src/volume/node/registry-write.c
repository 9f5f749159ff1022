/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/node/registry-internal.h"

/*
 * What the API says of this machine's drivers: CSINode.spec.drivers, labels of the driver's
 * topology on the Node, and its annotation csi.volume.kubernetes.io/nodeid.
 */

struct write {
    struct node_plugin *p;
    bool is_leaving, was_created;
    void (*done)(struct node_plugin *p, const struct ol_err *err);
};

static void put_driver(struct ol_jw *w, const struct node_driver *d)
{
    ol_jw_map(w, NULL);
    ol_jw_str(w, "name", d->name);
    ol_jw_str(w, "nodeID", d->node_id);
    ol_jw_list(w, "topologyKeys");
    for (size_t i = 0; i < d->keys.n; i++)
        ol_jw_str(w, NULL, d->keys.v[i]);
    ol_jw_end(w);
    if (d->max_volumes > 0) {
        ol_jw_map(w, "allocatable");
        ol_jw_int(w, "count", d->max_volumes);
        ol_jw_end(w);
    }
    ol_jw_end(w);
}

/* A patch: the one driver, by the list's merge key. A new object: the same, with its owner. */
static void put_csinode(const struct write *c, bool is_new, struct ol_buf *to)
{
    const struct kube_node *node = node_own_object(c->p->r->n);
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    if (is_new) {
        ol_jw_str(&w, "apiVersion", "storage.k8s.io/v1");
        ol_jw_str(&w, "kind", "CSINode");
        ol_jw_map(&w, "metadata");
        ol_jw_str(&w, "name", c->p->r->n->name);
        if (node) {
            ol_jw_list(&w, "ownerReferences");
            ol_jw_map(&w, NULL);
            ol_jw_str(&w, "apiVersion", "v1");
            ol_jw_str(&w, "kind", "Node");
            ol_jw_str(&w, "name", node->o.meta.name);
            ol_jw_str(&w, "uid", node->o.meta.uid);
            ol_jw_end(&w);
            ol_jw_end(&w);
        }
        ol_jw_end(&w);
    }
    ol_jw_map(&w, "spec");
    ol_jw_list(&w, "drivers");
    if (c->is_leaving) {
        ol_jw_map(&w, NULL);
        ol_jw_str(&w, "$patch", "delete");
        ol_jw_str(&w, "name", c->p->d.name);
        ol_jw_end(&w);
    } else {
        put_driver(&w, &c->p->d);
    }
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

/* {"driver":"node id",…} of all drivers that are registered. */
static void put_ids(const struct write *c, struct ol_buf *to)
{
    const struct node_driver *d;
    struct ol_jw w;
    size_t at = 0;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    while ((d = node_driver_each(c->p->r->n, &at)))
        ol_jw_any(&w, d->name, d->node_id);
    if (!c->is_leaving)
        ol_jw_any(&w, c->p->d.name, c->p->d.node_id);
    ol_jw_end(&w);
}

static void put_node(const struct write *c, struct ol_buf *to)
{
    const struct node_driver *d = &c->p->d;
    ol_auto(ol_buf_done) struct ol_buf ids = OL_BUF_INIT(64 << 10);
    struct ol_jw w;

    put_ids(c, &ids);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "metadata");
    ol_jw_map(&w, "annotations");
    ol_jw_any(&w, "csi.volume.kubernetes.io/nodeid", ids.data);
    ol_jw_end(&w);
    ol_jw_map(&w, "labels");
    for (size_t i = 0; !c->is_leaving && i < d->keys.n; i++)
        ol_jw_any(&w, d->keys.v[i], d->values.v[i]);
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

static void end(struct write *c, const struct ol_err *err)
{
    struct node_plugin *p = c->p;
    void (*done)(struct node_plugin *, const struct ol_err *) = c->done;

    p->write = NULL;
    free(c);
    done(p, err);
}

static void send_write(struct write *c, enum kube_verb verb, const struct kube_kind *kind,
                       const struct ol_buf *body, kube_done_fn done)
{
    const struct kube_ask ask = {
        .verb = verb,
        .kind = kind,
        .name = verb == KUBE_VERB_CREATE ? NULL : c->p->r->n->name,
        .body = body->data,
        .size = body->len,
    };

    c->p->request = kube_send(c->p->r->n->k.client, &ask, done, c);
}

static void wrote_csinode(void *ctx, const struct kube_answer *answer)
{
    struct write *c = ctx;
    struct ol_err err = OL_ERR_INIT;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(256 << 10);

    c->p->request = NULL;
    if (answer->reason == KUBE_OK) {
        end(c, NULL);
        return;
    }
    if (answer->reason == KUBE_NOT_FOUND && c->is_leaving) {
        end(c, NULL);
        return;
    }
    if (answer->reason == KUBE_NOT_FOUND && !c->was_created) {
        c->was_created = true;
        put_csinode(c, true, &body);
        send_write(c, KUBE_VERB_CREATE, &kube_csinode_kind, &body, wrote_csinode);
        return;
    }
    if (ol_err_prefix(&err, kube_answer_error(answer, &err), "CSINode") < 0)
        end(c, &err);
}

static void wrote_node(void *ctx, const struct kube_answer *answer)
{
    struct write *c = ctx;
    struct ol_err err = OL_ERR_INIT;
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(256 << 10);

    c->p->request = NULL;
    if (answer->reason != KUBE_OK) {
        if (ol_err_prefix(&err, kube_answer_error(answer, &err), "Node") < 0)
            end(c, &err);
        return;
    }
    if (answer->object)
        kube_informer_store(c->p->r->n->nodes, answer->object);
    put_csinode(c, false, &body);
    send_write(c, KUBE_VERB_PATCH_STRATEGIC, &kube_csinode_kind, &body, wrote_csinode);
}

void node_plugin_write(struct node_plugin *p, bool is_leaving,
                       void (*done)(struct node_plugin *p, const struct ol_err *err))
{
    struct write *c = ol_xcalloc(1, sizeof(*c));
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(256 << 10);

    *c = (struct write){.p = p, .is_leaving = is_leaving, .done = done};
    p->write = c;
    put_node(c, &body);
    send_write(c, KUBE_VERB_PATCH_MERGE, &kube_node_kind, &body, wrote_node);
}
