/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/conductor/local-internal.h"
#include "core/cleanup.h"

static int object_action_error(struct local_call *q, const char *why)
{
    return nova_fail(q->err, NOVA_OBJECT_ACTION, "Object action %s failed because: %s",
                     q->method->name, why);
}

/* --- the states that a save expects --- */

static bool is_one_of(const struct ol_val *state, const struct ol_val *expected)
{
    if (expected->type != OL_VAL_LIST)
        return ol_val_equal(state, expected);
    for (size_t i = 0; i < ol_val_count(expected); i++)
        if (ol_val_equal(state, ol_val_item(expected, i)))
            return true;
    return false;
}

static int conflict(struct local_call *q, const struct ol_val *data, const char *field,
                    const struct ol_val *expected)
{
    const char *uuid = local_text(data, "uuid"), *actual = local_text(data, field);
    struct ol_val *list = ol_val_new_list(q->a);
    enum nova_exception which = NOVA_UNEXPECTED_VM_STATE;

    if (!strcmp(field, "task_state"))
        which = actual && !strcmp(actual, "deleting") ? NOVA_UNEXPECTED_DELETING
                                                      : NOVA_UNEXPECTED_TASK_STATE;
    ol_val_append(q->a, list, (struct ol_val *)expected);
    return nova_fail(
        q->err, which, "Conflict updating instance %s. Expected: {'%s': %s}. Actual: {'%s': %s}",
        uuid, field, ol_val_to_repr(q->a, expected->type == OL_VAL_LIST ? expected : list), field,
        ol_val_to_repr(q->a, ol_val_get(data, field)));
}

static int check_expected(struct local_call *q, const struct ol_val *data)
{
    const struct ol_val *task = local_arg(q, 1), *vm = local_arg(q, 0);

    if (task && !is_one_of(ol_val_get(data, "task_state"), task))
        return conflict(q, data, "task_state", task);
    if (vm && !is_one_of(ol_val_get(data, "vm_state"), vm))
        return conflict(q, data, "vm_state", vm);
    return 0;
}

/* Child objects have tables of their own in nova, so they are saved whatever the states are. */
static bool has_plain_changes(const struct nova_object *o)
{
    for (const struct nova_field *f = o->class->fields; f->name; f++)
        if (f->type != NOVA_OBJECT && nova_has(o, f->name) && nova_is_changed(o, f->name))
            return true;
    return false;
}

static int save(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = local_instance(q, nova_str(q->o, "uuid"), &data);

    if (r == 0 && has_plain_changes(q->o))
        r = check_expected(q, data);
    if (r == 0 && local_take_changes(q, data))
        r = local_update(q, LOCAL_INSTANCE, data);
    return r < 0 ? r : local_instance_answer(q, data);
}

/* --- coming and going --- */

/* Those of nova's persistent objects, for one that lies within another. */
static void stamp(struct local_call *q, struct ol_val *data)
{
    if (local_field(data, "created_at"))
        return;
    ol_val_set(q->a, data, "created_at", local_now(q));
    ol_val_set(q->a, data, "updated_at", ol_val_new_null(q->a));
    ol_val_set(q->a, data, "deleted_at", ol_val_new_null(q->a));
    ol_val_set_bool(q->a, data, "deleted", false);
}

/* An instance always has one. */
static struct ol_val *info_cache(struct local_call *q, struct ol_val *instance)
{
    struct ol_val *cache = ol_val_get_mut(instance, "info_cache");
    struct ol_val *data = ol_val_get_mut(cache, "nova_object.data");

    if (!data) {
        data = ol_val_new_map(q->a);
        ol_val_set(q->a, instance, "info_cache", local_object(q, "InstanceInfoCache", data));
    }
    ol_val_set(q->a, data, "instance_uuid", local_str(q, local_text(instance, "uuid")));
    if (!ol_val_get(data, "network_info"))
        ol_val_set_str(q->a, data, "network_info", "[]");
    stamp(q, data);
    return data;
}

