/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/manager/manager-internal.h"

/* What is done again and again (nova's periodic tasks). */

enum { LIST_ARENA = 256 << 20, ONE_ARENA = 16 << 20 };

static int list_ours(struct manager *m, const char *const *attrs, struct ol_arena *a,
                     struct nova_object **ret, struct ol_err *err)
{
    struct nova_context context = nova_context_admin(a, m->env);
    struct ol_val *args = ol_val_new_list(a), *kwargs = ol_val_new_map(a);
    struct ol_val *expected = ol_val_new_list(a);

    for (; *attrs; attrs++)
        ol_val_append(a, expected, ol_val_new_str(a, *attrs));
    ol_val_append(a, args, ol_val_new_str(a, m->config->host));
    ol_val_set(a, kwargs, "expected_attrs", expected);
    ol_val_set_bool(a, kwargs, "use_slave", true);
    return conductor_get(m->conductor, &context, "InstanceList", "get_by_host", args, kwargs, a,
                         ret, err);
}

static void failed(struct manager *m, const struct nova_object *instance, const char *what,
                   const struct ol_err *err)
{
    if (!nova_is(err, NOVA_INSTANCE_NOT_FOUND))
        ol_warn(m->env, "instance %s: %s: %s", nova_str(instance, "uuid"), what, ol_err_text(err));
}

/* Runs 'one' for each instance with an arena of its own; one that fails does not stop the rest. */
static int for_each(struct manager *m, const char *const *attrs, const char *what,
                    int (*one)(struct work *w, struct ol_err *err), struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LIST_ARENA);
    struct nova_object *list;
    int r = list_ours(m, attrs, &a, &list, err);

    for (size_t i = 0; r >= 0 && i < nova_list_count(list); i++) {
        ol_auto(ol_arena_done) struct ol_arena mine = OL_ARENA_INIT(ONE_ARENA);
        struct nova_object *instance = nova_object_copy(&mine, nova_list_item(list, i));
        struct work w = instance_work(m, &mine, instance);
        ol_auto(log_context_unbind) struct log_binding bound;
        struct ol_err why = OL_ERR_INIT;

        log_context_bind(&bound, &w.context, instance_uuid(&w));
        if (one(&w, &why) < 0)
            failed(m, instance, what, &why);
    }
    return r;
}

static int update_resources(struct manager *m, struct ol_err *err)
{
    return tracker_update(m->tracker, err);
}

/* The list may be old by now: who differs is looked at again when it is his turn. */
static int sync_one(struct work *w, struct ol_err *err)
{
    if (sync_decide(w->instance, instance_power(w->m, instance_uuid(w))) != SYNC_NOTHING)
        instance_later(w->m, instance_uuid(w), "its power state was not saved", sync_now);
    return 0;
}

static int sync_power_states(struct manager *m, struct ol_err *err)
{
    return for_each(m, (const char *const[]){NULL}, "its power state was not saved", sync_one, err);
}

/* Whose VIFs are made or taken away just now is no case for healing. */
static bool is_healable(const struct nova_object *instance)
{
    static const char *const states[] = {VM_BUILDING, VM_DELETED, VM_SOFT_DELETED, NULL};
    static const char *const tasks[] = {TASK_DELETING, TASK_NETWORKING, NULL};

    return !instance_is(instance, "vm_state", states)
           && !instance_is(instance, "task_state", tasks);
}

/* One instance a round, as nova does: neutron is asked several times for each. */
static int heal_info_cache(struct manager *m, struct ol_err *err)
{
    static const char *const attrs[] = {NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LIST_ARENA);
    struct nova_object *list;
    size_t n;
    int r;

    if (!cloud_has(m->cloud, CLOUD_NEUTRON))
        return 0;
    r = list_ours(m, attrs, &a, &list, err);
    n = r < 0 ? 0 : nova_list_count(list);
    for (size_t tried = 0; tried < n; tried++) {
        const struct nova_object *one = nova_list_item(list, m->next_healed++ % n);

        if (!is_healable(one))
            continue;
        instance_later(m, nova_str(one, "uuid"), "its ports were not read", network_heal);
        break;
    }
    return r;
}

