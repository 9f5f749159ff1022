/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"

/*
 * What an agent that starts does with the instances that are its own: nova's _init_instance, as a
 * decision and its execution.
 */
#define EXPECT(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool is_state(const struct nova_object *i, const char *const *words)
{
    return instance_is(i, "vm_state", words);
}

static bool is_task(const struct nova_object *i, const char *const *words)
{
    return instance_is(i, "task_state", words);
}

/* A reboot that was begun: again as it was while the machine runs, hard when it was caught between
 * off and on; one that may have been done already is only noted as done. */
static enum recover_step reboot_step(const struct nova_object *i, enum virt_power power)
{
    bool is_running = power == VIRT_RUNNING;

    if (is_running && is_task(i, EXPECT(TASK_REBOOT_PENDING)))
        return RECOVER_REBOOT_SOFT;
    if (is_running && is_task(i, EXPECT(TASK_REBOOT_PENDING_HARD)))
        return RECOVER_REBOOT_HARD;
    if (!is_running
        && is_task(i, EXPECT(TASK_REBOOT_PENDING, TASK_REBOOT_STARTED, TASK_REBOOT_PENDING_HARD,
                             TASK_REBOOT_STARTED_HARD)))
        return RECOVER_REBOOT_HARD;
    return RECOVER_NOTHING;
}

/* By vm_state and task_state alone. */
static enum recover_step state_step(const struct nova_object *i)
{
    if (is_state(i, EXPECT(VM_DELETED)))
        return RECOVER_FINISH_DELETED;
    if (is_state(i, EXPECT(VM_BUILDING))
        || is_task(i, EXPECT(TASK_SCHEDULING, TASK_MAPPING, TASK_NETWORKING, TASK_SPAWNING)))
        return RECOVER_ERROR;
    if (is_state(i, EXPECT(VM_ACTIVE, VM_STOPPED))
        && is_task(i, EXPECT("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning")))
        return RECOVER_ERROR;
    if (is_task(i, EXPECT(TASK_DELETING)))
        return RECOVER_DELETE;
    if (is_task(i, EXPECT("image_snapshot_pending", "image_pending_upload", "image_uploading",
                          "image_snapshot", "resize_prep", TASK_MIGRATING)))
        return RECOVER_CLEAR_TASK;
    return RECOVER_NOTHING;
}

/* What was asked for and not finished, given what the machine does now. */
static enum recover_step power_step(const struct nova_object *i, enum virt_power power)
{
    enum recover_step step = reboot_step(i, power);

    if (step != RECOVER_NOTHING)
        return step;
    if (power == VIRT_RUNNING
        && is_task(
            i, EXPECT(TASK_REBOOT_STARTED, TASK_REBOOT_STARTED_HARD, TASK_PAUSING, TASK_UNPAUSING)))
        return RECOVER_ACTIVE;
    if (power == VIRT_PAUSED && is_task(i, EXPECT(TASK_UNPAUSING)))
        return RECOVER_UNPAUSE;
    if (is_task(i, EXPECT(TASK_POWERING_OFF)))
        return RECOVER_STOP;
    if (is_task(i, EXPECT(TASK_POWERING_ON)))
        return RECOVER_START;
    return RECOVER_NOTHING;
}

static enum recover_step step_of_ours(const struct nova_object *i, enum virt_power power,
                                      bool may_resume)
{
    enum recover_step step;

    if (is_state(i, EXPECT(VM_SOFT_DELETED)))
        return RECOVER_NOTHING;
    if (is_state(i, EXPECT(VM_ERROR)))
        return is_task(i, EXPECT(TASK_DELETING)) ? RECOVER_DELETE : RECOVER_NOTHING;
    step = state_step(i);
    if (step == RECOVER_NOTHING)
        step = power_step(i, power);
    if (step == RECOVER_NOTHING && may_resume && power != VIRT_RUNNING
        && nova_int(i, "power_state", VIRT_NOSTATE) == VIRT_RUNNING)
        step = RECOVER_RESUME_ON_BOOT;
    return step;
}

enum recover_step recover_decide(const struct nova_object *instance, const char *host,
                                 enum virt_power power, unsigned flags)
{
    const char *own = nova_str(instance, "host");
    enum recover_step step;

    if (!own || strcmp(own, host) != 0)
        return RECOVER_NOT_OURS;
    step = step_of_ours(instance, power, flags & RECOVER_MAY_RESUME);
    if (step == RECOVER_NOTHING && flags & RECOVER_ALONE && nova_str(instance, "task_state"))
        step = RECOVER_CLEAR_TASK;
    return step;
}

/* Of a build the machine is nobody's. Otherwise (a rebuild, an unshelve) it is the user's, and
 * stays. */
static int do_error(struct work *w, struct ol_err *err)
{
    bool is_build = is_state(w->instance, EXPECT(VM_BUILDING));
    const char *task = nova_str(w->instance, "task_state");
    struct ol_err why = OL_ERR_INIT;
    int r = 0;

    if (is_build)
        r = w->m->driver->destroy(w->m->virt, instance_uuid(w), instance_directory(w), true, err);
    if (r < 0) {
        instance_set_error(w, true);
        return r;
    }
    r = is_build ? nova_fail(&why, NOVA_BUILD_ABORT,
                             "Build of instance %s aborted: the compute service stopped during it.",
                             instance_uuid(w))
                 : nova_fail(&why, NOVA_EXCEPTION,
                             "The compute service stopped while the instance was %s.",
                             task ? task : "changed");
    instance_record_fault(w, &why);
    instance_set_error(w, true);
    return 0;
}

