/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"

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
    /* One that is deleted softly and runs is only warned about: stopped, it would come back. */
    if (instance_is(instance, "vm_state", EXPECT(VM_STOPPED)) && !is_off(power)
        && power != VIRT_NOSTATE)
        return SYNC_FORCE_STOP;
    return differs ? SYNC_SAVE_POWER : SYNC_NOTHING;
}

/* What the API's stop does, then what it would cast to us. */
static int stop(struct work *w, struct ol_err *err)
{
    struct ol_val *none = NULL;
    int r = instance_note_action(w, "stop", err);

    nova_set_str(w->instance, "task_state", TASK_POWERING_OFF);
    nova_set_int(w->instance, "progress", 0);
    if (r >= 0)
        r = instance_save(w, EXPECT(TASK_NONE), err);
    return r < 0 ? r : method_run(w, method_find("stop_instance"), &none, err);
}

int sync_instance(struct work *w, enum virt_power power, struct ol_err *err)
{
    enum sync_step step = sync_decide(w->instance, power);
    const char *state = nova_str(w->instance, "vm_state"), *host = nova_str(w->instance, "host");
    int r = 0;

    /* It may have moved: then its state is another host's to tell. */
    if (step == SYNC_NOTHING || !host || strcmp(host, w->m->config->host) != 0)
        return 0;
    ol_info(w->m->env, "%s: the stored power state (%d) does not match that of the hypervisor (%d)",
            state ? state : "None", (int)nova_int(w->instance, "power_state", VIRT_NOSTATE),
            (int)power);
    nova_set_int(w->instance, "power_state", power);
    if (nova_is_changed(w->instance, "power_state"))
        r = instance_save(w, NULL, err);
    if (r < 0 || step == SYNC_SAVE_POWER)
        return r;
    ol_warn(w->m->env, "%s",
            step == SYNC_STOP ? "it went down by itself. Calling the stop API."
                              : "it is not stopped. Calling the stop API.");
    return stop(w, err);
}

int sync_now(struct work *w, struct ol_err *err)
{
    return sync_instance(w, instance_power(w->m, instance_uuid(w)), err);
}

/* By the time of its turn the machine may do something else again: what counts is what it does
 * then. */
void sync_event(void *ctx, const struct virt_event *e)
{
    static const char *const names[] = {
        [VIRT_EVENT_STARTED] = "Started",     [VIRT_EVENT_STOPPED] = "Stopped",
        [VIRT_EVENT_PAUSED] = "Paused",       [VIRT_EVENT_RESUMED] = "Resumed",
        [VIRT_EVENT_SUSPENDED] = "Suspended", [VIRT_EVENT_CRASHED] = "Crashed",
    };
    ol_auto(log_context_unbind) struct log_binding bound;
    struct manager *m = ctx;

    log_context_bind(&bound, NULL, e->uuid);
    ol_info(m->env, "VM %s (Lifecycle Event)", names[e->kind]);
    instance_later(m, e->uuid, "its new power state was not saved", sync_now);
}
