/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compute/manager/manager-internal.h"
#include "core/file.h"

#include "life.h"
#include "scripted-virt.h"

/* Builds that are on no host when the agent starts. */

#define U "78ac27d4-6df7-45a8-b896-be690101b8ee"
#define V "78ac27d4-6df7-45a8-b896-be690101b8ef"

static void note_handover(struct life *f, struct nova_object *i)
{
    struct work w = instance_work(f->manager, &f->arena, i);

    handover_begin(&w);
    assert_true(ol_exists(&f->env, "/state/orlop-handovers/" U));
}

static void is_building_still(struct life *f, const char *uuid)
{
    life_is_in(f, uuid, VM_BUILDING, TASK_SCHEDULING, VIRT_NOSTATE);
}

static void is_told_to_have_ended(struct life *f, const char *uuid)
{
    const struct nova_object *fault;

    life_is_in(f, uuid, VM_ERROR, NULL, VIRT_NOSTATE);
    fault = nova_child(life_stored(f, uuid), "fault");
    assert_non_null(fault);
    assert_non_null(strstr(nova_str(fault, "message"), "stopped before it began"));
}

static void alone_what_was_cast_is_lost_with_the_bus(void **state)
{
    struct life *f = *state;

    f->config.standalone = true;
    life_new_instance(f, U);
    life_start(f);
    is_told_to_have_ended(f, U);
}

static void in_a_cloud_the_queue_has_what_was_cast(void **state)
{
    struct life *f = *state;

    life_new_instance(f, U);
    life_start(f);
    is_building_still(f, U);
}

static void a_handover_that_was_cut_off_is_told(void **state)
{
    struct life *f = *state;

    note_handover(f, life_new_instance(f, U));
    life_new_instance(f, V);
    life_start(f);
    is_told_to_have_ended(f, U);
    is_building_still(f, V);
    assert_false(ol_exists(&f->env, "/state/orlop-handovers/" U));
}

static void a_handover_that_another_host_took_is_its(void **state)
{
    struct life *f = *state;
    struct nova_object *i = life_new_instance(f, U);
    struct ol_err err = OL_ERR_INIT;

    note_handover(f, i);
    nova_set_str(i, "host", "cmp2");
    life_must(conductor_save(f->conductor, &f->context, i, &err), &err);
    life_start(f);
    is_building_still(f, U);
    assert_false(ol_exists(&f->env, "/state/orlop-handovers/" U));
}

/* Its cast was in the queue all the time. */
static void a_build_in_the_queue_begins_whatever_a_start_said_of_it(void **state)
{
    struct life *f = *state;
    struct nova_object *i = life_new_instance(f, U);
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    note_handover(f, i);
    life_start(f);
    is_told_to_have_ended(f, U);
    life_must(life_call(f, "build_and_run_instance", i, NULL, &none, &err), &err);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, life_set_up, life_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(alone_what_was_cast_is_lost_with_the_bus),
        LIFE(in_a_cloud_the_queue_has_what_was_cast),
        LIFE(a_handover_that_was_cut_off_is_told),
        LIFE(a_handover_that_another_host_took_is_its),
        LIFE(a_build_in_the_queue_begins_whatever_a_start_said_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
