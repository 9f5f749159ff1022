/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"

#include "life.h"
#include "scripted-virt.h"

/* What must not happen: to machines that aren't ours, to those of users in odd states, and by
 * messages that nobody sane would send. */

#define U     "78ac27d4-6df7-45a8-b896-be690101b8ee"
#define OTHER "11111111-1111-4111-8111-111111111111"

static void put_in(struct life *f, const char *vm, const char *task)
{
    struct nova_object *i = life_stored(f, U);
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(i, "vm_state", vm);
    nova_set_str(i, "task_state", task);
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    scripted_state()->words[0] = '\0';
}

static void built(struct life *f)
{
    life_start(f);
    life_build(f, U);
    scripted_state()->words[0] = '\0';
}

static void count_task(void *ctx, const struct task_view *v)
{
    (*(unsigned *)ctx)++;
}

static void run_periodic(struct life *f, const char *name)
{
    struct ol_err err = OL_ERR_INIT;

    for (const struct manager_periodic *p = manager_periodics; p->name; p++)
        if (strcmp(p->name, name) == 0)
            life_must(p->run(f->manager, &err), &err);
    /* What it handed on runs as tasks. */
    for (unsigned n = 1; n;) {
        n = 0;
        task_pool_each(f->pool, count_task, &n);
        f->env.clock->sleep(f->env.clock->ctx, OL_MS);
    }
}

static void a_machine_that_no_row_is_known_of_is_left_alone(void **state)
{
    struct life *f = *state;

    life_start(f);
    f->config.running_deleted_instance_action = "reap";
    scripted_put(OTHER, VIRT_RUNNING);
    run_periodic(f, "_cleanup_running_deleted_instances");
    assert_string_equal(scripted_state()->words, "");
    assert_int_equal(scripted_power(OTHER), VIRT_RUNNING);
}

static void a_machine_whose_row_was_deleted_goes(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    built(f);
    life_must(conductor_destroy(f->conductor, &f->context, life_stored(f, U), &err), &err);
    f->config.running_deleted_instance_action = "reap";
    f->config.running_deleted_instance_timeout = 0;
    run_periodic(f, "_cleanup_running_deleted_instances");
    assert_string_equal(scripted_state()->words, "destroy");
}

static void a_soft_deleted_machine_that_runs_stays_soft_deleted(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct work w;

    built(f);
    put_in(f, VM_SOFT_DELETED, NULL);
    w = instance_work(f->manager, &f->arena, life_stored(f, U));
    life_must(sync_now(&w, &err), &err);
    life_is_in(f, U, VM_SOFT_DELETED, NULL, VIRT_RUNNING);
    assert_string_equal(scripted_state()->words, "");
}

