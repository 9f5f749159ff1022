/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "compute/virt/libvirt-read.h"
#include "compute/virt/libvirt-xml.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

#define UUID     "cbe39ad2-519b-42e4-9e8d-88648fc4e780"
#define HOME     "/var/lib/nova/instances-lv1/" UUID
#define PORT     "0f5ab8e2-1111-2222-3333-444444444444"
#define OVS_PORT "9f5ab8e2-1111-2222-3333-444444444444"

/* Those of the first case are nova's own in a domain that it has defined. */
static const struct virt_disk plain[] = {
    {.role = "disk", .is_ours = true, .format = VIRT_RAW, .boot_index = 0},
    {.role = "disk.config",
     .path = HOME "/disk.config",
     .is_cdrom = true,
     .is_read_only = true,
     .boot_index = -1},
};
static const struct virt_disk full[] = {
    {.role = "disk", .is_ours = true, .format = VIRT_QCOW2, .base = "/b", .boot_index = 1},
    {.role = "disk.config", .path = HOME "/disk.config", .is_cdrom = true, .boot_index = -1},
    {.role = "volume-1", .path = "/dev/sdx", .serial = "volume-1", .boot_index = 0},
    {.role = "a&b", .path = "/v, <1>", .bus = "scsi", .is_read_only = true, .boot_index = -1},
    {.role = "named", .path = "/v2", .device = "/dev/vdd", .boot_index = -1},
    {.role = "nfs", .path = "nfs://server/export/dir/volume", .boot_index = -1},
    {.role = "iscsi",
     .path = "iscsi://[fe80::1]:3261/iqn.2010-10.org.openstack:v/2",
     .initiator = "iqn.1994-05:a",
     .boot_index = -1},
};
static const struct virt_nic nics[] = {
    {.id = "p1", .mac = "52:54:00:00:00:01", .kind = "user"},
    {.id = PORT, .mac = "52:54:00:00:00:02", .kind = "bridge", .bridge = "br0", .mtu = 1400},
    {.id = "p3", .mac = "52:54:00:00:00:03", .kind = "tap", .tap = "tap1", .model = "e1000"},
    {.id = OVS_PORT, .mac = "52:54:00:00:00:04", .kind = "ovs"},
};

static const struct {
    const char *golden;
    struct virt_machine machine;
    struct libvirt_run run;
} cases[] = {
    {"libvirt-plain",
     {.machine_type = "pc", .disks = plain, .n_disks = 2, .vcpus = 1},
     {.type = "qemu", .cache = "none"}},
    {"libvirt-full-pc",
     {.machine_type = "pc", .disks = full, .n_disks = 7, .nics = nics, .n_nics = 4, .vcpus = 4},
     {.type = "kvm", .cache = "writeback", .cpu_mode = "custom", .cpu_model = "EPYC"}},
    {"libvirt-full-q35",
     {.machine_type = "q35",
      .disks = full,
      .n_disks = 7,
      .nics = nics,
      .n_nics = 1,
      .vcpus = 2,
      .has_status_port = true},
     {.type = "kvm", .cache = "unsafe", .cpu_mode = "none", .emulator = "/opt/qemu"}},
    {"libvirt-direct-boot",
     {.machine_type = "pc",
      .kernel = "/k",
      .initrd = "/i",
      .cmdline = "console=ttyS0 \"quiet\" <&>",
      .cpu_model = "qemu64",
      .disks = plain,
      .n_disks = 1},
     {.type = "qemu", .cache = "none", .cpu_mode = "host-passthrough"}},
};

static void read_text(const char *path, struct ol_buf *ret)
{
    ol_autofree char *full_path = ol_xasprintf("%s/%s", getenv("OL_TEST_SOURCE_DIR"), path);
    struct ol_env env;

    assert_int_equal(ol_env_init(&env, "/", NULL), 0);
    assert_int_equal(ol_file_read(&env, full_path, ret, NULL), 0);
    ol_env_done(&env);
}

/* tests/golden/virt/NAME.out; OL_TEST_UPDATE=1 writes it anew. */
static void compare(const char *name, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf want = OL_BUF_INIT(1 << 20);
    ol_autofree char *path = ol_xasprintf("tests/golden/virt/%s.out", name);
    ol_autofree char *full_path = ol_xasprintf("%s/%s", getenv("OL_TEST_SOURCE_DIR"), path);
    struct ol_env env;

    assert_int_equal(ol_env_init(&env, "/", NULL), 0);
    if (getenv("OL_TEST_UPDATE"))
        assert_int_equal(ol_file_puts(&env, full_path, text, 0644, OL_WRITE_PARENTS, NULL), 0);
    ol_env_done(&env);
    read_text(path, &want);
    assert_string_equal(text, want.data);
}

