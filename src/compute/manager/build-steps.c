/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "compute/base/exception.h"
#include "compute/manager/build-internal.h"
#include "compute/manager/drive.h"
#include "core/file.h"

/* From the claim to the machine's start. */

#define EXPECT(...) ((const char *const[]){__VA_ARGS__, NULL})

/* These go up as they are; anything else that a step meets is told as an abort with nova's
 * sentence. */
static bool is_told_as_it_is(const struct ol_err *why)
{
    return nova_is(why, NOVA_INSTANCE_NOT_FOUND) || nova_is(why, NOVA_UNEXPECTED_DELETING)
           || nova_is(why, NOVA_UNEXPECTED_TASK_STATE) || nova_is(why, NOVA_BUILD_ABORT);
}

static int abort_build(struct build *b, const char *sentence, int r, struct ol_err *err)
{
    struct ol_err why = *err;

    if (is_told_as_it_is(&why))
        return r;
    ol_error(b->w->m->env, "%s %s", sentence, ol_err_text(&why));
    return nova_fail(err, NOVA_BUILD_ABORT, "Build of instance %s aborted: %s", instance_uuid(b->w),
                     sentence);
}

static int progress(struct build *b, const char *task, const char *const *expected,
                    struct ol_err *err)
{
    nova_set_str(b->w->instance, "vm_state", VM_BUILDING);
    nova_set_str(b->w->instance, "task_state", task);
    return instance_save(b->w, expected, err);
}

static void note_roles(struct work *w)
{
    const struct ol_val *roles = ol_val_get(w->context.values, "roles");
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

    for (size_t i = 0; i < ol_val_count(roles); i++) {
        const char *role = ol_val_str(ol_val_item(roles, i));

        if (role)
            ol_buf_printf(&b, "%s%s", b.len ? "," : "", role);
    }
    nova_set_key(w->instance, "system_metadata", "boot_roles", b.data);
}

static int step_claim(struct build *b, struct ol_err *err)
{
    int r;

    note_roles(b->w);
    r = tracker_claim(b->w, err);
    b->is_claimed = r >= 0;
    return r;
}

static int step_networks(struct build *b, struct ol_err *err)
{
    int r = progress(b, TASK_NETWORKING, EXPECT(TASK_NONE), err);

    if (r >= 0) {
        b->has_networks = true;
        r = network_allocate(b->w, work_arg(b->w, "requested_networks"), &b->network_info, err);
    }
    return r < 0 ? abort_build(b, "Failed to allocate the network(s), not rescheduling.", r, err)
                 : 0;
}

/* Each mapping gets its device name, saved with it; the root disk's is the instance's too. */
static int name_devices(struct build *b, struct ol_err *err)
{
    struct work *w = b->w;

    for (size_t i = 0; i < nova_list_count(b->mappings); i++) {
        struct nova_object *bdm = nova_list_item(b->mappings, i);
        int r;

        if (!nova_str(bdm, "device_name")) {
            const char *name = machine_next_device(w, b->mappings, nova_str(bdm, "disk_bus"));

            nova_set_str(bdm, "device_name", name);
            r = conductor_save(w->m->conductor, &w->context, bdm, err);
            if (r < 0)
                return r;
        }
        if (nova_int(bdm, "boot_index", -1) == 0)
            nova_set_str(w->instance, "root_device_name", nova_str(bdm, "device_name"));
    }
    return 0;
}

static int step_devices(struct build *b, struct ol_err *err)
{
    int r = instance_mappings(b->w, &b->mappings, err);

    if (r >= 0)
        r = name_devices(b, err);
    if (r >= 0)
        r = progress(b, TASK_MAPPING, NULL, err);
    if (r >= 0) {
        b->has_volumes = true;
        r = volumes_connect(b->w, b->mappings, err);
    }
    return r < 0 ? abort_build(b, "Failure prepping block device.", r, err) : 0;
}

/* VIFs that an agent has still to wire: they are not active. */
static void find_unplugged(const struct build *b, struct ol_strv *tags)
{
    for (size_t i = 0; i < ol_val_count(b->network_info); i++) {
        const struct ol_val *vif = ol_val_item(b->network_info, i);
        const struct ol_val *active = ol_val_get(vif, "active");
        const char *id = ol_val_str(ol_val_get(vif, "id"));

        if (id && ol_val_is(active, OL_VAL_BOOL) && !active->boolean)
            ol_strv_add(tags, id);
    }
}

