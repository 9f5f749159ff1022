/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/module/block.h"
#include "guest/module/fstab.h"

#define OPTIONS_26 "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev"
#define OPTIONS_22 "defaults,nofail,x-systemd.requires=cloud-init.service,_netdev"

/* A disk with nothing on it. */
static void put_disk(struct fixture *f, const char *name)
{
    static const char zeroes[64 << 10];
    const char *path = ol_arena_printf(&f->arena, "/dev/%s", name);

    assert_int_equal(ol_file_write(&f->env, path, zeroes, sizeof(zeroes), 0600, 0, NULL), 0);
    assert_int_equal(
        ol_mkdir_p(&f->env, ol_arena_printf(&f->arena, "/sys/block/%s", name), 0755, NULL), 0);
    assert_int_equal(
        ol_mkdir_p(&f->env, ol_arena_printf(&f->arena, "/sys/class/block/%s", name), 0755, NULL),
        0);
}

/* A disk that libblkid knows the type of. */
static void put_formatted_disk(struct fixture *f, const char *name)
{
    char data[64 << 10] = {0};
    const char *path = ol_arena_printf(&f->arena, "/dev/%s", name);

    put_disk(f, name);
    data[1024] = 1;  /* version */
    data[1028] = 15; /* last page */
    memcpy(data + 4086, "SWAPSPACE2", 10);
    assert_int_equal(ol_file_write(&f->env, path, data, sizeof(data), 0600, 0, NULL), 0);
}

static struct fixture *machine(void)
{
    struct fixture *f = fixture_new();

    assert_int_equal(ol_mkdir_p(&f->env, "/run/systemd/system", 0755, NULL), 0);
    fixture_put(f, "/etc/fstab", "# mine\n\nUUID=1 / ext4 defaults 0 1\n");
    return f;
}

static void set_instance(struct fixture *f, const char *json)
{
    f->g.ds.doc = fixture_value(f, json);
}

static void fields_are_escaped_in_fstab(void **state)
{
    static const struct fstab_entry e = {{"//nas/a b", "/m\\n\tx", "cifs", "ro", "0", "0"}};
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
    ol_auto(ol_strv_done) struct ol_strv changes = OL_STRV_INIT;
    char field[] = "/a\\040b\\134\\9";

    fstab_rewrite("", &e, 1, &b, &changes);
    assert_string_equal(b.data,
                        "//nas/a\\040b\t/m\\134n\\011x\tcifs\tro,comment=cloudconfig\t0\t0\n");
    assert_string_equal(fstab_unescape(field), "/a b\\\\9");
    (void)state;
}

static void lines_of_others_stay_and_ours_are_replaced(void **state)
{
    static const char old[] = "# a comment\n\n"
                              "/dev/vdb\t/mnt\tauto\tro,comment=cloudconfig\t0\t2\n"
                              "UUID=1 /  ext4\tdefaults 0 1";
    static const struct fstab_entry same = {{"/dev/vdb", "/mnt", "auto", "ro", "0", "2"}};
    static const struct fstab_entry other = {{"/dev/vdc", "/mnt", "auto", "ro", "0", "2"}};
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
    ol_auto(ol_strv_done) struct ol_strv none = OL_STRV_INIT, changes = OL_STRV_INIT;

    fstab_rewrite(old, &same, 1, &b, &none);
    assert_string_equal(b.data, "# a comment\n\nUUID=1 /  ext4\tdefaults 0 1\n"
                                "/dev/vdb\t/mnt\tauto\tro,comment=cloudconfig\t0\t2\n");
    assert_int_equal(none.n, 0);
    fstab_rewrite(old, &other, 1, &b, &changes);
    assert_int_equal(changes.n, 2);
    assert_string_equal(changes.v[0], "- /dev/vdb /mnt auto ro,comment=cloudconfig 0 2");
    assert_string_equal(changes.v[1], "+ /dev/vdc /mnt auto ro,comment=cloudconfig 0 2");
    assert_true(fstab_has_device(old, "UUID=1"));
    assert_false(fstab_has_device(old, "/dev/vdb"));
    (void)state;
}

