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

#include "life.h"
#include "scripted-virt.h"

/* The life of an instance: the manager between a conductor on SQLite and a scripted driver. */

#define U "78ac27d4-6df7-45a8-b896-be690101b8ee"

static void a_build_ends_active(void **state)
{
    struct life *f = *state;

    life_start(f);
    life_build(f, U);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_string_equal(scripted_state()->words, "spawn");
    assert_string_equal(nova_str(life_stored(f, U), "host"), "cmp1");
    assert_string_equal(nova_str(life_stored(f, U), "node"), "node1");
    assert_non_null(nova_str(life_stored(f, U), "launched_at"));
    assert_string_equal(f->casts.v[0], "scheduler update_instance_info InstanceList");
}

static void an_idle_host_writes_its_node_once(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    unsigned n;

    life_start(f);
    life_build(f, U);
    life_must(manager_update_resources(f->manager, &err), &err);
    n = f->n_node_saves;
    assert_true(n > 0);
    for (int i = 0; i < 3; i++)
        life_must(manager_update_resources(f->manager, &err), &err);
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
    struct life *f = *state;

    life_start(f);
    life_build(f, U);
    for (size_t n = 0; n < ol_count(cases); n++) {
        struct ol_err err = OL_ERR_INIT;

        scripted_state()->words[0] = '\0';
        life_must(life_run(f, cases[n].method, U, cases[n].task, &err), &err);
        assert_string_equal(scripted_state()->words, cases[n].words);
        life_is_in(f, U, cases[n].vm, NULL, cases[n].power);
    }
}

static void a_suspended_instance_comes_back_as_what_it_was(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    life_build(f, U);
    life_must(life_run(f, "pause_instance", U, TASK_PAUSING, &err), &err);
    life_must(life_run(f, "suspend_instance", U, TASK_SUSPENDING, &err), &err);
    life_must(life_run(f, "resume_instance", U, TASK_RESUMING, &err), &err);
    life_is_in(f, U, VM_PAUSED, NULL, VIRT_RUNNING);
    assert_null(ol_val_get(nova_val(life_stored(f, U), "system_metadata"), "old_vm_state"));
}

/* nova-api reads an object of its own class from API 2.48 on; the older method gives a map. */
static void diagnostics_are_an_object_of_a_running_machine(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *ret = NULL;
    struct nova_object *d;

    life_start(f);
    life_build(f, U);
    life_must(life_call(f, "get_instance_diagnostics", life_stored(f, U), NULL, &ret, &err), &err);
    life_must(nova_object_load(&f->arena, ret, &d, &err), &err);
    assert_string_equal(ol_val_str(ol_val_get(ret, "nova_object.name")), "Diagnostics");
    assert_string_equal(nova_str(d, "state"), "running");
    assert_string_equal(nova_str(d, "driver"), "libvirt");
    assert_non_null(nova_child(d, "memory_details"));
    life_must(life_run(f, "stop_instance", U, TASK_POWERING_OFF, &err), &err);
    assert_true(life_call(f, "get_instance_diagnostics", life_stored(f, U), NULL, &ret, &err) < 0);
    assert_true(nova_is(&err, NOVA_INSTANCE_INVALID_STATE));
}

