/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/file.h"

/* Rescue: the machine is booted from an image of choice beside its own disks. */

#define EXPECT(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The image that was asked for, else the one that the instance was made of. */
static const char *rescue_image(const struct work *w)
{
    const char *asked = ol_val_str(work_arg(w, "rescue_image_ref"));
    const struct ol_val *kept = nova_val(w->instance, "system_metadata");
    const char *base = ol_val_str(ol_val_get(kept, "image_base_image_ref"));

    return asked ? asked : base ? base : nova_str(w->instance, "image_ref");
}

/* Before anything is touched. */
static int fetch_rescue(struct work *w, struct image_base *ret, struct ol_err *err)
{
    const char *image = rescue_image(w);

    if (!image || !*image)
        return nova_fail(err, NOVA_INSTANCE_NOT_RESCUABLE,
                         "Instance %s cannot be rescued: it has no image to boot from",
                         instance_uuid(w));
    return machine_has_disks(w) ? image_cache_get(w->m->images, &w->context, image, ret, err) : 0;
}

static int start_rescue(struct work *w, const struct image_base *base, struct ol_err *err)
{
    const struct ol_val *clean = work_arg(w, "clean_shutdown");
    struct virt_machine *machine;
    int r = power_off_instance(w, !clean || ol_val_is_truthy(clean), err);

    if (r >= 0)
        r = machine_of_rescue(w, base, &machine, err);
    if (r >= 0)
        r = w->m->driver->power_on(w->m->virt, machine, err);
    return r;
}

int method_rescue(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct image_base base = {0};
    struct ol_err why = OL_ERR_INIT;
    int r = fetch_rescue(w, &base, err);

    if (r < 0)
        return r;
    if (start_rescue(w, &base, &why) < 0) {
        instance_set_error(w, false);
        return nova_fail(err, NOVA_INSTANCE_NOT_RESCUABLE,
                         "Instance %s cannot be rescued: Driver Error: %s", instance_uuid(w),
                         ol_err_text(&why));
    }
    nova_set_time(w->instance, "launched_at", ol_now_wall(w->m->env));
    return instance_settle(w, VM_RESCUED, EXPECT(TASK_RESCUING), err);
}

int method_unrescue(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct virt_machine *machine;
    int r = power_off_instance(w, false, err);

    /* From here on it is told without its rescue disk. */
    nova_set_str(w->instance, "vm_state", VM_ACTIVE);
    if (r >= 0)
        r = machine_of(w, &machine, err);
    if (r >= 0)
        r = w->m->driver->power_on(w->m->virt, machine, err);
    if (r >= 0)
        r = ol_unlink(w->m->env, ol_arena_printf(w->arena, "%s/disk.rescue", instance_directory(w)),
                      err);
    if (r < 0) {
        instance_set_error(w, false);
        return r;
    }
    return instance_settle(w, VM_ACTIVE, EXPECT(TASK_UNRESCUING), err);
}
