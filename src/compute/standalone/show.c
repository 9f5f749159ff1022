/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/standalone/standalone-internal.h"

/* What there is, as rows of plain fields. */

static void copy(struct ol_arena *a, struct ol_val *to, const struct nova_object *from,
                 const char *const *fields)
{
    for (; *fields; fields++) {
        const struct ol_val *v = nova_val(from, *fields);

        ol_val_set(a, to, *fields, v ? (struct ol_val *)v : ol_val_new_null(a));
    }
}

static const char *const power_names[] = {"NOSTATE",  "Running", "?",       "Paused",
                                          "Shutdown", "?",       "Crashed", "Suspended"};

struct ol_val *standalone_row(struct ol_arena *a, const struct nova_object *instance)
{
    static const char *const fields[] = {"uuid",    "display_name", "vm_state",    "task_state",
                                         "host",    "image_ref",    "vcpus",       "memory_mb",
                                         "root_gb", "created_at",   "launched_at", NULL};
    int64_t power = nova_int(instance, "power_state", 0);
    struct ol_val *row = ol_val_new_map(a);

    copy(a, row, instance, fields);
    ol_val_set_str(a, row, "power_state",
                   power >= 0 && power < (int64_t)ol_count(power_names) ? power_names[power] : "?");
    return row;
}

/* As nova's servicegroup: seen within service_down_time. */
static struct ol_val *service_row(const struct standalone *s, struct ol_arena *a,
                                  const struct nova_object *service)
{
    static const char *const fields[] = {"id",      "binary",     "host",         "disabled",
                                         "version", "updated_at", "last_seen_up", NULL};
    const char *seen = nova_str(service, "last_seen_up");
    const char *created = nova_str(service, "created_at");
    const char *when = seen ? seen : created;
    ol_time age = when ? ol_now_wall(s->parts.env) - nova_time(when) : 0;
    struct ol_val *row = ol_val_new_map(a);

    copy(a, row, service, fields);
    ol_val_set_str(a, row, "state",
                   when && age <= s->parts.config->service_down_time ? "up" : "down");
    return row;
}

static struct ol_val *node_row(const struct standalone *s, struct ol_arena *a,
                               const struct nova_object *node)
{
    static const char *const fields[] = {"uuid",
                                         "hypervisor_hostname",
                                         "hypervisor_type",
                                         "hypervisor_version",
                                         "host_ip",
                                         "vcpus",
                                         "vcpus_used",
                                         "memory_mb",
                                         "memory_mb_used",
                                         "local_gb",
                                         "local_gb_used",
                                         "running_vms",
                                         NULL};
    struct ol_val *row = ol_val_new_map(a);

    copy(a, row, node, fields);
    return row;
}

static struct ol_val *instance_row(const struct standalone *s, struct ol_arena *a,
                                   const struct nova_object *instance)
{
    return standalone_row(a, instance);
}

int standalone_list(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    static const struct {
        const char *what;
        enum local_show show;
        struct ol_val *(*row)(const struct standalone *s, struct ol_arena *a,
                              const struct nova_object *o);
    } kinds[] = {
        {"services", LOCAL_SHOW_SERVICES, service_row},
        {"hypervisors", LOCAL_SHOW_NODES, node_row},
        {"instances", LOCAL_SHOW_INSTANCES, instance_row},
    };
    const struct standalone *s = q->service;
    const char *what = ol_val_str(ol_val_get(q->args, "what"));
    struct ol_val *rows = ol_val_new_list(q->arena);

    for (size_t i = 0; what && i < ol_count(kinds); i++) {
        struct nova_object *list;
        int r;

        if (strcmp(kinds[i].what, what) != 0)
            continue;
        r = conductor_show(s->parts.conductor, kinds[i].show, NULL, q->arena, &list, err);
        for (size_t n = 0; r >= 0 && n < nova_list_count(list); n++)
            ol_val_append(q->arena, rows, kinds[i].row(s, q->arena, nova_list_item(list, n)));
        *ret = rows;
        return r;
    }
    return nova_fail(err, NOVA_VALUE, "there is no list '%s'", what ? what : "");
}

static struct ol_val *addresses(struct ol_arena *a, const struct nova_object *instance)
{
    const struct nova_object *cache = nova_child(instance, "info_cache");
    const char *text = cache ? nova_str(cache, "network_info") : NULL;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *info;

    if (!text || ol_json_load(text, strlen(text), a, &info, &err) < 0)
        return ol_val_new_list(a);
    return info;
}

static int add_actions(struct rpc_request *q, struct ol_val *row, const char *uuid,
                       struct ol_err *err)
{
    static const char *const fields[] = {"action",      "request_id", "start_time",
                                         "finish_time", "message",    NULL};
    const struct standalone *s = q->service;
    struct ol_val *actions = ol_val_new_list(q->arena);
    struct nova_object *list;
    int r = conductor_show(s->parts.conductor, LOCAL_SHOW_ACTIONS, uuid, q->arena, &list, err);

    for (size_t i = 0; r >= 0 && i < nova_list_count(list); i++) {
        struct ol_val *one = ol_val_new_map(q->arena);

        copy(q->arena, one, nova_list_item(list, i), fields);
        ol_val_append(q->arena, actions, one);
    }
    ol_val_set(q->arena, row, "actions", actions);
    return r;
}

int standalone_show(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    static const char *const fault_fields[] = {"code", "message", "created_at", NULL};
    struct nova_object *instance, *fault;
    struct ol_val *row;
    int r = standalone_find(q, &instance, err);

    if (r < 0)
        return r;
    row = standalone_row(q->arena, instance);
    ol_val_set(q->arena, row, "interfaces", addresses(q->arena, instance));
    fault = nova_child(instance, "fault");
    if (fault) {
        struct ol_val *shown = ol_val_new_map(q->arena);

        copy(q->arena, shown, fault, fault_fields);
        ol_val_set(q->arena, row, "fault", shown);
    }
    *ret = row;
    return add_actions(q, row, nova_str(instance, "uuid"), err);
}

int standalone_console(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    const struct standalone *s = q->service;
    const struct ol_val *lines = ol_val_get(q->args, "lines"), *text;
    struct rpc_target to = {.topic = "compute", .version = "6.0"};
    struct ol_val *args = ol_val_new_map(q->arena);
    struct rpc_message m = {"get_console_output", args};
    struct nova_object *instance;
    int r = standalone_find(q, &instance, err);

    if (r < 0)
        return r;
    to.server = nova_str(instance, "host");
    if (!to.server)
        return nova_fail(err, NOVA_INSTANCE_INVALID_STATE, "instance %s is on no host yet",
                         nova_str(instance, "uuid"));
    ol_val_set(q->arena, args, "instance", nova_object_dump(instance));
    ol_val_set(q->arena, args, "tail_length",
               lines ? (struct ol_val *)lines : ol_val_new_null(q->arena));
    r = rpc_call(s->parts.rpc, &to, &q->context, &m, q->arena, &text, err);
    *ret = (struct ol_val *)text;
    return r;
}
