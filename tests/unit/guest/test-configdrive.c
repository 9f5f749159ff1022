/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include "codec/iso9660.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/source/openstack.h"
#include "guest/source/source.h"
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char metadata[] =
    "{\"uuid\": \"i-drive\", \"hostname\": \"web.example\", "
    "\"public_keys\": {\"me\": \"ssh-rsa A\"}, "
    "\"random_seed\": \"AAECAw==\", \"meta\": {\"role\": \"web\"}, "
    "\"files\": [{\"path\": \"/etc/motd\", \"content_path\": \"/content/0000\"}]}";

/* A config drive as nova makes it, with these two JSON files. */
static void put_drive(struct fixture *f, const char *device, const char *label,
                      const char *meta_data)
{
    const struct ol_iso9660_file files[] = {
        {"openstack/2018-08-27/meta_data.json", meta_data, strlen(meta_data)},
        {"openstack/2018-08-27/user_data", "#!/bin/sh\n", 10},
        {"openstack/2018-08-27/vendor_data.json", "{\"cloud-init\": \"#cloud-config\"}", 31},
        {"openstack/2018-08-27/vendor_data2.json", "{}", 2},
        {"openstack/2018-08-27/network_data.json", "{\"links\": []}", 13},
        {"openstack/latest/meta_data.json", "{\"uuid\": \"wrong\"}", 17},
        {"openstack/content/0000", "hello\n", 6},
        {"ec2/latest/meta-data.json", "{\"ami-id\": \"a\"}", 15},
    };
    const struct ol_iso9660_image image = {
        .label = label,
        .files = files,
        .n_files = ol_count(files),
    };
    ol_auto(ol_buf_done) struct ol_buf iso = OL_BUF_INIT(4 << 20);

    assert_int_equal(ol_iso9660_write(&image, &iso, NULL), 0);
    fixture_put(f, ol_arena_printf(&f->arena, "/sys/class/block/%s/size", device), "800\n");
    assert_int_equal(ol_file_write(&f->env, ol_arena_printf(&f->arena, "/dev/%s", device), iso.data,
                                   iso.len, 0600, 0, NULL),
                     0);
}

static const char *doc_json(struct fixture *f, const char *key)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);
    struct ol_json_style style = ol_json_compact;

    style.b64_bytes = true;
    assert_int_equal(ol_json_dump(ol_val_get(f->g.ds.doc, key), &style, &b), 0);
    return ol_arena_strdup(&f->arena, b.data);
}

static int find(struct fixture *f)
{
    struct ol_err err = OL_ERR_INIT;

    return source_find_first(&f->g, SOURCE_NEEDS_DISK, NULL, &err);
}

/* demands: 1 14 */
static void drive_is_read_without_a_mount(void **state)
{
    struct fixture *f = fixture_new();

    put_drive(f, "sr0", "config-2", metadata);
    fixture_put(f, "/sys/class/dmi/id/product_uuid", "I-DRIVE\n");
    assert_int_equal(find(f), 0);
    assert_string_equal(doc_json(f, "description"),
                        "\"DataSourceConfigDrive [net,ver=2][source=/dev/sr0]\"");
    assert_string_equal(doc_json(f, "instance_id"), "\"i-drive\"");
    assert_string_equal(doc_json(f, "userdata_raw"), "\"#!/bin/sh\\n\"");
    assert_string_equal(doc_json(f, "vendordata_raw"), "\"#cloud-config\"");
    assert_string_equal(doc_json(f, "vendordata2_raw"), "null");
    assert_string_equal(doc_json(f, "network_json"), "{\"links\":[]}");
    assert_string_equal(doc_json(f, "ec2_metadata"), "{\"ami-id\":\"a\"}");
    assert_string_equal(doc_json(f, "version"), "2");
    assert_string_equal(doc_json(f, "subplatform"), "\"config-disk (/dev/sr0)\"");
    assert_string_equal(ol_val_str(guest_metadata(&f->g, "local-hostname")), "web.example");
    assert_true(ol_val_is(guest_metadata(&f->g, "random_seed"), OL_VAL_BYTES));
    assert_string_equal(ol_val_str(ol_val_item(guest_public_keys(&f->g), 0)), "ssh-rsa A");
    assert_true(f->g.ds.source->is_same_instance(&f->g, f->g.ds.doc));
    fixture_free(f);
}

static void files_are_injected_on_the_first_boot_only(void **state)
{
    struct fixture *f = fixture_new();

    put_drive(f, "vdb", "config-2", metadata);
    assert_int_equal(find(f), 0);
    fixture_assert_file(f, "/etc/motd", "hello\n");
    assert_int_equal(fixture_mode(f, "/etc/motd"), 0660);
    fixture_put(f, "/var/lib/cloud/data/instance-id", "i-drive\n");
    fixture_put(f, "/etc/motd", "mine\n");
    assert_int_equal(find(f), 0);
    fixture_assert_file(f, "/etc/motd", "mine\n");
    fixture_free(f);
}

