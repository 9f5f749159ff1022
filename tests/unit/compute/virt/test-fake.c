/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compute/base/exception.h"
#include "compute/virt/virt.h"
#include "core/cleanup.h"

struct rig {
    struct ol_env env;
    struct compute_config config;
    const struct virt_driver *driver;
    struct virt *virt;
};

static const struct virt_disk root = {.role = "disk", .size = INT64_C(3) << 30};
static const struct virt_machine machine = {
    .uuid = "11111111-1111-1111-1111-111111111111",
    .name = "instance-00000001",
    .memory_mb = 512,
    .vcpus = 2,
    .disks = &root,
    .n_disks = 1,
};

static void rig_open(struct rig *rig, const char *compute_driver)
{
    struct ol_err err = OL_ERR_INIT;

    *rig = (struct rig){.env = {.root_fd = -1}};
    rig->config.compute_driver = compute_driver;
    rig->config.host = "cmp1";
    rig->driver = virt_driver_find(compute_driver);
    assert_non_null(rig->driver);
    assert_int_equal(
        rig->driver->open(&(struct virt_options){.env = &rig->env, .config = &rig->config},
                          &rig->virt, &err),
        0);
}

static void driver_is_found_by_name_or_nova_class(void **state)
{
    (void)state;
    assert_string_equal(virt_driver_find("fake")->name, "fake");
    assert_string_equal(virt_driver_find("fake.SmallFakeDriver")->name, "fake");
    assert_null(virt_driver_find("ironic.IronicDriver"));
    assert_null(virt_driver_find(NULL));
}

static void each_class_has_the_size_nova_gives_it(void **state)
{
    static const struct {
        const char *driver;
        int vcpus;
        int64_t memory_mb, local_gb;
    } cases[] = {
        {"fake", 1000, 800000, 600000},
        {"fake.FakeDriver", 1000, 800000, 600000},
        {"fake.MediumFakeDriver", 10, 8192, 1028},
        {"fake.SmallFakeDriver", 2, 8192, 1028},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
        struct virt_resources r;
        struct rig rig;

        rig_open(&rig, cases[i].driver);
        assert_int_equal(rig.driver->resources(rig.virt, &a, &r, NULL), 0);
        assert_int_equal(r.vcpus, cases[i].vcpus);
        assert_int_equal(r.memory_mb, cases[i].memory_mb);
        assert_int_equal(r.local_gb, cases[i].local_gb);
        assert_string_equal(r.hypervisor_type, "fake");
        assert_int_equal(r.hypervisor_version, 1000);
        assert_string_equal(r.hypervisor_hostname, "cmp1");
        ol_strv_done(&r.hv_specs);
        ol_strv_done(&r.traits);
        rig.driver->close(rig.virt);
    }
}

static enum virt_power power(const struct rig *rig)
{
    struct virt_info info;

    if (rig->driver->info(rig->virt, machine.uuid, &info, NULL) < 0)
        return VIRT_NOSTATE;
    return info.power;
}

static void machine_is_at_once_what_it_is_told_to_be(void **state)
{
    struct rig rig;
    const struct virt_driver *d;

    (void)state;
    rig_open(&rig, "fake.FakeDriver");
    d = rig.driver;
    assert_int_equal(d->spawn(rig.virt, &machine, NULL), 0);
    assert_int_equal(power(&rig), VIRT_RUNNING);
    assert_int_equal(d->pause(rig.virt, machine.uuid, NULL), 0);
    assert_int_equal(power(&rig), VIRT_PAUSED);
    assert_int_equal(d->unpause(rig.virt, machine.uuid, NULL), 0);
    assert_int_equal(d->power_off(rig.virt, machine.uuid, 0, 0, NULL), 0);
    assert_int_equal(power(&rig), VIRT_SHUTDOWN);
    assert_int_equal(d->power_on(rig.virt, &machine, NULL), 0);
    assert_int_equal(power(&rig), VIRT_RUNNING);
    assert_int_equal(d->destroy(rig.virt, machine.uuid, NULL, true, NULL), 0);
    assert_int_equal(d->destroy(rig.virt, machine.uuid, NULL, true, NULL), 0);
    assert_int_equal(power(&rig), VIRT_NOSTATE);
    assert_int_equal(d->reboot(rig.virt, &machine, true, NULL), 0);
    assert_int_equal(power(&rig), VIRT_RUNNING);
    d->close(rig.virt);
}

static void used_resources_follow_the_machines(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    struct virt_resources r;
    struct rig rig;

    (void)state;
    rig_open(&rig, "fake");
    assert_int_equal(rig.driver->spawn(rig.virt, &machine, NULL), 0);
    assert_int_equal(rig.driver->spawn(rig.virt, &machine, NULL), 0);
    assert_int_equal(rig.driver->resources(rig.virt, &a, &r, NULL), 0);
    assert_int_equal(r.vcpus_used, 2);
    assert_int_equal(r.memory_mb_used, 512);
    assert_int_equal(r.local_gb_used, 3);
    ol_strv_done(&r.hv_specs);
    ol_strv_done(&r.traits);
    rig.driver->close(rig.virt);
}

static void what_is_not_there_has_nova_names(void **state)
{
    struct ol_err err = OL_ERR_INIT;
    struct virt_info info;
    struct rig rig;

    (void)state;
    rig_open(&rig, "fake");
    assert_true(rig.driver->info(rig.virt, machine.uuid, &info, &err) < 0);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    assert_string_equal(err.msg,
                        "Instance 11111111-1111-1111-1111-111111111111 could not be found.");
    assert_int_equal(rig.driver->spawn(rig.virt, &machine, NULL), 0);
    assert_true(rig.driver->detach_disk(rig.virt, &machine, "vol", &err) < 0);
    assert_true(nova_is(&err, NOVA_DISK_NOT_FOUND));
    assert_true(rig.driver->uptime(rig.virt, NULL, NULL, &err) < 0);
    assert_true(nova_is(&err, NOVA_NOT_IMPLEMENTED));
    rig.driver->close(rig.virt);
}

static void console_gives_its_last_bytes(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1024);
    struct rig rig;

    (void)state;
    rig_open(&rig, "fake");
    assert_int_equal(rig.driver->spawn(rig.virt, &machine, NULL), 0);
    assert_int_equal(rig.driver->console(rig.virt, machine.uuid, NULL, 9, &text, NULL), 0);
    assert_string_equal(text.data, "LAST LINE");
    rig.driver->close(rig.virt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver_is_found_by_name_or_nova_class),
        cmocka_unit_test(each_class_has_the_size_nova_gives_it),
        cmocka_unit_test(machine_is_at_once_what_it_is_told_to_be),
        cmocka_unit_test(used_resources_follow_the_machines),
        cmocka_unit_test(what_is_not_there_has_nova_names),
        cmocka_unit_test(console_gives_its_last_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