static void device_names_are_resolved(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"vdb", "/dev/vdb"},
        {"/dev/vdb", "/dev/vdb"},
        {"vdc", "/dev/vdc1"},
        {"/dev/vdc.2", "/dev/vdc2"},
        {"/dev/vdc.3", NULL},
        {"vdc.2", NULL},
        {"vdz", NULL},
        {"nfs:/export", "nfs:/export"},
        {"LABEL=data", NULL},
        {"data", "/dev/vdb"},
        {"/dev/disk/by-id/x", "/dev/disk/by-id/x"},
        {"ephemeral", "/dev/vdb"},
        {"ephemeral0", "/dev/vdb"},
        {"ephemeral1", NULL},
        {"root", "/dev/vdc1"},
        {"swap", "/dev/vdd"},
        {"nvme0n1", NULL},
    };
    struct fixture *f = machine();
    const struct ol_val *aliases = fixture_value(f, "{\"data\": \"/dev/vdb\"}");

    put_disk(f, "vdb");
    put_disk(f, "vdc");
    put_formatted_disk(f, "vdd");
    fixture_put(f, "/dev/vdc1", "");
    fixture_put(f, "/dev/vdc2", "");
    fixture_put(f, "/sys/block/vdc/vdc1/partition", "1\n");
    fixture_put(f, "/sys/block/vdc/vdc2/partition", "2\n");
    assert_int_equal(ol_mkdir_p(&f->env, "/dev/disk/by-id", 0755, NULL), 0);
    assert_int_equal(ol_symlink(&f->env, "../../vdb", "/dev/disk/by-id/x", NULL), 0);
    set_instance(f, "{\"source\": \"ConfigDrive\", \"ec2_metadata\": {\"block-device-mapping\":"
                    " {\"ami\": \"sdc\", \"ephemeral0\": \"sdb\", \"ephemeral1\": \"sdx\"}}}");
    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *got = block_resolve(&f->g, cases[i].name, aliases);

        if (!cases[i].want)
            assert_null(got);
        else
            assert_string_equal(got ? got : "(none)", cases[i].want);
    }
    fixture_free(f);
    (void)state;
}

static void mounts_are_written_and_activated(void **state)
{
    struct fixture *f = machine();

    put_disk(f, "vdb");
    assert_int_equal(fixture_run(f, &module_mounts,
                                 "{\"mounts\": [[\"vdb\", \"/data\"],"
                                 "[\"LABEL=x\", \"/x y\", \"xfs\", null, 0, 0], \"bad\","
                                 "[\"/dev/vdq\", \"/q\"], [\"/dev/vdq\", null]]}",
                                 NULL),
                     0);
    fixture_assert_file(f, "/etc/fstab",
                        "# mine\n\nUUID=1 / ext4 defaults 0 1\n"
                        "/dev/vdb\t/data\tauto\t" OPTIONS_26 ",comment=cloudconfig\t0\t2\n"
                        "LABEL=x\t/x\\040y\txfs\t" OPTIONS_26 ",comment=cloudconfig\t0\t0\n");
    assert_true(ol_is_dir(&f->env, "/data"));
    assert_true(ol_is_dir(&f->env, "/x y"));
    assert_false(ol_is_dir(&f->env, "/q"));
    assert_int_equal(f->exec.commands.n, 2);
    assert_string_equal(f->exec.commands.v[0], "mount -a");
    assert_string_equal(f->exec.commands.v[1], "systemctl daemon-reload");
    fixture_assert_logged(f, "Mount option not a list, ignoring: bad");
    fixture_free(f);
    (void)state;
}

static void options_name_the_unit_that_exists(void **state)
{
    static const struct {
        const char *unit, *want;
    } cases[] = {
        {"/usr/lib/systemd/system/cloud-init.service", OPTIONS_22},
        {"/usr/lib/systemd/system/cloud-init-network.service", OPTIONS_26},
        {"/none", OPTIONS_26},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        fixture_put(f, cases[i].unit, "");
        assert_int_equal(fixture_run(f, &module_mounts, "{\"mounts\": [[\"a:/b\", \"/b\"]]}", NULL),
                         0);
        assert_non_null(strstr(fixture_text(f, "/etc/fstab"), cases[i].want));
        fixture_free(f);
    }
    (void)state;
}