/* demands: 14 */
static void places_are_tried_in_upstreams_order(void **state)
{
    struct fixture *f = fixture_new();

    put_drive(f, "vda", "config-2", "{\"uuid\": \"vda\"}");
    put_drive(f, "vdb", "CONFIG-2", "{\"uuid\": \"vdb\"}");
    put_drive(f, "vdc", "other", "{\"uuid\": \"vdc\"}");
    assert_int_equal(find(f), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"vdb\"");
    fixture_put(f, "/config-drive/openstack/latest/meta_data.json", "{\"uuid\": \"dir\"}");
    assert_int_equal(find(f), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"dir\"");
    fixture_put(f, "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json",
                "{\"uuid\": \"seed\"}");
    assert_int_equal(find(f), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"seed\"");
    fixture_free(f);
}

static void partition_needs_the_label(void **state)
{
    struct fixture *f = fixture_new();

    put_drive(f, "vda1", "other", "{\"uuid\": \"vda1\"}");
    fixture_put(f, "/sys/class/block/vda1/partition", "1\n");
    assert_int_equal(find(f), -ENODATA);
    put_drive(f, "vda1", "config-2", "{\"uuid\": \"vda1\"}");
    assert_int_equal(find(f), 0);
    fixture_free(f);
}

static void broken_drive_is_named_and_the_machine_goes_on(void **state)
{
    static const struct {
        const char *metadata, *logged;
        int found; /* what is only an addition does not cost the whole drive */
    } cases[] = {
        {"[1]", "meta_data.json: it holds a list, not a dict", -ENODATA},
        {"{\"uuid\": ", "Failed to process path /dev/sr0/openstack/2018-08-27/meta_data.json",
         -ENODATA},
        {"{\"hostname\": \"x\"}", "No 'uuid' entry in metadata", -ENODATA},
        {"{\"uuid\": [1]}", "instance-id is a list", 0},
        {"{\"uuid\": \"u\", \"random_seed\": 1}", "random_seed entry: a int", 0},
        {"{\"uuid\": \"u\", \"files\": [{\"path\": \"/x\", "
         "\"content_path\": \"/../../etc/shadow\"}]}",
         "leads out of the drive", 0},
        {"{\"uuid\": \"u\", \"files\": [{\"path\": \"/x\", \"content_path\": \"/content/9\"}]}",
         "Failed to read provided file /x: ", 0},
        {"{\"uuid\": \"u\", \"files\": [{\"path\": \"/x\"}]}", "has no valid content path", 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        put_drive(f, "sr0", "config-2", cases[i].metadata);
        assert_int_equal(find(f), cases[i].found);
        fixture_assert_logged(f, cases[i].logged);
        assert_false(ol_exists(&f->env, "/x"));
        fixture_free(f);
    }
}

static void cut_image_does_no_harm(void **state)
{
    struct fixture *f = fixture_new();
    ol_auto(ol_buf_done) struct ol_buf iso = OL_BUF_INIT(4 << 20);

    put_drive(f, "sr0", "config-2", metadata);
    assert_int_equal(ol_file_read(&f->env, "/dev/sr0", &iso, NULL), 0);
    for (size_t len = 0; len < iso.len; len += 2048) {
        assert_int_equal(ol_file_write(&f->env, "/dev/sr0", iso.data, len, 0600, 0, NULL), 0);
        find(f);
    }
    fixture_free(f);
}

static void layout_of_2011_is_read(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(
        f, "/config-drive/meta.js",
        "{\"instance-id\": \"i-old\", \"public-keys\": \"# mine\\nssh-rsa A\\n\\nssh-rsa B\", "
        "\"user-data\": \"#!/bin/sh\"}");
    fixture_put(f, "/config-drive/etc/network/interfaces", "auto lo\niface lo inet loopback\n");
    assert_int_equal(find(f), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"i-old\"");
    assert_string_equal(doc_json(f, "version"), "1");
    assert_string_equal(doc_json(f, "userdata_raw"), "\"#!/bin/sh\"");
    assert_string_equal(doc_json(f, "network_eni"), "\"auto lo\\niface lo inet loopback\\n\"");
    assert_int_equal(ol_val_count(guest_public_keys(&f->g)), 2);
    fixture_free(f);
}

static void vendor_data_is_text_list_or_what_cloud_init_is(void **state)
{
    static const struct {
        const char *given, *want;
        int r;
    } cases[] = {
        {"\"#!/bin/sh\"", "\"#!/bin/sh\"", 0},
        {"[\"a\"]", "[\"a\"]", 0},
        {"{\"cloud-init\": [1]}", "[1]", 0},
        {"{\"other\": 1}", "null", 0},
        {"{}", "null", 0},
        {"{\"cloud-init\": {\"a\": 1}}", "null", -EINVAL},
        {"{\"cloud-init\": 17}", "null", -EINVAL},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);
        const struct ol_val *v = NULL;

        assert_int_equal(openstack_vendordata(fixture_value(f, cases[i].given), &v, NULL),
                         cases[i].r);
        assert_int_equal(ol_json_dump(v ? v : ol_val_new_null(&f->arena), &ol_json_compact, &b), 0);
        assert_string_equal(b.data, cases[i].want);
    }
    fixture_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(drive_is_read_without_a_mount),
        cmocka_unit_test(files_are_injected_on_the_first_boot_only),
        cmocka_unit_test(places_are_tried_in_upstreams_order),
        cmocka_unit_test(partition_needs_the_label),
        cmocka_unit_test(broken_drive_is_named_and_the_machine_goes_on),
        cmocka_unit_test(cut_image_does_no_harm),
        cmocka_unit_test(layout_of_2011_is_read),
        cmocka_unit_test(vendor_data_is_text_list_or_what_cloud_init_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
