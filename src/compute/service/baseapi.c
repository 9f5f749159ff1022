/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/baseapi.h"

static int ping(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *arg = ol_val_get(q->args, "arg");

    *ret = ol_val_new_map(q->arena);
    ol_val_set_str(q->arena, *ret, "service", "compute");
    ol_val_set(q->arena, *ret, "arg", arg ? ol_val_copy(q->arena, arg) : ol_val_new_null(q->arena));
    return 0;
}

static int get_backdoor_port(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    *ret = ol_val_new_null(q->arena);
    return 0;
}

static const struct rpc_method methods[] = {
    {.name = "ping", .version = "1.0", .run = ping, .flags = RPC_QUICK},
    {.name = "get_backdoor_port", .version = "1.1", .run = get_backdoor_port, .flags = RPC_QUICK},
    {.name = NULL},
};

const struct rpc_endpoint baseapi_endpoint = {
    .space = "baseapi",
    .versions = (const char *const[]){"1.1", NULL},
    .methods = methods,
};
