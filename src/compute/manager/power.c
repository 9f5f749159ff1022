/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/num.h"

/* On, off and between: what nova's manager does around the driver's calls. */

#define EXPECT(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { MAX_SHUTDOWN_SECONDS = 3600 };

static bool is_off(enum virt_power power)
{
    return power == VIRT_NOSTATE || power == VIRT_SHUTDOWN || power == VIRT_CRASHED;
}

int power_off_instance(struct work *w, bool is_clean, struct ol_err *err)
{
    const struct ol_val *own =
        ol_val_get(nova_val(w->instance, "system_metadata"), "image_os_shutdown_timeout");
    ol_time timeout = is_clean ? w->m->config->shutdown_timeout : 0;
    const char *text = ol_val_str(own);
    int64_t seconds;

    /* The image's own wish counts for a clean stop, within reason: a thread waits for it. */
    if (is_clean && text && ol_parse_i64(text, 10, &seconds) == 0 && seconds >= 0
        && seconds <= MAX_SHUTDOWN_SECONDS)
        timeout = seconds * OL_SECOND;
    return w->m->driver->power_off(w->m->virt, instance_uuid(w), timeout,
                                   w->m->config->shutdown_retry_interval, err);
}

int method_stop(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    enum virt_power power = instance_power(w->m, instance_uuid(w));
    const struct ol_val *clean = work_arg(w, "clean_shutdown");
    const char *const *expected =
        is_off(power) ? EXPECT(TASK_POWERING_OFF, TASK_NONE) : EXPECT(TASK_POWERING_OFF);
    int r = 0;

    if (is_off(power))
        ol_info(w->m->env,
                "Instance is already powered off in the hypervisor when stop is called.");
    else
        r = power_off_instance(w, !clean || ol_val_is_truthy(clean), err);
    return r < 0 ? r : instance_settle(w, VM_STOPPED, expected, err);
}

static int power_on(struct work *w, struct ol_err *err)
{
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    return r < 0 ? r : w->m->driver->power_on(w->m->virt, machine, err);
}

int power_start(struct work *w, struct ol_err *err)
{
    int r = power_on(w, err);

    return r < 0 ? r : instance_settle(w, VM_ACTIVE, EXPECT(TASK_POWERING_ON), err);
}

int method_start(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    return power_start(w, err);
}

int method_restore(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    int r = power_on(w, err);

    return r < 0 ? r : instance_settle(w, VM_ACTIVE, EXPECT("restoring"), err);
}

int method_soft_delete(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    int r = power_off_instance(w, false, err);

    return r < 0 ? r : instance_settle(w, VM_SOFT_DELETED, EXPECT(TASK_SOFT_DELETING), err);
}

/* Task states of a reboot, by kind. */
struct reboot_kind {
    const char *pending, *started;
    const char *const *expected; /* at its beginning */
};
static const char *const soft_states[] = {TASK_REBOOTING, TASK_REBOOT_PENDING, TASK_REBOOT_STARTED,
                                          NULL};
static const char *const hard_states[] = {TASK_REBOOTING_HARD, TASK_REBOOT_PENDING_HARD,
                                          TASK_REBOOT_STARTED_HARD, NULL};
static const struct reboot_kind reboot_kinds[] = {
    {TASK_REBOOT_PENDING, TASK_REBOOT_STARTED, soft_states},
    {TASK_REBOOT_PENDING_HARD, TASK_REBOOT_STARTED_HARD, hard_states},
};

static int reboot_machine(struct work *w, bool is_hard, struct ol_err *err)
{
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    if (r < 0)
        return r;
    r = w->m->driver->reboot(w->m->virt, machine, is_hard, err);
    if (r == -ETIME && !is_hard) {
        ol_info(w->m->env, "the guest did not follow the soft reboot: it is rebooted hard");
        r = w->m->driver->reboot(w->m->virt, machine, true, err);
    }
    return r;
}

/* A reboot that failed under a machine that runs leaves it active, with a fault to read; otherwise
 * the instance is in error, and the failure is the method's. */
static int reboot_failed(struct work *w, int r, struct ol_err *err)
{
    if (instance_power(w->m, instance_uuid(w)) != VIRT_RUNNING) {
        ol_error(w->m->env, "Cannot reboot instance: %s", ol_err_text(err));
        instance_set_error(w, false);
        return r;
    }
    ol_warn(w->m->env, "Reboot failed but instance is running: %s", ol_err_text(err));
    instance_record_fault(w, err);
    return 0;
}

int power_reboot(struct work *w, bool is_hard, struct ol_err *err)
{
    const struct reboot_kind *kind = &reboot_kinds[is_hard];
    const char *after =
        instance_is(w->instance, "vm_state", EXPECT(VM_RESCUED)) ? VM_RESCUED : VM_ACTIVE;
    int r;

    nova_set_str(w->instance, "task_state", kind->pending);
    nova_set_int(w->instance, "power_state", instance_power(w->m, instance_uuid(w)));
    r = instance_save(w, kind->expected, err);
    if (r < 0)
        return r;
    if (nova_int(w->instance, "power_state", 0) != VIRT_RUNNING)
        ol_warn(w->m->env, "trying to reboot a non-running instance");
    nova_set_str(w->instance, "task_state", kind->started);
    r = instance_save(w, EXPECT(kind->pending), err);
    if (r < 0)
        return r;
    r = reboot_machine(w, is_hard, err);
    if (r < 0)
        r = reboot_failed(w, r, err);
    return r < 0 ? r : instance_settle(w, after, NULL, err);
}

int method_reboot(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *type = ol_val_str(work_arg(w, "reboot_type"));

    return power_reboot(w, !type || strcmp(type, "SOFT") != 0, err);
}

int method_pause(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    int r = w->m->driver->pause(w->m->virt, instance_uuid(w), err);

    return r < 0 ? r : instance_settle(w, VM_PAUSED, EXPECT(TASK_PAUSING), err);
}

int method_unpause(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    int r = w->m->driver->unpause(w->m->virt, instance_uuid(w), err);

    return r < 0 ? r : instance_settle(w, VM_ACTIVE, EXPECT(TASK_UNPAUSING), err);
}

int method_suspend(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *before = nova_str(w->instance, "vm_state");
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    nova_set_key(w->instance, "system_metadata", "old_vm_state", before ? before : VM_ACTIVE);
    if (r >= 0)
        r = w->m->driver->suspend(w->m->virt, machine, err);
    if (r < 0)
        instance_set_error(w, false);
    return r < 0 ? r : instance_settle(w, VM_SUSPENDED, EXPECT(TASK_SUSPENDING), err);
}

int method_resume(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *before =
        ol_val_str(ol_val_get(nova_val(w->instance, "system_metadata"), "old_vm_state"));
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    if (r >= 0)
        r = w->m->driver->resume(w->m->virt, machine, err);
    if (r < 0) {
        instance_set_error(w, false);
        return r;
    }
    before = before ? ol_arena_strdup(w->arena, before) : VM_ACTIVE;
    nova_unset_key(w->instance, "system_metadata", "old_vm_state");
    return instance_settle(w, before, EXPECT(TASK_RESUMING), err);
}
