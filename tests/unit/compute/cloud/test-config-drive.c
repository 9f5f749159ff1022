/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../../guest/fixture.h"

#include "codec/json.h"
#include "compute/cloud/config-drive.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "golden.h"
#include "guest/source/source.h"
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(const struct ol_val *v, const char *key)
{
    return ol_val_str(ol_val_get(v, key));
}

static struct config_drive drive_of(struct ol_arena *a, const struct ol_val *v)
{
    const char *user_data = text_of(v, "user_data");

    return (struct config_drive){
        .uuid = text_of(v, "uuid"),
        .name = text_of(v, "name"),
        .hostname = text_of(v, "hostname"),
        .project_id = text_of(v, "project_id"),
        .availability_zone = text_of(v, "availability_zone"),
        .launch_index = ol_val_int(ol_val_get(v, "launch_index"), 0),
        .user_data = user_data,
        .user_data_size = user_data ? strlen(user_data) : 0,
        .meta = ol_val_get(v, "meta"),
        .keys = ol_val_get(v, "keys"),
        .network_info = ol_val_get(v, "network_info"),
        .files = ol_val_get(v, "files"),
        .devices = ol_val_get(v, "devices"),
        .dedicated_cpus = ol_val_get(v, "dedicated_cpus"),
        .admin_password = text_of(v, "admin_password"),
        .random_seed = text_of(v, "random_seed"),
        .ec2_instance_id = text_of(v, "ec2_instance_id"),
        .ec2_ami_id = text_of(v, "ec2_ami_id"),
        .instance_type = text_of(v, "instance_type"),
        .vendor_data = golden_text(a, ol_val_get(v, "vendor_data")),
        .reservation_id = text_of(v, "reservation_id"),
        .root_device_name = text_of(v, "root_device_name"),
        .kernel_id = text_of(v, "kernel_id"),
        .ramdisk_id = text_of(v, "ramdisk_id"),
        .security_groups = ol_val_get(v, "security_groups"),
        .created = 1795309429,
    };
}

/* The text of a golden's line; one that repeats an earlier file names that. */
static const char *line_text(const struct ol_val *golden, const struct ol_val *line)
{
    const char *as = ol_val_str(ol_val_item(line, 2));

    for (size_t i = 0; as && i < ol_val_count(golden); i++)
        if (!strcmp(ol_val_str(ol_val_item(ol_val_item(golden, i), 0)), as))
            return ol_val_str(ol_val_item(ol_val_item(golden, i), 1));
    return ol_val_str(ol_val_item(line, 1));
}

/* Goldens: what nova 26.2.2 wrote for the same instance. */
static void files_are_those_that_nova_writes(void **state)
{
    static const char *const names[] = {"plain", "static", "dhcp"};

    for (size_t i = 0; i < ol_count(names); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
        const struct config_drive d =
            drive_of(&a, golden_load(&a, ol_arena_printf(&a, "config-drive/%s.in", names[i])));
        const struct ol_val *golden =
            golden_load(&a, ol_arena_printf(&a, "config-drive/%s.out", names[i]));
        struct config_drive_files files;

        assert_int_equal(config_drive_files(&d, &a, &files, NULL), 0);
        for (size_t j = 0; j < ol_val_count(golden) && j < files.n; j++) {
            const struct ol_val *line = ol_val_item(golden, j);
            const char *text = line_text(golden, line);

            assert_string_equal(files.files[j].path, ol_val_str(ol_val_item(line, 0)));
            if (files.files[j].size != strlen(text)
                || memcmp(files.files[j].data, text, strlen(text)) != 0)
                fail_msg("%s: %s:\ngot:  %s\nwant: %s", names[i], files.files[j].path,
                         (const char *)files.files[j].data, text);
        }
        assert_int_equal(files.n, ol_val_count(golden));
    }
}

static void vendor_data_that_is_no_json_is_refused(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct config_drive d = {.uuid = "i", .vendor_data = "{"};
    struct config_drive_files files;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(config_drive_files(&d, &a, &files, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "vendor data"));
}

static void equal_drives_are_equal_bytes(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    const struct config_drive d = drive_of(&a, golden_load(&a, "config-drive/static.in"));
    ol_auto(ol_buf_done) struct ol_buf one = OL_BUF_INIT(8 << 20), two = OL_BUF_INIT(8 << 20);

    assert_int_equal(config_drive_iso(&d, &one, NULL), 0);
    assert_int_equal(config_drive_iso(&d, &two, NULL), 0);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
}

static void another_format_is_refused(void **state)
{
    struct fixture *f = fixture_new();
    const struct config_drive d = {.uuid = "i", .name = "n", .hostname = "h"};
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(config_drive_write(&f->env, &d, "ext4", "/x", &err), -EINVAL);
    assert_non_null(strstr(err.msg, "ext4"));
    fixture_free(f);
}

static const char *doc_json(struct fixture *f, const char *key)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);
    struct ol_json_style style = ol_json_compact;

    style.b64_bytes = true;
    assert_int_equal(ol_json_dump(ol_val_get(f->g.ds.doc, key), &style, &b), 0);
    return ol_arena_strdup(&f->arena, b.data);
}

/* The guest's datasource reads what the host has written. */
static void our_guest_reads_the_drive(void **state)
{
    struct fixture *f = fixture_new();
    const struct config_drive d =
        drive_of(&f->arena, golden_load(&f->arena, "config-drive/static.in"));
    struct ol_err err = OL_ERR_INIT;

    fixture_put(f, "/sys/class/block/sr0/size", "800\n");
    assert_int_equal(ol_mkdir_p(&f->env, "/dev", 0755, NULL), 0);
    assert_int_equal(config_drive_write(&f->env, &d, "iso9660", "/dev/sr0", &err), 0);
    assert_int_equal(fixture_mode(f, "/dev/sr0"), 0600);
    assert_int_equal(source_find_first(&f->g, SOURCE_NEEDS_DISK, NULL, &err), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"7f3a8e5c-1111-4222-8333-944455556666\"");
    assert_true(ol_val_equal(ol_val_get(f->g.ds.doc, "network_json"),
                             config_drive_network_data(&f->arena, d.network_info)));
    assert_string_equal(doc_json(f, "vendordata_raw"), "\"#cloud-config\\n{}\"");
    assert_string_equal(ol_val_str(guest_metadata(&f->g, "local-hostname")), "web.example.org");
    assert_string_equal(ol_val_str(ol_val_item(guest_public_keys(&f->g), 0)), "ssh-rsa AAAA me@x");
    fixture_assert_file(f, "/etc/motd", "hello\n");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_that_nova_writes),
        cmocka_unit_test(vendor_data_that_is_no_json_is_refused),
        cmocka_unit_test(equal_drives_are_equal_bytes),
        cmocka_unit_test(another_format_is_refused),
        cmocka_unit_test(our_guest_reads_the_drive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
