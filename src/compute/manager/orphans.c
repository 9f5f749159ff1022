/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"
#include "core/file.h"

/* What is left on this host, or in placement, of instances that are not ours any more. */

enum { ONE_ARENA = 16 << 20 };

int orphans_consumers(struct manager *m, const struct ol_strv *known, struct ol_arena *a,
                      struct ol_strv *ret, struct ol_err *err)
{
    const struct ol_val *allocations;
    int r = placement_provider_allocations(m->cloud, tracker_provider(m->tracker), a, &allocations,
                                           err);

    for (size_t i = 0; r >= 0 && i < ol_val_count(allocations); i++) {
        const char *uuid = ol_val_str(ol_val_pair(allocations, i)->key);

        if (uuid && !ol_strv_has(known, uuid))
            ol_strv_add(ret, uuid);
    }
    return r;
}

static int read_row(struct manager *m, struct ol_arena *a, const char *uuid,
                    struct nova_object **ret, struct ol_err *err)
{
    struct nova_context context = nova_context_admin(a, m->env);

    ol_val_set_str(a, context.values, "read_deleted", "yes");
    return conductor_get_instance(m->conductor, &context, uuid, NULL, a, ret, err);
}

/* A consumer that is no instance (a migration's uuid) has no row: others take care of it. */
static void drop_allocation(struct manager *m, const char *uuid)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ONE_ARENA);
    struct nova_object *instance;
    struct ol_err err = OL_ERR_INIT;
    int r = read_row(m, &a, uuid, &instance, &err);

    if (r < 0 || !nova_bool(instance, "deleted"))
        return;
    ol_info(m->env, "Instance %s has been deleted: its allocations go", uuid);
    if (placement_delete_allocations(m->cloud, uuid, &err) < 0)
        ol_warn(m->env, "instance %s: its allocations were not deleted: %s", uuid,
                ol_err_text(&err));
}

void orphans_drop_allocations(struct manager *m, const struct ol_strv *known)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;

    if (!cloud_has(m->cloud, CLOUD_PLACEMENT))
        return;
    if (orphans_consumers(m, known, &a, &uuids, &err) < 0)
        ol_warn(m->env, "allocations on this host cannot be looked through: %s", ol_err_text(&err));
    ol_strv_each (uuid, &uuids)
        drop_allocation(m, uuid);
}

/* The evacuation that took the instance away from here; *ret NULL = none. */
static int find_evacuation(struct manager *m, struct ol_arena *a, const char *uuid,
                           struct nova_object **ret, struct ol_err *err)
{
    static const char *const states[] = {"accepted", "pre-migrating", "done", NULL};
    struct nova_context context = nova_context_admin(a, m->env);
    struct ol_val *args = ol_val_new_list(a), *filters = ol_val_new_map(a);
    struct ol_val *status = ol_val_new_list(a);
    struct nova_object *list;
    int r;

    for (const char *const *s = states; *s; s++)
        ol_val_append(a, status, ol_val_new_str(a, *s));
    ol_val_set_str(a, filters, "source_compute", m->config->host);
    ol_val_set_str(a, filters, "migration_type", "evacuation");
    ol_val_set_str(a, filters, "instance_uuid", uuid);
    ol_val_set(a, filters, "status", status);
    ol_val_append(a, args, filters);
    r = conductor_get(m->conductor, &context, "MigrationList", "get_by_filters", args, NULL, a,
                      &list, err);
    if (r >= 0)
        *ret = nova_list_item(list, 0);
    return r;
}

/* On a file system that several hosts see, the disks are the other host's now. */
bool orphans_is_shared(struct manager *m)
{
    enum {
        NFS = 0x6969,
        CEPH = 0x00c36400,
        FUSE = 0x65735546,
        GFS2 = 0x01161970,
        SMB2 = 0xfe534d42
    };
    ol_autoclose int fd = ol_open(m->env, m->config->instances_path, O_RDONLY | O_DIRECTORY, 0);
    struct statfs fs;

    if (fd < 0 || fstatfs(fd, &fs) < 0)
        return true;
    return fs.f_type == NFS || fs.f_type == CEPH || fs.f_type == FUSE || fs.f_type == GFS2
           || (unsigned)fs.f_type == (unsigned)SMB2;
}

static int remove_evacuated(struct manager *m, struct nova_object *instance,
                            struct nova_object *migration, struct ol_arena *a, struct ol_err *err)
{
    struct work w = instance_work(m, a, instance);
    int r;

    ol_info(m->env, "Destroying instance as it has been evacuated from this host but still exists "
                    "in the hypervisor");
    r = m->driver->destroy(m->virt, instance_uuid(&w), instance_directory(&w),
                           !orphans_is_shared(m), err);
    if (r < 0)
        return r;
    nova_set_str(migration, "status", "completed");
    return conductor_save(m->conductor, &w.context, migration, err);
}

static int look_at(struct manager *m, const char *uuid, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ONE_ARENA);
    struct nova_object *instance, *migration;
    const char *host;
    int r = read_row(m, &a, uuid, &instance, err);

    if (r < 0 || nova_bool(instance, "deleted"))
        return r; /* of those a periodic task takes care */
    host = nova_str(instance, "host");
    if (!host || strcmp(host, m->config->host) == 0)
        return 0;
    r = find_evacuation(m, &a, uuid, &migration, err);
    if (r < 0)
        return r;
    if (migration)
        return remove_evacuated(m, instance, migration, &a, err);
    ol_error(m->env, "this instance is %s's, and its machine is here: it is left alone", host);
    return 0;
}

void orphans_remove_evacuated(struct manager *m, const struct ol_strv *handled)
{
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;

    if (m->driver->list(m->virt, &uuids, &err) < 0)
        ol_warn(m->env, "machines of this host cannot be listed: %s", ol_err_text(&err));
    ol_strv_each (uuid, &uuids) {
        ol_auto(log_context_unbind) struct log_binding bound;
        struct ol_err why = OL_ERR_INIT;

        log_context_bind(&bound, NULL, uuid);
        if (!ol_strv_has(handled, uuid) && look_at(m, uuid, &why) < 0)
            ol_warn(m->env, "whose this machine is cannot be told: %s", ol_err_text(&why));
    }
}
