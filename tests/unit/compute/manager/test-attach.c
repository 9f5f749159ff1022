/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "life.h"
#include "scripted-virt.h"

/* Volumes that come to an instance and go, and what is left when a step fails. */

#define U "78ac27d4-6df7-45a8-b896-be690101b8ee"
#define V "0f5ab8e2-0000-4000-8000-000000000001"
#define A "0f5ab8e2-0000-4000-8000-00000000000a"

static const struct fake_cloud_row cinder[] = {
    {"GET /volumes/" V, "{'volume': {'id': '" V "', 'size': 7, 'status': 'available'}}"},
    {"PUT /attachments/" A,
     "{'attachment': {'id': '" A "', 'status': 'attaching', 'volume_id': '" V
     "', 'connection_info': {'driver_volume_type': 'iscsi', 'target_portal': '10.0.0.1:3260', "
     "'target_iqn': 'iqn.x:v', 'target_lun': 1, 'auth_method': 'CHAP', 'auth_username': 'u', "
     "'auth_password': 'geheim', 'access_mode': 'rw', 'encrypted': false}}}"},
    {"POST /attachments/" A "/action", "{}"},
    {"POST /volumes/" V "/action", "{}"},
    {"DELETE /attachments/" A, "{}"},
    {"DELETE /volumes/" V, "{}"},
    {"POST /volumes ", "{'volume': {'id': '" V "', 'status': 'creating'}}"},
    {"POST /attachments ", "{'attachment': {'id': '" A "'}}"},
    {NULL, NULL},
};

static struct life *start(void **state)
{
    struct life *f = *state;

    life_add_cloud(f);
    f->services.rows = cinder;
    life_start(f);
    return f;
}

/* The API's part: the name is reserved, the attachment made. */
static struct nova_object *reserve(struct life *f)
{
    struct ol_val *args = ol_val_new_map(&f->arena), *made = NULL;
    struct nova_object *bdm;
    struct ol_err err = OL_ERR_INIT;

    ol_val_set_str(&f->arena, args, "volume_id", V);
    life_must(life_call(f, "reserve_block_device_name", life_stored(f, U), args, &made, &err),
              &err);
    life_must(nova_object_load(&f->arena, made, &bdm, &err), &err);
    nova_set_str(bdm, "attachment_id", A);
    life_must(conductor_save(f->conductor, &f->context, bdm, &err), &err);
    return bdm;
}

static int attach(struct life *f, const struct nova_object *bdm, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;

    ol_val_set(&f->arena, args, "bdm", nova_object_dump(bdm));
    return life_call(f, "attach_volume", life_stored(f, U), args, &none, err);
}

static int detach(struct life *f, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;

    ol_val_set_str(&f->arena, args, "volume_id", V);
    return life_call(f, "detach_volume", life_stored(f, U), args, &none, err);
}

static void a_volume_comes_and_goes(void **state)
{
    struct life *f = start(state);
    struct nova_object *bdm;
    struct ol_err err = OL_ERR_INIT;
    const char *info;

    life_build(f, U);
    bdm = reserve(f);
    assert_string_equal(nova_str(bdm, "device_name"), "/dev/vda");
    life_must(attach(f, bdm, &err), &err);
    assert_string_equal(scripted_state()->words, "spawn attach");
    assert_string_equal(scripted_state()->path, "iscsi://10.0.0.1:3260/iqn.x:v/1");
    assert_non_null(strstr(fake_cloud_last(&f->services, "PUT"), "\"mountpoint\":\"/dev/vda\""));
    assert_non_null(strstr(fake_cloud_last(&f->services, "POST"), "os-complete"));
    bdm = nova_list_item(life_mappings(f, U), 0);
    assert_int_equal(nova_int(bdm, "volume_size", 0), 7);
    info = nova_str(bdm, "connection_info");
    assert_non_null(strstr(info, "\"driver_volume_type\": \"iscsi\", \"data\": {"));
    assert_non_null(strstr(info, "\"serial\": \"" V "\""));

    life_must(detach(f, &err), &err);
    assert_string_equal(scripted_state()->words, "spawn attach detach");
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /attachments/" A), 1);
    assert_int_equal(nova_list_count(life_mappings(f, U)), 0);
    assert_int_equal(detach(f, &err), -ENOENT);
    assert_true(nova_is(&err, NOVA_VOLUME_BDM_NOT_FOUND));
}

static void a_volume_that_does_not_come_leaves_nothing(void **state)
{
    static const struct {
        const char *service, *driver, *words;
    } cases[] = {
        {"GET /volumes/", NULL, "spawn"},
        {"PUT /attachments/", NULL, "spawn"},
        {NULL, "attach", "spawn attach detach"},
        {"POST /attachments/", NULL, "spawn attach detach"},
    };
    struct life *f = start(state);

    life_build(f, U);
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct nova_object *bdm = reserve(f);
        struct ol_err err = OL_ERR_INIT;
        size_t before = fake_cloud_asked(&f->services, "DELETE /attachments/" A);

        snprintf(scripted_state()->words, sizeof(scripted_state()->words), "spawn");
        f->services.failing = cases[i].service;
        scripted_state()->failing = cases[i].driver;
        assert_true(attach(f, bdm, &err) < 0);
        f->services.failing = scripted_state()->failing = NULL;
        assert_string_equal(scripted_state()->words, cases[i].words);
        assert_int_equal(fake_cloud_asked(&f->services, "DELETE /attachments/" A), before + 1);
        assert_int_equal(nova_list_count(life_mappings(f, U)), 0);
    }
}

