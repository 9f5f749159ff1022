/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"

/*
 * The methods that a compute host serves, and what wraps each of them. Versions and events are
 * nova's; what it serves and we don't yet is here too, so that whoever asks gets an answer and no
 * task state is left hanging.
 */
#define USUAL (METHOD_REVERTS | METHOD_EVENT | METHOD_FAULTS)

const struct method_row manager_methods[] = {
    {"build_and_run_instance", "6.0", METHOD_BUILD | USUAL, method_build,
     "compute__do_build_and_run_instance"},
    {"terminate_instance", "6.0", USUAL, method_terminate, NULL},
    {"stop_instance", "6.0", USUAL, method_stop, NULL},
    {"start_instance", "6.0", USUAL, method_start, NULL},
    {"reboot_instance", "6.0", USUAL, method_reboot, NULL},
    {"pause_instance", "6.0", USUAL, method_pause, NULL},
    {"unpause_instance", "6.0", USUAL, method_unpause, NULL},
    {"suspend_instance", "6.0", USUAL, method_suspend, NULL},
    {"resume_instance", "6.0", USUAL, method_resume, NULL},
    {"rescue_instance", "6.0", USUAL, method_rescue, NULL},
    {"unrescue_instance", "6.0", USUAL, method_unrescue, NULL},
    {"soft_delete_instance", "6.0", USUAL, method_soft_delete, NULL},
    {"restore_instance", "6.0", USUAL, method_restore, NULL},
    {"reserve_block_device_name", "6.0", METHOD_REVERTS | METHOD_FAULTS, method_reserve_device,
     NULL},
    {"attach_volume", "6.0", METHOD_EVENT | METHOD_FAULTS, method_attach_volume, NULL},
    {"detach_volume", "6.0", METHOD_EVENT | METHOD_FAULTS, method_detach_volume, NULL},
    {"get_console_output", "6.0", METHOD_PARALLEL | METHOD_FAULTS, method_console_output, NULL},
    {"get_diagnostics", "6.0", METHOD_PARALLEL | METHOD_FAULTS, method_diagnostics, NULL},
    {"get_instance_diagnostics", "6.0", METHOD_PARALLEL | METHOD_FAULTS,
     method_instance_diagnostics, NULL},
    {"get_host_uptime", "6.0", METHOD_HOST | METHOD_QUICK, method_uptime, NULL},
    {"external_instance_event", "6.0", METHOD_HOST, method_external_event, NULL},
    {"inject_network_info", "6.0", METHOD_PARALLEL, method_nothing, NULL},
    {"refresh_instance_security_rules", "6.0", METHOD_HOST, method_nothing, NULL},

    {"get_vnc_console", "6.0", METHOD_PARALLEL, method_no_console, NULL},
    {"get_spice_console", "6.0", METHOD_PARALLEL, method_no_console, NULL},
    {"get_rdp_console", "6.0", METHOD_PARALLEL, method_no_console, NULL},
    {"get_mks_console", "6.0", METHOD_PARALLEL, method_no_console, NULL},
    {"get_serial_console", "6.0", METHOD_PARALLEL, method_no_console, NULL},

    {"attach_interface", "6.0", METHOD_EVENT, method_attach_interface, NULL},
    {"backup_instance", "6.0", USUAL, method_refuse_image, NULL},
    {"cache_images", "6.0", METHOD_HOST, method_not_yet, NULL},
    {"change_instance_metadata", "6.0", METHOD_PARALLEL, method_nothing, NULL},
    {"check_can_live_migrate_destination", "6.0", METHOD_EVENT, method_refuse_live, NULL},
    {"check_can_live_migrate_source", "6.0", METHOD_EVENT, method_refuse_live, NULL},
    {"check_instance_shared_storage", "6.0", METHOD_HOST, method_not_yet, NULL},
    {"confirm_resize", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"detach_interface", "6.0", METHOD_EVENT | METHOD_FAULTS, method_detach_interface, NULL},
    {"extend_volume", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"finish_resize", "6.0", USUAL, method_refuse_move, NULL},
    {"finish_revert_resize", "6.0", USUAL, method_refuse_move, NULL},
    {"host_maintenance_mode", "6.0", METHOD_HOST, method_not_yet, NULL},
    {"host_power_action", "6.0", METHOD_HOST, method_not_yet, NULL},
    {"live_migration", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"live_migration_abort", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"live_migration_force_complete", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"post_live_migration_at_destination", "6.0", METHOD_EVENT, method_not_yet, NULL},
    {"power_update", "6.0", USUAL, method_refuse, NULL},
    {"pre_live_migration", "6.0", METHOD_EVENT | METHOD_FAULTS, method_not_yet, NULL},
    {"prep_resize", "6.0", USUAL, method_refuse_move, NULL},
    {"prep_snapshot_based_resize_at_dest", "6.0", METHOD_EVENT, method_not_yet, NULL},
    {"prep_snapshot_based_resize_at_source", "6.0", USUAL, method_not_yet, NULL},
    {"quiesce_instance", "6.0", METHOD_PARALLEL, method_not_yet, NULL},
    {"rebuild_instance", "6.0", USUAL, method_refuse_rebuild, NULL},
    {"remove_volume_connection", "6.0", METHOD_PARALLEL, method_not_yet, NULL},
    {"resize_instance", "6.0", USUAL, method_refuse_move, NULL},
    {"revert_resize", "6.0", USUAL, method_refuse, NULL},
    {"rollback_live_migration_at_destination", "6.0", METHOD_EVENT, method_not_yet, NULL},
    {"set_admin_password", "6.0", USUAL, method_not_yet, NULL},
    {"set_host_enabled", "6.0", METHOD_HOST, method_not_yet, NULL},
    {"shelve_instance", "6.0", USUAL, method_refuse_image, NULL},
    {"shelve_offload_instance", "6.0", USUAL, method_refuse, NULL},
    {"snapshot_instance", "6.0", USUAL, method_refuse_image, NULL},
    {"swap_volume", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"trigger_crash_dump", "6.0", METHOD_EVENT | METHOD_FAULTS, method_refuse, NULL},
    {"unquiesce_instance", "6.0", METHOD_PARALLEL, method_not_yet, NULL},
    {"unshelve_instance", "6.0", USUAL, method_refuse, NULL},
    {"validate_console_port", "6.0", METHOD_PARALLEL, method_not_yet, NULL},
    {"volume_snapshot_create", "6.0", METHOD_PARALLEL, method_not_yet, NULL},
    {"volume_snapshot_delete", "6.0", METHOD_PARALLEL, method_not_yet, NULL},
    {0},
};

