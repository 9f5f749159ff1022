/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "volume/plugin/mountinfo.h"

static const char text[] =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "40 22 0:45 /export /k/pods/u/volumes/nfs\\040pv rw master:2 - nfs4 s:/export rw\n"
    "41 22 8:16 / /k/plugins/d rw - xfs /dev/sdb rw\n"
    "42 22 8:16 /sub /k/pods/u/volumes/d rw shared:3 master:4 - xfs /dev/sdb rw\n"
    "43 22 8:32 / /k/plugins/d rw - xfs /dev/sdc rw\n"
    "short line\n";

static void mount_points_are_read_and_unescaped(void **state)
{
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};

    volume_mounts_parse(text, &m);
    assert_int_equal(m.n, 5);
    assert_string_equal(volume_mounts_at(&m, "/k/pods/u/volumes/nfs pv")->type, "nfs4");
    assert_string_equal(volume_mounts_at(&m, "/k/pods/u/volumes/d")->root, "/sub");
    assert_null(volume_mounts_at(&m, "/k/pods"));
}

static void the_last_mount_is_on_top(void **state)
{
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};

    volume_mounts_parse(text, &m);
    assert_string_equal(volume_mounts_at(&m, "/k/plugins/d")->source, "/dev/sdc");
}

static void below_means_a_whole_component(void **state)
{
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};

    volume_mounts_parse(text, &m);
    assert_true(volume_mounts_has_below(&m, "/k/pods"));
    assert_false(volume_mounts_has_below(&m, "/k/pod"));
    assert_false(volume_mounts_has_below(&m, "/k/plugins/d"));
    assert_false(volume_path_is_below("/a/b", "/a/b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mount_points_are_read_and_unescaped),
        cmocka_unit_test(the_last_mount_is_on_top),
        cmocka_unit_test(below_means_a_whole_component),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
