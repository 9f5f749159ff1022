/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/object/object.h"
#include "core/cleanup.h"

static void a_release_has_its_versions(void **state)
{
    static const struct {
        const char *release, *class, *version;
        int service;
    } cases[] = {
        {"yoga", "BlockDeviceMapping", "1.20", 61},
        {"zed", "BlockDeviceMapping", "1.21", 64},
        {"zed", "Instance", "2.7", 64},
        {"antelope", "Instance", "2.7", 66},
        {"bobcat", "Instance", "2.8", 66},
        {"caracal", "RequestSpec", "1.15", 67},
        {"dalmatian", "Migration", "1.8", 67},
        {"epoxy", "ConsoleAuthToken", "1.3", 68},
        {"flamingo", "ImageMetaProps", "1.42", 70},
        {"gazpacho", "ComputeNode", "1.19", 72},
        {"master", "Service", "1.22", 73},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct nova_release *r = nova_release_find(cases[i].release);

        assert_non_null(r);
        assert_string_equal(nova_release_version(r, cases[i].class), cases[i].version);
        assert_int_equal(r->service_version, cases[i].service);
        assert_true(r->oldest_service <= r->service_version);
    }
    assert_null(nova_release_find("austin"));
    assert_null(nova_release_version(&nova_releases[0], "Nothing"));
}

/* demands: C28 */
static void every_class_of_the_tables_is_known_with_a_version(void **state)
{
    for (const struct nova_release *r = nova_releases; r->name; r++)
        for (const struct nova_object_version *v = r->objects; v->class; v++)
            assert_non_null(nova_class_find(v->class));
    assert_non_null(nova_class_find("Instance"));
    assert_non_null(nova_class_find("BlockDeviceMappingList"));
    assert_null(nova_class_find("CellMapping"));
}

static void a_manifest_has_all_classes_below(void **state)
{
    static const struct {
        const char *release, *class, *manifest;
    } cases[] = {
        {"zed", "InstanceActionEvent", "{\"InstanceActionEvent\":\"1.4\"}"},
        {"zed", "ComputeNode",
         "{\"ComputeNode\":\"1.19\",\"HVSpec\":\"1.2\",\"PciDevicePool\":\"1.1\","
         "\"PciDevicePoolList\":\"1.1\"}"},
        {"zed", "MigrationList", "{\"Migration\":\"1.7\",\"MigrationList\":\"1.5\"}"},
        {"master", "MigrationList", "{\"Migration\":\"1.8\",\"MigrationList\":\"1.5\"}"},
        {"zed", "VirtCPUModel",
         "{\"VirtCPUFeature\":\"1.0\",\"VirtCPUModel\":\"1.0\",\"VirtCPUTopology\":\"1.0\"}"},
        {"zed", "Instance",
         "{\"ComputeNode\":\"1.19\",\"DeviceBus\":\"1.0\",\"DeviceMetadata\":\"1.0\","
         "\"EC2Ids\":\"1.0\",\"Flavor\":\"1.2\",\"HVSpec\":\"1.2\",\"Instance\":\"2.7\","
         "\"InstanceDeviceMetadata\":\"1.0\",\"InstanceFault\":\"1.2\","
         "\"InstanceInfoCache\":\"1.5\",\"InstanceNUMACell\":\"1.6\","
         "\"InstanceNUMATopology\":\"1.3\",\"InstancePCIRequest\":\"1.4\","
         "\"InstancePCIRequests\":\"1.1\",\"KeyPair\":\"1.4\",\"KeyPairList\":\"1.3\","
         "\"MigrationContext\":\"1.2\",\"PciDevice\":\"1.7\",\"PciDeviceList\":\"1.3\","
         "\"PciDevicePool\":\"1.1\",\"PciDevicePoolList\":\"1.1\",\"Resource\":\"1.0\","
         "\"ResourceList\":\"1.0\",\"ResourceMetadata\":\"1.0\",\"SecurityGroup\":\"1.2\","
         "\"SecurityGroupList\":\"1.1\",\"Service\":\"1.22\",\"ServiceList\":\"1.19\","
         "\"Tag\":\"1.1\",\"TagList\":\"1.1\",\"TrustedCerts\":\"1.0\","
         "\"VirtCPUFeature\":\"1.0\",\"VirtCPUModel\":\"1.0\",\"VirtCPUTopology\":\"1.0\"}"},
    };
    struct ol_json_style style = ol_json_compact;

    style.sort_keys = true;
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 16);
        const struct nova_release *r = nova_release_find(cases[i].release);

        assert_int_equal(ol_json_dump(nova_manifest(&a, r, cases[i].class), &style, &text), 0);
        assert_string_equal(text.data, cases[i].manifest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_has_its_versions),
        cmocka_unit_test(every_class_of_the_tables_is_known_with_a_version),
        cmocka_unit_test(a_manifest_has_all_classes_below),
    };

    return cmocka_run_group_tests_name("compute/object/release", tests, NULL, NULL);
}