const struct method_row *method_find(const char *name)
{
    for (const struct method_row *row = manager_methods; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

int method_nothing(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    return 0;
}

int method_no_console(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *type = ol_val_str(work_arg(w, "console_type"));

    return nova_fail(err, NOVA_CONSOLE_TYPE_UNAVAILABLE, "Unavailable console type %s.",
                     type ? type : "None");
}

/* Secondary failures are logged: the first one is the caller's answer. */
static void note(const struct work *w, const char *what, const struct ol_err *err)
{
    if (nova_is(err, NOVA_INSTANCE_NOT_FOUND))
        return;
    ol_warn(w->m->env, "%s: %s", what, ol_err_text(err));
}

static const char *event_name(const struct work *w, const struct method_row *row)
{
    return row->event ? row->event : ol_arena_printf(w->arena, "compute_%s", row->name);
}

static void end_event(struct work *w, const struct method_row *row, const struct ol_err *why)
{
    struct ol_err err = OL_ERR_INIT;

    if (!(row->flags & METHOD_EVENT))
        return;
    if (conductor_event_finish(w->m->conductor, &w->context, instance_uuid(w), event_name(w, row),
                               w->m->config->host, why, &err)
        < 0)
        note(w, "the end of the action was not recorded", &err);
}

/* A task that was overtaken by another leaves the state to that one. */
static bool is_preempted(const struct ol_err *why)
{
    return nova_is(why, NOVA_UNEXPECTED_TASK_STATE) || nova_is(why, NOVA_UNEXPECTED_DELETING);
}

static void revert_task_state(struct work *w, const struct ol_err *why)
{
    const char *task = nova_str(w->instance, "task_state");
    struct ol_err err = OL_ERR_INIT;

    if (is_preempted(why)) {
        ol_info(w->m->env, "Task possibly preempted: %s", ol_err_text(why));
        return;
    }
    task = task ? ol_arena_strdup(w->arena, task) : "None";
    nova_set_null(w->instance, "task_state");
    if (instance_save(w, NULL, &err) < 0)
        note(w, "Failed to revert task state for instance. Error", &err);
    else
        ol_info(w->m->env, "Successfully reverted task state from %s on failure for instance %s.",
                task, instance_uuid(w));
}

static void failed(struct work *w, const struct method_row *row, const struct ol_err *why)
{
    if ((row->flags & METHOD_FAULTS) && !nova_is(why, NOVA_INSTANCE_NOT_FOUND))
        instance_record_fault(w, why);
    end_event(w, row, why);
    if (row->flags & METHOD_REVERTS)
        revert_task_state(w, why);
}

int method_run(struct work *w, const struct method_row *row, struct ol_val **ret,
               struct ol_err *err)
{
    ol_auto(log_context_unbind) struct log_binding bound;
    struct ol_err mine = OL_ERR_INIT;
    int r = 0;

    log_context_bind(&bound, &w->context, w->instance ? instance_uuid(w) : NULL);
    w->method = row->name;
    if (row->flags & METHOD_EVENT)
        r = conductor_event_start(w->m->conductor, &w->context, instance_uuid(w),
                                  event_name(w, row), w->m->config->host, &mine);
    if (r >= 0)
        r = row->run(w, ret, &mine);
    if (r >= 0) {
        end_event(w, row, NULL);
        return 0;
    }
    if (w->instance)
        failed(w, row, &mine);
    if (err)
        *err = mine;
    return r;
}
