/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/manager/connector.h"
#include "compute/manager/manager-internal.h"

/* Cinder's volumes of an instance: attachments (3.44), connected by connector.c, handed to the
 * driver. The order is that of nova's DriverVolumeBlockDevice. */

enum { MAX_CONNECTION_INFO = 64 << 10 };

static bool is_volume(const struct nova_object *bdm)
{
    const char *where = nova_str(bdm, "destination_type");

    return where && strcmp(where, "volume") == 0;
}

/* connection_info is kept in the mapping: from it the machine is made. */
static int keep_info(struct work *w, struct nova_object *bdm, struct ol_val *info,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_CONNECTION_INFO);

    ol_val_set_str(w->arena, info, "serial", nova_str(bdm, "volume_id"));
    if (ol_json_dump(info, &ol_json_python, &text) < 0)
        return nova_fail(err, NOVA_INVALID_VOLUME,
                         "Invalid volume: connection_info of %s is too long",
                         nova_str(bdm, "volume_id"));
    nova_set_str(bdm, "connection_info", text.data);
    return 0;
}

static int check_volume(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    const char *id = nova_str(bdm, "volume_id");
    const struct ol_val *volume = NULL;
    int r;

    if (!id || !nova_str(bdm, "attachment_id"))
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: %s has no attachment",
                         id ? id : "None");
    r = cinder_volume(w->m->cloud, &w->context, id, w->arena, &volume, err);
    if (r < 0)
        return r;
    if (ol_val_is_truthy(ol_val_get(volume, "multiattach")))
        return nova_fail(err, NOVA_MULTIATTACH_UNSUPPORTED,
                         "Volume %s has 'multiattach' set, which is not supported for this "
                         "instance.",
                         id);
    if (nova_int(bdm, "volume_size", 0) == 0)
        nova_set_int(bdm, "volume_size", ol_val_int(ol_val_get(volume, "size"), 0));
    return 0;
}

/* The connection is known and in the mapping, which is not saved yet. */
static int connect_volume(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    const struct ol_val *given = NULL;
    struct ol_val *info;
    int r = check_volume(w, bdm, err);

    if (r >= 0)
        r = cinder_attachment_update(w->m->cloud, &w->context, nova_str(bdm, "attachment_id"),
                                     connector_of(w, nova_str(bdm, "device_name")), w->arena,
                                     &given, err);
    if (r < 0)
        return r;
    info = ol_val_copy(w->arena, given);
    r = machine_has_disks(w) ? connector_check(w, info, err) : 0;
    return r < 0 ? r : keep_info(w, bdm, info, err);
}

static void note(struct work *w, const struct nova_object *bdm, const char *what,
                 const struct ol_err *err)
{
    ol_warn(w->m->env, "instance %s: volume %s: %s: %s", instance_uuid(w),
            nova_str(bdm, "volume_id") ? nova_str(bdm, "volume_id") : "None", what,
            ol_err_text(err));
}

static void release_volume(struct work *w, const struct nova_object *bdm)
{
    const char *attachment = nova_str(bdm, "attachment_id");
    struct ol_err err = OL_ERR_INIT;

    if (attachment && cinder_attachment_delete(w->m->cloud, &w->context, attachment, &err) < 0)
        note(w, bdm, "its attachment was not deleted", &err);
}

/* Saved before cinder says "in-use": from then on it can be detached. */
static int connect_for_build(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    int r = volume_create(w, bdm, err);

    if (r >= 0)
        r = connect_volume(w, bdm, err);
    if (r >= 0)
        r = conductor_save(w->m->conductor, &w->context, bdm, err);
    if (r >= 0)
        r = cinder_attachment_complete(w->m->cloud, &w->context, nova_str(bdm, "attachment_id"),
                                       err);
    return r;
}

int volumes_connect(struct work *w, struct nova_object *mappings, struct ol_err *err)
{
    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        struct nova_object *bdm = nova_list_item(mappings, i);
        int r = is_volume(bdm) ? connect_for_build(w, bdm, err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

void volumes_release(struct work *w, const struct nova_object *mappings, bool may_delete)
{
    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        const struct nova_object *bdm = nova_list_item(mappings, i);
        const char *id = nova_str(bdm, "volume_id");
        struct ol_err err = OL_ERR_INIT;

        if (!is_volume(bdm))
            continue;
        release_volume(w, bdm);
        if (may_delete && id && nova_bool(bdm, "delete_on_termination")
            && cinder_volume_delete(w->m->cloud, &w->context, id, &err) < 0)
            note(w, bdm, "it was not deleted", &err);
    }
}

/* --- the methods --- */

static struct nova_object *find_volume(const struct nova_object *mappings, const char *volume)
{
    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        struct nova_object *bdm = nova_list_item(mappings, i);
        const char *id = nova_str(bdm, "volume_id");

        if (id && strcmp(id, volume) == 0)
            return bdm;
    }
    return NULL;
}

