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

/* connection_info with the path in it is kept in the mapping: from it the machine is made. */
static int keep_info(struct work *w, struct nova_object *bdm, struct ol_val *info, const char *path,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_CONNECTION_INFO);
    struct ol_val *data = ol_val_get_mut(info, "data");

    ol_val_set_str(w->arena, data, "device_path", path);
    ol_val_set_str(w->arena, info, "serial", nova_str(bdm, "volume_id"));
    if (ol_json_dump(info, &ol_json_python, &text) < 0)
        return nova_fail(err, NOVA_INVALID_VOLUME,
                         "Invalid volume: connection_info of %s is too long",
                         nova_str(bdm, "volume_id"));
    nova_set_str(bdm, "connection_info", text.data);
    return conductor_save(w->m->conductor, &w->context, bdm, err);
}

static int connect_volume(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    const char *attachment = nova_str(bdm, "attachment_id"), *path;
    const struct ol_val *given = NULL;
    struct ol_val *info;
    int r;

    if (!attachment)
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: %s has no attachment",
                         nova_str(bdm, "volume_id"));
    r = cinder_attachment_update(w->m->cloud, &w->context, attachment, connector_of(w), w->arena,
                                 &given, err);
    if (r < 0)
        return r;
    info = ol_val_copy(w->arena, given);
    r = connector_connect(w, info, &path, err);
    if (r >= 0)
        r = keep_info(w, bdm, info, path, err);
    return r;
}

static void note(struct work *w, const struct nova_object *bdm, const char *what,
                 const struct ol_err *err)
{
    ol_warn(w->m->env, "instance %s: volume %s: %s: %s", instance_uuid(w),
            nova_str(bdm, "volume_id") ? nova_str(bdm, "volume_id") : "None", what,
            ol_err_text(err));
}

static void disconnect_volume(struct work *w, const struct nova_object *bdm)
{
    const char *text = nova_str(bdm, "connection_info");
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *info;

    if (!text)
        return;
    if (ol_json_load(text, strlen(text), w->arena, &info, &err) < 0
        || connector_disconnect(w, info, &err) < 0)
        note(w, bdm, "it was not disconnected", &err);
}

static void release_volume(struct work *w, const struct nova_object *bdm)
{
    const char *attachment = nova_str(bdm, "attachment_id");
    struct ol_err err = OL_ERR_INIT;

    disconnect_volume(w, bdm);
    if (attachment && cinder_attachment_delete(w->m->cloud, &w->context, attachment, &err) < 0)
        note(w, bdm, "its attachment was not deleted", &err);
}

static int delete_volume(struct work *w, const char *id, struct ol_err *err)
{
    const struct cloud_ask ask = {
        .service = CLOUD_CINDER,
        .method = "DELETE",
        .path = ol_arena_printf(w->arena, "/volumes/%s", id),
        .user = &w->context,
    };
    const struct ol_val *body;
    int status, r = cloud_fetch(w->m->cloud, &ask, w->arena, &status, &body, err);

    if (r >= 0 && status >= 400 && status != 404)
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: cinder answered %d", status);
    return r;
}

int volumes_connect(struct work *w, struct nova_object *mappings, struct ol_err *err)
{
    for (size_t i = 0; i < nova_list_count(mappings); i++) {
        struct nova_object *bdm = nova_list_item(mappings, i);
        int r = is_volume(bdm) ? connect_volume(w, bdm, err) : 0;

        if (r >= 0 && is_volume(bdm))
            r = cinder_attachment_complete(w->m->cloud, &w->context, nova_str(bdm, "attachment_id"),
                                           err);
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
            && delete_volume(w, id, &err) < 0)
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
    const char *device = ol_val_str(work_arg(w, "device"));
    const char *bus = ol_val_str(work_arg(w, "disk_bus"));
    struct nova_object *mappings, *bdm;
    int r = instance_mappings(w, &mappings, err);

    if (r < 0)
        return r;
    if (!volume)
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: no volume_id");
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
    nova_set_str(bdm, "device_name", device ? device : machine_next_device(w, mappings, bus));
    r = conductor_create(w->m->conductor, &w->context, bdm, err);
    if (r >= 0)
        *ret = nova_object_dump(bdm);
    return r;
}

/* The disk of one mapping, as machine_make() sees it. */
static const struct virt_disk *disk_of(const struct virt_machine *m, const char *volume)
{
    for (size_t i = 0; i < m->n_disks; i++)
        if (m->disks[i].serial && strcmp(m->disks[i].serial, volume) == 0)
            return &m->disks[i];
    return NULL;
}

static int attach(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    const char *volume = nova_str(bdm, "volume_id");
    const struct virt_disk *disk;
    struct virt_machine *machine;
    int r = connect_volume(w, bdm, err);

    if (r >= 0)
        r = machine_of(w, &machine, err);
    if (r < 0)
        return r;
    disk = disk_of(machine, volume);
    if (!disk)
        return nova_fail(err, NOVA_DISK_NOT_FOUND, "volume %s has no mapping", volume);
    r = w->m->driver->attach_disk(w->m->virt, machine, disk, err);
    if (r >= 0)
        r = cinder_attachment_complete(w->m->cloud, &w->context, nova_str(bdm, "attachment_id"),
                                       err);
    return r;
}

int method_attach_volume(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct ol_err mine = OL_ERR_INIT;
    struct nova_object *bdm;
    int r = nova_object_load(w->arena, work_arg(w, "bdm"), &bdm, err);

    if (r < 0)
        return ol_err_prefix(err, r, "argument 'bdm'");
    r = attach(w, bdm, err);
    if (r >= 0)
        return 0;
    release_volume(w, bdm);
    if (conductor_destroy(w->m->conductor, &w->context, bdm, &mine) < 0)
        note(w, bdm, "its mapping was not removed", &mine);
    return r;
}

static int detach(struct work *w, const char *volume, struct ol_err *err)
{
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    if (r >= 0)
        r = w->m->driver->detach_disk(w->m->virt, machine, volume, err);
    if (r < 0 && nova_is(err, NOVA_DISK_NOT_FOUND)) {
        ol_warn(w->m->env, "volume %s is not in the machine %s any more: detached all the same",
                volume, instance_uuid(w));
        r = 0;
    }
    return r;
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
        return nova_fail(err, NOVA_VOLUME_NOT_FOUND, "Volume %s could not be found.",
                         volume ? volume : "None");
    r = detach(w, volume, err);
    if (r < 0)
        return r;
    release_volume(w, bdm);
    return conductor_destroy(w->m->conductor, &w->context, bdm, err);
}
