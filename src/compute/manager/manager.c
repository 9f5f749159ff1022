/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/manager/manager.h"

#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/alloc.h"

#define KEY "instance/nova_object.data/uuid"

static int serve(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    const struct method_row *row = method_find(q->method);
    struct work w = {
        .m = q->service,
        .arena = q->arena,
        .context = q->context,
        .args = q->args,
        .method = q->method,
    };
    int r = 0;

    if (!(row->flags & METHOD_HOST))
        r = work_load(&w, "instance", "Instance", &w.instance, err);
    /* Directories are named by it. */
    if (r >= 0 && w.instance && !nova_is_uuid(instance_uuid(&w)))
        return nova_fail(err, NOVA_VALUE, "argument 'instance' has no uuid");
    return r < 0 ? r : method_run(&w, row, ret, err);
}

static void fill_methods(struct manager *m)
{
    size_t n = 0;

    while (manager_methods[n].name)
        n++;
    m->methods = ol_xcalloc(n + 1, sizeof(*m->methods));
    for (size_t i = 0; i < n; i++) {
        const struct method_row *row = &manager_methods[i];

        m->methods[i] = (struct rpc_method){
            .name = row->name,
            .version = row->version,
            .run = serve,
            .key = row->flags & (METHOD_HOST | METHOD_PARALLEL) ? NULL : KEY,
            .lane = row->flags & METHOD_BUILD ? TASK_BUILD : TASK_ANY,
            .flags = row->flags & METHOD_QUICK ? RPC_QUICK : 0,
        };
    }
}

struct manager *manager_new(const struct manager_parts *parts)
{
    static const char *const v5 = "5.13";
    struct manager *m = ol_xcalloc(1, sizeof(*m));
    pthread_condattr_t clock;
    const char **versions = ol_xcalloc(3, sizeof(*versions));

    m->parts = *parts;
    m->env = parts->env;
    m->config = parts->config;
    m->conductor = parts->conductor;
    m->cloud = parts->cloud;
    m->driver = parts->driver;
    m->images = image_cache_new(m->env, m->config, m->cloud);
    m->tracker = tracker_new(m);
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&m->heard, &clock);
    pthread_condattr_destroy(&clock);
    fill_methods(m);
    versions[0] = parts->release->rpc_version;
    versions[1] = v5;
    m->endpoints = ol_xcalloc(1, sizeof(*m->endpoints));
    m->endpoints[0] = (struct rpc_endpoint){.versions = versions, .methods = m->methods};
    return m;
}

void manager_free(struct manager *m)
{
    if (!m)
        return;
    if (m->virt)
        m->driver->close(m->virt);
    tracker_free(m->tracker);
    image_cache_free(m->images);
    free((void *)m->endpoints[0].versions);
    free(m->endpoints);
    free(m->methods);
    pthread_cond_destroy(&m->heard);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

int manager_init_host(struct manager *m, struct ol_err *err)
{
    struct virt_options o = {
        .env = m->env,
        .config = m->config,
        .privileged = m->config->privileged,
        .event = sync_event,
        .ctx = m,
    };
    int r = m->driver->open(&o, &m->virt, err);

    return r < 0 ? r : recover_all(m, err);
}

int manager_update_resources(struct manager *m, struct ol_err *err)
{
    return tracker_update(m->tracker, err);
}

const struct rpc_endpoint *manager_endpoints(const struct manager *m, size_t *ret_n)
{
    *ret_n = 1;
    return m->endpoints;
}

void manager_reset(struct manager *m)
{
    tracker_reset(m->tracker);
}

size_t manager_instances(const struct manager *m)
{
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;

    if (!m->virt || m->driver->list(m->virt, &uuids, &err) < 0)
        return 0;
    return uuids.n;
}