static int sync_scheduler(struct manager *m, struct ol_err *err)
{
    static const struct rpc_target scheduler = {
        .topic = "scheduler", .version = "4.2", .is_fanout = true};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LIST_ARENA);
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    struct nova_context context = nova_context_admin(&a, m->env);
    struct ol_val *args = ol_val_new_map(&a), *names = ol_val_new_list(&a);
    struct rpc_message message = {"sync_instance_info", args};
    int r;

    if (!m->config->track_instance_changes)
        return 0;
    r = m->driver->list(m->virt, &uuids, err);
    if (r < 0)
        return r;
    ol_strv_each (uuid, &uuids)
        ol_val_append(&a, names, ol_val_new_str(&a, uuid));
    ol_val_set_str(&a, args, "host_name", m->config->host);
    ol_val_set(&a, args, "instance_uuids", names);
    return m->conductor->ops->cast(m->conductor, &context, &scheduler, &message, err);
}

/* Soft-deleted longer ago than reclaim_instance_interval. */
static int reclaim(struct work *w, struct ol_err *err)
{
    const char *when = nova_str(w->instance, "deleted_at");
    ol_time age = when ? ol_now_wall(w->m->env) - nova_time(when) : 0;
    struct nova_object *mappings;
    int r;

    if (!instance_is(w->instance, "vm_state", (const char *const[]){VM_SOFT_DELETED, NULL})
        || nova_str(w->instance, "task_state") || age < w->m->config->reclaim_instance_interval)
        return 0;
    ol_info(w->m->env, "Reclaiming deleted instance %s", instance_uuid(w));
    r = instance_mappings(w, &mappings, err);
    return r < 0 ? r : terminate_instance(w, mappings, err);
}

static int reclaim_one(struct work *w, struct ol_err *err)
{
    if (instance_is(w->instance, "vm_state", (const char *const[]){VM_SOFT_DELETED, NULL}))
        instance_later(w->m, instance_uuid(w), "it was not reclaimed", reclaim);
    return 0;
}

static int reclaim_deleted(struct manager *m, struct ol_err *err)
{
    if (m->config->reclaim_instance_interval <= 0)
        return 0;
    return for_each(m, (const char *const[]){NULL}, "it was not reclaimed", reclaim_one, err);
}

/* A build that takes longer than instance_build_timeout. */
static int check_build_one(struct work *w, struct ol_err *err)
{
    const char *created = nova_str(w->instance, "created_at");

    if (!instance_is(w->instance, "vm_state", (const char *const[]){VM_BUILDING, NULL}) || !created
        || ol_now_wall(w->m->env) - nova_time(created) < w->m->config->instance_build_timeout)
        return 0;
    ol_warn(w->m->env, "Instance build timed out. Set to error state: %s", instance_uuid(w));
    instance_set_error(w, true);
    return 0;
}

static int check_build_time(struct manager *m, struct ol_err *err)
{
    if (m->config->instance_build_timeout <= 0)
        return 0;
    return for_each(m, (const char *const[]){NULL}, "its age was not checked", check_build_one,
                    err);
}

/* A machine whose row says that it was deleted long enough ago. */
static int handle_running_deleted(struct manager *m, const char *uuid, struct ol_err *err)
{
    const char *action = m->config->running_deleted_instance_action;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ONE_ARENA);

    if (!action || strcmp(action, "noop") == 0)
        return 0;
    ol_warn(m->env, "Detected instance %s still present on hypervisor though it is deleted: %s",
            uuid, action);
    if (strcmp(action, "log") == 0)
        return 0;
    if (strcmp(action, "shutdown") == 0)
        return m->driver->power_off(m->virt, uuid, 0, 0, err);
    return m->driver->destroy(
        m->virt, uuid, ol_arena_printf(&a, "%s/%s", m->config->instances_path, uuid), true, err);
}

