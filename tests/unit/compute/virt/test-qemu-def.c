/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compute/virt/qemu-def.h"
#include "core/alloc.h"
#include "core/cleanup.h"

static const struct compute_config config = {.qemu_machine = "q35"};

static const struct virt_disk disks[] = {
    {.role = "disk", .is_ours = true, .format = VIRT_QCOW2, .base = "/base", .size = 1 << 20},
    {.role = "disk.config", .path = "/i/U/disk.config", .is_cdrom = true, .boot_index = -1},
};
static const struct virt_nic nic = {.id = "port", .mac = "52:54:00:00:00:01", .kind = "user"};

static struct virt_machine machine(const char *type)
{
    return (struct virt_machine){
        .uuid = "U",
        .name = "instance-1",
        .directory = "/i/U",
        .memory_mb = 64,
        .vcpus = 1,
        .machine_type = type,
        .disks = disks,
        .n_disks = ol_count(disks),
        .nics = &nic,
        .n_nics = 1,
    };
}

static struct qemu_def *make(const char *type)
{
    struct virt_machine m = machine(type);
    struct qemu_def *d = NULL;

    assert_int_equal(qemu_def_make(&m, &config, &d, NULL), 0);
    return d;
}

static void choices_are_made_by_the_board(void **state)
{
    static const struct {
        const char *type, *want_type, *cd_bus;
        bool is_q35;
    } cases[] = {
        {"pc", "pc", "ide", false},
        {"q35", "q35", "scsi", true},
        {"pc-q35-7.2", "pc-q35-7.2", "scsi", true},
        {"pc-i440fx-7.2", "pc-i440fx-7.2", "ide", false},
        {NULL, "q35", "scsi", true}, /* the option's */
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct qemu_def *d = make(cases[i].type);

        assert_string_equal(d->m.machine_type, cases[i].want_type);
        assert_int_equal(qemu_def_is_q35(d), cases[i].is_q35);
        assert_string_equal(d->disks[0].d.bus, "virtio");
        assert_string_equal(d->disks[0].d.path, "/i/U/disk");
        assert_string_equal(d->disks[1].d.bus, cases[i].cd_bus);
        /* The NIC has the PCI port behind the disk's. */
        assert_int_equal(d->disks[0].unit, 1);
        assert_int_equal(d->disks[1].unit, 1);
        assert_int_equal(d->nics[0].unit, 2);
        assert_int_equal(d->n_ports, 2 + QEMU_SPARE_PORTS);
        qemu_def_free(d);
    }
}

static void devices_keep_their_place_when_others_go(void **state)
{
    struct virt_disk volume = {.role = "v1", .path = "/v1"};
    struct qemu_def *d = make("pc");
    struct qemu_disk *made = NULL;

    (void)state;
    assert_int_equal(qemu_def_add_disk(d, &volume, &made, NULL), 0);
    assert_int_equal(made->unit, 3);
    assert_int_equal(qemu_def_add_disk(d, &volume, &made, NULL), -EEXIST);
    assert_int_equal(made->unit, 3);
    volume = (struct virt_disk){.role = "v2", .path = "/v2"};
    assert_int_equal(qemu_def_add_disk(d, &volume, &made, NULL), 0);
    assert_int_equal(made->unit, 4);
    qemu_def_remove_disk(d, qemu_def_disk(d, "v1"));
    assert_null(qemu_def_disk(d, "v1"));
    assert_int_equal(qemu_def_disk(d, "v2")->unit, 4);
    volume = (struct virt_disk){.role = "v3", .path = "/v3"};
    assert_int_equal(qemu_def_add_disk(d, &volume, &made, NULL), 0);
    assert_int_equal(made->unit, 3);
    qemu_def_remove_nic(d, qemu_def_nic(d, "port"));
    assert_null(qemu_def_nic(d, "port"));
    qemu_def_free(d);
}

static void too_many_devices_are_refused_by_name(void **state)
{
    struct qemu_def *d = make("q35");
    struct ol_err err = OL_ERR_INIT;
    int r = 0;

    (void)state;
    for (int i = 0; r == 0 && i < QEMU_MAX_DISKS; i++) {
        ol_autofree char *role = ol_xasprintf("v%d", i);
        struct qemu_disk *made = NULL;

        r = qemu_def_add_disk(d, &(struct virt_disk){.role = role, .path = "/v"}, &made, &err);
    }
    assert_int_equal(r, -ENOSPC);
    assert_string_equal(err.msg, "disk 'v8': no place is free on bus 'virtio'");
    qemu_def_free(d);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        struct virt_disk disk;
        const char *msg;
    } cases[] = {
        {{.role = "v", .path = "/v", .bus = "floppy"}, "disk 'v': there is no bus 'floppy'"},
        {{.role = "v"}, "disk 'v' has no path"},
        {{.role = "../v", .path = "/v"}, "a disk has the role '../v'"},
        {{.path = "/v"}, "a disk has the role ''"},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct virt_machine m = machine("pc");
        struct ol_err err = OL_ERR_INIT;
        struct qemu_def *d = NULL;

        m.disks = &cases[i].disk;
        m.n_disks = 1;
        assert_int_equal(qemu_def_make(&m, &config, &d, &err), -EINVAL);
        assert_string_equal(err.msg, cases[i].msg);
    }
}

