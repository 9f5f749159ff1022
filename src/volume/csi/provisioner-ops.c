/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/provisioner-internal.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* Plan and volume of one claim: a few KiB. */
enum { OP_MAX = 4 << 20 };

static int op_cmp(const void *a, const void *b)
{
    const struct provision_op *x = a, *y = b;

    return strcmp(x->key, y->key);
}

struct provision_op *provision_op_find(const struct provisioner *p, const char *key)
{
    struct provision_op sought = {.key = (char *)key};
    void *at = tfind(&sought, &p->ops, op_cmp);

    return at ? *(struct provision_op **)at : NULL;
}

struct provision_op *provision_op_add(struct provisioner *p, const char *key,
                                      const struct kube_pvc *claim)
{
    struct provision_op *op = ol_xcalloc(1, sizeof(*op));

    op->key = ol_xstrdup(key);
    op->claim = kube_object_ref(&claim->o);
    ol_arena_init(&op->arena, OP_MAX);
    if (!tsearch(op, &p->ops, op_cmp))
        abort(); /* out of memory */
    return op;
}

static void op_free(void *at)
{
    struct provision_op *op = at;

    kube_object_unref(op->claim);
    if (op->class)
        kube_object_unref(op->class);
    ol_arena_done(&op->arena);
    free(op->key);
    free(op);
}

void provision_op_remove(struct provisioner *p, struct provision_op *op)
{
    tdelete(op, &p->ops, op_cmp);
    op_free(op);
}

void provision_ops_free(struct provisioner *p)
{
    tdestroy(p->ops, op_free);
    p->ops = NULL;
}

void provision_op_event(const struct provisioner *p, struct provision_op *op,
                        enum provision_event ev)
{
    enum provision_state from = (enum provision_state)op->state;

    op->state = (uint8_t)provision_next(from, ev);
    ol_debug(p->k->loop->env, "claim %s: %s, %s -> %s", op->key, provision_event_name(ev),
             provision_state_name(from), provision_state_name((enum provision_state)op->state));
}

static const char *copy_text(struct ol_arena *a, const char *s)
{
    return s ? ol_arena_strdup(a, s) : NULL;
}

void provision_volume_copy(struct ol_arena *a, const struct provision_volume *from,
                           struct provision_volume *ret)
{
    struct provision_volume v = *from;

    v.handle = copy_text(a, from->handle);
    v.nfs_server = copy_text(a, from->nfs_server);
    v.nfs_path = copy_text(a, from->nfs_path);
    csi_map_copy(a, &from->context, &v.context);
    v.topology.v = ol_arena_alloc(a, (from->topology.n + 1) * sizeof(*v.topology.v));
    for (uint32_t i = 0; i < from->topology.n; i++)
        csi_map_copy(a, &from->topology.v[i], &v.topology.v[i]);
    *ret = v;
}

void provision_world(const struct provisioner *p, struct ol_arena *a, struct csi_topology_ask *ret)
{
    struct csi_topology_ask t = {0};
    const struct kube_object *o;
    size_t at = 0;

    t.csinodes = ol_arena_alloc(a, (kube_informer_count(p->csinode_cache) + 1) * sizeof(void *));
    while ((o = kube_informer_each(p->csinode_cache, &at)))
        t.csinodes[t.n_csinodes++] = kube_as_csinode(o);
    t.nodes = ol_arena_alloc(a, (kube_informer_count(p->node_cache) + 1) * sizeof(void *));
    at = 0;
    while ((o = kube_informer_each(p->node_cache, &at)))
        t.nodes[t.n_nodes++] = kube_as_node(o);
    t.flags = (p->o->is_strict_topology ? CSI_TOPOLOGY_STRICT : 0u)
              | (p->o->no_immediate_topology ? 0u : CSI_TOPOLOGY_IMMEDIATE);
    *ret = t;
}