static void a_volume_that_is_not_let_go_stays_attached(void **state)
{
    struct life *f = start(state);
    struct ol_err err = OL_ERR_INIT;

    life_build(f, U);
    life_must(attach(f, reserve(f), &err), &err);
    scripted_state()->failing = "detach";
    scripted_state()->how = NOVA_HYPERVISOR_UNAVAILABLE;
    assert_true(detach(f, &err) < 0);
    assert_non_null(strstr(fake_cloud_last(&f->services, "POST"), "os-roll_detaching"));
    assert_int_equal(nova_list_count(life_mappings(f, U)), 1);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE"), 0);

    scripted_state()->how = NOVA_DISK_NOT_FOUND;
    err = OL_ERR_INIT;
    life_must(detach(f, &err), &err);
    assert_int_equal(nova_list_count(life_mappings(f, U)), 0);
}

/* Wherever an attach was cut off, what it left in the rows can be detached. */
static void what_was_cut_off_can_be_detached(void **state)
{
    struct life *f = start(state);
    struct ol_err err = OL_ERR_INIT;

    life_build(f, U);
    (void)reserve(f); /* and no more */
    scripted_state()->failing = "detach";
    scripted_state()->how = NOVA_DISK_NOT_FOUND;
    life_must(life_run(f, "reboot_instance", U, TASK_REBOOTING_HARD, &err), &err);
    life_must(detach(f, &err), &err);
    assert_int_equal(nova_list_count(life_mappings(f, U)), 0);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /attachments/" A), 1);
}

static void encrypted_and_shared_volumes_are_refused(void **state)
{
    static const struct {
        struct fake_cloud_row row;
        enum nova_exception how;
    } cases[] = {
        {{"GET /volumes/", "{'volume': {'multiattach': true}}"}, NOVA_MULTIATTACH_UNSUPPORTED},
        {{"PUT /attachments/", "{'attachment': {'connection_info': {'driver_volume_type': 'nfs', "
                               "'encrypted': true}}}"},
         NOVA_VOLUME_UNSUPPORTED},
        {{"PUT /attachments/",
          "{'attachment': {'connection_info': {'driver_volume_type': 'rbd'}}}"},
         NOVA_VOLUME_UNSUPPORTED},
        {{"PUT /attachments/", "{'attachment': {'connection_info': {'driver_volume_type': 'local',"
                               " 'device_path': '/nothing'}}}"},
         NOVA_INVALID_VOLUME},
    };
    struct life *f = start(state);

    life_build(f, U);
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fake_cloud_row rows[ol_count(cinder) + 1] = {{0}};
        struct ol_err err = OL_ERR_INIT;

        memcpy(rows, cinder, sizeof(cinder));
        rows[ol_count(cinder) - 1] = cases[i].row;
        f->services.rows = rows;
        assert_true(attach(f, reserve(f), &err) < 0);
        assert_true(nova_is(&err, cases[i].how));
        assert_int_equal(nova_list_count(life_mappings(f, U)), 0);
    }
    assert_string_equal(scripted_state()->words, "spawn");
}

/* Boots from a volume that the build makes of an image. */
static void new_mapping(struct life *f, const char *source)
{
    struct nova_object *bdm =
        nova_object_new(&f->arena, nova_release_find("zed"), "BlockDeviceMapping");
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(bdm, "instance_uuid", U);
    nova_set_str(bdm, "source_type", source);
    nova_set_str(bdm, "destination_type", "volume");
    nova_set_str(bdm, "image_id", "i-1");
    nova_set_int(bdm, "boot_index", 0);
    nova_set_int(bdm, "volume_size", 7);
    nova_set_bool(bdm, "delete_on_termination", true);
    life_must(conductor_create(f->conductor, &f->context, bdm, &err), &err);
}

static void a_build_makes_its_volume_and_the_end_deletes_it(void **state)
{
    struct life *f = start(state);
    const struct nova_object *bdm;
    struct ol_err err = OL_ERR_INIT;

    new_mapping(f, "image");
    life_build(f, U);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_non_null(
        strstr(fake_cloud_last(&f->services, "POST /volumes "), "\"imageRef\":\"i-1\""));
    bdm = nova_list_item(life_mappings(f, U), 0);
    assert_string_equal(nova_str(bdm, "volume_id"), V);
    assert_string_equal(nova_str(bdm, "attachment_id"), A);
    assert_string_equal(nova_str(life_stored(f, U), "root_device_name"), "/dev/vda");
    life_must(life_run(f, "terminate_instance", U, TASK_DELETING, &err), &err);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /attachments/" A), 1);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /volumes/" V), 1);
}

static void a_volume_that_is_not_made_ends_the_build(void **state)
{
    static const struct fake_cloud_row broken[] = {
        {"POST /volumes ", "{'volume': {'id': '" V "', 'status': 'creating'}}"},
        {"GET /volumes/" V, "{'volume': {'id': '" V "', 'size': 7, 'status': 'error'}}"},
        {"DELETE /volumes/" V, "{}"},
        {NULL, NULL},
    };
    struct life *f = start(state);

    f->services.rows = broken;
    new_mapping(f, "blank");
    life_build(f, U);
    life_is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
    assert_true(fake_cloud_asked(&f->services, "DELETE /volumes/" V) > 0);
    assert_string_equal(scripted_state()->words, "");
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_volume_comes_and_goes),
        LIFE(a_volume_that_does_not_come_leaves_nothing),
        LIFE(a_volume_that_is_not_let_go_stays_attached),
        LIFE(what_was_cut_off_can_be_detached),
        LIFE(encrypted_and_shared_volumes_are_refused),
        LIFE(a_build_makes_its_volume_and_the_end_deletes_it),
        LIFE(a_volume_that_is_not_made_ends_the_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
