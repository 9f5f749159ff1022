/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/standalone/standalone-internal.h"

/* What can be done with an instance, and when: nova-api's rules as rows. */
struct action {
    const char *name, *method;
    const char *vm_states[6]; /* in which it may be asked for; none = in any */
    const char *task;         /* task_state that is set before the cast */
    const char *argument;     /* of the method beside the instance; NULL = none */
    const char *value;        /* its text; NULL = true */
    bool is_forced;           /* whatever is under way */
};

static const struct action actions[] = {
    {"stop", "stop_instance", {"active", "error", "paused"}, "powering-off", "clean_shutdown"},
    {"start", "start_instance", {"stopped"}, "powering-on"},
    {"reboot", "reboot_instance", {"active"}, "rebooting", "reboot_type", "SOFT"},
    {"reboot-hard",
     "reboot_instance",
     {"active", "stopped", "paused", "suspended", "error"},
     "rebooting_hard",
     "reboot_type",
     "HARD"},
    {"pause", "pause_instance", {"active"}, "pausing"},
    {"unpause", "unpause_instance", {"paused"}, "unpausing"},
    {"suspend", "suspend_instance", {"active"}, "suspending"},
    {"resume", "resume_instance", {"suspended"}, "resuming"},
    {"delete", "terminate_instance", {NULL}, "deleting", .is_forced = true},
};

static const struct action *find(const char *name)
{
    for (size_t i = 0; name && i < ol_count(actions); i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static bool is_allowed(const struct action *action, const char *vm_state)
{
    if (!action->vm_states[0])
        return true;
    for (const char *const *state = action->vm_states; *state; state++)
        if (vm_state && strcmp(*state, vm_state) == 0)
            return true;
    return false;
}

static int check(const struct action *action, const struct nova_object *instance,
                 struct ol_err *err)
{
    const char *uuid = nova_str(instance, "uuid"), *task = nova_str(instance, "task_state");
    const char *state = nova_str(instance, "vm_state");

    if (action->is_forced)
        return 0;
    if (task)
        return nova_fail(err, NOVA_INSTANCE_INVALID_STATE,
                         "Cannot '%s' instance %s while it is in task_state %s", action->name, uuid,
                         task);
    if (!is_allowed(action, state))
        return nova_fail(err, NOVA_INSTANCE_INVALID_STATE,
                         "Cannot '%s' instance %s while it is in vm_state %s", action->name, uuid,
                         state ? state : "None");
    return 0;
}

static int mappings_of(struct rpc_request *q, const char *uuid, struct ol_val **ret,
                       struct ol_err *err)
{
    const struct standalone *s = q->service;
    struct ol_val *args = ol_val_new_list(q->arena);
    struct nova_object *list;
    int r;

    ol_val_append(q->arena, args, ol_val_new_str(q->arena, uuid));
    r = conductor_get(s->parts.conductor, &q->context, "BlockDeviceMappingList",
                      "get_by_instance_uuid", args, NULL, q->arena, &list, err);
    if (r >= 0)
        *ret = nova_object_dump(list);
    return r;
}

/* An instance that never came to a host has nobody who could delete it but us. */
static int delete_here(struct rpc_request *q, struct nova_object *instance, struct ol_err *err)
{
    const struct standalone *s = q->service;

    return conductor_destroy(s->parts.conductor, &q->context, instance, err);
}

static int arguments(struct rpc_request *q, const struct action *action,
                     const struct nova_object *instance, struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(q->arena), *list;
    int r = 0;

    ol_val_set(q->arena, args, "instance", nova_object_dump(instance));
    if (action->argument && action->value)
        ol_val_set_str(q->arena, args, action->argument, action->value);
    else if (action->argument)
        ol_val_set_bool(q->arena, args, action->argument, true);
    if (strcmp(action->method, "reboot_instance") == 0)
        ol_val_set(q->arena, args, "block_device_info", ol_val_new_null(q->arena));
    if (action->is_forced) {
        r = mappings_of(q, nova_str(instance, "uuid"), &list, err);
        if (r >= 0)
            ol_val_set(q->arena, args, "bdms", list);
    }
    *ret = args;
    return r;
}

static int act_on(struct rpc_request *q, const struct action *action, struct nova_object *instance,
                  struct ol_err *err)
{
    static const char *const idle[] = {"", NULL};
    const struct standalone *s = q->service;
    const char *host = nova_str(instance, "host");
    struct ol_val *args;
    int r = standalone_note_action(q, nova_str(instance, "uuid"), action->name, err);

    if (r < 0)
        return r;
    if (action->is_forced && !host)
        return delete_here(q, instance, err);
    nova_set_str(instance, "task_state", action->task);
    r = conductor_save_instance(s->parts.conductor, &q->context, instance,
                                action->is_forced ? NULL : idle, err);
    if (r >= 0)
        r = arguments(q, action, instance, &args, err);
    if (r >= 0)
        r = standalone_cast(q, host, action->method, args, err);
    return r;
}

int standalone_act(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    const char *name = ol_val_str(ol_val_get(q->args, "action"));
    const struct action *action = find(name);
    struct nova_object *instance;
    int r;

    if (!action)
        return nova_fail(err, NOVA_VALUE, "there is no action '%s'", name ? name : "");
    r = standalone_find(q, &instance, err);
    if (r >= 0)
        r = check(action, instance, err);
    if (r >= 0)
        r = act_on(q, action, instance, err);
    if (r >= 0)
        *ret = standalone_row(q->arena, instance);
    return r;
}