int method_reserve_device(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *volume = ol_val_str(work_arg(w, "volume_id"));
    const char *bus = ol_val_str(work_arg(w, "disk_bus"));
    struct nova_object *mappings, *bdm;
    int r = instance_mappings(w, &mappings, err);

    if (r < 0)
        return r;
    if (!volume)
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: no volume_id");
    if (ol_val_is_truthy(work_arg(w, "multiattach")))
        return nova_fail(err, NOVA_MULTIATTACH_UNSUPPORTED,
                         "Volume %s has 'multiattach' set, which is not supported for this "
                         "instance.",
                         volume);
    if (find_volume(mappings, volume))
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: volume %s already attached",
                         volume);
    bdm = nova_object_new(w->arena, w->m->parts.release, "BlockDeviceMapping");
    nova_set_str(bdm, "source_type", "volume");
    nova_set_str(bdm, "destination_type", "volume");
    nova_set_str(bdm, "instance_uuid", instance_uuid(w));
    nova_set_str(bdm, "volume_id", volume);
    nova_set_null(bdm, "boot_index");
    nova_set_null(bdm, "guest_format");
    nova_set_str(bdm, "disk_bus", bus);
    nova_set_str(bdm, "device_type", ol_val_str(work_arg(w, "device_type")));
    nova_set_str(bdm, "tag", ol_val_str(work_arg(w, "tag")));
    /* What the user asked for is not looked at, as nova's libvirt driver does it. */
    nova_set_str(bdm, "device_name", machine_next_device(w, mappings, bus));
    r = conductor_create(w->m->conductor, &w->context, bdm, err);
    if (r >= 0)
        *ret = nova_object_dump(bdm);
    return r;
}

static int plug(struct work *w, const struct nova_object *bdm, struct ol_err *err)
{
    const struct virt_disk disk = machine_volume(w, bdm);
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    return r < 0 ? r : w->m->driver->attach_disk(w->m->virt, machine, &disk, err);
}

/* Gone from the machine; one that was not in it is. */
static int unplug(struct work *w, const char *volume, struct ol_err *err)
{
    struct ol_err why = OL_ERR_INIT;
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    if (r < 0)
        return r;
    r = w->m->driver->detach_disk(w->m->virt, machine, volume, &why);
    if (r >= 0)
        return 0;
    if (nova_is(&why, NOVA_DISK_NOT_FOUND) || nova_is(&why, NOVA_INSTANCE_NOT_FOUND)) {
        ol_warn(w->m->env, "volume %s is not in the machine %s any more: detached all the same",
                volume, instance_uuid(w));
        return 0;
    }
    if (r == -ETIME)
        return nova_fail(err, NOVA_DEVICE_DETACH_FAILED, "Device detach failed for %s: %s", volume,
                         ol_err_text(&why));
    *err = why;
    return r;
}

/* nova's order: it is in the mapping before cinder says "in-use", because that is what a detach
 * begins with. */
static int attach(struct work *w, struct nova_object *bdm, bool *ret_is_plugged, struct ol_err *err)
{
    int r = connect_volume(w, bdm, err);

    if (r >= 0) {
        *ret_is_plugged = true;
        r = plug(w, bdm, err);
    }
    if (r >= 0)
        r = conductor_save(w->m->conductor, &w->context, bdm, err);
    if (r >= 0)
        r = cinder_attachment_complete(w->m->cloud, &w->context, nova_str(bdm, "attachment_id"),
                                       err);
    return r;
}

int method_attach_volume(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct ol_err mine = OL_ERR_INIT;
    struct nova_object *bdm;
    bool is_plugged = false;
    int r = work_load(w, "bdm", "BlockDeviceMapping", &bdm, err);

    if (r < 0)
        return r;
    r = attach(w, bdm, &is_plugged, err);
    if (r >= 0)
        return 0;
    if (is_plugged && unplug(w, nova_str(bdm, "volume_id"), &mine) < 0) {
        /* A machine that holds it must not lose what names it: it can be detached again. */
        note(w, bdm, "it was not taken back", &mine);
        return r;
    }
    release_volume(w, bdm);
    if (conductor_destroy(w->m->conductor, &w->context, bdm, &mine) < 0)
        note(w, bdm, "its mapping was not removed", &mine);
    return r;
}

static int detach(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    const char *volume = nova_str(bdm, "volume_id"), *attachment = nova_str(bdm, "attachment_id");
    struct ol_err mine = OL_ERR_INIT;
    int r = unplug(w, volume, err);

    if (r < 0) {
        if (cinder_volume_roll_detaching(w->m->cloud, &w->context, volume, &mine) < 0)
            note(w, bdm, "it goes on being 'detaching'", &mine);
        return r;
    }
    if (!attachment)
        attachment = ol_val_str(work_arg(w, "attachment_id"));
    return attachment ? cinder_attachment_delete(w->m->cloud, &w->context, attachment, err) : 0;
}

int method_detach_volume(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *volume = ol_val_str(work_arg(w, "volume_id"));
    struct nova_object *mappings, *bdm;
    int r = instance_mappings(w, &mappings, err);

    if (r < 0)
        return r;
    bdm = volume ? find_volume(mappings, volume) : NULL;
    if (!bdm)
        return nova_fail(err, NOVA_VOLUME_BDM_NOT_FOUND,
                         "No volume Block Device Mapping with id %s.", volume ? volume : "None");
    r = detach(w, bdm, err);
    return r < 0 ? r : conductor_destroy(w->m->conductor, &w->context, bdm, err);
}
