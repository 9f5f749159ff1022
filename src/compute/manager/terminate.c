/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"

/* Deleting an instance: the machine first, then what it used, then its rows, its allocations last
 * of what others can see. Each step may have been done before. */

static int delete_allocations(struct work *w, struct ol_err *err)
{
    return cloud_has(w->m->cloud, CLOUD_PLACEMENT)
               ? placement_delete_allocations(w->m->cloud, instance_uuid(w), err)
               : 0;
}

static int note_deleted(struct work *w, struct ol_err *err)
{
    nova_set_str(w->instance, "vm_state", VM_DELETED);
    nova_set_null(w->instance, "task_state");
    nova_set_int(w->instance, "power_state", VIRT_NOSTATE);
    nova_set_time(w->instance, "terminated_at", ol_now_wall(w->m->env));
    if (machine_has_disks(w)) /* they have gone: no agent has to look for files again */
        nova_set_bool(w->instance, "cleaned", true);
    return instance_save(w, NULL, err);
}

/* What is left once the rows say "deleted"; the row itself goes only when its allocation has
 * gone. */
static int finish_deletion(struct work *w, struct ol_err *err)
{
    int r;

    tracker_release(w);
    r = delete_allocations(w, err);
    if (r < 0)
        return r;
    instance_tell_scheduler(w, true);
    return conductor_destroy(w->m->conductor, &w->context, w->instance, err);
}

int terminate_instance(struct work *w, const struct nova_object *mappings, struct ol_err *err)
{
    const char *state = nova_str(w->instance, "vm_state");
    int r;

    ol_info(w->m->env, "Terminating instance");
    if (state && strcmp(state, VM_DELETED) == 0)
        return finish_deletion(w, err);
    r = w->m->driver->destroy(w->m->virt, instance_uuid(w), instance_directory(w), true, err);
    if (r < 0)
        return r;
    r = network_deallocate(w, err);
    if (r < 0)
        return ol_err_prefix(err, r, "Failed to deallocate network for instance");
    volumes_release(w, mappings, true);
    r = network_forget_rows(w, err);
    if (r >= 0)
        r = note_deleted(w, err);
    return r < 0 ? r : finish_deletion(w, err);
}

/* The list that came may be older than a volume's id in it. */
static bool is_stale(const struct nova_object *mappings)
{
    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        const struct nova_object *bdm = nova_list_item(mappings, i);
        const char *where = nova_str(bdm, "destination_type");

        if (where && strcmp(where, "volume") == 0 && !nova_str(bdm, "volume_id"))
            return true;
    }
    return false;
}

static int take_mappings(struct work *w, struct nova_object **ret, struct ol_err *err)
{
    const struct ol_val *given = work_arg(w, "bdms");

    if (given) {
        int r = work_load(w, "bdms", "BlockDeviceMappingList", ret, err);

        if (r < 0 || !is_stale(*ret))
            return r;
    }
    return instance_mappings(w, ret, err);
}

int method_terminate(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct nova_object *mappings;
    int r = take_mappings(w, &mappings, err);

    if (r >= 0)
        r = terminate_instance(w, mappings, err);
    if (r >= 0)
        return 0;
    if (nova_is(err, NOVA_INSTANCE_NOT_FOUND)) {
        ol_info(w->m->env, "Instance disappeared during terminate");
        return 0;
    }
    ol_error(w->m->env, "Setting instance vm_state to ERROR: %s", ol_err_text(err));
    instance_set_error(w, false);
    return r;
}
