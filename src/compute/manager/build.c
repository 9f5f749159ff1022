/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/build-internal.h"

/* build_and_run_instance: how it begins and how it ends. The steps between are in build-steps.c. */

#define EXPECT(...) ((const char *const[]){__VA_ARGS__, NULL})

enum build_end build_end_of(const struct ol_err *why)
{
    static const struct {
        enum nova_exception exception;
        enum build_end end;
    } ends[] = {
        {NOVA_INSTANCE_NOT_FOUND, BUILD_GONE},
        {NOVA_UNEXPECTED_DELETING, BUILD_GONE},
        {NOVA_UNEXPECTED_TASK_STATE, BUILD_ABORT},
        {NOVA_BUILD_ABORT, BUILD_ABORT},
        {NOVA_IMAGE_UNACCEPTABLE, BUILD_ABORT},
        {NOVA_IMAGE_CORRUPT, BUILD_ABORT},
        {NOVA_NO_MORE_NETWORKS, BUILD_ABORT},
        {NOVA_INVALID_VOLUME, BUILD_ABORT},
        {NOVA_VIF_CREATE, BUILD_ABORT},
        {NOVA_IMAGE_NOT_ACTIVE, BUILD_ABORT},
        {NOVA_FLAVOR_DISK_TOO_SMALL, BUILD_ABORT},
        {NOVA_FLAVOR_DISK_SMALLER, BUILD_ABORT},
        {NOVA_FLAVOR_MEMORY_TOO_SMALL, BUILD_ABORT},
    };

    for (size_t i = 0; i < ol_count(ends); i++)
        if (nova_is(why, ends[i].exception))
            return ends[i].end;
    return BUILD_RESCHEDULE;
}

static void end_in_error(struct work *w, const struct ol_err *why)
{
    instance_record_fault(w, why);
    instance_unset_host(w);
    instance_set_error(w, true);
    instance_drop_allocations(w);
}

/* conductor's build_instances takes what we were given, for the next host of the list. */
static int ask_for_another_host(struct work *w, const struct ol_err *why, struct ol_err *err)
{
    static const struct rpc_target conductor = {
        .topic = "conductor", .space = "compute_task", .version = "1.19"};
    static const char *const same[] = {"image",
                                       "admin_password",
                                       "injected_files",
                                       "request_spec",
                                       "requested_networks",
                                       "security_groups",
                                       NULL};
    struct ol_arena *a = w->arena;
    struct ol_val *args = ol_val_new_map(a), *instances = ol_val_new_list(a);
    struct ol_val *lists = ol_val_new_list(a), *retry;
    const struct ol_val *hosts = ol_val_get(w->args, "host_list");
    struct ol_val *properties = ol_val_copy(a, work_arg(w, "filter_properties"));
    struct rpc_message m = {"build_instances", args};

    retry = ol_val_get_mut(properties, "retry");
    ol_val_set_str(a, retry, "exc_reason", ol_err_text(why));
    ol_val_set(a, retry, "exc", ol_val_new_list(a));
    ol_val_append(a, instances, nova_object_dump(w->instance));
    ol_val_append(a, lists, hosts ? ol_val_copy(a, hosts) : ol_val_new_null(a));
    ol_val_set(a, args, "instances", instances);
    ol_val_set(a, args, "filter_properties", properties);
    ol_val_set(a, args, "host_lists", lists);
    for (const char *const *name = same; *name; name++) {
        const struct ol_val *v = ol_val_get(w->args, *name);

        ol_val_set(a, args, *name, v ? ol_val_copy(a, v) : ol_val_new_null(a));
    }
    return w->m->conductor->ops->cast(w->m->conductor, &w->context, &conductor, &m, err);
}

static void reschedule(struct work *w, const struct ol_err *why)
{
    const struct ol_val *retry = ol_val_get(work_arg(w, "filter_properties"), "retry");
    struct ol_err err = OL_ERR_INIT;
    int r;

    build_drop_networks(w);
    if (!ol_val_is(retry, OL_VAL_MAP) || ol_val_count(retry) == 0) {
        ol_debug(w->m->env, "Retry info not present, will not reschedule");
        end_in_error(w, why);
        return;
    }
    handover_begin(w);
    instance_unset_host(w);
    nova_set_str(w->instance, "task_state", TASK_SCHEDULING);
    r = instance_save(w, NULL, &err);
    instance_drop_allocations(w);
    if (r >= 0)
        r = ask_for_another_host(w, why, &err);
    if (r < 0) {
        ol_error(w->m->env, "it cannot be rescheduled: %s", ol_err_text(&err));
        end_in_error(w, why);
    }
    handover_end(w);
}

static void build_failed(struct build *b, const struct ol_err *why)
{
    struct work *w = b->w;
    enum build_end end = build_end_of(why);

    if (end == BUILD_GONE)
        ol_info(w->m->env, "Instance disappeared during build.");
    else
        ol_error(w->m->env, "Failed to build and run instance: %s: %s",
                 nova_exceptions[nova_exception_of(why)].name, ol_err_text(why));
    build_undo(b, end);
    switch (end) {
    case BUILD_GONE: instance_drop_allocations(w); break;
    case BUILD_ABORT: end_in_error(w, why); break;
    case BUILD_RESCHEDULE: reschedule(w, why); break;
    }
    tracker_build_ended(w->m->tracker, false);
}

static int build_begin(struct work *w, struct ol_err *err)
{
    nova_set_str(w->instance, "vm_state", VM_BUILDING);
    nova_mark(w->instance, "vm_state"); /* a start may have set it to error: recover.c */
    nova_set_null(w->instance, "task_state");
    return instance_save(w, EXPECT(TASK_SCHEDULING, TASK_NONE), err);
}

static int build_finish(struct build *b, struct ol_err *err)
{
    struct work *w = b->w;

    nova_set_int(w->instance, "power_state", instance_power(w->m, instance_uuid(w)));
    nova_set_str(w->instance, "vm_state", VM_ACTIVE);
    nova_set_null(w->instance, "task_state");
    nova_set_time(w->instance, "launched_at", ol_now_wall(w->m->env));
    nova_unset_key(w->instance, "system_metadata", "network_allocated");
    return instance_save(w, EXPECT(TASK_SPAWNING), err);
}

/* nova's way: a build that failed is no failure of the method. What there is to tell is told by the
 * instance's state, its fault and the log. */
int method_build(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct build b = {.w = w};
    struct ol_err why = OL_ERR_INIT;
    ol_time began = ol_now_boot(w->m->env);
    int r = build_begin(w, &why);

    if (r < 0) {
        if (build_end_of(&why) == BUILD_RESCHEDULE) {
            *err = why;
            return r;
        }
        ol_info(w->m->env, "it is not built: %s", ol_err_text(&why));
        instance_drop_allocations(w);
        return 0;
    }
    r = build_steps(&b, &why);
    if (r >= 0)
        r = build_finish(&b, &why);
    if (r < 0) {
        build_failed(&b, &why);
        return 0;
    }
    tracker_build_ended(w->m->tracker, true);
    instance_tell_scheduler(w, false);
    ol_info(w->m->env, "Took %.2f seconds to build instance.",
            (double)(ol_now_boot(w->m->env) - began) / (double)OL_SECOND);
    return 0;
}
