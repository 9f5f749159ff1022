/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "codec/json.h"
#include "compute/manager/drive-internal.h"
#include "core/file.h"
#include "life.h"
#include "scripted-virt.h"

/* What a config drive tells of devices, when it is made, and images that do not fit. */

#define U     "78ac27d4-6df7-45a8-b896-be690101b8ee"
#define DRIVE "/instances/" U "/disk.config"
#define PORT  "0f5ab8e2-0000-4000-8000-00000000000a"

static void add_mapping(struct life *f, const char *const text[5])
{
    static const char *const fields[] = {"source_type", "destination_type", "device_name",
                                         "guest_format", "tag"};
    struct nova_object *bdm =
        nova_object_new(&f->arena, nova_release_find("zed"), "BlockDeviceMapping");
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(bdm, "instance_uuid", U);
    for (size_t i = 0; i < ol_count(fields); i++)
        if (text[i])
            nova_set_str(bdm, fields[i], text[i]);
    life_must(conductor_create(f->conductor, &f->context, bdm, &err), &err);
}

static void is_json(const struct ol_val *v, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);

    assert_int_equal(ol_json_dump(v, &ol_json_python, &b), 0);
    assert_string_equal(b.data, text);
}

static void devices_are_told_as_nova_tells_them(void **state)
{
    struct life *f = *state;
    struct ol_val *info, *none = NULL;
    struct nova_object *row;
    struct ol_err err = OL_ERR_INIT;
    const char *vifs = "[{\"id\": \"" PORT "\", \"address\": \"fa:16:3e:00:00:01\"}]";
    struct work w;

    life_start(f);
    life_build(f, U);
    w = instance_work(f->manager, &f->arena, life_stored(f, U));
    is_json(drive_devices(&w, life_mappings(f, U), none), "[]");
    assert_null(drive_mappings(&w, NULL));
    nova_set_str(w.instance, "root_device_name", "/dev/vda");
    add_mapping(f, (const char *const[]){"volume", "volume", "/dev/vdc", NULL, "data"});
    add_mapping(f, (const char *const[]){"volume", "volume", "/dev/vdb", NULL, NULL});
    add_mapping(f, (const char *const[]){"blank", "local", "/dev/vdd", "swap", NULL});
    add_mapping(f, (const char *const[]){"blank", "local", "/dev/vde", NULL, NULL});
    row = nova_object_new(&f->arena, nova_release_find("zed"), "VirtualInterface");
    nova_set_str(row, "instance_uuid", U);
    nova_set_str(row, "uuid", PORT);
    nova_set_str(row, "tag", "front");
    life_must(conductor_create(f->conductor, &f->context, row, &err), &err);
    life_must(ol_json_load(vifs, strlen(vifs), &f->arena, &info, &err), &err);
    is_json(drive_devices(&w, life_mappings(f, U), info),
            "[{\"type\": \"disk\", \"bus\": \"pci\", \"address\": \"none\", \"tags\": [\"data\"]}, "
            "{\"vf_trusted\": false, \"type\": \"nic\", \"mac\": \"fa:16:3e:00:00:01\", \"bus\": "
            "\"pci\", \"address\": \"none\", \"tags\": [\"front\"]}]");
    is_json(drive_mappings(&w, life_mappings(f, U)),
            "{\"ami\": \"vda\", \"root\": \"/dev/vda\", \"ebs0\": \"/dev/vdb\", \"ebs1\": "
            "\"/dev/vdc\", \"swap\": \"/dev/vdd\", \"ephemeral0\": \"/dev/vde\"}");
}

static void a_drive_that_is_missing_is_made_again(void **state)
{
    struct life *f = *state;
    struct ol_err err = OL_ERR_INIT;

    f->config.force_config_drive = true;
    life_start(f);
    life_build(f, U);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    life_must(ol_unlink(&f->env, DRIVE, &err), &err);
    life_must(life_run(f, "reboot_instance", U, TASK_REBOOTING_HARD, &err), &err);
    assert_true(ol_exists(&f->env, DRIVE));
}

static void an_image_that_does_not_fit_ends_the_build(void **state)
{
    static const struct {
        const char *uuid, *image, *says;
    } cases[] = {
        {"78ac27d4-6df7-45a8-b896-be690101b8e0", "{\"status\": \"queued\", \"id\": \"i\"}",
         "Image i is not active."},
        {"78ac27d4-6df7-45a8-b896-be690101b8e1", "{\"status\": \"active\", \"min_ram\": 513}",
         "Flavor's memory is too small for requested image."},
        {"78ac27d4-6df7-45a8-b896-be690101b8e2", "{\"min_disk\": \"2\"}",
         "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk "
         "is 1073741824 bytes, minimum size is 2147483648 bytes."},
    };
    struct life *f = *state;

    life_start(f);
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_val *args = ol_val_new_map(&f->arena), *image, *none = NULL;
        struct nova_object *instance = life_new_instance(f, cases[i].uuid);
        struct ol_err err = OL_ERR_INIT;

        life_must(ol_json_load(cases[i].image, strlen(cases[i].image), &f->arena, &image, &err),
                  &err);
        ol_val_set(&f->arena, args, "image", image);
        nova_set_str(instance, "image_ref", "i");
        life_must(life_call(f, "build_and_run_instance", instance, args, &none, &err), &err);
        life_is_in(f, cases[i].uuid, VM_ERROR, NULL, VIRT_NOSTATE);
        assert_string_equal(nova_str(nova_child(life_stored(f, cases[i].uuid), "fault"), "message"),
                            cases[i].says);
    }
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(devices_are_told_as_nova_tells_them),
        LIFE(a_drive_that_is_missing_is_made_again),
        LIFE(an_image_that_does_not_fit_ends_the_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
