/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/conductor/local-internal.h"

/* Block devices, virtual interfaces and faults of instances. */

static int give(struct local_call *q, enum local_table_id t, const struct local_key *keys)
{
    struct ol_val *data = NULL;
    int r = local_find_one(q, t, keys, LOCAL_LIVE, &data);

    if (r == 0)
        q->result = local_object(q, local_tables[t].class, data);
    return r;
}

static int list(struct local_call *q, enum local_table_id t, const struct local_key *keys)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, t, keys, LOCAL_LIVE, &rows);

    if (r == 0)
        q->result = local_list(q, q->method->class, t, rows);
    return r;
}

/* What a method of an object works on. */
static int own(struct local_call *q, enum local_table_id t, struct ol_val **ret)
{
    int r = local_own_row(q, t, ret);

    if (r == 0 && !*ret)
        return nova_fail(q->err, NOVA_OBJECT_ACTION, "Object action %s failed because: %s",
                         q->method->name,
                         nova_has(q->o, "id") ? "there is no such row" : "it was never created");
    return r;
}

static int save_own(struct local_call *q, enum local_table_id t)
{
    struct ol_val *data = NULL;
    int r = own(q, t, &data);

    return r < 0 ? r : local_save_row(q, t, data);
}

static int destroy_own(struct local_call *q, enum local_table_id t)
{
    struct ol_val *data = NULL;
    int r = own(q, t, &data);

    if (r == 0)
        r = local_delete(q, t, data);
    ol_val_set(q->a, q->updates, "obj_what_changed", ol_val_new_list(q->a));
    return r;
}

/* --- block device mappings --- */

static int check_bdm(struct local_call *q)
{
    if (nova_is_changed(q->o, "instance"))
        return nova_fail(q->err, NOVA_OBJECT_ACTION,
                         "Object action %s failed because: instance changed", q->method->name);
    return 0;
}

static int bdm_create(struct local_call *q)
{
    int r = check_bdm(q);

    return r < 0 ? r : local_create_row(q, LOCAL_BDM);
}

static int bdm_save(struct local_call *q)
{
    int r = check_bdm(q);

    return r < 0 ? r : save_own(q, LOCAL_BDM);
}

static int bdm_destroy(struct local_call *q)
{
    return destroy_own(q, LOCAL_BDM);
}

/* The one with the same device name of the same instance is this one. */
static int bdm_update_or_create(struct local_call *q)
{
    const char *name = nova_str(q->o, "device_name");
    struct ol_val *rows = NULL;
    int r = check_bdm(q);

    if (r == 0 && nova_has(q->o, "id"))
        return save_own(q, LOCAL_BDM);
    if (r == 0)
        r = local_find(q, LOCAL_BDM, LOCAL_KEYS({"instance_uuid", nova_val(q->o, "instance_uuid")}),
                       LOCAL_LIVE, &rows);
    for (size_t i = 0; r == 0 && name && i < ol_val_count(rows); i++) {
        struct ol_val *row = (struct ol_val *)ol_val_item(rows, i);
        const char *theirs = local_text(row, "device_name");

        if (theirs && !strcmp(theirs, name))
            return local_save_row(q, LOCAL_BDM, row);
    }
    return r < 0 ? r : local_create_row(q, LOCAL_BDM);
}

static int bdm_by_volume(struct local_call *q, const struct local_key *keys,
                         const struct ol_val *volume)
{
    int r = give(q, LOCAL_BDM, keys);

    if (r == 0 && q->result->type == OL_VAL_NULL)
        return nova_fail(q->err, NOVA_VOLUME_NOT_FOUND,
                         "No volume Block Device Mapping with id %s.",
                         ol_val_to_text(q->a, volume));
    return r;
}

static int bdm_get_by_volume(struct local_call *q)
{
    return bdm_by_volume(q, LOCAL_KEYS({"volume_id", local_arg(q, 0)}), local_arg(q, 0));
}

static int bdm_get_by_volume_and_instance(struct local_call *q)
{
    return bdm_by_volume(
        q, LOCAL_KEYS({"volume_id", local_arg(q, 0)}, {"instance_uuid", local_arg(q, 1)}),
        local_arg(q, 0));
}