static int do_clear(struct work *w, struct ol_err *err)
{
    nova_set_null(w->instance, "task_state");
    return instance_save(w, NULL, err);
}

static int do_active(struct work *w, struct ol_err *err)
{
    return instance_settle(w, VM_ACTIVE, NULL, err);
}

/* By the method itself, so that its action's end is recorded. */
static int run_method(struct work *w, const char *method, struct ol_err *err)
{
    struct ol_val *none = NULL;

    return method_run(w, method_find(method), &none, err);
}

static int do_delete(struct work *w, struct ol_err *err)
{
    ol_info(w->m->env,
            "Service started deleting the instance %s during the previous run, but did not finish. "
            "Restarting the deletion now.",
            instance_uuid(w));
    return run_method(w, "terminate_instance", err);
}

static int reboot(struct work *w, const char *type, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(w->arena);

    ol_val_set_str(w->arena, args, "reboot_type", type);
    w->args = args;
    return run_method(w, "reboot_instance", err);
}

static int do_reboot_soft(struct work *w, struct ol_err *err)
{
    return reboot(w, "SOFT", err);
}

/* A soft reboot that was caught between off and on has become a hard one. */
static int do_reboot_hard(struct work *w, struct ol_err *err)
{
    int r;

    nova_set_str(w->instance, "task_state", TASK_REBOOT_PENDING_HARD);
    r = instance_save(w, NULL, err);
    return r < 0 ? r : reboot(w, "HARD", err);
}

static int do_unpause(struct work *w, struct ol_err *err)
{
    return run_method(w, "unpause_instance", err);
}

static int do_stop(struct work *w, struct ol_err *err)
{
    return run_method(w, "stop_instance", err);
}

static int do_start(struct work *w, struct ol_err *err)
{
    return run_method(w, "start_instance", err);
}

static int do_resume(struct work *w, struct ol_err *err)
{
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    ol_info(w->m->env, "Rebooting instance %s after nova-compute restart.", instance_uuid(w));
    if (r >= 0)
        r = w->m->driver->power_on(w->m->virt, machine, err);
    if (r < 0)
        instance_set_error(w, false);
    return r;
}

static int do_not_ours(struct work *w, struct ol_err *err)
{
    const char *host = nova_str(w->instance, "host");

    ol_warn(w->m->env,
            "Instance %s appears to not be owned by this host, but by %s. Startup processing is "
            "being skipped.",
            instance_uuid(w), host ? host : "None");
    return 0;
}

static int (*const steps[])(struct work *w, struct ol_err *err) = {
    [RECOVER_NOTHING] = NULL,
    [RECOVER_NOT_OURS] = do_not_ours,
    [RECOVER_FINISH_DELETED] = do_delete,
    [RECOVER_ERROR] = do_error,
    [RECOVER_CLEAR_TASK] = do_clear,
    [RECOVER_DELETE] = do_delete,
    [RECOVER_REBOOT_SOFT] = do_reboot_soft,
    [RECOVER_REBOOT_HARD] = do_reboot_hard,
    [RECOVER_ACTIVE] = do_active,
    [RECOVER_UNPAUSE] = do_unpause,
    [RECOVER_STOP] = do_stop,
    [RECOVER_START] = do_start,
    [RECOVER_RESUME_ON_BOOT] = do_resume,
};

/* One instance that cannot be recovered must not keep the agent from starting. */
static void recover_one(struct manager *m, const struct nova_object *found)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct nova_object *instance = nova_object_copy(&a, found);
    struct work w = instance_work(m, &a, instance);
    struct ol_err err = OL_ERR_INIT;
    unsigned flags = (m->config->resume_guests_state_on_host_boot ? RECOVER_MAY_RESUME : 0)
                     | (m->config->standalone ? RECOVER_ALONE : 0);
    enum recover_step step =
        recover_decide(instance, m->config->host, instance_power(m, instance_uuid(&w)), flags);

    if (steps[step] && steps[step](&w, &err) < 0)
        ol_error(m->env, "Failed to recover instance %s: %s", instance_uuid(&w), ol_err_text(&err));
}

int recover_all(struct manager *m, struct ol_err *err)
{
    static const char *const attrs[] = {"info_cache", "metadata", "system_metadata",
                                        "numa_topology", NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(256 << 20);
    ol_auto(ol_strv_done) struct ol_strv handled = OL_STRV_INIT;
    struct nova_context context = nova_context_admin(&a, m->env);
    struct ol_val *args = ol_val_new_list(&a), *kwargs = ol_val_new_map(&a);
    struct ol_val *expected = ol_val_new_list(&a);
    struct nova_object *list;
    int r;

    for (const char *const *name = attrs; *name; name++)
        ol_val_append(&a, expected, ol_val_new_str(&a, *name));
    ol_val_append(&a, args, ol_val_new_str(&a, m->config->host));
    ol_val_set(&a, kwargs, "expected_attrs", expected);
    r = conductor_get(m->conductor, &context, "InstanceList", "get_by_host", args, kwargs, &a,
                      &list, err);
    if (r < 0)
        return r;
    tracker_find(m->tracker);
    for (size_t i = 0; i < nova_list_count(list); i++) {
        const struct nova_object *instance = nova_list_item(list, i);

        ol_strv_add(&handled, nova_str(instance, "uuid"));
        recover_one(m, instance);
    }
    orphans_remove_evacuated(m, &handled);
    recover_unclaimed(m, &handled);
    return 0;
}