static void an_instance_of_another_host_is_not_stopped(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct nova_object *i;
    struct work w;

    built(f);
    i = life_stored(f, U);
    nova_set_str(i, "host", "cmp2");
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    scripted_put(U, VIRT_SHUTDOWN);
    w = instance_work(f->manager, &f->arena, life_stored(f, U));
    life_must(sync_now(&w, &err), &err);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

static void an_old_list_stops_no_machine_that_was_started_meanwhile(void **state)
{
    struct life *f = *state;

    built(f);
    run_periodic(f, "_sync_power_states");
    assert_string_equal(scripted_state()->words, "");
    scripted_put(U, VIRT_SHUTDOWN);
    run_periodic(f, "_sync_power_states");
    life_is_in(f, U, VM_STOPPED, NULL, VIRT_SHUTDOWN);
}

static void a_rebuild_that_was_cut_off_costs_no_machine(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    built(f);
    put_in(f, VM_ACTIVE, "rebuilding");
    life_must(recover_all(f->manager, &err), &err);
    life_is_in(f, U, VM_ERROR, NULL, VIRT_RUNNING);
    assert_string_equal(scripted_state()->words, "");
    assert_non_null(nova_child(life_stored(f, U), "fault"));
}

static void a_soft_reboot_that_was_cut_off_becomes_a_hard_one(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    built(f);
    put_in(f, VM_ACTIVE, TASK_REBOOT_STARTED);
    scripted_put(U, VIRT_SHUTDOWN);
    life_must(recover_all(f->manager, &err), &err);
    assert_string_equal(scripted_state()->words, "reboot-hard");
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

static void a_deletion_that_was_cut_off_is_ended(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;
    struct nova_object *none;

    built(f);
    put_in(f, VM_ACTIVE, TASK_DELETING);
    life_must(recover_all(f->manager, &err), &err);
    assert_int_equal(scripted_power(U), VIRT_NOSTATE);
    assert_true(conductor_get_instance(f->conductor, &f->context, U, NULL, &f->arena, &none, &err)
                < 0);
}

static int ask(struct life *f, const char *method, struct ol_val *args, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    size_t n;
    const struct rpc_endpoint *e = manager_endpoints(f->manager, &n);
    struct ol_val *ret = NULL;
    struct rpc_request q = {.service = f->manager,
                            .context = nova_context_admin(&a, &f->env),
                            .arena = &a,
                            .method = method,
                            .args = args};

    return e->methods[0].run(&q, &ret, err);
}

static void an_argument_of_another_class_is_refused(void **state)
{
    struct life *f = *state;
    struct nova_object *node = nova_object_new(&f->arena, nova_release_find("zed"), "ComputeNode");
    struct nova_object *nobody = nova_object_new(&f->arena, nova_release_find("zed"), "Instance");
    struct ol_val *args = ol_val_new_map(&f->arena);

    built(f);
    nova_set_str(node, "uuid", U);
    for (const struct method_row *row = manager_methods; row->name; row++) {
        struct ol_err err = OL_ERR_INIT;

        if (row->flags & METHOD_HOST)
            continue;
        assert_int_equal(ask(f, row->name, ol_val_new_map(&f->arena), &err), -EINVAL);
        ol_val_set(&f->arena, args, "instance", nova_object_dump(node));
        assert_int_equal(ask(f, row->name, args, &err), -EINVAL);
        assert_string_equal(ol_err_text(&err),
                            "argument 'instance' is a ComputeNode and no Instance");
        nova_set_str(nobody, "uuid", "..");
        ol_val_set(&f->arena, args, "instance", nova_object_dump(nobody));
        assert_int_equal(ask(f, row->name, args, &err), -EINVAL);
        assert_string_equal(ol_err_text(&err), "argument 'instance' has no uuid");
    }
    assert_string_equal(scripted_state()->words, "");
}

static const struct ol_val *junk(struct ol_arena *a, int kind)
{
    struct ol_val *list = ol_val_new_list(a);

    switch (kind) {
    case 0: return ol_val_new_int(a, -5);
    case 1: ol_val_append(a, list, ol_val_new_int(a, -1)); return list;
    case 2: return ol_val_new_map(a);
    case 3: return ol_val_new_str(a, "x");
    case 4: return ol_val_new_bool(a, true);
    default: return ol_val_new_float(a, 1e300);
    }
}

enum { N_KINDS = 6 };

static void arguments_of_any_type_crash_nothing(void **state)
{
    static const char *const names[] = {
        "bdms",
        "bdm",
        "volume_id",
        "device",
        "disk_bus",
        "device_type",
        "tag",
        "clean_shutdown",
        "reboot_type",
        "image",
        "filter_properties",
        "requested_networks",
        "host_list",
        "admin_password",
        "injected_files",
        "rescue_image_ref",
        "tail_length",
        "events",
        "console_type",
        "block_device_mapping",
        "migration",
        "security_groups",
        "orig_sys_metadata",
        "orig_image_ref",
    };
    struct life *f = *state;
    const struct nova_object *stored;

    built(f);
    stored = life_stored(f, U);
    for (int kind = 0; kind < N_KINDS; kind++) {
        for (const struct method_row *row = manager_methods; row->name; row++) {
            ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
            struct ol_val *args = ol_val_new_map(&a);
            struct ol_err err = OL_ERR_INIT;

            if (strcmp(row->name, "terminate_instance") == 0)
                continue; /* it would do as told */
            ol_val_set(&a, args, "instance", nova_object_dump(nova_object_copy(&a, stored)));
            for (size_t i = 0; i < ol_count(names); i++)
                ol_val_set(&a, args, names[i], (struct ol_val *)junk(&a, kind));
            (void)!ask(f, row->name, args, &err);
        }
    }
    life_stored(f, U);
}

/* Every plain field of the instance as another type. */
static void twist(struct ol_arena *a, struct ol_val *data, int kind)
{
    for (size_t p = 0; p < ol_val_count(data); p++) {
        const char *key = ol_val_str(ol_val_pair(data, p)->key);

        if (strcmp(key, "uuid") != 0 && strcmp(key, "id") != 0
            && !ol_val_get(ol_val_pair(data, p)->value, "nova_object.name"))
            ol_val_set(a, data, key, (struct ol_val *)junk(a, kind));
    }
}

static void an_instance_of_odd_fields_crashes_nothing(void **state)
{
    struct life *f = *state;
    const struct nova_object *stored;

    built(f);
    stored = life_stored(f, U);
    for (int kind = 0; kind < N_KINDS; kind++) {
        for (const struct method_row *row = manager_methods; row->name; row++) {
            ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
            struct ol_val *args = ol_val_new_map(&a);
            struct nova_object *i = nova_object_copy(&a, stored);
            struct ol_err err = OL_ERR_INIT;

            if (strcmp(row->name, "terminate_instance") == 0)
                continue;
            twist(&a, i->data, kind);
            ol_val_set(&a, args, "instance", nova_object_dump(i));
            (void)!ask(f, row->name, args, &err);
        }
    }
    life_stored(f, U);
}

static void a_retry_that_is_no_map_is_no_retry(void **state)
{
    struct life *f = *state;
    struct ol_val *args = ol_val_new_map(&f->arena), *properties = ol_val_new_map(&f->arena);
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_start(f);
    scripted_state()->failing = "spawn";
    scripted_state()->how = NOVA_HYPERVISOR_UNAVAILABLE;
    ol_val_set_bool(&f->arena, properties, "retry", true);
    ol_val_set(&f->arena, args, "filter_properties", properties);
    life_must(life_call(f, "build_and_run_instance", life_new_instance(f, U), args, &none, &err),
              &err);
    life_is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
}

static void an_images_shutdown_timeout_has_a_limit(void **state)
{
    struct life *f = *state;
    struct nova_object *i;
    struct ol_err err = OL_ERR_INIT;

    built(f);
    i = life_stored(f, U);
    nova_set_key(i, "system_metadata", "image_os_shutdown_timeout", "99999999999999");
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    life_must(life_run(f, "stop_instance", U, TASK_POWERING_OFF, &err), &err);
    assert_string_equal(scripted_state()->words, "off");
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_machine_that_no_row_is_known_of_is_left_alone),
        LIFE(a_machine_whose_row_was_deleted_goes),
        LIFE(a_soft_deleted_machine_that_runs_stays_soft_deleted),
        LIFE(an_instance_of_another_host_is_not_stopped),
        LIFE(an_old_list_stops_no_machine_that_was_started_meanwhile),
        LIFE(a_rebuild_that_was_cut_off_costs_no_machine),
        LIFE(a_soft_reboot_that_was_cut_off_becomes_a_hard_one),
        LIFE(a_deletion_that_was_cut_off_is_ended),
        LIFE(an_argument_of_another_class_is_refused),
        LIFE(arguments_of_any_type_crash_nothing),
        LIFE(an_instance_of_odd_fields_crashes_nothing),
        LIFE(a_retry_that_is_no_map_is_no_retry),
        LIFE(an_images_shutdown_timeout_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
