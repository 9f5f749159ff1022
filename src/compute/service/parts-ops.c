/* SPDX-License-Identifier: Apache-2.0 */
/* What the start asks, in terms of conductor, manager and bus. */
#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/service/parts.h"
#include "core/cleanup.h"

enum { ANSWER_MAX = 4 << 20 };

static int ping(void *ctx, ol_time timeout, struct ol_err *err)
{
    struct service_parts *p = ctx;

    return p->conductor->ops->ping(p->conductor, timeout, err);
}

static struct ol_val *texts(struct ol_arena *a, const char *const *list)
{
    struct ol_val *v = ol_val_new_list(a);

    for (; *list; list++)
        ol_val_append(a, v, ol_val_new_str(a, *list));
    return v;
}

#define TEXTS(a, ...) texts(a, (const char *const[]){__VA_ARGS__, NULL})

static int oldest_compute(void *ctx, int *ret, struct ol_err *err)
{
    struct service_parts *p = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ANSWER_MAX);
    struct nova_context admin = nova_context_admin(&a, p->env);
    const struct ol_val *answer = NULL;
    int r = conductor_value(p->conductor, &admin, "Service", "get_minimum_version",
                            TEXTS(&a, "nova-compute"), NULL, &a, &answer, err);

    if (r >= 0)
        *ret = (int)ol_val_int(answer, 0);
    return r;
}

static int init_host(void *ctx, struct ol_err *err)
{
    return manager_init_host(((struct service_parts *)ctx)->manager, err);
}

static int find_record(void *ctx, struct service_record *ret, struct ol_err *err)
{
    struct service_parts *p = ctx;
    struct ol_arena *a = &p->record_arena;
    struct nova_context admin = nova_context_admin(a, p->env);
    int r = conductor_get(p->conductor, &admin, "Service", "get_by_host_and_binary",
                          TEXTS(a, p->config->host, "nova-compute"), NULL, a, &p->record, err);

    if (r < 0)
        return r;
    ret->is_found = p->record != NULL;
    if (p->record) {
        ret->version = (int)nova_int(p->record, "version", 0);
        p->report_count = nova_int(p->record, "report_count", 0);
    }
    return 0;
}

static int create_record(void *ctx, struct ol_err *err)
{
    struct service_parts *p = ctx;
    struct nova_context admin = nova_context_admin(&p->record_arena, p->env);
    struct nova_object *o = nova_object_new(&p->record_arena, p->release, "Service");

    nova_set_str(o, "host", p->config->host);
    nova_set_str(o, "binary", "nova-compute");
    nova_set_str(o, "topic", "compute");
    nova_set_int(o, "report_count", 0);
    nova_set_int(o, "version", p->release->service_version);
    p->record = o;
    return conductor_create(p->conductor, &admin, o, err);
}

static int save_version(void *ctx, int version, struct ol_err *err)
{
    struct service_parts *p = ctx;
    struct nova_context admin = nova_context_admin(&p->record_arena, p->env);

    nova_set_int(p->record, "version", version);
    return conductor_save(p->conductor, &admin, p->record, err);
}

static int find_node(void *ctx, char ret[37], struct ol_err *err)
{
    struct service_parts *p = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ANSWER_MAX);
    struct nova_context admin = nova_context_admin(&a, p->env);
    struct nova_object *list = NULL, *node = NULL;
    const char *uuid = NULL;
    int r = conductor_get(p->conductor, &admin, "ComputeNodeList", "get_all_by_host",
                          TEXTS(&a, p->config->host), NULL, &a, &list, err);

    if (r < 0)
        return r;
    node = list && nova_list_count(list) ? nova_list_item(list, 0) : NULL;
    uuid = node ? nova_str(node, "uuid") : NULL;
    ret[0] = '\0';
    if (uuid && strlen(uuid) == 36)
        memcpy(ret, uuid, 37);
    return 0;
}

static int update_resources(void *ctx, struct ol_err *err)
{
    return manager_update_resources(((struct service_parts *)ctx)->manager, err);
}

static int serve(struct service_parts *p, const char *topic, struct ol_err *err)
{
    const struct rpc_server server = {
        .topic = topic,
        .server = p->config->host,
        .endpoints = p->endpoints,
        .n_endpoints = p->n_endpoints,
        .service = p->manager,
    };

    return rpc_serve(p->rpc, &server, err);
}

/* Beside the service's own topic, for who uses a machine that stands alone. */
static int serve_users(struct service_parts *p, struct ol_err *err)
{
    struct rpc_server server = {
        .topic = STANDALONE_TOPIC, .server = p->config->host, .service = p->standalone};

    server.endpoints = standalone_endpoints(&server.n_endpoints);
    return rpc_serve(p->rpc, &server, err);
}

static int serve_all(void *ctx, const char *topic, struct ol_err *err)
{
    struct service_parts *p = ctx;
    int r = serve(p, topic, err);

    return r >= 0 && p->standalone && !strcmp(topic, "compute") ? serve_users(p, err) : r;
}

static void stop_serving(void *ctx, const char *topic)
{
    struct service_parts *p = ctx;

    rpc_serve_stop(p->rpc, topic);
    if (p->standalone && !strcmp(topic, "compute"))
        rpc_serve_stop(p->rpc, STANDALONE_TOPIC);
}

/* Each report works on a copy, so that answers don't heap up in the record's memory. */
static int report(void *ctx, struct ol_err *err)
{
    struct service_parts *p = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ANSWER_MAX);
    struct nova_context admin = nova_context_admin(&a, p->env);
    struct nova_object *o = nova_object_copy(&a, p->record);

    p->report_count++;
    nova_set_int(o, "report_count", p->report_count);
    return conductor_save(p->conductor, &admin, o, err);
}

const struct service_ops service_parts_ops = {
    .ping = ping,
    .oldest_compute = oldest_compute,
    .init_host = init_host,
    .find_record = find_record,
    .create_record = create_record,
    .save_version = save_version,
    .find_node = find_node,
    .update_resources = update_resources,
    .serve = serve_all,
    .stop_serving = stop_serving,
    .report = report,
};