static void domain_of(size_t i, struct ol_buf *ret)
{
    static const struct compute_config config;
    struct virt_machine m = cases[i].machine;
    struct libvirt_run run = cases[i].run;
    struct qemu_def *d = NULL;

    m.uuid = UUID;
    m.name = "instance-0000008e";
    m.directory = HOME;
    m.memory_mb = 192;
    run.product_version = "26.2.2";
    run.created = "2026-11-22 01:25:48";
    run.ovs_bridge = "br-int";
    assert_int_equal(qemu_def_make(&m, &config, &d, NULL), 0);
    libvirt_domain_xml(d, &run, ret);
    assert_int_equal(ol_buf_status(ret), 0);
    qemu_def_free(d);
}

static void domain_is_the_golden_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf xml = OL_BUF_INIT(LIBVIRT_XML_MAX);

        domain_of(i, &xml);
        compare(cases[i].golden, xml.data);
    }
}

/* Whatever text is in a definition, the domain has the devices that were meant. */
static void text_adds_no_element(void **state)
{
    static const struct virt_disk disk = {
        .role = "v", .path = "/x'/><disk/>", .serial = "</serial></disk><disk>", .boot_index = -1};
    static const struct compute_config config;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf xml = OL_BUF_INIT(LIBVIRT_XML_MAX);
    struct virt_machine m = {.uuid = UUID,
                             .name = "</name>\x01",
                             .directory = HOME,
                             .memory_mb = 1,
                             .machine_type = "pc",
                             .disks = &disk,
                             .n_disks = 1};
    struct libvirt_run run = {.type = "qemu", .cache = "none", .product_version = "1"};
    struct libvirt_devices found;
    struct qemu_def *d = NULL;

    (void)state;
    assert_int_equal(qemu_def_make(&m, &config, &d, NULL), 0);
    libvirt_domain_xml(d, &run, &xml);
    qemu_def_free(d);
    assert_non_null(strstr(xml.data, "<name>&lt;/name&gt;?</name>"));
    assert_int_equal(libvirt_find_devices(&a, xml.data, "disk", &found), 0);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.list[0].source, disk.path);
    assert_string_equal(found.list[0].serial, disk.serial);
}

static void target_is_the_named_or_the_first_free(void **state)
{
    static const struct {
        const char *bus, *device, *taken, *want;
    } rows[] = {
        {"virtio", NULL, "", "vda"},
        {"virtio", NULL, "vda vdc", "vdb"},
        {"virtio", "/dev/vdf", "vda", "vdf"},
        {"virtio", "/dev/vdf", "vdf", "vda"},
        {"scsi", "/dev/vdb", "", "sda"},
        {"sata", NULL, "sda", "sdb"},
        {"ide", NULL, "", "hda"},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(rows); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
        ol_auto(ol_strv_done) struct ol_strv taken = OL_STRV_INIT;
        struct virt_disk disk = {.bus = rows[i].bus, .device = rows[i].device};

        ol_strv_split(&taken, rows[i].taken, " ");
        assert_string_equal(libvirt_target(&a, &disk, &taken), rows[i].want);
    }
}

static void passwords_are_refused(void **state)
{
    struct virt_disk disk = {.role = "v", .path = "iscsi://a:1/t/0", .user = "u", .password = "p"};
    struct ol_err err = OL_ERR_INIT;

    (void)state;
    assert_true(libvirt_check_disk(&disk, &err) < 0);
    disk.password = NULL;
    assert_int_equal(libvirt_check_disk(&disk, &err), 0);
    disk.path = "iscsi://a";
    assert_true(libvirt_check_disk(&disk, &err) < 0);
}

static void forwards_are_refused(void **state)
{
    struct virt_nic nic = {.id = "p", .kind = "user", .forwards = "tcp::1:2"};
    struct ol_err err = OL_ERR_INIT;

    (void)state;
    assert_true(libvirt_check_nic(&nic, &err) < 0);
    nic.forwards = NULL;
    assert_int_equal(libvirt_check_nic(&nic, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domain_is_the_golden_one),
        cmocka_unit_test(text_adds_no_element),
        cmocka_unit_test(target_is_the_named_or_the_first_free),
        cmocka_unit_test(passwords_are_refused),
        cmocka_unit_test(forwards_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
