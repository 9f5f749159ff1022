/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "volume/driver/check.h"

#define MIB        ((int64_t)1 << 20)
#define MODE(name) CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__##name

typedef Csi__V1__VolumeCapability__AccessMode access_mode;

/* A capability with the parts that it points to. */
struct capability {
    Csi__V1__VolumeCapability c;
    access_mode mode;
    Csi__V1__VolumeCapability__MountVolume mount;
    Csi__V1__VolumeCapability__BlockVolume block;
};

/* 'how': a file system, "block", or NULL for neither. */
static void fill(struct capability *c, const char *how, int mode)
{
    csi__v1__volume_capability__init(&c->c);
    csi__v1__volume_capability__access_mode__init(&c->mode);
    csi__v1__volume_capability__mount_volume__init(&c->mount);
    csi__v1__volume_capability__block_volume__init(&c->block);
    c->mode.mode = (Csi__V1__VolumeCapability__AccessMode__Mode)mode;
    c->c.access_mode = &c->mode;
    if (how && !strcmp(how, "block")) {
        c->c.access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK;
        c->c.block = &c->block;
    } else if (how) {
        c->mount.fs_type = (char *)(uintptr_t)how;
        c->c.access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
        c->c.mount = &c->mount;
    }
}

static void capabilities_that_a_local_volume_can_have(void **state)
{
    static const struct {
        const char *how;
        int mode;
        enum driver_type type;
        int want; /* gRPC code */
    } cases[] = {
        {"", MODE(SINGLE_NODE_WRITER), DRIVER_IMAGE, 0},
        {"ext4", MODE(SINGLE_NODE_WRITER), DRIVER_IMAGE, 0},
        {"xfs", MODE(SINGLE_NODE_MULTI_WRITER), DRIVER_IMAGE, 0},
        {"xfs", MODE(SINGLE_NODE_SINGLE_WRITER), DRIVER_IMAGE, 0},
        {"block", MODE(SINGLE_NODE_READER_ONLY), DRIVER_IMAGE, 0},
        {"btrfs", MODE(SINGLE_NODE_WRITER), DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
        {"btrfs", MODE(SINGLE_NODE_WRITER), DRIVER_DIRECTORY, 0},
        {"block", MODE(SINGLE_NODE_WRITER), DRIVER_DIRECTORY, OL_GRPC_INVALID_ARGUMENT},
        {NULL, MODE(SINGLE_NODE_WRITER), DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
        {"ext4", MODE(UNKNOWN), DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
        {"ext4", MODE(MULTI_NODE_READER_ONLY), DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
        {"ext4", MODE(MULTI_NODE_SINGLE_WRITER), DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
        {"ext4", MODE(MULTI_NODE_MULTI_WRITER), DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
        {"ext4", 4711, DRIVER_IMAGE, OL_GRPC_INVALID_ARGUMENT},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;
        struct driver_use use;
        struct capability c;
        int r;

        fill(&c, cases[i].how, cases[i].mode);
        r = driver_check_capability(&c.c, cases[i].type, &use, &err);
        assert_int_equal(r, cases[i].want ? -EPROTO : 0);
        if (cases[i].want)
            assert_int_equal(driver_code(&err), cases[i].want);
    }
    assert_int_equal(driver_check_capability(NULL, DRIVER_IMAGE, NULL, NULL), -EPROTO);
}

static void sizes_fit_their_range(void **state)
{
    static const struct {
        int64_t required, limit, least, want;
        int code;
    } cases[] = {
        {0, 0, 0, 1024 * MIB, 0},
        {0, 0, 2048 * MIB, 2048 * MIB, 0},
        {10 * MIB, 0, 4 * MIB, 10 * MIB, 0},
        {1, 0, 4 * MIB, 4 * MIB, 0},
        {5000, 0, 4096, 8192, 0},
        {5000, 8192, 4096, 8192, 0},
        {5000, 6000, 4096, 0, OL_GRPC_OUT_OF_RANGE},
        {0, 64 * MIB, 4 * MIB, 64 * MIB, 0},
        {0, 64 * MIB + 1, 4 * MIB, 64 * MIB, 0},
        {0, 100 * MIB, 300 * MIB, 0, OL_GRPC_OUT_OF_RANGE},
        {10 * MIB, 5 * MIB, 0, 0, OL_GRPC_INVALID_ARGUMENT},
        {-1, 0, 0, 0, OL_GRPC_INVALID_ARGUMENT},
        {0, -1, 0, 0, OL_GRPC_INVALID_ARGUMENT},
        {INT64_MAX, 0, 0, 0, OL_GRPC_OUT_OF_RANGE},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        Csi__V1__CapacityRange range = CSI__V1__CAPACITY_RANGE__INIT;
        struct ol_err err = OL_ERR_INIT;
        int64_t size = 0;

        range.required_bytes = cases[i].required;
        range.limit_bytes = cases[i].limit;
        assert_int_equal(driver_check_range(&range, cases[i].least, &size, &err),
                         cases[i].code ? -EPROTO : 0);
        assert_int_equal(size, cases[i].want);
        if (cases[i].code)
            assert_int_equal(driver_code(&err), cases[i].code);
    }
}

/* Parameters as "key=value", which the request borrows. */
static int create(const char *name, const char *key, const char *value, const char *how,
                  struct driver_record *ret, struct ol_err *err)
{
    Csi__V1__CreateVolumeRequest q = CSI__V1__CREATE_VOLUME_REQUEST__INIT;
    Csi__V1__CreateVolumeRequest__ParametersEntry entry =
        CSI__V1__CREATE_VOLUME_REQUEST__PARAMETERS_ENTRY__INIT;
    Csi__V1__CreateVolumeRequest__ParametersEntry *entries[] = {&entry};
    struct capability c;
    Csi__V1__VolumeCapability *capabilities[] = {&c.c};

    fill(&c, how, MODE(SINGLE_NODE_WRITER));
    q.name = (char *)(uintptr_t)name;
    q.n_volume_capabilities = 1;
    q.volume_capabilities = capabilities;
    if (key) {
        entry.key = (char *)(uintptr_t)key;
        entry.value = (char *)(uintptr_t)value;
        q.n_parameters = 1;
        q.parameters = entries;
    }
    return driver_check_create(&q, ret, err);
}

static void parameters_are_known_or_refused(void **state)
{
    static const struct {
        const char *key, *value, *how;
        int code;
        enum driver_type type;
        bool is_thick;
    } cases[] = {
        {NULL, NULL, "", 0, DRIVER_IMAGE, false},
        {"type", "image", "", 0, DRIVER_IMAGE, false},
        {"type", "directory", "", 0, DRIVER_DIRECTORY, false},
        {"type", "zfs", "", OL_GRPC_INVALID_ARGUMENT, 0, false},
        {"type", "directory", "block", OL_GRPC_INVALID_ARGUMENT, 0, false},
        {"thick", "true", "", 0, DRIVER_IMAGE, true},
        {"thick", "false", "", 0, DRIVER_IMAGE, false},
        {"thick", "yes", "", OL_GRPC_INVALID_ARGUMENT, 0, false},
        {"csi.storage.k8s.io/pvc/name", "claim", "", 0, DRIVER_IMAGE, false},
        {"replicas", "3", "", OL_GRPC_INVALID_ARGUMENT, 0, false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;
        struct driver_record r;

        assert_int_equal(create("v", cases[i].key, cases[i].value, cases[i].how, &r, &err),
                         cases[i].code ? -EPROTO : 0);
        if (cases[i].code) {
            assert_int_equal(driver_code(&err), cases[i].code);
            continue;
        }
        assert_int_equal(r.type, cases[i].type);
        assert_int_equal(r.is_thick, cases[i].is_thick);
    }
}

static void thick_alone_may_be_changed(void **state)
{
    static const struct {
        enum driver_type type;
        const char *key, *value;
        int code;
        bool was_thick, is_thick;
    } cases[] = {
        {DRIVER_IMAGE, "thick", "true", 0, false, true},
        {DRIVER_IMAGE, "thick", "false", 0, true, false},
        {DRIVER_IMAGE, "thick", "maybe", OL_GRPC_INVALID_ARGUMENT, true, true},
        {DRIVER_IMAGE, "type", "image", OL_GRPC_INVALID_ARGUMENT, true, true},
        {DRIVER_IMAGE, "csi.storage.k8s.io/pv/name", "pv", 0, true, true},
        {DRIVER_DIRECTORY, "thick", "true", OL_GRPC_INVALID_ARGUMENT, false, false},
        {DRIVER_DIRECTORY, "thick", "false", 0, false, false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct driver_record r = {.type = cases[i].type, .is_thick = cases[i].was_thick};
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(driver_check_mutable(cases[i].key, cases[i].value, &r, &err),
                         cases[i].code ? -EPROTO : 0);
        if (cases[i].code)
            assert_int_equal(driver_code(&err), cases[i].code);
        assert_int_equal(r.is_thick, cases[i].is_thick);
    }
}

static void a_name_makes_an_id_and_nothing_else_does(void **state)
{
    struct driver_record a, b;
    char id[DRIVER_ID_MAX];

    assert_int_equal(create("../../etc/passwd", NULL, NULL, "", &a, NULL), 0);
    assert_true(driver_id_is_valid(a.id));
    assert_null(strchr(a.id, '/'));
    assert_int_equal(create("../../etc/passwd", NULL, NULL, "", &b, NULL), 0);
    assert_string_equal(a.id, b.id);
    driver_id(DRIVER_VOLUME, "abc", id);
    assert_string_equal(id, "vol-ba7816bf8f01cfea414140de5dae2223");
    assert_int_equal(create("", NULL, NULL, "", &b, NULL), -EPROTO);
}

static void only_what_looks_like_an_id_is_one(void **state)
{
    static const char *const wrong[] = {
        "",
        "vol-",
        "vol-ba7816bf8f01cfea414140de5dae222",
        "vol-ba7816bf8f01cfea414140de5dae22233",
        "vol-BA7816BF8F01CFEA414140DE5DAE2223",
        "vol-ba7816bf8f01cfea414140de5dae222/",
        "vol-../../../../../../../../../../..",
        "ba7816bf8f01cfea414140de5dae2223",
    };

    for (size_t i = 0; i < ol_count(wrong); i++)
        assert_false(driver_id_is_valid(wrong[i]));
    assert_true(driver_id_is_valid("snap-ba7816bf8f01cfea414140de5dae2223"));
}

static void the_same_name_has_to_mean_the_same_volume(void **state)
{
    const struct driver_record old = {.name = "v", .size = 10 * MIB};
    static const struct {
        int64_t required, limit;
        enum driver_type type;
        bool is_thick;
        const char *source;
        bool is_same;
    } cases[] = {
        {0, 0, DRIVER_IMAGE, false, "", true},
        {10 * MIB, 10 * MIB, DRIVER_IMAGE, false, "", true},
        {5 * MIB, 0, DRIVER_IMAGE, false, "", true},
        {11 * MIB, 0, DRIVER_IMAGE, false, "", false},
        {1, 9 * MIB, DRIVER_IMAGE, false, "", false},
        {0, 0, DRIVER_DIRECTORY, false, "", false},
        {0, 0, DRIVER_IMAGE, true, "", false},
        {0, 0, DRIVER_IMAGE, false, "vol-x", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct driver_record want = {.type = cases[i].type, .is_thick = cases[i].is_thick};
        Csi__V1__CapacityRange range = CSI__V1__CAPACITY_RANGE__INIT;
        struct ol_err err = OL_ERR_INIT;

        memcpy(want.source, cases[i].source, strlen(cases[i].source));
        range.required_bytes = cases[i].required;
        range.limit_bytes = cases[i].limit;
        assert_int_equal(driver_check_same(&old, &want, &range, &err),
                         cases[i].is_same ? 0 : -EPROTO);
        if (!cases[i].is_same)
            assert_int_equal(driver_code(&err), OL_GRPC_ALREADY_EXISTS);
    }
}

static void a_full_disk_is_resource_exhausted(void **state)
{
    const struct ol_err full = {.code = ENOSPC}, other = {.code = EIO};

    assert_int_equal(driver_code(&full), OL_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(driver_code(&other), OL_GRPC_INTERNAL);
}

static void a_node_is_in_its_topology(void **state)
{
    Csi__V1__Topology__SegmentsEntry segment = CSI__V1__TOPOLOGY__SEGMENTS_ENTRY__INIT;
    Csi__V1__Topology__SegmentsEntry *segments[] = {&segment};
    Csi__V1__Topology topology = CSI__V1__TOPOLOGY__INIT;
    Csi__V1__Topology *topologies[] = {&topology};
    Csi__V1__TopologyRequirement q = CSI__V1__TOPOLOGY_REQUIREMENT__INIT;

    segment.key = (char[]){"k"};
    segment.value = (char[]){"n1"};
    topology.n_segments = 1;
    topology.segments = segments;
    assert_true(driver_is_reachable(NULL, "k", "n2"));
    assert_true(driver_is_reachable(&q, "k", "n2"));
    q.n_requisite = 1;
    q.requisite = topologies;
    assert_true(driver_is_reachable(&q, "k", "n1"));
    assert_false(driver_is_reachable(&q, "k", "n2"));
    assert_true(driver_is_reachable(&q, "other", "n2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capabilities_that_a_local_volume_can_have),
        cmocka_unit_test(sizes_fit_their_range),
        cmocka_unit_test(parameters_are_known_or_refused),
        cmocka_unit_test(thick_alone_may_be_changed),
        cmocka_unit_test(a_name_makes_an_id_and_nothing_else_does),
        cmocka_unit_test(only_what_looks_like_an_id_is_one),
        cmocka_unit_test(the_same_name_has_to_mean_the_same_volume),
        cmocka_unit_test(a_full_disk_is_resource_exhausted),
        cmocka_unit_test(a_node_is_in_its_topology),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
