/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/conductor/local.h"
#include "compute/manager/manager-internal.h"
#include "core/file.h"

#include "scripted-virt.h"

/* The life of an instance: the manager between a conductor on SQLite and a scripted driver. */

struct fixture {
    char root[40];
    struct ol_env env;
    struct compute_config config;
    struct conductor *conductor;
    struct cloud *cloud;
    struct task_pool *pool;
    struct manager *manager;
    struct ol_arena arena;
    struct nova_context context;
    struct ol_strv casts; /* "TOPIC METHOD" */
    struct conductor_ops ops;
    const struct conductor_ops *own;
    unsigned n_node_saves;
};

static struct fixture *current;

static int note_cast(struct conductor *c, const struct nova_context *ctx,
                     const struct rpc_target *to, const struct rpc_message *m, struct ol_err *err)
{
    ol_strv_addf(&current->casts, "%s %s", to->topic, m->method);
    return 0;
}

/* nova-conductor names a child as changed for as long as it was stored with changes of its own. */
static int note_node(struct conductor *c, const struct nova_context *ctx,
                     const struct nova_object *o, const char *method, const struct ol_val *kwargs,
                     struct ol_arena *a, const struct ol_val **ret_updates,
                     const struct ol_val **ret, struct ol_err *err)
{
    int r = current->own->object_action(c, ctx, o, method, kwargs, a, ret_updates, ret, err);

    if (r >= 0 && strcmp(o->class->name, "ComputeNode") == 0 && strcmp(method, "save") == 0) {
        struct ol_val *updates = ol_val_copy(a, *ret_updates), *changed = ol_val_new_list(a);

        ol_val_append(a, changed, ol_val_new_str(a, "pci_device_pools"));
        ol_val_set(a, updates, "obj_what_changed", changed);
        *ret_updates = updates;
        current->n_node_saves++;
    }
    return r;
}

