/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "workload/scheduler/scheduler-internal.h"

void sched_nodes_init(struct sched_nodes *all)
{
    all->table = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
}

static void free_node(struct sched_node *n)
{
    for (size_t i = 0; i < n->n_pods; i++)
        kube_object_unref(&n->pods[i]->o);
    free(n->pods);
    if (n->node)
        kube_object_unref(&n->node->o);
    sched_amounts_done(&n->used);
    free((char *)n->name);
    free(n);
}

void sched_nodes_done(struct sched_nodes *all)
{
    struct sched_node *n;
    size_t at = 0;

    while ((n = ol_table_each(&all->table, &at)))
        free_node(n);
    ol_table_done(&all->table);
}

static struct sched_node *node_of(struct sched_nodes *all, const char *name)
{
    struct sched_node *n = ol_table_find_str(&all->table, name);

    if (n)
        return n;
    n = ol_xcalloc(1, sizeof(*n));
    n->name = ol_xstrdup(name);
    ol_table_put(&all->table, n);
    return n;
}

static void drop_empty(struct sched_nodes *all, struct sched_node *n)
{
    if (n->node || n->n_pods)
        return;
    ol_table_remove(&all->table, n);
    free_node(n);
}

void sched_nodes_set(struct sched_nodes *all, const struct kube_node *node)
{
    struct sched_node *n = node_of(all, node->o.meta.name);

    kube_object_ref(&node->o);
    if (n->node)
        kube_object_unref(&n->node->o);
    n->node = node;
}

void sched_nodes_unset(struct sched_nodes *all, const char *name)
{
    struct sched_node *n = ol_table_find_str(&all->table, name);

    if (!n || !n->node)
        return;
    kube_object_unref(&n->node->o);
    n->node = NULL;
    drop_empty(all, n);
}

static void count(struct sched_node *n, const struct kube_pod *pod, int sign)
{
    ol_auto(sched_amounts_done) struct sched_amounts a = {0};

    sched_pod_requests(pod, &a);
    sched_amounts_add_all(&n->used, &a, sign);
}

void sched_nodes_add_pod(struct sched_nodes *all, const char *node, const struct kube_pod *pod)
{
    struct sched_node *n = node_of(all, node);

    if (n->n_pods == n->cap_pods) {
        n->cap_pods = n->cap_pods ? n->cap_pods * 2 : 8;
        n->pods = ol_xrealloc(n->pods, n->cap_pods, sizeof(*n->pods));
    }
    kube_object_ref(&pod->o);
    n->pods[n->n_pods++] = pod;
    count(n, pod, 1);
}

void sched_nodes_remove_pod(struct sched_nodes *all, const char *node, const struct kube_pod *pod)
{
    struct sched_node *n = ol_table_find_str(&all->table, node);

    for (size_t i = 0; n && i < n->n_pods; i++) {
        const struct kube_pod *was = n->pods[i];

        if (strcmp(was->o.meta.uid, pod->o.meta.uid) != 0)
            continue;
        count(n, was, -1);
        n->pods[i] = n->pods[--n->n_pods];
        kube_object_unref(&was->o);
        drop_empty(all, n);
        return;
    }
}

const struct sched_node *sched_nodes_each(const struct sched_nodes *all, size_t *at)
{
    const struct sched_node *n;

    while ((n = ol_table_each(&all->table, at)))
        if (n->node)
            return n;
    return NULL;
}

const struct sched_node *sched_nodes_get(const struct sched_nodes *all, const char *name)
{
    const struct sched_node *n = ol_table_find_str(&all->table, name);

    return n && n->node ? n : NULL;
}
