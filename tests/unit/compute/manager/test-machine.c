/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "codec/json.h"
#include "compute/manager/manager-internal.h"

static struct compute_config config;
static struct virt_driver driver;
static struct manager manager = {.config = &config, .driver = &driver};

static struct work work(struct ol_arena *a)
{
    struct work w = {.m = &manager, .arena = a, .args = ol_val_new_map(a)};

    config = (struct compute_config){.instances_path = "/var/lib/nova/instances",
                                     .instance_name_template = "instance-%08x",
                                     .images_type = "default"};
    w.instance = nova_object_new(a, nova_release_find("zed"), "Instance");
    nova_set_str(w.instance, "uuid", "78ac27d4-6df7-45a8-b896-be690101b8ee");
    nova_set_int(w.instance, "id", 26);
    nova_set_int(w.instance, "memory_mb", 192);
    nova_set_int(w.instance, "vcpus", 2);
    nova_set_int(w.instance, "root_gb", 1);
    return w;
}

static struct nova_object *mappings(struct ol_arena *a, const char *json)
{
    struct nova_object *list;
    struct ol_val *rows, *objects = ol_val_new_list(a), *whole = ol_val_new_map(a);
    struct ol_val *data = ol_val_new_map(a);
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_json_load(json, strlen(json), a, &rows, &err), 0);
    for (size_t i = 0; i < ol_val_count(rows); i++) {
        struct ol_val *one = ol_val_new_map(a);

        ol_val_set_str(a, one, "nova_object.name", "BlockDeviceMapping");
        ol_val_set_str(a, one, "nova_object.namespace", "nova");
        ol_val_set_str(a, one, "nova_object.version", "1.21");
        ol_val_set(a, one, "nova_object.data", ol_val_copy(a, ol_val_item(rows, i)));
        ol_val_append(a, objects, one);
    }
    ol_val_set(a, data, "objects", objects);
    ol_val_set_str(a, whole, "nova_object.name", "BlockDeviceMappingList");
    ol_val_set_str(a, whole, "nova_object.namespace", "nova");
    ol_val_set_str(a, whole, "nova_object.version", "1.18");
    ol_val_set(a, whole, "nova_object.data", data);
    if (nova_object_load(a, whole, &list, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    return list;
}

static void names_follow_the_template(void **state)
{
    static const struct {
        const char *template, *name;
    } cases[] = {
        {"instance-%08x", "instance-0000001a"},
        {"%d", "26"},
        {"vm-%(id)05d", "vm-00026"},
        {"%(uuid)s", "78ac27d4-6df7-45a8-b896-be690101b8ee"},
        {"100%", "100%"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct work w = work(&a);

        config.instance_name_template = cases[i].template;
        assert_string_equal(instance_name(&w), cases[i].name);
    }
}

static void a_flavor_becomes_a_machine(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
    struct work w = work(&a);
    struct image_base base = {.path = "/base", .is_raw = false, .virtual_size = 1 << 20};
    struct machine_plan plan = {.base = &base, .has_config_drive = true};
    const struct virt_machine *m;

    plan.mappings = mappings(
        &a, "[{\"source_type\": \"image\", \"destination_type\": \"local\", \"boot_index\": 0,"
            "  \"device_name\": \"/dev/vda\", \"device_type\": \"disk\"},"
            " {\"source_type\": \"blank\", \"destination_type\": \"local\", \"volume_size\": 3,"
            "  \"device_name\": \"/dev/vdb\", \"boot_index\": -1},"
            " {\"source_type\": \"blank\", \"destination_type\": \"local\", \"volume_size\": 64,"
            "  \"guest_format\": \"swap\", \"device_name\": \"/dev/vdc\", \"boot_index\": -1}]");
    m = machine_make(&w, &plan);
    assert_string_equal(m->name, "instance-0000001a");
    assert_string_equal(m->directory,
                        "/var/lib/nova/instances/78ac27d4-6df7-45a8-b896-be690101b8ee");
    assert_int_equal(m->memory_mb, 192);
    assert_int_equal(m->vcpus, 2);
    assert_int_equal(m->n_disks, 4);
    assert_string_equal(m->disks[0].role, "disk");
    assert_string_equal(m->disks[0].base, "/base");
    assert_true(m->disks[0].is_base_qcow2);
    assert_int_equal(m->disks[0].size, (int64_t)1 << 30);
    assert_int_equal(m->disks[0].boot_index, 0);
    assert_string_equal(m->disks[1].role, "disk.eph0");
    assert_int_equal(m->disks[1].size, (int64_t)3 << 30);
    assert_string_equal(m->disks[2].role, "disk.swap");
    assert_int_equal(m->disks[2].size, (int64_t)64 << 20);
    assert_string_equal(m->disks[3].role, "disk.config");
    assert_true(m->disks[3].is_cdrom && m->disks[3].is_read_only && !m->disks[3].is_ours);
}

static void a_kernel_of_its_own_is_booted(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct work w = work(&a);
    struct machine_plan plan = {0};
    const struct virt_machine *m;

    nova_set_str(w.instance, "kernel_id", "k");
    nova_set_str(w.instance, "root_device_name", "/dev/vdb");
    m = machine_make(&w, &plan);
    assert_string_equal(m->kernel, "/var/lib/nova/instances/78ac27d4-6df7-45a8-b896-be690101b8ee/"
                                   "kernel");
    assert_null(m->initrd);
    assert_string_equal(m->cmdline, "root=/dev/vdb console=tty0 console=ttyS0");
    plan.is_rescue = true;
    assert_null(machine_make(&w, &plan)->kernel);
}

static void a_root_disk_is_never_smaller_than_its_image(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct work w = work(&a);
    struct image_base base = {.path = "/base", .is_raw = true, .virtual_size = (int64_t)5 << 30};
    struct machine_plan plan = {.base = &base};

    nova_set_int(w.instance, "root_gb", 0);
    assert_int_equal(machine_make(&w, &plan)->disks[0].size, (int64_t)5 << 30);
}

static void a_volume_is_what_its_connection_says(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct work w = work(&a);
    struct machine_plan plan = {0};
    const struct virt_disk *d;

    plan.mappings = mappings(
        &a,
        "[{\"source_type\": \"volume\", \"destination_type\": \"volume\", \"volume_id\": \"v-1\","
        "  \"device_name\": \"/dev/vda\", \"boot_index\": 0, \"connection_info\":"
        "  \"{\\\"driver_volume_type\\\": \\\"nfs\\\", \\\"data\\\": {\\\"export\\\":"
        "    \\\"s:/e\\\", \\\"name\\\": \\\"v\\\", \\\"format\\\": \\\"qcow2\\\","
        "    \\\"access_mode\\\": \\\"ro\\\"}}\"}]");
    d = machine_make(&w, &plan)->disks;
    assert_string_equal(d->path, "nfs://s/e/v");
    assert_string_equal(d->serial, "v-1");
    assert_string_equal(d->role, "v-1");
    assert_int_equal(d->format, VIRT_QCOW2);
    assert_true(d->is_read_only);
    assert_false(d->is_ours);
}

static void image_properties_choose_devices(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct work w = work(&a);
    struct ol_val *properties = ol_val_new_map(&a);
    struct machine_plan plan = {.image_properties = properties, .has_config_drive = true};
    const struct virt_machine *m;

    ol_val_set_str(&a, properties, "hw_machine_type", "pc");
    nova_set_key(w.instance, "system_metadata", "image_hw_cdrom_bus", "scsi");
    m = machine_make(&w, &plan);
    assert_string_equal(m->machine_type, "pc");
    assert_string_equal(m->disks[0].bus, "scsi");
}

static void the_next_device_has_the_first_free_letter(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct nova_object *used =
        mappings(&a, "[{\"device_name\": \"/dev/vda\"}, {\"device_name\": null},"
                     " {\"device_name\": \"/dev/sdc\"}]");

    struct work w = work(&a);

    assert_string_equal(machine_next_device(&w, used, NULL), "/dev/vdb");
    assert_string_equal(machine_next_device(&w, used, "scsi"), "/dev/sdb");
    assert_string_equal(machine_next_device(&w, mappings(&a, "[]"), "ide"), "/dev/hda");
}

/* nova's FakeDriver says nothing of devices: /dev/sda is the default of nova's manager. */
static void a_driver_names_the_disks_that_nobody_chose_a_bus_for(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct work w = work(&a);

    driver.prefix = "sd";
    assert_string_equal(machine_next_device(&w, mappings(&a, "[]"), NULL), "/dev/sda");
    assert_string_equal(machine_next_device(&w, mappings(&a, "[]"), "virtio"), "/dev/vda");
    driver.prefix = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_template),
        cmocka_unit_test(a_flavor_becomes_a_machine),
        cmocka_unit_test(a_kernel_of_its_own_is_booted),
        cmocka_unit_test(a_root_disk_is_never_smaller_than_its_image),
        cmocka_unit_test(a_volume_is_what_its_connection_says),
        cmocka_unit_test(image_properties_choose_devices),
        cmocka_unit_test(the_next_device_has_the_first_free_letter),
        cmocka_unit_test(a_driver_names_the_disks_that_nobody_chose_a_bus_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