/* nova's libvirt driver: the machine stands still until neutron says that its ports are wired; one
 * that never says so ends the build or is lived with. */
static int await_wired(struct build *b, struct event_wait *wait, struct ol_err *err)
{
    struct work *w = b->w;
    int r = event_await(w->m, wait, w->m->config->vif_plugging_timeout);

    if (r < 0)
        ol_warn(w->m->env, "%s waiting for network-vif-plugged for instance %s",
                r == -ETIME ? "Timeout" : "Failure", instance_uuid(w));
    if (r < 0 && w->m->config->vif_plugging_is_fatal)
        return nova_fail(err, NOVA_VIF_CREATE, "Virtual Interface creation failed");
    return w->m->driver->unpause(w->m->virt, instance_uuid(w), err);
}

static int start_wired(struct build *b, struct virt_machine *machine, struct ol_err *err)
{
    struct work *w = b->w;
    struct event_wait wait = {.uuid = instance_uuid(w), .name = "network-vif-plugged"};
    int r;

    if (w->m->driver->has_wires && w->m->config->vif_plugging_timeout > 0)
        find_unplugged(b, &wait.tags);
    machine->is_held = wait.tags.n > 0;
    /* They may be heard before the machine is there. */
    event_expect(w->m, &wait);
    r = w->m->driver->spawn(w->m->virt, machine, err);
    if (r >= 0 && machine->is_held)
        r = await_wired(b, &wait, err);
    else
        event_forget(w->m, &wait);
    ol_strv_done(&wait.tags);
    return r;
}

static int spawn(struct build *b, struct ol_err *err)
{
    struct work *w = b->w;
    struct machine_plan plan = {
        .mappings = b->mappings,
        .network_info = b->network_info,
        .base = b->has_base ? &b->base : NULL,
        .image_properties = ol_val_get(work_arg(w, "image"), "properties"),
        .has_config_drive = drive_is_wanted(w),
    };
    int r = 0;

    if (plan.has_config_drive)
        nova_set_str(w->instance, "config_drive", "True");
    if (machine_has_disks(w))
        r = ol_mkdir_p(w->m->env, instance_directory(w), 0755, err);
    if (r >= 0 && plan.has_config_drive && machine_has_disks(w))
        r = drive_make(w, b->mappings, b->network_info, err);
    b->is_spawned = true;
    return r < 0 ? r : start_wired(b, machine_make(w, &plan), err);
}

static int step_spawn(struct build *b, struct ol_err *err)
{
    ol_time began = ol_now_boot(b->w->m->env);
    int r = progress(b, TASK_SPAWNING, EXPECT(TASK_MAPPING), err);

    if (r >= 0)
        r = build_fetch_images(b, err);
    if (r >= 0)
        r = spawn(b, err);
    if (r < 0)
        return r;
    ol_info(b->w->m->env, "Took %.2f seconds to spawn the instance on the hypervisor.",
            (double)(ol_now_boot(b->w->m->env) - began) / (double)OL_SECOND);
    return 0;
}

int build_steps(struct build *b, struct ol_err *err)
{
    static int (*const steps[])(struct build *b, struct ol_err *err) = {
        step_claim,
        step_networks,
        step_devices,
        step_spawn,
    };

    for (size_t i = 0; i < ol_count(steps); i++) {
        int r = steps[i](b, err);

        if (r < 0)
            return r;
    }
    return 0;
}

void build_drop_networks(struct work *w)
{
    struct ol_err err = OL_ERR_INIT;
    int r = network_deallocate(w, &err);

    if (r >= 0)
        r = network_forget_rows(w, &err);
    if (r < 0)
        ol_warn(w->m->env,
                "Failed to deallocate network for instance %s; some resources may need "
                "manual cleanup: %s",
                instance_uuid(w), ol_err_text(&err));
}

void build_undo(struct build *b, enum build_end end)
{
    struct work *w = b->w;
    struct ol_err err = OL_ERR_INIT;

    if (b->is_spawned
        && w->m->driver->destroy(w->m->virt, instance_uuid(w), instance_directory(w), true, &err)
               < 0)
        ol_warn(w->m->env, "Could not clean up failed build: %s", ol_err_text(&err));
    if (b->has_volumes)
        volumes_release(w, b->mappings, end == BUILD_ABORT);
    if (b->has_networks && end != BUILD_RESCHEDULE)
        build_drop_networks(w);
    if (b->is_claimed)
        tracker_release(w);
}
