/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/usage.h"
#include "core/cleanup.h"

static const struct compute_config config = {
    .my_ip = "127.0.0.1", .reserved_host_memory_mb = 512, .reserved_host_disk_mb = 1500};

static const struct virt_resources resources = {
    .vcpus = 8,
    .memory_mb = 16384,
    .local_gb = 100,
    .hypervisor_type = "QEMU",
    .hypervisor_version = 7002000,
    .hypervisor_hostname = "cmp1",
    .cpu_info = "{}",
};

static struct nova_object *instance(struct ol_arena *a, const char *uuid, const char *task)
{
    struct nova_object *i = nova_object_new(a, nova_release_find("zed"), "Instance");

    nova_set_str(i, "uuid", uuid);
    nova_set_str(i, "vm_state", "active");
    nova_set_str(i, "task_state", task);
    nova_set_str(i, "project_id", "p");
    nova_set_int(i, "vcpus", 2);
    nova_set_int(i, "memory_mb", 1024);
    nova_set_int(i, "root_gb", 10);
    nova_set_int(i, "ephemeral_gb", 5);
    return i;
}

static const char *stat(const struct nova_object *node, const char *name)
{
    return ol_val_str(ol_val_get(nova_val(node, "stats"), name));
}

static void a_node_shows_what_its_instances_use(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(usage_done) struct usage u = {0};
    struct nova_object *node = nova_object_new(&a, nova_release_find("zed"), "ComputeNode");

    usage_put(&u, instance(&a, "u-1", NULL));
    usage_put(&u, instance(&a, "u-2", "powering-off"));
    usage_put(&u, instance(&a, "u-2", "powering-off"));
    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_int_equal(nova_int(node, "vcpus_used", 0), 4);
    assert_int_equal(nova_int(node, "memory_mb_used", 0), 2048 + 512);
    assert_int_equal(nova_int(node, "local_gb_used", 0), 30 + 2);
    assert_int_equal(nova_int(node, "free_ram_mb", 0), 16384 - 2560);
    assert_int_equal(nova_int(node, "running_vms", 0), 2);
    assert_int_equal(nova_int(node, "current_workload", 0), 1);
    assert_string_equal(stat(node, "num_instances"), "2");
    assert_string_equal(stat(node, "num_task_None"), "1");
    assert_string_equal(stat(node, "num_proj_p"), "2");
    assert_true(usage_remove(&u, "u-1"));
    assert_false(usage_remove(&u, "u-1"));
    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_int_equal(nova_int(node, "vcpus_used", 0), 2);
}

static void a_node_that_did_not_change_is_not_saved_again(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(usage_done) struct usage u = {0};
    struct nova_object *node = nova_object_new(&a, nova_release_find("zed"), "ComputeNode");

    usage_put(&u, instance(&a, "u-1", NULL));
    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    nova_clear_changes(node);
    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_int_equal(ol_val_count(ol_val_get(node->primitive, "nova_object.changes")), 0);
    u.n_failed_builds = 1;
    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_true(nova_is_changed(node, "stats"));
}

static void inventories_are_those_of_the_node(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct usage u = {0};
    struct nova_object *node = nova_object_new(&a, nova_release_find("zed"), "ComputeNode");
    struct placement_inventory inventories[USAGE_INVENTORIES];

    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    nova_set_float(node, "cpu_allocation_ratio", 16);
    usage_inventories(node, &config, inventories);
    assert_string_equal(inventories[0].resource_class, "VCPU");
    assert_int_equal(inventories[0].max_unit, 8);
    assert_true(inventories[0].allocation_ratio == 16.0);
    assert_int_equal(inventories[1].reserved, 512);
    assert_string_equal(inventories[2].resource_class, "DISK_GB");
    assert_int_equal(inventories[2].reserved, 2);
}

static void too_much_is_refused_by_name(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct usage u = {0};
    struct nova_object *node = nova_object_new(&a, nova_release_find("zed"), "ComputeNode");
    struct ol_err err = OL_ERR_INIT;

    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_int_equal(usage_fits(node, 1, 1024, 10, &err), 0);
    assert_int_equal(usage_fits(node, 1, 16384, 10, &err), -ENOSPC);
    assert_true(nova_is(&err, NOVA_COMPUTE_RESOURCES_UNAVAILABLE));
    assert_string_equal(ol_err_text(&err),
                        "Insufficient compute resources: Free memory 15872 < requested 16384.");
}

static void what_a_host_has_nothing_of_is_an_empty_list(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(usage_done) struct usage u = {0};
    struct nova_object *node = nova_object_new(&a, nova_release_find("zed"), "ComputeNode");

    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_string_equal(nova_str(node, "metrics"), "[]");
    assert_int_equal(nova_list_count(nova_child(node, "pci_device_pools")), 0);
    nova_clear_changes(node);
    usage_fill_node(&u, &resources, &config, nova_release_find("zed"), node);
    assert_int_equal(ol_val_count(ol_val_get(node->primitive, "nova_object.changes")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_shows_what_its_instances_use),
        cmocka_unit_test(a_node_that_did_not_change_is_not_saved_again),
        cmocka_unit_test(inventories_are_those_of_the_node),
        cmocka_unit_test(too_much_is_refused_by_name),
        cmocka_unit_test(what_a_host_has_nothing_of_is_an_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
