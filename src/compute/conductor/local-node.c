/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/conductor/local-internal.h"

#define COLUMN_NODE "hypervisor_hostname"

static int not_found(struct local_call *q, const struct ol_val *which)
{
    return nova_fail(q->err, NOVA_COMPUTE_HOST_NOT_FOUND, "Compute host %s could not be found.",
                     ol_val_to_text(q->a, which));
}

static int give(struct local_call *q, const struct local_key *keys)
{
    struct ol_val *data = NULL;
    int r = local_find_one(q, LOCAL_NODE, keys, LOCAL_LIVE, &data);

    if (r == 0 && !data)
        return not_found(q, local_arg(q, 0));
    q->result = local_object(q, "ComputeNode", data);
    return r;
}

static int get_by_host_and_nodename(struct local_call *q)
{
    return give(q, LOCAL_KEYS({"host", local_arg(q, 0)}, {COLUMN_NODE, local_arg(q, 1)}));
}

static int get_by_nodename(struct local_call *q)
{
    return give(q, LOCAL_KEYS({COLUMN_NODE, local_arg(q, 0)}));
}

static int get_by_host(struct local_call *q)
{
    return give(q, LOCAL_KEYS({"host", local_arg(q, 0)}));
}

static int get_by_uuid(struct local_call *q)
{
    return give(q, LOCAL_KEYS({"uuid", local_arg(q, 0)}));
}

static int get_by_id(struct local_call *q)
{
    return give(q, LOCAL_KEYS({"id", local_arg(q, 0)}));
}

static int create(struct local_call *q)
{
    const struct ol_val *host = nova_val(q->o, "host"), *node = nova_val(q->o, COLUMN_NODE);
    struct ol_val *there = NULL;
    int r = local_find_one(q, LOCAL_NODE, LOCAL_KEYS({"host", host}, {COLUMN_NODE, node}),
                           LOCAL_LIVE, &there);

    if (r == 0 && there && host && node && !nova_has(q->o, "id"))
        return nova_fail(q->err, NOVA_EXCEPTION,
                         "Duplicate record: compute node %s of host %s exists.",
                         ol_val_to_text(q->a, node), ol_val_to_text(q->a, host));
    return r < 0 ? r : local_create_row(q, LOCAL_NODE);
}

static int own(struct local_call *q, struct ol_val **ret)
{
    int r = local_own_row(q, LOCAL_NODE, ret);

    return r == 0 && !*ret ? not_found(q, nova_val(q->o, "id")) : r;
}

static int save(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = own(q, &data);

    return r < 0 ? r : local_save_row(q, LOCAL_NODE, data);
}

static int destroy(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = own(q, &data);

    return r < 0 ? r : local_delete(q, LOCAL_NODE, data);
}

static int list(struct local_call *q, const struct local_key *keys, size_t *ret_count)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_NODE, keys, LOCAL_LIVE, &rows);

    if (r == 0)
        q->result = local_list(q, "ComputeNodeList", LOCAL_NODE, rows);
    *ret_count = ol_val_count(rows);
    return r;
}

static int get_all(struct local_call *q)
{
    size_t n;

    return list(q, LOCAL_KEYS({NULL}), &n);
}

/* A host without nodes is an error here, and here alone. */
static int get_all_by_host(struct local_call *q)
{
    size_t n;
    int r = list(q, LOCAL_KEYS({"host", local_arg(q, 0)}), &n);

    return r == 0 && n == 0 ? not_found(q, local_arg(q, 0)) : r;
}

static int get_all_by_uuids(struct local_call *q)
{
    size_t n;

    return list(q, LOCAL_KEYS({"uuid", local_arg(q, 0)}), &n);
}

const struct local_method local_node_methods[] = {
    {"ComputeNode", "get_by_host_and_nodename", 0, get_by_host_and_nodename, {"host", "nodename"}},
    {"ComputeNode", "get_by_nodename", 0, get_by_nodename, {"hypervisor_hostname"}},
    {"ComputeNode", "get_first_node_by_host_for_old_compat", 0, get_by_host, {"host"}},
    {"ComputeNode", "get_by_uuid", 0, get_by_uuid, {"compute_uuid"}},
    {"ComputeNode", "get_by_id", 0, get_by_id, {"compute_id"}},
    {"ComputeNode", "create", LOCAL_OBJECT | LOCAL_WRITES, create, {NULL}},
    {"ComputeNode", "save", LOCAL_OBJECT | LOCAL_WRITES, save, {"prune_stats"}},
    {"ComputeNode", "destroy", LOCAL_OBJECT | LOCAL_WRITES, destroy, {NULL}},
    {"ComputeNodeList", "get_all", 0, get_all, {NULL}},
    {"ComputeNodeList", "get_all_by_host", 0, get_all_by_host, {"host", "use_slave"}},
    {"ComputeNodeList", "get_all_by_uuids", 0, get_all_by_uuids, {"compute_uuids"}},
    {NULL},
};