static int create(struct local_call *q)
{
    struct ol_val *data = ol_val_new_map(q->a), *there = NULL;
    const struct ol_val *uuid = nova_val(q->o, "uuid");
    char fresh[37];
    int r = 0;

    if (nova_has(q->o, "id"))
        return object_action_error(q, "already created");
    if (nova_bool(q->o, "deleted"))
        return object_action_error(q, "already deleted");
    if (uuid)
        r = local_find_one(q, LOCAL_INSTANCE, LOCAL_KEYS({"uuid", uuid}), LOCAL_ANY, &there);
    if (r == 0 && there)
        return nova_fail(q->err, NOVA_EXCEPTION, "Instance %s already exists.", ol_val_str(uuid));
    nova_uuid(fresh);
    local_take_changes(q, data);
    ol_val_set_str(q->a, data, "uuid", ol_val_str(uuid) ? ol_val_str(uuid) : fresh);
    info_cache(q, data);
    if (r == 0)
        r = local_insert(q, LOCAL_INSTANCE, data);
    return r < 0 ? r : local_instance_answer(q, data);
}

static int destroy(struct local_call *q)
{
    static const enum local_table_id below[] = {LOCAL_FAULT, LOCAL_BDM, LOCAL_VIF};
    const struct ol_val *uuid = nova_val(q->o, "uuid");
    struct ol_val *data = NULL;
    int r;

    if (!nova_has(q->o, "id"))
        return object_action_error(q, "already destroyed");
    if (!uuid)
        return object_action_error(q, "no uuid");
    r = local_instance(q, ol_val_str(uuid), &data);
    if (r < 0)
        return r;
    /* Who knows of no host must not take it from one that it was given meanwhile. */
    if (!nova_str(q->o, "host") && local_text(data, "host"))
        return object_action_error(q, "host changed");
    for (size_t i = 0; i < ol_count(below) && r == 0; i++)
        r = local_delete_all(q, below[i], LOCAL_KEYS({"instance_uuid", uuid}));
    if (r == 0)
        r = local_delete(q, LOCAL_INSTANCE, data);
    return r < 0 ? r : local_instance_answer(q, data);
}

/* --- the info cache, which lies within its instance --- */

static int cache_save(struct local_call *q)
{
    struct ol_val *instance = NULL, *data;
    int r = local_instance(q, nova_str(q->o, "instance_uuid"), &instance);

    if (r < 0)
        return r;
    data = info_cache(q, instance);
    if (nova_is_changed(q->o, "network_info")) {
        ol_val_set(q->a, data, "network_info",
                   ol_val_copy(q->a, ol_val_get(q->o->data, "network_info")));
        ol_val_set(q->a, data, "updated_at", local_now(q));
        /* The instance's own time is not touched by it. */
        ol_val_set(q->a, instance, "info_cache", local_object(q, "InstanceInfoCache", data));
        r = local_write(q, LOCAL_INSTANCE, instance);
    }
    if (r == 0)
        local_answer(q, data);
    return r;
}

static int cache_refresh(struct local_call *q)
{
    struct ol_val *instance = NULL;
    int r = local_instance(q, nova_str(q->o, "instance_uuid"), &instance);

    if (r == 0)
        local_answer(q, info_cache(q, instance));
    return r;
}

static int cache_get(struct local_call *q)
{
    struct ol_val *instance = NULL;
    int r = local_instance(q, local_arg_str(q, 0), &instance);

    if (r == 0)
        q->result = local_object(q, "InstanceInfoCache", info_cache(q, instance));
    return r;
}

/* It goes with its instance. */
static int cache_delete(struct local_call *q)
{
    ol_val_set(q->a, q->updates, "obj_what_changed", ol_val_new_list(q->a));
    return 0;
}

#define WRITES (LOCAL_OBJECT | LOCAL_WRITES)

const struct local_method local_save_methods[] = {
    {"Instance",
     "save",
     WRITES,
     save,
     {"expected_vm_state", "expected_task_state", "admin_state_reset"}},
    {"Instance", "create", WRITES, create, {NULL}},
    {"Instance", "destroy", WRITES, destroy, {"hard_delete"}},
    {"InstanceInfoCache", "create", WRITES, cache_save, {NULL}},
    {"InstanceInfoCache", "save", WRITES, cache_save, {"update_cells"}},
    {"InstanceInfoCache", "refresh", LOCAL_OBJECT, cache_refresh, {NULL}},
    {"InstanceInfoCache", "delete", LOCAL_OBJECT, cache_delete, {NULL}},
    {"InstanceInfoCache", "get_by_instance_uuid", 0, cache_get, {"instance_uuid"}},
    {NULL},
};
