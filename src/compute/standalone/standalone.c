/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/standalone/standalone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/standalone/standalone-internal.h"
#include "core/alloc.h"

struct standalone *standalone_new(const struct standalone_parts *parts)
{
    struct standalone *s = ol_xcalloc(1, sizeof(*s));

    s->parts = *parts;
    return s;
}

void standalone_free(struct standalone *s)
{
    free(s);
}

const struct rpc_endpoint *standalone_endpoints(size_t *ret_n)
{
    static const char *const versions[] = {STANDALONE_VERSION, NULL};
    static const struct rpc_method methods[] = {
        {.name = "create", .version = "1.0", .run = standalone_create, .key = "name"},
        {.name = "act", .version = "1.0", .run = standalone_act},
        {.name = "list", .version = "1.0", .run = standalone_list},
        {.name = "show", .version = "1.0", .run = standalone_show},
        {.name = "console", .version = "1.0", .run = standalone_console},
        {0},
    };
    static const struct rpc_endpoint endpoints[] = {{.versions = versions, .methods = methods}};

    *ret_n = ol_count(endpoints);
    return endpoints;
}

static bool is_named(const struct nova_object *instance, const char *name)
{
    const char *uuid = nova_str(instance, "uuid"), *own = nova_str(instance, "display_name");

    return (uuid && strcmp(uuid, name) == 0) || (own && strcmp(own, name) == 0);
}

/* -ENOENT: it is no uuid, or nobody's. */
static int find_by_uuid(struct rpc_request *q, const char *uuid, struct nova_object **ret,
                        struct ol_err *err)
{
    static const char *const attrs[] = {"flavor", "info_cache", "fault", NULL};
    const struct standalone *s = q->service;
    int r;

    if (strlen(uuid) != 36)
        return -ENOENT;
    r = conductor_get_instance(s->parts.conductor, &q->context, uuid, attrs, q->arena, ret, err);
    if (r >= 0 || !nova_is(err, NOVA_INSTANCE_NOT_FOUND))
        return r;
    *err = OL_ERR_INIT;
    return -ENOENT;
}

int standalone_find(struct rpc_request *q, struct nova_object **ret, struct ol_err *err)
{
    const struct standalone *s = q->service;
    const char *name = ol_val_str(ol_val_get(q->args, "instance"));
    struct nova_object *list, *found = NULL;
    int r;

    if (!name)
        return nova_fail(err, NOVA_VALUE, "no instance is named");
    r = find_by_uuid(q, name, ret, err);
    if (r != -ENOENT)
        return r;
    r = conductor_show(s->parts.conductor, LOCAL_SHOW_INSTANCES, NULL, q->arena, &list, err);
    for (size_t i = 0; r >= 0 && i < nova_list_count(list); i++) {
        struct nova_object *one = nova_list_item(list, i);

        if (!is_named(one, name))
            continue;
        if (found)
            return nova_fail(err, NOVA_VALUE, "more than one instance is named '%s': give its uuid",
                             name);
        found = one;
    }
    if (r >= 0 && !found)
        return nova_fail(err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.", name);
    *ret = found;
    return r;
}

int standalone_note_action(struct rpc_request *q, const char *uuid, const char *action,
                           struct ol_err *err)
{
    const struct standalone *s = q->service;
    struct ol_val *args = ol_val_new_list(q->arena), *kwargs = ol_val_new_map(q->arena);
    struct nova_object *none;

    ol_val_append(q->arena, args, ol_val_new_str(q->arena, uuid));
    ol_val_append(q->arena, args, ol_val_new_str(q->arena, action));
    ol_val_set_bool(q->arena, kwargs, "want_result", false);
    return conductor_get(s->parts.conductor, &q->context, "InstanceAction", "action_start", args,
                         kwargs, q->arena, &none, err);
}

int standalone_cast(struct rpc_request *q, const char *host, const char *method,
                    const struct ol_val *args, struct ol_err *err)
{
    const struct standalone *s = q->service;
    struct rpc_target to = {.topic = "compute", .server = host, .version = "6.0"};
    struct rpc_message m = {method, args};

    return rpc_cast(s->parts.rpc, &to, &q->context, &m, err);
}
