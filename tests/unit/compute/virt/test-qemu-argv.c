/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "compute/virt/qemu-argv.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

#define UUID "cbe39ad2-519b-42e4-9e8d-88648fc4e780"
#define HOME "/var/lib/nova/instances/" UUID

static const struct virt_disk root = {
    .role = "disk", .is_ours = true, .format = VIRT_QCOW2, .base = "/b", .size = 1 << 30};
static const struct virt_disk full[] = {
    {.role = "disk", .is_ours = true, .format = VIRT_QCOW2, .base = "/b", .boot_index = 0},
    {.role = "disk.config", .path = HOME "/disk.config", .is_cdrom = true, .boot_index = -1},
    {.role = "volume", .path = "/dev/sdx", .serial = "volume-id", .boot_index = -1},
    {.role = "scsi", .path = "/v, 1", .bus = "scsi", .is_read_only = true, .boot_index = 1},
    {.role = "ide", .path = "/v2", .bus = "sata", .boot_index = -1},
};
static const struct virt_nic nics[] = {
    {.id = "p1", .mac = "52:54:00:00:00:01", .kind = "user", .forwards = "tcp:127.0.0.1:2222:22"},
    {.id = "p2", .mac = "52:54:00:00:00:02", .kind = "bridge", .bridge = "br0", .mtu = 1400},
    {.id = "p3", .mac = "52:54:00:00:00:03", .kind = "tap", .tap = "tap1", .model = "e1000"},
};

static const struct {
    const char *golden;
    struct virt_machine machine;
    struct qemu_run run;
} cases[] = {
    {"plain-pc",
     {.machine_type = "pc", .disks = &root, .n_disks = 1, .vcpus = 1},
     {.accelerator = "tcg", .cache = "none"}},
    {"full-pc",
     {.machine_type = "pc", .disks = full, .n_disks = 5, .nics = nics, .n_nics = 3, .vcpus = 4},
     {.accelerator = "kvm", .cache = "writethrough"}},
    {"full-q35",
     {.machine_type = "q35",
      .disks = full,
      .n_disks = 5,
      .nics = nics,
      .n_nics = 3,
      .vcpus = 2,
      .has_status_port = true},
     {.accelerator = "tcg", .cache = "unsafe", .cpu_model = "EPYC"}},
    {"direct-boot",
     {.machine_type = "pc",
      .kernel = "/k",
      .initrd = "/i",
      .cmdline = "console=ttyS0, quiet",
      .cpu_model = "qemu64",
      .disks = &root,
      .n_disks = 1},
     {.accelerator = "tcg", .cache = "writeback", .is_resuming = true}},
};

/* tests/golden/virt/NAME.out, one argument a line; OL_TEST_UPDATE=1 writes it anew. */
static void compare(const char *name, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf want = OL_BUF_INIT(1 << 20);
    ol_autofree char *path =
        ol_xasprintf("%s/tests/golden/virt/%s.out", getenv("OL_TEST_SOURCE_DIR"), name);
    struct ol_env env;

    assert_int_equal(ol_env_init(&env, "/", NULL), 0);
    if (getenv("OL_TEST_UPDATE"))
        assert_int_equal(ol_file_puts(&env, path, text, 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_int_equal(ol_file_read(&env, path, &want, NULL), 0);
    assert_string_equal(text, want.data);
    ol_env_done(&env);
}

static void command_line_is_the_golden_one(void **state)
{
    static const struct compute_config config;

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
        struct virt_machine m = cases[i].machine;
        struct qemu_run run = cases[i].run;
        ol_autofree char *text = NULL, *lines = NULL;
        struct qemu_def *d = NULL;

        m.uuid = UUID;
        m.name = "instance-0000008e";
        m.directory = HOME;
        m.memory_mb = 192;
        run.binary = "/usr/bin/qemu-system-x86_64";
        run.product_version = "26.2.2";
        assert_int_equal(qemu_def_make(&m, &config, &d, NULL), 0);
        qemu_argv(d, &run, &argv);
        text = ol_strv_join(&argv, "\n");
        lines = ol_xasprintf("%s\n", text);
        compare(cases[i].golden, lines);
        qemu_def_free(d);
    }
}

static void name_with_a_comma_adds_no_option(void **state)
{
    static const struct compute_config config;
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    struct virt_machine m = {.uuid = UUID,
                             .name = "a,readonly=on",
                             .directory = HOME,
                             .memory_mb = 1,
                             .machine_type = "pc"};
    struct qemu_run run = {.binary = "q", .accelerator = "tcg", .product_version = "1"};
    struct qemu_def *d = NULL;

    (void)state;
    assert_int_equal(qemu_def_make(&m, &config, &d, NULL), 0);
    qemu_argv(d, &run, &argv);
    assert_string_equal(argv.v[2], "guest=a,,readonly=on,process=qemu-a,,readonly=on");
    qemu_def_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_line_is_the_golden_one),
        cmocka_unit_test(name_with_a_comma_adds_no_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
