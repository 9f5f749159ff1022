/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life.h"
#include "scripted-virt.h"

/* What is put back when a move is refused. */

#define U "78ac27d4-6df7-45a8-b896-be690101b8ee"
#define M "0f5ab8e2-0000-4000-8000-00000000000b"

static const struct fake_cloud_row placement[] = {
    {"GET /allocations/" M, "{'allocations': {'rp': {'resources': {'VCPU': 1}}}, "
                            "'project_id': 'p', 'user_id': 'u', 'consumer_generation': 1}"},
    {"GET /allocations/" U, "{'allocations': {}}"},
    {"POST /allocations", "{}"},
    {"DELETE /allocations/" M, "{}"},
    {"DELETE /allocations/" U, "{}"},
    {NULL, NULL},
};

static struct life *start(void **state)
{
    struct life *f = *state;
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_add_cloud(f);
    f->services.rows = placement;
    life_start(f);
    life_must(life_call(f, "build_and_run_instance", life_new_instance(f, U), NULL, &none, &err),
              &err);
    f->config.placement = f->config.neutron;
    f->config.placement.endpoint_override = "http://placement";
    return f;
}

static void refuse(struct life *f, struct nova_object *i)
{
    struct nova_object *m = nova_object_new(&f->arena, nova_release_find("zed"), "Migration");
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(m, "uuid", M);
    ol_val_set(&f->arena, args, "migration", nova_object_dump(m));
    assert_true(life_call(f, "prep_resize", i, args, &none, &err) < 0);
}

static void a_refused_move_gives_its_allocations_back(void **state)
{
    struct life *f = start(state);

    refuse(f, life_stored(f, U));
    assert_int_equal(fake_cloud_asked(&f->services, "POST /allocations"), 1);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /allocations"), 0);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

/* A message that waited for us while the instance was deleted: its allocations are nobody's. */
static void a_move_of_a_deleted_instance_leaves_nothing(void **state)
{
    struct life *f = start(state);
    struct nova_object *old = nova_object_copy(&f->arena, life_stored(f, U));
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_must(life_call(f, "terminate_instance", life_stored(f, U), NULL, &none, &err), &err);
    refuse(f, old);
    assert_int_equal(fake_cloud_asked(&f->services, "POST /allocations"), 0);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /allocations/" M), 1);
}

int main(void)
{
#define LIFE(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)
    const struct CMUnitTest tests[] = {
        LIFE(a_refused_move_gives_its_allocations_back),
        LIFE(a_move_of_a_deleted_instance_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
