/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"

/* Volumes that a build makes: DriverVolImageBlockDevice, -SnapBlockDevice and -BlankBlockDevice of
 * nova 26 virt/block_device.py. */

struct source {
    const char *type;         /* source_type */
    const char *from, *field; /* of the request, and of the mapping */
};

static const struct source sources[] = {
    {"image", "imageRef", "image_id"},
    {"snapshot", "snapshot_id", "snapshot_id"},
    {"blank", NULL, NULL},
};

static const struct source *source_of(const struct nova_object *bdm)
{
    const char *type = nova_str(bdm, "source_type");

    for (size_t i = 0; type && i < ol_count(sources); i++)
        if (strcmp(type, sources[i].type) == 0)
            return &sources[i];
    return NULL;
}

static struct ol_val *request(struct work *w, const struct nova_object *bdm,
                              const struct source *from)
{
    struct ol_val *v = ol_val_new_map(w->arena);
    int64_t size = nova_int(bdm, "volume_size", 0);
    const char *type = nova_str(bdm, "volume_type");

    ol_val_set(w->arena, v, "size",
               size ? ol_val_new_int(w->arena, size) : ol_val_new_null(w->arena));
    ol_val_set_str(w->arena, v, "name",
                   from->from ? "" : ol_arena_printf(w->arena, "%s-blank-vol", instance_uuid(w)));
    ol_val_set_str(w->arena, v, "description", "");
    if (from->from)
        ol_val_set_str(w->arena, v, from->from, nova_str(bdm, from->field));
    if (type)
        ol_val_set_str(w->arena, v, "volume_type", type);
    return v;
}

/* Until it is "available": block_device_allocate_retries times. */
static int await(struct work *w, const char *id, struct ol_err *err)
{
    const struct compute_config *c = w->m->config;
    ol_time began = ol_now_boot(w->m->env);
    const char *status = "";
    int64_t tries = 0;

    for (;;) {
        const struct ol_val *volume = NULL;
        int r = cinder_volume(w->m->cloud, &w->context, id, w->arena, &volume, err);

        if (r < 0)
            return r;
        tries++;
        status = ol_val_str(ol_val_get(volume, "status"));
        status = status ? status : "";
        if (strcmp(status, "available") == 0)
            return 0;
        if ((strcmp(status, "creating") != 0 && strcmp(status, "downloading") != 0)
            || tries > c->block_device_allocate_retries)
            break;
        w->m->env->clock->sleep(w->m->env->clock->ctx, c->block_device_allocate_retries_interval);
    }
    return nova_fail(err, NOVA_VOLUME_NOT_CREATED,
                     "Volume %s did not finish being created even after we waited %lld seconds or "
                     "%lld attempts. And its status is %s.",
                     id, (long long)((ol_now_boot(w->m->env) - began) / OL_SECOND),
                     (long long)tries, status);
}

static void drop(struct work *w, const char *id)
{
    struct ol_err err = OL_ERR_INIT;

    if (cinder_volume_delete(w->m->cloud, &w->context, id, &err) < 0)
        ol_warn(w->m->env, "instance %s: volume %s, which was made for it, was not deleted: %s",
                instance_uuid(w), id, ol_err_text(&err));
}

/* The volume is in the mapping as soon as it is there: whoever ends the instance finds it. */
static int make(struct work *w, struct nova_object *bdm, const struct source *from,
                struct ol_err *err)
{
    const struct ol_val *volume = NULL;
    const char *id;
    int r = cinder_volume_create(w->m->cloud, &w->context, request(w, bdm, from), w->arena, &volume,
                                 err);

    if (r < 0)
        return r;
    id = ol_val_str(ol_val_get(volume, "id"));
    if (!id)
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: cinder gave it no id");
    nova_set_str(bdm, "volume_id", id);
    r = conductor_save(w->m->conductor, &w->context, bdm, err);
    if (r >= 0)
        r = await(w, id, err);
    if (r < 0)
        drop(w, id);
    return r;
}

int volume_create(struct work *w, struct nova_object *bdm, struct ol_err *err)
{
    const struct source *from = source_of(bdm);
    const char *attachment = NULL;
    int r = 0;

    if (from && !nova_str(bdm, "volume_id"))
        r = make(w, bdm, from, err);
    if (r < 0 || nova_str(bdm, "attachment_id"))
        return r;
    r = cinder_attachment_create(w->m->cloud, &w->context, nova_str(bdm, "volume_id"),
                                 instance_uuid(w), w->arena, &attachment, err);
    if (r < 0)
        return r;
    nova_set_str(bdm, "attachment_id", attachment);
    return conductor_save(w->m->conductor, &w->context, bdm, err);
}
