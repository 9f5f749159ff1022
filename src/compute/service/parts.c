/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/rpc/transport.h"
#include "compute/service/baseapi.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"

static void fill_transport(const struct service_parts *p, struct rpc_transport_options *o)
{
    const struct compute_config *c = p->config;

    *o = (struct rpc_transport_options){
        .url = p->url,
        .connection_name = p->connection_name,
        .is_durable = c->amqp_durable_queues,
        .is_auto_delete = c->amqp_auto_delete,
        .has_quorum_queues = c->rabbit_quorum_queue,
        .has_transient_quorum_queues = c->rabbit_transient_quorum_queue,
        .has_ha_queues = c->rabbit_ha_queues,
        .use_queue_manager = c->use_queue_manager,
        .has_stream_fanout = c->rabbit_stream_fanout,
        .quorum_delivery_limit = (int)c->rabbit_quorum_delivery_limit,
        .quorum_max_memory_length = (int)c->rabbit_quorum_max_memory_length,
        .quorum_max_memory_bytes = (int)c->rabbit_quorum_max_memory_bytes,
        .transient_ttl = c->rabbit_transient_queues_ttl,
        .heartbeat = c->heartbeat_timeout_threshold,
        .retry_first = c->rabbit_retry_interval,
        .retry_step = c->rabbit_retry_backoff,
        .retry_most = c->rabbit_interval_max,
        .reconnect_delay = c->kombu_reconnect_delay,
        .login_method = c->rabbit_login_method,
        .is_shuffled = !strcmp(c->kombu_failover_strategy, "shuffle"),
        .has_tls = c->rabbit_ssl,
        .ca_file = *c->ssl_ca_file ? c->ssl_ca_file : NULL,
        .cert_file = *c->ssl_cert_file ? c->ssl_cert_file : NULL,
        .key_file = *c->ssl_key_file ? c->ssl_key_file : NULL,
        .hostname = c->hostname,
        .program = c->processname,
    };
}

static int open_bus(struct service_parts *p, struct ol_err *err)
{
    struct rpc_transport_options transport;
    const struct rpc_options o = {
        .transport = &transport,
        .pool = p->pool,
        .exchange = p->config->control_exchange,
        .timeout = p->config->rpc_response_timeout,
    };
    char uuid[37];

    nova_uuid(uuid);
    p->connection_name = ol_xasprintf("nova-compute:%d:%s", (int)getpid(), uuid);
    /* A machine that stands alone has no broker unless it is told of one. */
    p->url =
        ol_xstrdup(p->config->standalone && !strcmp(p->config->transport_url, SERVICE_NO_BROKER)
                       ? SERVICE_BUS
                       : p->config->transport_url);
    fill_transport(p, &transport);
    return rpc_new(p->env, &o, &p->rpc, err);
}

static int open_conductor(struct service_parts *p, struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(p->config->state_path, "orlop-compute.sqlite");
    struct standalone_parts parts = {
        .env = p->env, .config = p->config, .release = p->release, .rpc = p->rpc};
    int r;

    if (!p->config->standalone) {
        p->conductor = conductor_remote(p->env, p->rpc, p->release);
        return 0;
    }
    r = conductor_local(p->env, path, p->release, &p->conductor, err);
    if (r < 0)
        return r;
    parts.conductor = p->conductor;
    p->standalone = standalone_new(&parts);
    return 0;
}

static int find_driver(const struct compute_config *c, const struct virt_driver **ret,
                       struct ol_err *err)
{
    const char *name = c->compute_driver;

    if (!name && c->standalone)
        name = "qemu.QemuDriver";
    if (!name)
        return ol_err_set(err, EINVAL,
                          "[DEFAULT] compute_driver: Compute driver option required, but not "
                          "specified");
    *ret = virt_driver_find(name);
    if (!*ret)
        return ol_err_set(err, EINVAL, "[DEFAULT] compute_driver: there is no driver '%s'", name);
    return 0;
}

/* The manager's methods and those that every service of nova has. */
static void list_endpoints(struct service_parts *p)
{
    size_t n = 0;
    const struct rpc_endpoint *own = manager_endpoints(p->manager, &n);

    p->endpoints = ol_xcalloc(n + 1, sizeof(*own));
    memcpy(p->endpoints, own, n * sizeof(*own));
    p->endpoints[n] = baseapi_endpoint;
    p->n_endpoints = n + 1;
}

/* Two that stand alone would take each other's machines for their own. */
static int lock_state(struct service_parts *p, struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(p->config->state_path, "orlop-compute.lock");

    if (!p->config->standalone)
        return 0;
    p->lock_fd = ol_open(p->env, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (p->lock_fd < 0)
        return ol_err_set(err, -p->lock_fd, "open %s: %s", path, strerror(-p->lock_fd));
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return ol_err_set(err, EBUSY,
                      "another agent works in %s: stop it, or give this one a [DEFAULT] "
                      "state_path of its own",
                      p->config->state_path);
}

int service_parts_open(struct service_parts *p, struct ol_err *err)
{
    const struct compute_config *c = p->config;
    const struct task_pool_options pool = {
        .n_threads = (unsigned)c->executor_thread_pool_size,
        .lanes = {[TASK_BUILD] = (unsigned)c->max_concurrent_builds},
    };
    struct manager_parts parts = {.env = p->env, .config = c, .release = p->release};
    int r;

    p->lock_fd = -1;
    ol_arena_init(&p->record_arena, 1 << 20);
    r = find_driver(c, &parts.driver, err);
    if (r < 0)
        return r;
    p->pool = task_pool_new(p->env, &pool);
    r = lock_state(p, err);
    if (r >= 0)
        r = open_bus(p, err);
    if (r >= 0)
        r = open_conductor(p, err);
    if (r < 0)
        return r;
    p->cloud = cloud_new(p->env, c);
    parts.conductor = p->conductor;
    parts.cloud = p->cloud;
    parts.pool = p->pool;
    p->manager = manager_new(&parts);
    list_endpoints(p);
    return 0;
}

void service_parts_close(struct service_parts *p)
{
    manager_free(p->manager);
    cloud_free(p->cloud);
    if (p->standalone)
        standalone_free(p->standalone);
    conductor_free(p->conductor);
    if (p->rpc)
        rpc_free(p->rpc);
    if (p->pool)
        task_pool_free(p->pool);
    free(p->endpoints);
    free(p->connection_name);
    free(p->url);
    ol_arena_done(&p->record_arena);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
}
