/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "core/err.h"
#include "kube/base/types.h"

/*
 * Where a volume has to be reachable (external-provisioner pkg/controller/topology.go, mid
 * 2026). A term is a map of topology keys and values, sorted by key: the segments of one node,
 * or one combination of a class' allowedTopologies. Pure; strings are borrowed from the objects.
 */
struct csi_terms {
    struct kube_map *v;
    uint32_t n;
};

struct csi_requirement {
    struct csi_terms requisite, preferred; /* both empty = nothing is required */
};

/* Bits of csi_topology_ask.flags */
enum csi_topology_flag {
    CSI_TOPOLOGY_STRICT = 1 << 0,    /* --strict-topology */
    CSI_TOPOLOGY_IMMEDIATE = 1 << 1, /* --immediate-topology, on by default */
};

struct csi_topology_ask {
    const char *driver, *claim;           /* names */
    const char *selected_node;            /* NULL = immediate binding */
    const struct kube_list *allowed;      /* of the class: struct kube_topology_term */
    const struct kube_csinode **csinodes; /* all, in no order */
    uint32_t n_csinodes;
    const struct kube_node **nodes;
    uint32_t n_nodes;
    unsigned flags; /* enum csi_topology_flag */
};

/* -ENOENT: the selected node or its CSINode is gone, the scheduler has to choose again; -EAGAIN:
 * the driver is on no node yet, or not on this one; -EINVAL otherwise. The sentences are those of
 * the reference. */
int csi_topology_require(const struct csi_topology_ask *ask, struct ol_arena *a,
                         struct csi_requirement *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The different terms of all nodes that have all of the driver's keys, sorted: the segments of
 * capacity. */
void csi_topology_segments(const struct csi_topology_ask *ask, struct ol_arena *a,
                           struct csi_terms *ret);
/* <0, 0, >0: shorter terms first, then by keys and values. */
int csi_term_cmp(const struct kube_map *a, const struct kube_map *b);
/* All of the term's pairs are in 'labels'. */
bool csi_term_is_within(const struct kube_map *term, const struct kube_map *labels);
/* A copy that borrows nothing. */
void csi_map_copy(struct ol_arena *a, const struct kube_map *from, struct kube_map *ret);