static int set_up(void **state)
{
    static struct fixture f;
    struct manager_parts parts = {.env = &f.env, .config = &f.config, .driver = &scripted_driver};
    struct ol_err err = OL_ERR_INIT;

    memset(&f, 0, sizeof(f));
    current = &f;
    memset(scripted_state(), 0, sizeof(*scripted_state()));
    snprintf(f.root, sizeof(f.root), "/tmp/orlop-life-XXXXXX");
    if (!mkdtemp(f.root) || ol_env_init(&f.env, f.root, NULL) < 0)
        return -1;
    f.config = (struct compute_config){.host = "cmp1",
                                       .my_ip = "127.0.0.1",
                                       .state_path = "/state",
                                       .instances_path = "/instances",
                                       .shutdown_timeout = 60 * OL_SECOND,
                                       .network_backend = "none",
                                       .image_cache_subdirectory = "_base"};
    parts.release = nova_release_find("zed");
    if (conductor_local(&f.env, "/db", parts.release, &f.conductor, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    f.ops = *f.conductor->ops;
    f.own = f.conductor->ops;
    f.ops.cast = note_cast;
    f.ops.object_action = note_node;
    f.conductor->ops = &f.ops;
    f.cloud = cloud_new(&f.env, &f.config);
    f.pool = task_pool_new(&f.env, &(struct task_pool_options){.n_threads = 2});
    parts.conductor = f.conductor;
    parts.cloud = f.cloud;
    parts.pool = f.pool;
    f.manager = manager_new(&parts);
    ol_arena_init(&f.arena, 64 << 20);
    f.context = nova_context_admin(&f.arena, &f.env);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_true(task_pool_stop(f->pool, 10 * OL_SECOND));
    manager_free(f->manager);
    task_pool_free(f->pool);
    cloud_free(f->cloud);
    conductor_free(f->conductor);
    ol_strv_done(&f->casts);
    ol_arena_done(&f->arena);
    (void)!ol_remove_tree(&f->env, "/instances", NULL);
    (void)!ol_remove_tree(&f->env, "/state", NULL);
    (void)!ol_remove_tree(&f->env, "/db", NULL);
    (void)!ol_remove_tree(&f->env, "/db-wal", NULL);
    (void)!ol_remove_tree(&f->env, "/db-shm", NULL);
    ol_env_done(&f->env);
    return rmdir(f->root);
}

static void must(int r, const struct ol_err *err)
{
    if (r < 0)
        fail_msg("%s", ol_err_text(err));
}

static void start(struct fixture *f)
{
    struct ol_err err = OL_ERR_INIT;

    must(manager_init_host(f->manager, &err), &err);
    must(manager_update_resources(f->manager, true, &err), &err);
}

static struct nova_object *new_instance(struct fixture *f, const char *uuid)
{
    struct nova_object *i = nova_object_new(&f->arena, nova_release_find("zed"), "Instance");
    struct nova_object *cache =
        nova_object_new(&f->arena, nova_release_find("zed"), "InstanceInfoCache");
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(cache, "instance_uuid", uuid);
    nova_set_str(cache, "network_info", "[]");
    nova_set_object(i, "info_cache", cache);
    nova_set_str(i, "uuid", uuid);
    nova_set_str(i, "project_id", "p");
    nova_set_str(i, "display_name", "w");
    nova_set_str(i, "hostname", "w");
    nova_set_str(i, "image_ref", "");
    nova_set_str(i, "vm_state", VM_BUILDING);
    nova_set_str(i, "task_state", TASK_SCHEDULING);
    nova_set_int(i, "memory_mb", 512);
    nova_set_int(i, "vcpus", 1);
    nova_set_int(i, "root_gb", 1);
    nova_set_int(i, "ephemeral_gb", 0);
    nova_set_val(i, "metadata", ol_val_new_map(&f->arena));
    nova_set_val(i, "system_metadata", ol_val_new_map(&f->arena));
    must(conductor_create(f->conductor, &f->context, i, &err), &err);
    return i;
}

static struct nova_object *stored(struct fixture *f, const char *uuid)
{
    static const char *const attrs[] = {"info_cache", "metadata", "system_metadata", "fault", NULL};
    struct nova_object *i;
    struct ol_err err = OL_ERR_INIT;

    must(conductor_get_instance(f->conductor, &f->context, uuid, attrs, &f->arena, &i, &err), &err);
    return i;
}

static void is_in(struct fixture *f, const char *uuid, const char *vm, const char *task,
                  enum virt_power power)
{
    struct nova_object *i = stored(f, uuid);
    const char *own = nova_str(i, "task_state");

    assert_string_equal(nova_str(i, "vm_state"), vm);
    assert_string_equal(own ? own : "None", task ? task : "None");
    assert_int_equal(nova_int(i, "power_state", 99), power);
}

/* The API's action, then the method as it is cast to us. */
static int call(struct fixture *f, const char *method, struct nova_object *i, struct ol_val *args,
                struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *action = ol_val_new_list(&f->arena);
    struct nova_object *none;
    struct work w = {.m = f->manager,
                     .arena = &f->arena,
                     .context = nova_context_admin(&f->arena, &f->env),
                     .instance = i,
                     .args = args ? args : ol_val_new_map(&f->arena)};

    ol_val_append(&f->arena, action, ol_val_new_str(&f->arena, nova_str(i, "uuid")));
    ol_val_append(&f->arena, action, ol_val_new_str(&f->arena, method));
    must(conductor_get(f->conductor, &w.context, "InstanceAction", "action_start", action, NULL,
                       &f->arena, &none, err),
         err);
    return method_run(&w, method_find(method), ret, err);
}

static int run(struct fixture *f, const char *method, const char *uuid, const char *task,
               struct ol_err *err)
{
    struct nova_object *i = stored(f, uuid);
    struct ol_val *none = NULL;

    if (task) {
        nova_set_str(i, "task_state", task);
        must(conductor_save(f->conductor, &f->context, i, err), err);
    }
    return call(f, method, i, NULL, &none, err);
}

static void build(struct fixture *f, const char *uuid)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *none = NULL;

    must(call(f, "build_and_run_instance", new_instance(f, uuid), NULL, &none, &err), &err);
}

#define U "78ac27d4-6df7-45a8-b896-be690101b8ee"

static void a_build_ends_active(void **state)
{
    struct fixture *f = *state;

    start(f);
    build(f, U);
    is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_string_equal(scripted_state()->words, "spawn");
    assert_string_equal(nova_str(stored(f, U), "host"), "cmp1");
    assert_string_equal(nova_str(stored(f, U), "node"), "node1");
    assert_non_null(nova_str(stored(f, U), "launched_at"));
    assert_string_equal(f->casts.v[0], "scheduler update_instance_info");
}

static void an_idle_host_writes_its_node_once(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    unsigned n;

    start(f);
    build(f, U);
    must(manager_update_resources(f->manager, false, &err), &err);
    n = f->n_node_saves;
    assert_true(n > 0);
    for (int i = 0; i < 3; i++)
        must(manager_update_resources(f->manager, false, &err), &err);
    assert_int_equal(f->n_node_saves, n);
}

static void each_power_operation_ends_where_nova_says(void **state)
{
    static const struct {
        const char *method, *task, *words, *vm;
        enum virt_power power;
    } cases[] = {
        {"stop_instance", TASK_POWERING_OFF, "off", VM_STOPPED, VIRT_SHUTDOWN},
        {"stop_instance", TASK_POWERING_OFF, "", VM_STOPPED, VIRT_SHUTDOWN},
        {"start_instance", TASK_POWERING_ON, "on", VM_ACTIVE, VIRT_RUNNING},
        {"pause_instance", TASK_PAUSING, "pause", VM_PAUSED, VIRT_PAUSED},
        {"unpause_instance", TASK_UNPAUSING, "unpause", VM_ACTIVE, VIRT_RUNNING},
        {"suspend_instance", TASK_SUSPENDING, "suspend", VM_SUSPENDED, VIRT_SUSPENDED},
        {"resume_instance", TASK_RESUMING, "resume", VM_ACTIVE, VIRT_RUNNING},
        {"reboot_instance", TASK_REBOOTING_HARD, "reboot-hard", VM_ACTIVE, VIRT_RUNNING},
        {"soft_delete_instance", TASK_SOFT_DELETING, "off-hard", VM_SOFT_DELETED, VIRT_SHUTDOWN},
        {"restore_instance", "restoring", "on", VM_ACTIVE, VIRT_RUNNING},
    };
    struct fixture *f = *state;

    start(f);
    build(f, U);
    for (size_t n = 0; n < ol_count(cases); n++) {
        struct ol_err err = OL_ERR_INIT;

        scripted_state()->words[0] = '\0';
        must(run(f, cases[n].method, U, cases[n].task, &err), &err);
        assert_string_equal(scripted_state()->words, cases[n].words);
        is_in(f, U, cases[n].vm, NULL, cases[n].power);
    }
}

static void a_suspended_instance_comes_back_as_what_it_was(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    build(f, U);
    must(run(f, "pause_instance", U, TASK_PAUSING, &err), &err);
    must(run(f, "suspend_instance", U, TASK_SUSPENDING, &err), &err);
    must(run(f, "resume_instance", U, TASK_RESUMING, &err), &err);
    is_in(f, U, VM_PAUSED, NULL, VIRT_RUNNING);
    assert_null(ol_val_get(nova_val(stored(f, U), "system_metadata"), "old_vm_state"));
}

/* nova-api reads an object of its own class from API 2.48 on; the older method gives a map. */
static void diagnostics_are_an_object_of_a_running_machine(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *ret = NULL;
    struct nova_object *d;

    start(f);
    build(f, U);
    must(call(f, "get_instance_diagnostics", stored(f, U), NULL, &ret, &err), &err);
    must(nova_object_load(&f->arena, ret, &d, &err), &err);
    assert_string_equal(ol_val_str(ol_val_get(ret, "nova_object.name")), "Diagnostics");
    assert_string_equal(nova_str(d, "state"), "running");
    assert_string_equal(nova_str(d, "driver"), "libvirt");
    assert_non_null(nova_child(d, "memory_details"));
    must(run(f, "stop_instance", U, TASK_POWERING_OFF, &err), &err);
    assert_true(call(f, "get_instance_diagnostics", stored(f, U), NULL, &ret, &err) < 0);
    assert_true(nova_is(&err, NOVA_INSTANCE_INVALID_STATE));
}

static void a_soft_reboot_asks_the_guest(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;
    struct nova_object *i;

    start(f);
    build(f, U);
    i = stored(f, U);
    nova_set_str(i, "task_state", TASK_REBOOTING);
    must(conductor_save(f->conductor, &f->context, i, &err), &err);
    ol_val_set_str(&f->arena, args, "reboot_type", "SOFT");
    must(call(f, "reboot_instance", i, args, &none, &err), &err);
    assert_string_equal(scripted_state()->words, "spawn reboot");
    is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

static void a_failed_operation_leaves_a_fault_and_no_task(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct nova_object *fault;

    start(f);
    build(f, U);
    scripted_state()->failing = "pause";
    scripted_state()->how = NOVA_INSTANCE_INVALID_STATE;
    assert_int_equal(run(f, "pause_instance", U, TASK_PAUSING, &err), -EINVAL);
    assert_true(nova_is(&err, NOVA_INSTANCE_INVALID_STATE));
    is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    fault = nova_child(stored(f, U), "fault");
    assert_non_null(fault);
    assert_string_equal(nova_str(fault, "message"), "the test made 'pause' fail");
}

static void a_method_that_is_not_there_yet_leaves_no_task(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    build(f, U);
    assert_true(run(f, "prep_resize", U, "resize_prep", &err) < 0);
    assert_true(nova_is(&err, NOVA_EXCEPTION));
    is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_string_equal(nova_str(nova_child(stored(f, U), "fault"), "message"),
                        "prep_resize is not supported by this compute host");
}

/* The API writes the new image before it asks. */
static void a_refused_rebuild_keeps_the_image(void **state)
{
    struct fixture *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct nova_object *i;

    start(f);
    build(f, U);
    i = stored(f, U);
    nova_set_str(i, "image_ref", "new");
    nova_set_str(i, "task_state", "rebuilding");
    must(conductor_save(f->conductor, &f->context, i, &err), &err);
    ol_val_set_str(&f->arena, args, "orig_image_ref", "old");
    assert_true(call(f, "rebuild_instance", i, args, &none, &err) < 0);
    is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_string_equal(nova_str(stored(f, U), "image_ref"), "old");
}

static void a_task_that_was_overtaken_leaves_the_state_to_the_other(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    build(f, U);
    assert_true(run(f, "pause_instance", U, TASK_DELETING, &err) < 0);
    assert_true(nova_is(&err, NOVA_UNEXPECTED_DELETING));
    is_in(f, U, VM_ACTIVE, TASK_DELETING, VIRT_RUNNING);
}

static void a_spawn_that_fails_ends_in_error_with_nothing_left(void **state)
{
    struct fixture *f = *state;
    struct nova_object *i;

    start(f);
    scripted_state()->failing = "spawn";
    scripted_state()->how = NOVA_IMAGE_UNACCEPTABLE;
    build(f, U);
    is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
    i = stored(f, U);
    assert_null(nova_str(i, "host"));
    assert_string_equal(nova_str(nova_child(i, "fault"), "message"), "the test made 'spawn' fail");
    assert_string_equal(scripted_state()->words, "spawn destroy");
}

static void a_spawn_that_may_do_better_elsewhere_goes_back_to_the_scheduler(void **state)
{
    struct fixture *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *properties = ol_val_new_map(&f->arena);
    struct ol_val *retry = ol_val_new_map(&f->arena), *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    scripted_state()->failing = "spawn";
    scripted_state()->how = NOVA_HYPERVISOR_UNAVAILABLE;
    ol_val_set_int(&f->arena, retry, "num_attempts", 1);
    ol_val_set(&f->arena, properties, "retry", retry);
    ol_val_set(&f->arena, args, "filter_properties", properties);
    must(call(f, "build_and_run_instance", new_instance(f, U), args, &none, &err), &err);
    is_in(f, U, VM_BUILDING, TASK_SCHEDULING, VIRT_NOSTATE);
    assert_null(nova_str(stored(f, U), "host"));
    assert_string_equal(f->casts.v[0], "conductor build_instances");
}

static void a_build_of_an_instance_that_is_being_deleted_does_not_begin(void **state)
{
    struct fixture *f = *state;
    struct nova_object *i;
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    i = new_instance(f, U);
    nova_set_str(i, "task_state", TASK_DELETING);
    must(conductor_save(f->conductor, &f->context, i, &err), &err);
    nova_set_str(i, "task_state", TASK_SCHEDULING);
    nova_clear_changes(i);
    must(call(f, "build_and_run_instance", i, NULL, &none, &err), &err);
    assert_string_equal(scripted_state()->words, "");
    is_in(f, U, VM_BUILDING, TASK_DELETING, VIRT_NOSTATE);
}

static void too_much_memory_is_refused_before_anything_is_made(void **state)
{
    struct fixture *f = *state;
    struct nova_object *i;
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    i = new_instance(f, U);
    nova_set_int(i, "memory_mb", 1 << 20);
    must(call(f, "build_and_run_instance", i, NULL, &none, &err), &err);
    assert_string_equal(scripted_state()->words, "");
    assert_string_equal(nova_str(nova_child(stored(f, U), "fault"), "message"),
                        "Insufficient compute resources: Free memory 6144 < requested 1048576.");
}

static void a_deleted_instance_has_gone(void **state)
{
    struct fixture *f = *state;
    struct nova_object *none;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    build(f, U);
    must(run(f, "terminate_instance", U, TASK_DELETING, &err), &err);
    assert_int_equal(
        conductor_get_instance(f->conductor, &f->context, U, NULL, &f->arena, &none, &err),
        -ENOENT);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    assert_int_equal(scripted_power(U), VIRT_NOSTATE);
    assert_string_equal(f->casts.v[f->casts.n - 1], "scheduler delete_instance_info");
}

static void a_delete_that_fails_leaves_it_in_error_to_be_tried_again(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    build(f, U);
    scripted_state()->failing = "destroy";
    scripted_state()->how = NOVA_INSTANCE_POWER_OFF;
    assert_true(run(f, "terminate_instance", U, TASK_DELETING, &err) < 0);
    is_in(f, U, VM_ERROR, NULL, VIRT_RUNNING);
    scripted_state()->failing = NULL;
    must(run(f, "terminate_instance", U, TASK_DELETING, &err), &err);
    assert_int_equal(scripted_power(U), VIRT_NOSTATE);
}

static void an_agent_that_starts_again_ends_a_build_that_was_cut_off(void **state)
{
    struct fixture *f = *state;
    struct nova_object *i = new_instance(f, U);
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(i, "host", "cmp1");
    nova_set_str(i, "task_state", TASK_SPAWNING);
    must(conductor_save(f->conductor, &f->context, i, &err), &err);
    scripted_put(U, VIRT_RUNNING);
    start(f);
    is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
    assert_string_equal(scripted_state()->words, "destroy");
    assert_non_null(nova_child(stored(f, U), "fault"));
}

static void a_machine_that_went_down_by_itself_is_stopped(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct work w;

    start(f);
    build(f, U);
    scripted_put(U, VIRT_SHUTDOWN);
    w = instance_work(f->manager, &f->arena, stored(f, U));
    must(sync_instance(&w, VIRT_SHUTDOWN, &err), &err);
    is_in(f, U, VM_STOPPED, NULL, VIRT_SHUTDOWN);
}

static void the_console_is_ascii_and_as_long_as_asked(void **state)
{
    struct fixture *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *text = NULL;
    struct ol_err err = OL_ERR_INIT;

    start(f);
    build(f, U);
    must(call(f, "get_console_output", stored(f, U), NULL, &text, &err), &err);
    assert_string_equal(ol_val_str(text), "one\ntwo\nthr\xef\xbf\xbd\xef\xbf\xbd\x65\n");
    ol_val_set_str(&f->arena, args, "tail_length", "2");
    must(call(f, "get_console_output", stored(f, U), args, &text, &err), &err);
    assert_string_equal(ol_val_str(text), "thr\xef\xbf\xbd\xef\xbf\xbd\x65\n");
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_build_ends_active),
        LIFE(an_idle_host_writes_its_node_once),
        LIFE(each_power_operation_ends_where_nova_says),
        LIFE(a_suspended_instance_comes_back_as_what_it_was),
        LIFE(diagnostics_are_an_object_of_a_running_machine),
        LIFE(a_soft_reboot_asks_the_guest),
        LIFE(a_failed_operation_leaves_a_fault_and_no_task),
        LIFE(a_method_that_is_not_there_yet_leaves_no_task),
        LIFE(a_refused_rebuild_keeps_the_image),
        LIFE(a_task_that_was_overtaken_leaves_the_state_to_the_other),
        LIFE(a_spawn_that_fails_ends_in_error_with_nothing_left),
        LIFE(a_spawn_that_may_do_better_elsewhere_goes_back_to_the_scheduler),
        LIFE(a_build_of_an_instance_that_is_being_deleted_does_not_begin),
        LIFE(too_much_memory_is_refused_before_anything_is_made),
        LIFE(a_deleted_instance_has_gone),
        LIFE(a_delete_that_fails_leaves_it_in_error_to_be_tried_again),
        LIFE(an_agent_that_starts_again_ends_a_build_that_was_cut_off),
        LIFE(a_machine_that_went_down_by_itself_is_stopped),
        LIFE(the_console_is_ascii_and_as_long_as_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
