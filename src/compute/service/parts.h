/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager.h"
#include "compute/service/ops.h"
#include "compute/standalone/standalone.h"

/*
 * The parts of the host agent, opened in the order of their dependencies: tasks, bus, conductor,
 * other services, manager.
 */
struct service_parts {
    struct ol_env *env;
    const struct compute_config *config;
    const struct nova_release *release;
    struct task_pool *pool;
    struct rpc *rpc; /* opened first of what can block; NULL = not yet */
    struct conductor *conductor;
    struct cloud *cloud;
    struct manager *manager;
    struct standalone *standalone; /* what users ask of a machine that stands alone; or NULL */
    char *connection_name, *url;
    int lock_fd;                    /* of a state_path that is ours alone; -1 = none */
    struct rpc_endpoint *endpoints; /* the manager's, and baseapi */
    size_t n_endpoints;
    /* Our row as it was found or made, which reports are made of. */
    struct ol_arena record_arena;
    struct nova_object *record;
    int64_t report_count;
};

/* Where a machine that stands alone has its bus, unless transport_url names one; 'orlop' asks
 * there. */
#define SERVICE_BUS_DIRECTORY "/run/orlop"
#define SERVICE_BUS           "orlop://" SERVICE_BUS_DIRECTORY "/bus.sock"
#define SERVICE_NO_BROKER     "rabbit://" /* the default of transport_url */

/* -EINVAL: a driver or a transport that is not known. -EBUSY: another agent that stands alone works
 * in this state_path. */
int service_parts_open(struct service_parts *p, struct ol_err *err)
    __attribute__((warn_unused_result));
/* After the pool has stopped. */
void service_parts_close(struct service_parts *p);

extern const struct service_ops service_parts_ops; /* ctx: struct service_parts */

/* The periodic tasks: where they are in time, and one round of them. */
struct periodic_run;
struct periodic_run *periodic_run_new(struct service_parts *p) __attribute__((warn_unused_result));
/* When the first round begins: a random moment within periodic_fuzzy_delay. */
ol_time periodic_run_first(const struct compute_config *c);
/* A tick: runs what is due, logs what fails; how long to wait for the next. */
ol_time periodic_run_tick(void *run);
void periodic_run_free(struct periodic_run *run);
