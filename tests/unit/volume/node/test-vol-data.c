/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "volume/node/vol-data.h"

/* As the kubelet's json.NewEncoder() writes a map. */
static const char golden[] =
    "{\"attachmentID\":\"csi-aa\",\"driverName\":\"hostpath.csi.k8s.io\",\"nodeName\":\"n1\","
    "\"specVolID\":\"pvc-1\",\"volumeHandle\":\"h-1\",\"volumeLifecycleMode\":\"Persistent\"}\n";

/* demands: V26 */
static void the_file_is_the_kubelets(void **state)
{
    const struct node_vol_data d = {
        .volume_id = "pvc-1",
        .handle = "h-1",
        .driver = "hostpath.csi.k8s.io",
        .node = "n1",
        .attachment = "csi-aa",
        .lifecycle = "Persistent",
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);
    struct node_vol_data back;
    struct ol_err err = OL_ERR_INIT;

    node_vol_data_format(&d, &b);
    assert_string_equal(b.data, golden);
    assert_int_equal(node_vol_data_parse(golden, strlen(golden), &a, &back, &err), 0);
    assert_string_equal(back.handle, "h-1");
    assert_string_equal(back.selinux_mount, "");
}

static void anything_else_is_refused(void **state)
{
    static const char *const cases[] = {"", "[]", "{", "7"};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
        struct node_vol_data back;
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(node_vol_data_parse(cases[i], strlen(cases[i]), &a, &back, &err), -EINVAL);
    }
}

static void members_of_other_types_are_absent(void **state)
{
    static const char text[] = "{\"driverName\":7,\"volumeHandle\":null,\"other\":{}}";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    struct node_vol_data back;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(node_vol_data_parse(text, strlen(text), &a, &back, &err), 0);
    assert_string_equal(back.driver, "");
    assert_string_equal(back.handle, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_the_kubelets),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(members_of_other_types_are_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