/* Of one instance or of a list of them. */
static int bdm_list(struct local_call *q)
{
    return list(q, LOCAL_BDM, LOCAL_KEYS({"instance_uuid", local_arg(q, 0)}));
}

/* --- virtual interfaces --- */

static int vif_create(struct local_call *q)
{
    return local_create_row(q, LOCAL_VIF);
}

static int vif_save(struct local_call *q)
{
    return save_own(q, LOCAL_VIF);
}

static int vif_destroy(struct local_call *q)
{
    return destroy_own(q, LOCAL_VIF);
}

static int vif_get_by_uuid(struct local_call *q)
{
    return give(q, LOCAL_VIF, LOCAL_KEYS({"uuid", local_arg(q, 0)}));
}

static int vif_get_by_address(struct local_call *q)
{
    return give(q, LOCAL_VIF, LOCAL_KEYS({"address", local_arg(q, 0)}));
}

static int vif_delete_by_instance_uuid(struct local_call *q)
{
    return local_delete_all(q, LOCAL_VIF, LOCAL_KEYS({"instance_uuid", local_arg(q, 0)}));
}

static int vif_list(struct local_call *q)
{
    return list(q, LOCAL_VIF, LOCAL_KEYS({"instance_uuid", local_arg(q, 0)}));
}

/* --- faults --- */

static int fault_create(struct local_call *q)
{
    return local_create_row(q, LOCAL_FAULT);
}

static int fault_latest(struct local_call *q)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_FAULT, LOCAL_KEYS({"instance_uuid", local_arg(q, 0)}), LOCAL_LIVE,
                       &rows);
    size_t n = ol_val_count(rows);

    if (r == 0)
        q->result =
            local_object(q, "InstanceFault", n ? (struct ol_val *)ol_val_item(rows, n - 1) : NULL);
    return r;
}

static int fault_list(struct local_call *q)
{
    return list(q, LOCAL_FAULT, LOCAL_KEYS({"instance_uuid", local_arg(q, 0)}));
}

#define WRITES (LOCAL_OBJECT | LOCAL_WRITES)

const struct local_method local_device_methods[] = {
    {"BlockDeviceMapping", "create", WRITES, bdm_create, {NULL}},
    {"BlockDeviceMapping", "save", WRITES, bdm_save, {NULL}},
    {"BlockDeviceMapping", "destroy", WRITES, bdm_destroy, {NULL}},
    {"BlockDeviceMapping", "update_or_create", WRITES, bdm_update_or_create, {NULL}},
    {"BlockDeviceMapping", "get_by_volume", 0, bdm_get_by_volume, {"volume_id"}},
    {"BlockDeviceMapping",
     "get_by_volume_and_instance",
     0,
     bdm_get_by_volume_and_instance,
     {"volume_id", "instance_uuid"}},
    {"BlockDeviceMappingList", "get_by_instance_uuid", 0, bdm_list, {"instance_uuid", "use_slave"}},
    {"BlockDeviceMappingList", "get_by_instance_uuids", 0, bdm_list, {"instance_uuids"}},
    {"VirtualInterface", "create", WRITES, vif_create, {NULL}},
    {"VirtualInterface", "save", WRITES, vif_save, {NULL}},
    {"VirtualInterface", "destroy", WRITES, vif_destroy, {NULL}},
    {"VirtualInterface", "get_by_uuid", 0, vif_get_by_uuid, {"vif_uuid"}},
    {"VirtualInterface", "get_by_address", 0, vif_get_by_address, {"address"}},
    {"VirtualInterface",
     "delete_by_instance_uuid",
     LOCAL_WRITES,
     vif_delete_by_instance_uuid,
     {"instance_uuid"}},
    {"VirtualInterfaceList", "get_by_instance_uuid", 0, vif_list, {"instance_uuid", "use_slave"}},
    {"InstanceFault", "create", WRITES, fault_create, {NULL}},
    {"InstanceFault", "get_latest_for_instance", 0, fault_latest, {"instance_uuid"}},
    {"InstanceFaultList", "get_by_instance_uuids", 0, fault_list, {"instance_uuids"}},
    {NULL},
};
