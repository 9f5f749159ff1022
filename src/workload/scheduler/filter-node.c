/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/base/kind.h"
#include "workload/scheduler/decide-internal.h"

/* Filters that look at nodes and the pods on them. */

static void filter_unschedulable(struct sched_try *t, const struct sched_node *n,
                                 struct sched_reasons *to)
{
    static const struct kube_taint taint = {
        .key = "node.kubernetes.io/unschedulable", .value = "", .effect = "NoSchedule"};

    if (n->node->is_unschedulable && !kube_is_tolerated(&t->pod->spec.tolerations, &taint))
        sched_refuse(to, "node(s) were unschedulable");
}

static void filter_taints(struct sched_try *t, const struct sched_node *n, struct sched_reasons *to)
{
    const struct kube_taint *taints = n->node->taints.v;

    for (uint32_t i = 0; i < n->node->taints.n; i++) {
        bool is_soft = strcmp(taints[i].effect, "PreferNoSchedule") == 0;

        if (!is_soft && !kube_is_tolerated(&t->pod->spec.tolerations, &taints[i])) {
            sched_refuse(to, "node(s) had untolerated taint(s)");
            return;
        }
    }
}

static void filter_affinity(struct sched_try *t, const struct sched_node *n,
                            struct sched_reasons *to)
{
    const struct kube_map *want = &t->pod->spec.node_selector;
    bool fits = kube_node_matches(t->pod->spec.required_nodes, n->node);

    for (uint32_t i = 0; i < want->n && fits; i++) {
        const char *value = kube_map_get(&n->node->o.meta.labels, want->v[i].key);

        fits = value && strcmp(value, want->v[i].value) == 0;
    }
    if (!fits)
        sched_refuse(to, "node(s) didn't match Pod's node affinity/selector");
}

/* --- ports of the host --- */

static bool is_any(const char *ip)
{
    return !*ip || strcmp(ip, "0.0.0.0") == 0;
}

static const char *protocol_of(const struct kube_container_port *p)
{
    return *p->protocol ? p->protocol : "TCP";
}

static bool clash(const struct kube_container_port *a, const struct kube_container_port *b)
{
    if (a->host_port <= 0 || a->host_port != b->host_port
        || strcmp(protocol_of(a), protocol_of(b)) != 0)
        return false;
    return is_any(a->host_ip) || is_any(b->host_ip) || strcmp(a->host_ip, b->host_ip) == 0;
}

/* The n-th port of a pod's containers; NULL behind the last. */
static const struct kube_container_port *port_at(const struct kube_pod *pod, uint32_t n)
{
    const struct kube_container *c = pod->spec.containers.v;

    for (uint32_t i = 0; i < pod->spec.containers.n; i++) {
        const struct kube_container_port *ports = c[i].ports.v;

        if (n < c[i].ports.n)
            return &ports[n];
        n -= c[i].ports.n;
    }
    return NULL;
}

static bool pods_clash(const struct kube_pod *a, const struct kube_pod *b)
{
    const struct kube_container_port *p, *q;

    for (uint32_t i = 0; (p = port_at(a, i)); i++)
        for (uint32_t j = 0; p->host_port > 0 && (q = port_at(b, j)); j++)
            if (clash(p, q))
                return true;
    return false;
}

static void filter_ports(struct sched_try *t, const struct sched_node *n, struct sched_reasons *to)
{
    for (size_t i = 0; i < n->n_pods; i++)
        if (pods_clash(t->pod, n->pods[i])) {
            sched_refuse(to, "node(s) didn't have free ports for the requested pod ports");
            return;
        }
}

/* --- resources --- */

static void filter_resources(struct sched_try *t, const struct sched_node *n,
                             struct sched_reasons *to)
{
    const struct kube_resources *there = &n->node->status.allocatable;
    const struct ol_quantity *most = kube_resource_get(there, "pods");

    if (!most || (int64_t)n->n_pods + 1 > ol_quantity_value(most))
        sched_refuse(to, "Too many pods");
    for (uint32_t i = 0; i < t->requests.n; i++) {
        const struct kube_resource *want = &t->requests.v[i];
        const struct ol_quantity *used = sched_amounts_get(&n->used, want->name);
        const struct ol_quantity *have = kube_resource_get(there, want->name);
        struct ol_quantity sum = want->amount;

        if (ol_quantity_is_zero(&want->amount))
            continue;
        if (used)
            ol_quantity_add(&sum, used);
        if (!have || ol_quantity_cmp(&sum, have) > 0)
            sched_refuse(to, "Insufficient %s", want->name);
    }
}

const sched_filter_fn sched_filters[] = {
    filter_unschedulable, filter_taints,        filter_affinity,
    filter_ports,         filter_resources,     sched_filter_restrictions,
    sched_filter_limits,  sched_filter_volumes, NULL,
};
