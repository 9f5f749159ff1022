/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"

/*
 * What this host doesn't do yet. Whoever asks gets an answer that the user can read, and what was
 * prepared for it (allocations, a migration, an image to be filled) is put back as nova's manager
 * does when it fails.
 */

/* A call: nova's API has its own answer to NotImplementedError. */
int method_not_yet(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_NOT_IMPLEMENTED, "%s is not supported by this compute host",
                     w->method);
}

/* A cast: the sentence is the instance's fault, which shows those of nova's exceptions alone. */
int method_refuse(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_EXCEPTION, "%s is not supported by this compute host", w->method);
}

/* The one failure before a live migration that leaves the instance as it is. */
int method_refuse_live(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_MIGRATION_PRE_CHECK,
                     "Migration pre-check error: live migration is not supported by compute host "
                     "%s",
                     w->m->config->host);
}

/* The image that was to be filled goes: nobody else would take it away. */
int method_refuse_image(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *image = ol_val_str(work_arg(w, "image_id"));
    struct ol_err mine = OL_ERR_INIT;

    if (image && cloud_has(w->m->cloud, CLOUD_GLANCE)
        && glance_delete(w->m->cloud, &w->context, image, &mine) < 0)
        ol_warn(w->m->env, "instance %s: image %s was not deleted: %s", instance_uuid(w), image,
                ol_err_text(&mine));
    return method_refuse(w, ret, err);
}

/* The API has written the new image into the instance already. */
int method_refuse_rebuild(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *image = ol_val_str(work_arg(w, "orig_image_ref"));
    const struct ol_val *kept = work_arg(w, "orig_sys_metadata");

    if (image && !ol_val_is_truthy(work_arg(w, "recreate"))) {
        nova_set_str(w->instance, "image_ref", image);
        if (ol_val_is(kept, OL_VAL_MAP) && ol_val_count(kept))
            nova_set_val(w->instance, "system_metadata", kept);
    }
    return method_refuse(w, ret, err);
}

/* An old message may be about an instance that was deleted meanwhile. */
static bool is_gone(struct work *w)
{
    struct nova_object *found;
    struct ol_err err = OL_ERR_INIT;

    return conductor_get_instance(w->m->conductor, &w->context, instance_uuid(w), NULL, w->arena,
                                  &found, &err)
               < 0
           && nova_is(&err, NOVA_INSTANCE_NOT_FOUND);
}

static int give_back(struct work *w, const char *migration, struct ol_err *err)
{
    if (!cloud_has(w->m->cloud, CLOUD_PLACEMENT))
        return 0;
    return is_gone(w) ? placement_delete_allocations(w->m->cloud, migration, err)
                      : placement_move_allocations(w->m->cloud, migration, instance_uuid(w), err);
}

static void end_migration(struct work *w, struct nova_object *migration)
{
    const char *uuid = nova_str(migration, "uuid");
    struct ol_err err = OL_ERR_INIT;

    if (uuid && give_back(w, uuid, &err) < 0)
        ol_warn(w->m->env, "instance %s: the allocations of migration %s were not given back: %s",
                instance_uuid(w), uuid, ol_err_text(&err));
    err = OL_ERR_INIT;
    nova_set_str(migration, "status", "error");
    if (conductor_save(w->m->conductor, &w->context, migration, &err) < 0)
        ol_warn(w->m->env, "instance %s: migration %s was not ended: %s", instance_uuid(w),
                uuid ? uuid : "?", ol_err_text(&err));
}

/* Of a move, on either side: what the migration holds is the instance's again. */
int method_refuse_move(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct nova_object *migration;
    struct ol_err mine = OL_ERR_INIT;

    if (work_load(w, "migration", "Migration", &migration, &mine) >= 0)
        end_migration(w, migration);
    return method_refuse(w, ret, err);
}
