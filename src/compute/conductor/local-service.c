/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/conductor/local-internal.h"

static int give(struct local_call *q, const struct local_key *keys)
{
    struct ol_val *data = NULL;
    int r = local_find_one(q, LOCAL_SERVICE, keys, LOCAL_LIVE, &data);

    if (r == 0)
        q->result = local_object(q, "Service", data);
    return r;
}

static int get_by_host_and_binary(struct local_call *q)
{
    return give(q, LOCAL_KEYS({"host", local_arg(q, 0)}, {"binary", local_arg(q, 1)}));
}

static int get_by_host_and_topic(struct local_call *q)
{
    return give(q, LOCAL_KEYS({"host", local_arg(q, 0)}, {"topic", local_arg(q, 1)}));
}

static int get_by_compute_host(struct local_call *q)
{
    const struct ol_val *host = local_arg(q, 0);
    struct ol_val *data = NULL;
    int r = local_find_one(q, LOCAL_SERVICE,
                           LOCAL_KEYS({"host", host}, {"binary", local_str(q, "nova-compute")}),
                           LOCAL_LIVE, &data);

    if (r == 0 && !data)
        return nova_fail(q->err, NOVA_COMPUTE_HOST_NOT_FOUND, "Compute host %s could not be found.",
                         ol_val_str(host) ? ol_val_str(host) : "None");
    q->result = local_object(q, "Service", data);
    return r;
}

static int not_found(struct local_call *q, const struct ol_val *which)
{
    return nova_fail(q->err, NOVA_SERVICE_NOT_FOUND, "Service %s could not be found.",
                     ol_val_to_text(q->a, which));
}

/* By id or by uuid, as the method's parameter is called. */
static int get_by_key(struct local_call *q)
{
    struct ol_val *data = NULL;
    const char *column = !strcmp(q->method->params[0], "service_id") ? "id" : "uuid";
    int r =
        local_find_one(q, LOCAL_SERVICE, LOCAL_KEYS({column, local_arg(q, 0)}), LOCAL_LIVE, &data);

    if (r == 0 && !data)
        return not_found(q, local_arg(q, 0));
    q->result = local_object(q, "Service", data);
    return r;
}

/* The oldest of the services with one of these binaries; 0 when there is none. */
static int oldest(struct local_call *q, const struct ol_val *binaries, int64_t *ret)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_SERVICE, LOCAL_KEYS({"binary", binaries}), LOCAL_LIVE, &rows);

    *ret = 0;
    for (size_t i = 0; r == 0 && i < ol_val_count(rows); i++) {
        int64_t version = ol_val_int(ol_val_get(ol_val_item(rows, i), "version"), 0);

        if (i == 0 || version < *ret)
            *ret = version;
    }
    return r;
}

static int get_minimum_version(struct local_call *q)
{
    int64_t version;
    int r = oldest(q, local_arg(q, 0), &version);

    q->result = ol_val_new_int(q->a, version);
    return r;
}

/* Service._check_minimum_version() */
static int check_version(struct local_call *q)
{
    const struct ol_val *binary = nova_val(q->o, "binary");
    int64_t mine = nova_int(q->o, "version", -1), others;
    int r = oldest(q, binary, &others);

    if (r == 0 && mine >= 0 && nova_is_changed(q->o, "version") && mine < others)
        return nova_fail(q->err, NOVA_SERVICE_TOO_OLD,
                         "This service is older (v%lld) than the minimum (v%lld) version of the "
                         "rest of the deployment. Unable to continue.",
                         (long long)mine, (long long)others);
    return r;
}

static int create(struct local_call *q)
{
    const struct ol_val *host = nova_val(q->o, "host"), *binary = nova_val(q->o, "binary");
    struct ol_val *there = NULL;
    int r = check_version(q);

    if (r == 0)
        r = local_find_one(q, LOCAL_SERVICE, LOCAL_KEYS({"host", host}, {"binary", binary}),
                           LOCAL_LIVE, &there);
    if (r == 0 && there && host && binary && !nova_has(q->o, "id"))
        return nova_fail(q->err, NOVA_EXCEPTION, "Service with host %s binary %s exists.",
                         ol_val_to_text(q->a, host), ol_val_to_text(q->a, binary));
    return r < 0 ? r : local_create_row(q, LOCAL_SERVICE);
}

/* A state report is told by its counter alone: then the service was up just now. */
static int save(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = check_version(q);

    if (r == 0)
        r = local_own_row(q, LOCAL_SERVICE, &data);
    if (r < 0)
        return r;
    if (!data)
        return not_found(q, nova_val(q->o, "id"));
    if (nova_is_changed(q->o, "report_count")
        && nova_int(q->o, "report_count", 0) > ol_val_int(ol_val_get(data, "report_count"), 0))
        ol_val_set(q->a, data, "last_seen_up", local_now(q));
    return local_save_row(q, LOCAL_SERVICE, data);
}

static int destroy(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = local_own_row(q, LOCAL_SERVICE, &data);

    if (r == 0 && !data)
        return not_found(q, nova_val(q->o, "id"));
    return r < 0 ? r : local_delete(q, LOCAL_SERVICE, data);
}

/* Those of a host, a binary or a topic, the column being called as the parameter; or all. */
static int list(struct local_call *q)
{
    const char *column = q->method->params[0];
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_SERVICE, LOCAL_KEYS({column, local_arg(q, 0)}), LOCAL_LIVE, &rows);

    if (r == 0)
        q->result = local_list(q, "ServiceList", LOCAL_SERVICE, rows);
    return r;
}

const struct local_method local_service_methods[] = {
    {"Service", "get_by_host_and_binary", 0, get_by_host_and_binary, {"host", "binary"}},
    {"Service", "get_by_args", 0, get_by_host_and_binary, {"host", "binary"}},
    {"Service", "get_by_host_and_topic", 0, get_by_host_and_topic, {"host", "topic"}},
    {"Service", "get_by_compute_host", 0, get_by_compute_host, {"host"}},
    {"Service", "get_by_id", 0, get_by_key, {"service_id"}},
    {"Service", "get_by_uuid", 0, get_by_key, {"service_uuid"}},
    {"Service", "get_minimum_version", 0, get_minimum_version, {"binary"}},
    {"Service", "create", LOCAL_OBJECT | LOCAL_WRITES, create, {NULL}},
    {"Service", "save", LOCAL_OBJECT | LOCAL_WRITES, save, {NULL}},
    {"Service", "destroy", LOCAL_OBJECT | LOCAL_WRITES, destroy, {NULL}},
    {"ServiceList", "get_all", 0, list, {NULL}},
    {"ServiceList", "get_by_host", 0, list, {"host"}},
    {"ServiceList", "get_by_binary", 0, list, {"binary"}},
    {"ServiceList", "get_by_topic", 0, list, {"topic"}},
    {NULL},
};