/* demands: 27 */
static void a_scratch_disk_without_file_system_is_not_mounted(void **state)
{
    static const char instance[] = "{\"source\": \"Ec2\", \"metadata\": {\"block-device-mapping\":"
                                   " {\"ephemeral0\": \"sdb\"}}}";
    struct fixture *f = machine();

    put_disk(f, "vdb");
    set_instance(f, instance);
    assert_int_equal(
        fixture_run(f, &module_mounts, "{\"mounts\": [[\"ephemeral0\", \"/scratch\"]]}", NULL), 0);
    assert_null(strstr(fixture_text(f, "/etc/fstab"), "cloudconfig"));
    assert_int_equal(f->exec.commands.n, 0);
    put_formatted_disk(f, "vdb");
    assert_int_equal(fixture_run(f, &module_mounts, "{}", NULL), 0);
    fixture_assert_file(f, "/etc/fstab",
                        "# mine\n\nUUID=1 / ext4 defaults 0 1\n"
                        "/dev/vdb\t/mnt\tauto\t" OPTIONS_26 ",comment=cloudconfig\t0\t2\n");
    fixture_free(f);
    (void)state;
}

/* demands: 27 */
static void lines_of_a_former_instance_go(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/etc/fstab",
                "UUID=1 / ext4 defaults 0 1\n/dev/vdb /mnt auto nofail,comment=cloudconfig 0 2\n");
    assert_int_equal(fixture_run(f, &module_mounts, "{}", NULL), 0);
    fixture_assert_file(f, "/etc/fstab", "UUID=1 / ext4 defaults 0 1\n");
    fixture_free(f);
    (void)state;
}

static void nothing_to_do_leaves_everything_alone(void **state)
{
    struct fixture *f = machine();

    assert_int_equal(fixture_run(f, &module_mounts, "{}", NULL), 0);
    fixture_assert_logged(f, "No modifications to fstab needed");
    assert_int_equal(f->exec.commands.n, 0);
    fixture_free(f);
    (void)state;
}

static void failing_activation_is_warned_about_and_all_is_tried(void **state)
{
    static const struct fake_answer answers[] = {{"mount -a", .status = 32, .err = "no"}, {0}};
    struct fixture *f = machine();

    f->exec.answers = answers;
    assert_int_equal(fixture_run(f, &module_mounts, "{\"mounts\": [[\"a:/b\", \"/b\"]]}", NULL), 0);
    assert_int_equal(f->exec.commands.n, 2);
    fixture_assert_logged(f, "WARNING: Activate mounts: FAIL:mount -a: ");
    fixture_free(f);
    (void)state;
}

static void without_systemd_the_old_options_are_used(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/proc/mounts", "a:/b /b\\040c nfs ro 0 0\n");
    assert_int_equal(fixture_run(f, &module_mounts, "{\"mounts\": [[\"a:/b\", \"/b c\"]]}", NULL),
                     0);
    fixture_assert_file(f, "/etc/fstab",
                        "a:/b\t/b\\040c\tauto\tdefaults,nobootwait,comment=cloudconfig\t0\t2\n");
    assert_int_equal(f->exec.commands.n, 1);
    /* Again: no change, and it is mounted. */
    assert_int_equal(fixture_run(f, &module_mounts, "{\"mounts\": [[\"a:/b\", \"/b c\"]]}", NULL),
                     0);
    assert_int_equal(f->exec.commands.n, 1);
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_escaped_in_fstab),
        cmocka_unit_test(lines_of_others_stay_and_ours_are_replaced),
        cmocka_unit_test(device_names_are_resolved),
        cmocka_unit_test(mounts_are_written_and_activated),
        cmocka_unit_test(options_name_the_unit_that_exists),
        cmocka_unit_test(a_scratch_disk_without_file_system_is_not_mounted),
        cmocka_unit_test(lines_of_a_former_instance_go),
        cmocka_unit_test(nothing_to_do_leaves_everything_alone),
        cmocka_unit_test(failing_activation_is_warned_about_and_all_is_tried),
        cmocka_unit_test(without_systemd_the_old_options_are_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