static void a_soft_reboot_asks_the_guest(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;
    struct nova_object *i;

    life_start(f);
    life_build(f, U);
    i = life_stored(f, U);
    nova_set_str(i, "task_state", TASK_REBOOTING);
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    ol_val_set_str(&f->arena, args, "reboot_type", "SOFT");
    life_must(life_call(f, "reboot_instance", i, args, &none, &err), &err);
    assert_string_equal(scripted_state()->words, "spawn reboot");
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

static void a_failed_operation_leaves_a_fault_and_no_task(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct nova_object *fault;

    life_start(f);
    life_build(f, U);
    scripted_state()->failing = "pause";
    scripted_state()->how = NOVA_INSTANCE_INVALID_STATE;
    assert_int_equal(life_run(f, "pause_instance", U, TASK_PAUSING, &err), -EINVAL);
    assert_true(nova_is(&err, NOVA_INSTANCE_INVALID_STATE));
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    fault = nova_child(life_stored(f, U), "fault");
    assert_non_null(fault);
    assert_string_equal(nova_str(fault, "message"), "the test made 'pause' fail");
}

static void a_method_that_is_not_there_yet_leaves_no_task(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    life_build(f, U);
    assert_true(life_run(f, "prep_resize", U, "resize_prep", &err) < 0);
    assert_true(nova_is(&err, NOVA_EXCEPTION));
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_string_equal(nova_str(nova_child(life_stored(f, U), "fault"), "message"),
                        "prep_resize is not supported by this compute host");
}

/* The API writes the new image before it asks. */
static void a_refused_rebuild_keeps_the_image(void **state)
{
    struct life *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct nova_object *i;

    life_start(f);
    life_build(f, U);
    i = life_stored(f, U);
    nova_set_str(i, "image_ref", "new");
    nova_set_str(i, "task_state", "rebuilding");
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    ol_val_set_str(&f->arena, args, "orig_image_ref", "old");
    assert_true(life_call(f, "rebuild_instance", i, args, &none, &err) < 0);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_string_equal(nova_str(life_stored(f, U), "image_ref"), "old");
}

static void a_task_that_was_overtaken_leaves_the_state_to_the_other(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    life_build(f, U);
    assert_true(life_run(f, "pause_instance", U, TASK_DELETING, &err) < 0);
    assert_true(nova_is(&err, NOVA_UNEXPECTED_DELETING));
    life_is_in(f, U, VM_ACTIVE, TASK_DELETING, VIRT_RUNNING);
}

static void a_spawn_that_fails_ends_in_error_with_nothing_left(void **state)
{
    struct life *f = *state;
    struct nova_object *i;

    life_start(f);
    scripted_state()->failing = "spawn";
    scripted_state()->how = NOVA_IMAGE_UNACCEPTABLE;
    life_build(f, U);
    life_is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
    i = life_stored(f, U);
    assert_null(nova_str(i, "host"));
    assert_string_equal(nova_str(nova_child(i, "fault"), "message"), "the test made 'spawn' fail");
    assert_string_equal(scripted_state()->words, "spawn destroy");
}

static void a_spawn_that_may_do_better_elsewhere_goes_back_to_the_scheduler(void **state)
{
    struct life *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *properties = ol_val_new_map(&f->arena);
    struct ol_val *retry = ol_val_new_map(&f->arena), *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    scripted_state()->failing = "spawn";
    scripted_state()->how = NOVA_HYPERVISOR_UNAVAILABLE;
    ol_val_set_int(&f->arena, retry, "num_attempts", 1);
    ol_val_set(&f->arena, properties, "retry", retry);
    ol_val_set(&f->arena, args, "filter_properties", properties);
    life_must(life_call(f, "build_and_run_instance", life_new_instance(f, U), args, &none, &err),
              &err);
    life_is_in(f, U, VM_BUILDING, TASK_SCHEDULING, VIRT_NOSTATE);
    assert_null(nova_str(life_stored(f, U), "host"));
    assert_string_equal(f->casts.v[0], "conductor build_instances");
}

static void a_build_of_an_instance_that_is_being_deleted_does_not_begin(void **state)
{
    struct life *f = *state;
    struct nova_object *i;
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    i = life_new_instance(f, U);
    nova_set_str(i, "task_state", TASK_DELETING);
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    nova_set_str(i, "task_state", TASK_SCHEDULING);
    nova_clear_changes(i);
    life_must(life_call(f, "build_and_run_instance", i, NULL, &none, &err), &err);
    assert_string_equal(scripted_state()->words, "");
    life_is_in(f, U, VM_BUILDING, TASK_DELETING, VIRT_NOSTATE);
}

static void too_much_memory_is_refused_before_anything_is_made(void **state)
{
    struct life *f = *state;
    struct nova_object *i;
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    i = life_new_instance(f, U);
    nova_set_int(i, "memory_mb", 1 << 20);
    life_must(life_call(f, "build_and_run_instance", i, NULL, &none, &err), &err);
    assert_string_equal(scripted_state()->words, "");
    assert_string_equal(nova_str(nova_child(life_stored(f, U), "fault"), "message"),
                        "Insufficient compute resources: Free memory 6144 < requested 1048576.");
}

static void a_deleted_instance_has_gone(void **state)
{
    struct life *f = *state;
    struct nova_object *none;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    life_build(f, U);
    life_must(life_run(f, "terminate_instance", U, TASK_DELETING, &err), &err);
    assert_int_equal(
        conductor_get_instance(f->conductor, &f->context, U, NULL, &f->arena, &none, &err),
        -ENOENT);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    assert_int_equal(scripted_power(U), VIRT_NOSTATE);
    assert_string_equal(f->casts.v[f->casts.n - 1], "scheduler delete_instance_info");
}

static void a_delete_that_fails_leaves_it_in_error_to_be_tried_again(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    life_build(f, U);
    scripted_state()->failing = "destroy";
    scripted_state()->how = NOVA_INSTANCE_POWER_OFF;
    assert_true(life_run(f, "terminate_instance", U, TASK_DELETING, &err) < 0);
    life_is_in(f, U, VM_ERROR, NULL, VIRT_RUNNING);
    scripted_state()->failing = NULL;
    life_must(life_run(f, "terminate_instance", U, TASK_DELETING, &err), &err);
    assert_int_equal(scripted_power(U), VIRT_NOSTATE);
}

static void an_agent_that_starts_again_ends_a_build_that_was_cut_off(void **state)
{
    struct life *f = *state;
    struct nova_object *i = life_new_instance(f, U);
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(i, "host", "cmp1");
    nova_set_str(i, "task_state", TASK_SPAWNING);
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    scripted_put(U, VIRT_RUNNING);
    life_start(f);
    life_is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
    assert_string_equal(scripted_state()->words, "destroy");
    assert_non_null(nova_child(life_stored(f, U), "fault"));
}

static void a_machine_that_went_down_by_itself_is_stopped(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct work w;

    life_start(f);
    life_build(f, U);
    scripted_put(U, VIRT_SHUTDOWN);
    w = instance_work(f->manager, &f->arena, life_stored(f, U));
    life_must(sync_instance(&w, VIRT_SHUTDOWN, &err), &err);
    life_is_in(f, U, VM_STOPPED, NULL, VIRT_SHUTDOWN);
}

static void the_console_is_ascii_and_as_long_as_asked(void **state)
{
    struct life *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *text = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    life_build(f, U);
    life_must(life_call(f, "get_console_output", life_stored(f, U), NULL, &text, &err), &err);
    assert_string_equal(ol_val_str(text), "one\ntwo\nthr\xef\xbf\xbd\xef\xbf\xbd\x65\n");
    ol_val_set_str(&f->arena, args, "tail_length", "2");
    life_must(life_call(f, "get_console_output", life_stored(f, U), args, &text, &err), &err);
    assert_string_equal(ol_val_str(text), "thr\xef\xbf\xbd\xef\xbf\xbd\x65\n");
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)

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