/* One without any row may be another cloud's: a wrong transport_url must not cost a disk. */
static int check_running_deleted(struct manager *m, const char *uuid, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ONE_ARENA);
    struct nova_context context = nova_context_admin(&a, m->env);
    struct nova_object *instance;
    const char *when;
    int r;

    ol_val_set_str(&a, context.values, "read_deleted", "yes");
    r = conductor_get_instance(m->conductor, &context, uuid, NULL, &a, &instance, err);
    if (r < 0 && nova_is(err, NOVA_INSTANCE_NOT_FOUND)) {
        ol_warn(m->env,
                "machine %s is on this host and no instance is known for it: it is left alone",
                uuid);
        *err = OL_ERR_INIT;
        return 0;
    }
    if (r < 0 || !nova_bool(instance, "deleted"))
        return r;
    when = nova_str(instance, "deleted_at");
    if (!when
        || ol_now_wall(m->env) - nova_time(when) < m->config->running_deleted_instance_timeout)
        return 0;
    return handle_running_deleted(m, uuid, err);
}

static int cleanup_running_deleted(struct manager *m, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    int r = m->driver->list(m->virt, &uuids, err);

    ol_strv_each (uuid, &uuids) {
        struct ol_err why = OL_ERR_INIT;

        if (check_running_deleted(m, uuid, &why) < 0)
            ol_warn(m->env, "instance %s: whether it should run was not checked: %s", uuid,
                    ol_err_text(&why));
    }
    return r;
}

static int clean_image_cache(struct manager *m, struct ol_err *err)
{
    static const char *const attrs[] = {NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LIST_ARENA);
    ol_auto(ol_strv_done) struct ol_strv used = OL_STRV_INIT;
    struct nova_object *list;
    int r;

    /* On a file system of several hosts others may use what we don't. */
    if (!m->config->image_cache_remove_unused || orphans_is_shared(m))
        return 0;
    r = list_ours(m, attrs, &a, &list, err);
    for (size_t i = 0; r >= 0 && i < nova_list_count(list); i++) {
        const struct nova_object *one = nova_list_item(list, i);
        const char *image = nova_str(one, "image_ref");

        /* What it boots from is written nowhere. */
        if (instance_is(one, "vm_state", (const char *const[]){VM_RESCUED, NULL}))
            return 0;
        if (image && *image)
            ol_strv_add(&used, image);
    }
    return r < 0 ? r : image_cache_clean(m->images, &used, m->config->image_cache_age, err);
}

#define SPACING(name, option)                                                                      \
    static ol_time name(const struct compute_config *c)                                            \
    {                                                                                              \
        return c->option;                                                                          \
    }
SPACING(of_resources, update_resources_interval)
SPACING(of_power, sync_power_state_interval)

/* Here 0 means never. */
#define SPACING_OR_NEVER(name, option)                                                             \
    static ol_time name(const struct compute_config *c)                                            \
    {                                                                                              \
        return c->option > 0 ? c->option : -1;                                                     \
    }
SPACING_OR_NEVER(of_heal, heal_instance_info_cache_interval)
SPACING_OR_NEVER(of_deleted, running_deleted_instance_poll_interval)
SPACING(of_images, image_cache_interval)
SPACING(of_scheduler, scheduler_instance_sync_interval)

static ol_time each_round(const struct compute_config *c)
{
    return 0;
}

const struct manager_periodic manager_periodics[] = {
    {"_check_instance_build_time", each_round, false, check_build_time},
    {"_heal_instance_info_cache", of_heal, false, heal_info_cache},
    {"_sync_scheduler_instance_info", of_scheduler, false, sync_scheduler},
    {"_sync_power_states", of_power, true, sync_power_states},
    {"_reclaim_queued_deletes", each_round, false, reclaim_deleted},
    {"_cleanup_running_deleted_instances", of_deleted, false, cleanup_running_deleted},
    {"_run_image_cache_manager_pass", of_images, false, clean_image_cache},
    {"update_available_resource", of_resources, false, update_resources},
    {0},
};
