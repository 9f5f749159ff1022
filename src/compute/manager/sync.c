/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"
#include "core/alloc.h"

/* The power state that a driver has against the one that is stored: nova's
 * _sync_instance_power_state, as a decision and its execution. */

#define EXPECT(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool is_off(enum virt_power power)
{
    return power == VIRT_SHUTDOWN || power == VIRT_CRASHED;
}

enum sync_step sync_decide(const struct nova_object *instance, enum virt_power power)
{
    bool differs = nova_int(instance, "power_state", VIRT_NOSTATE) != (int64_t)power;

    if (nova_str(instance, "task_state"))
        return SYNC_NOTHING;
    if (instance_is(instance, "vm_state", EXPECT(VM_ACTIVE))
        && (is_off(power) || power == VIRT_SUSPENDED))
        return SYNC_STOP;
    if (instance_is(instance, "vm_state", EXPECT(VM_PAUSED)) && is_off(power))
        return SYNC_FORCE_STOP;
    if (instance_is(instance, "vm_state", EXPECT(VM_STOPPED, VM_SOFT_DELETED, VM_DELETED))
        && !is_off(power) && power != VIRT_NOSTATE)
        return SYNC_FORCE_STOP;
    return differs ? SYNC_SAVE_POWER : SYNC_NOTHING;
}

/* What the API's stop does, then what it would cast to us. */
static int stop(struct work *w, struct ol_err *err)
{
    struct ol_val *none = NULL;
    int r;

    nova_set_str(w->instance, "task_state", TASK_POWERING_OFF);
    nova_set_int(w->instance, "progress", 0);
    r = instance_save(w, EXPECT(TASK_NONE), err);
    return r < 0 ? r : method_run(w, method_find("stop_instance"), &none, err);
}

int sync_instance(struct work *w, enum virt_power power, struct ol_err *err)
{
    enum sync_step step = sync_decide(w->instance, power);
    const char *state = nova_str(w->instance, "vm_state");
    int r = 0;

    if (step == SYNC_NOTHING)
        return 0;
    ol_info(w->m->env, "%s: the stored power state (%d) does not match that of the hypervisor (%d)",
            state ? state : "None", (int)nova_int(w->instance, "power_state", VIRT_NOSTATE),
            (int)power);
    nova_set_int(w->instance, "power_state", power);
    if (nova_is_changed(w->instance, "power_state"))
        r = instance_save(w, NULL, err);
    if (r < 0 || step == SYNC_SAVE_POWER)
        return r;
    ol_warn(w->m->env, "instance %s: %s", instance_uuid(w),
            step == SYNC_STOP ? "it went down by itself. Calling the stop API."
                              : "it is not stopped. Calling the stop API.");
    return stop(w, err);
}

/* --- events of the driver --- */

struct event {
    struct manager *m;
    char uuid[37];
    enum virt_power power;
};

static const struct {
    const char *name;
    enum virt_power power;
} events[] = {
    [VIRT_EVENT_STARTED] = {"Started", VIRT_RUNNING},
    [VIRT_EVENT_STOPPED] = {"Stopped", VIRT_SHUTDOWN},
    [VIRT_EVENT_PAUSED] = {"Paused", VIRT_PAUSED},
    [VIRT_EVENT_RESUMED] = {"Resumed", VIRT_RUNNING},
    [VIRT_EVENT_SUSPENDED] = {"Suspended", VIRT_SUSPENDED},
    [VIRT_EVENT_CRASHED] = {"Crashed", VIRT_CRASHED},
};

/* By now the machine may do something else again: then the event is old. */
static void handle(void *ctx)
{
    ol_autofree struct event *e = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(log_context_unbind) struct log_binding bound;
    struct nova_context admin = nova_context_admin(&a, e->m->env);
    struct nova_object *instance;
    struct ol_err err = OL_ERR_INIT;
    struct work w;
    int r;

    log_context_bind(&bound, &admin, e->uuid);
    r = conductor_get_instance(e->m->conductor, &admin, e->uuid, NULL, &a, &instance, &err);
    if (r >= 0) {
        w = instance_work(e->m, &a, instance);
        if (instance_power(e->m, e->uuid) == e->power)
            r = sync_instance(&w, e->power, &err);
    }
    if (r < 0 && !nova_is(&err, NOVA_INSTANCE_NOT_FOUND))
        ol_warn(e->m->env, "instance %s: its new power state was not saved: %s", e->uuid,
                ol_err_text(&err));
}

void sync_event(void *ctx, const struct virt_event *e)
{
    struct manager *m = ctx;
    struct event *mine = ol_xcalloc(1, sizeof(*mine));

    mine->m = m;
    mine->power = events[e->kind].power;
    strncat(mine->uuid, e->uuid, sizeof(mine->uuid) - 1);
    ol_info(m->env, "VM %s (Lifecycle Event) of instance %s", events[e->kind].name, mine->uuid);
    task_pool_add(m->parts.pool, &(struct task){.name = "lifecycle event",
                                                .key = mine->uuid,
                                                .run = handle,
                                                .drop = free,
                                                .ctx = mine});
}
