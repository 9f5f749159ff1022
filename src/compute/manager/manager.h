/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/base/task.h"
#include "compute/cloud/cloud.h"
#include "compute/conductor/conductor.h"
#include "compute/config/config.h"
#include "compute/rpc/rpc.h"
#include "compute/virt/virt.h"

/*
 * What a compute host does with instances: nova.compute.manager in its effects. Everything here
 * blocks and is called from task threads or from the start; the service (compute/service) opens the
 * parts, calls these in the order of nova's start, serves the methods and runs the periodic tasks.
 */
struct manager;

struct manager_parts {
    struct ol_env *env;
    const struct compute_config *config;
    const struct nova_release *release;
    struct conductor *conductor;
    struct cloud *cloud; /* with no services: a machine that stands alone */
    const struct virt_driver *driver;
    struct task_pool *pool;
};

struct manager *manager_new(const struct manager_parts *parts) __attribute__((warn_unused_result));
/* After the pool has stopped. Machines go on. */
void manager_free(struct manager *m);

/* Opens the driver, asks for this host's instances and brings each to where it should be: finishes
 * deletions that were begun, sets builds that were interrupted to error, starts what should run
 * when the option says so, notes power states. Before the queues are served. */
int manager_init_host(struct manager *m, struct ol_err *err) __attribute__((warn_unused_result));

/* What the driver has and the instances use: the compute node's row is made or saved, its provider
 * in placement brought up to date. The first time before the queues are served (pre_start_hook). A
 * placement that doesn't answer is only logged. */
int manager_update_resources(struct manager *m, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The tables of methods, for rpc_serve(); 'service' there is the manager. */
const struct rpc_endpoint *manager_endpoints(const struct manager *m, size_t *ret_n);

/* What is done again and again, in order; name NULL ends the table. */
struct manager_periodic {
    const char *name; /* "update_available_resource" */
    /* Its spacing: 0 = each round (60 s), negative = never. */
    ol_time (*spacing)(const struct compute_config *c);
    bool is_immediate; /* in the first round already */
    int (*run)(struct manager *m, struct ol_err *err);
};
extern const struct manager_periodic manager_periodics[];

/* The state of this service changed (disabled, forced down), or the version of another: what was
 * kept is read anew. HUP. */
void manager_reset(struct manager *m);

/* For the state report. */
size_t manager_instances(const struct manager *m);
