/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/cloud/cloud.h"
#include "compute/object/object.h"
#include "compute/virt/virt.h"

/*
 * What the instances of this host use: pure bookkeeping, from which the compute node's row and its
 * inventories in placement are made.
 */
struct usage_row {
    char *uuid, *vm_state, *task_state, *project, *os_type; /* task_state and os_type "None" */
    int64_t vcpus, memory_mb, disk_gb;
};

struct usage {
    struct usage_row *rows;
    size_t n, cap;
    unsigned n_failed_builds;
};

void usage_done(struct usage *u);
void usage_clear(struct usage *u); /* the rows; failed builds stay */
/* In, or instead of what is known of it. */
void usage_put(struct usage *u, const struct nova_object *instance);
/* True when it was there. */
bool usage_remove(struct usage *u, const char *uuid);

/* The node's fields from what the driver has and the instances use; reserved as the options say. */
void usage_fill_node(const struct usage *u, const struct virt_resources *r,
                     const struct compute_config *c, const struct nova_release *release,
                     struct nova_object *node);
/* -ENOSPC with a sentence when 'vcpus', 'memory_mb' or 'disk_gb' more don't fit, over-committed as
 * the node's ratios allow. For a host without placement, which would have said so. */
int usage_fits(const struct nova_object *node, int64_t vcpus, int64_t memory_mb, int64_t disk_gb,
               struct ol_err *err) __attribute__((warn_unused_result));

enum { USAGE_INVENTORIES = 3 };
/* VCPU, MEMORY_MB and DISK_GB of the node. */
void usage_inventories(const struct nova_object *node, const struct compute_config *c,
                       struct placement_inventory ret[USAGE_INVENTORIES]);