/* An image's hw_machine_type comes from whoever uploaded it. */
static void a_machine_type_brings_no_other_options(void **state)
{
    static const char *const types[] = {"pc,initrd=/etc/shadow", "pc kernel=/x", "-pc", "pc\n",
                                        "q35;"};

    (void)state;
    for (size_t i = 0; i < ol_count(types); i++) {
        struct virt_machine m = machine(types[i]);
        struct ol_err err = OL_ERR_INIT;
        struct qemu_def *d = NULL;

        assert_int_equal(qemu_def_make(&m, &config, &d, &err), -EINVAL);
        assert_non_null(strstr(err.msg, "is no machine type"));
    }
}

static void what_a_disk_was_made_of_stays_known(void **state)
{
    struct virt_disk blank = {.role = "disk", .is_ours = true, .size = 1 << 20};
    struct virt_machine m = machine("pc");
    struct qemu_def *before = make("pc"), *now = NULL;

    (void)state;
    m.disks = &blank;
    m.n_disks = 1;
    assert_int_equal(qemu_def_make(&m, &config, &now, NULL), 0);
    qemu_def_inherit(now, before);
    qemu_def_free(before);
    assert_string_equal(now->disks[0].d.base, "/base");
    qemu_def_free(now);
}

static void memory_and_nics_are_checked(void **state)
{
    static const struct compute_config small = {.qemu_max_memory_mb = 32};
    struct virt_machine m = machine("pc");
    struct virt_nic odd = nic;
    struct ol_err err = OL_ERR_INIT;
    struct qemu_def *d = NULL;

    (void)state;
    assert_int_equal(qemu_def_make(&m, &small, &d, &err), -EINVAL);
    assert_string_equal(err.msg, "64 MiB of memory are more than qemu_max_memory_mb allows");
    m.memory_mb = 0;
    assert_int_equal(qemu_def_make(&m, &config, &d, &err), -EINVAL);
    m.memory_mb = 1;
    odd.kind = "binding_failed";
    m.nics = &odd;
    assert_int_equal(qemu_def_make(&m, &config, &d, &err), -EINVAL);
    assert_string_equal(err.msg, "NIC 'port': vif_type 'binding_failed' is not known");
}

static void record_gives_the_same_definition_again(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf first = OL_BUF_INIT(QEMU_DEF_MAX);
    ol_auto(ol_buf_done) struct ol_buf second = OL_BUF_INIT(QEMU_DEF_MAX);
    struct qemu_def *d = make("q35"), *again = NULL;

    (void)state;
    assert_int_equal(qemu_def_dump(d, &first), 0);
    assert_int_equal(qemu_def_load(first.data, first.len, &again, NULL), 0);
    assert_int_equal(qemu_def_dump(again, &second), 0);
    assert_string_equal(first.data, second.data);
    assert_int_equal(again->disks[0].d.format, VIRT_QCOW2);
    assert_int_equal(again->disks[1].d.boot_index, -1);
    qemu_def_free(d);
    qemu_def_free(again);
}

#define GOOD                                                                                       \
    "{\"version\": 1, \"uuid\": \"U\", \"name\": \"n\", \"directory\": \"/d\", "                   \
    "\"machine_type\": \"pc\", \"memory_mb\": 1, "

static void record_that_is_none_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{\"version\": 2}",
        "{\"version\": 1}",
        GOOD "\"disks\": [{\"role\": 5}]}",
        GOOD "\"n_ports\": 1000}",
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct qemu_def *d = NULL;

        assert_true(qemu_def_load(cases[i], strlen(cases[i]), &d, NULL) < 0);
        assert_null(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_are_made_by_the_board),
        cmocka_unit_test(devices_keep_their_place_when_others_go),
        cmocka_unit_test(too_many_devices_are_refused_by_name),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_machine_type_brings_no_other_options),
        cmocka_unit_test(what_a_disk_was_made_of_stays_known),
        cmocka_unit_test(memory_and_nics_are_checked),
        cmocka_unit_test(record_gives_the_same_definition_again),
        cmocka_unit_test(record_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
