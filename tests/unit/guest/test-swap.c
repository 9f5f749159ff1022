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
#include "guest/module/swap.h"

#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)

static void sizes_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *json;
        int64_t want;
        const char *error;
    } cases[] = {
        {"512", 512, NULL},
        {"\"512\"", 512, NULL},
        {"\"10M\"", 10 * MIB, NULL},
        {"\"10MB\"", 10 * MIB, NULL},
        {"\"1.5GiB\"", 3 * GIB / 2, NULL},
        {"\"7B\"", 7, NULL},
        {"\"1T\"", 1024 * GIB, NULL},
        {"\"lots\"", 0, "'lots' is not valid input."},
        {"\"-1M\"", 0, "'-1M': cannot be negative"},
        {"\"\"", 0, "'' is not valid input."},
        {"\"1e99\"", 0, "'1e99' is not valid input."},
        {"[]", 0, "a size cannot be a list"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;
        int64_t got = 0;
        int r = swap_parse_size(fixture_value(f, cases[i].json), &got, &err);

        assert_int_equal(r, cases[i].error ? -EINVAL : 0);
        assert_int_equal(got, cases[i].want);
        assert_string_equal(err.msg, cases[i].error ? cases[i].error : "");
    }
    fixture_free(f);
    (void)state;
}

static void the_suggestion_follows_memory_and_disk(void **state)
{
    static const struct {
        int64_t memory, disk_free, max, want;
    } cases[] = {
        {1 * GIB, 100 * GIB, -1, 1 * GIB},
        {1 * GIB, 2 * GIB, -1, GIB / 2},
        {8 * GIB, 100 * GIB, -1, 4 * GIB},
        {64 * GIB, 1000 * GIB, -1, 8 * GIB},
        {8 * GIB, 100 * GIB, 1 * GIB, 1 * GIB},
        {8 * GIB, 1 * GIB, 4 * GIB, (int64_t)((double)GIB * 0.9)},
        {1 * GIB, 0, -1, 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(swap_suggest(cases[i].memory, cases[i].disk_free, cases[i].max),
                         cases[i].want);
    (void)state;
}

static void a_swap_file_is_made_and_enters_fstab(void **state)
{
    struct fixture *f = fixture_new();

    assert_int_equal(fixture_run(f, &module_mounts,
                                 "{\"swap\": {\"filename\": \"/var/swap\", \"size\": \"10M\"}}",
                                 NULL),
                     0);
    assert_string_equal(f->exec.commands.v[0], "fallocate -l 10M /var/swap");
    assert_string_equal(f->exec.commands.v[1], "mkswap /var/swap");
    assert_string_equal(f->exec.commands.v[2], "swapon -a");
    assert_string_equal(f->exec.commands.v[3], "mount -a");
    fixture_assert_file(f, "/etc/fstab", "/var/swap\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n");
    fixture_free(f);
    (void)state;
}

static void dd_helps_where_fallocate_does_not(void **state)
{
    static const struct fake_answer answers[] = {{"fallocate", .status = 1}, {0}};
    struct fixture *f = fixture_new();

    f->exec.answers = answers;
    assert_int_equal(fixture_run(f, &module_mounts, "{\"swap\": {\"size\": 2097152}}", NULL), 0);
    assert_string_equal(f->exec.commands.v[1], "dd if=/dev/zero of=/swap.img bs=1M count=2");
    assert_string_equal(f->exec.commands.v[2], "mkswap /swap.img");
    fixture_free(f);
    (void)state;
}

static void a_failure_is_warned_about_and_leaves_no_file(void **state)
{
    static const struct fake_answer answers[] = {{"mkswap", .status = 1, .err = "too small"}, {0}};
    struct fixture *f = fixture_new();

    f->exec.answers = answers;
    fixture_put(f, "/swap.img", "");
    fixture_put(f, "/proc/swaps", "Filename Type\n/dev/vda2 partition\n");
    assert_int_equal(fixture_run(f, &module_mounts, "{\"swap\": {\"size\": \"1M\"}}", NULL), 0);
    fixture_assert_logged(f, "WARNING: failed to setup swap: 'mkswap' ended with status 1");
    assert_false(ol_exists(&f->env, "/swap.img"));
    assert_false(ol_exists(&f->env, "/etc/fstab"));
    fixture_free(f);
    (void)state;
}

static void a_swap_file_in_use_is_left_alone(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/swap.img", "x");
    fixture_put(f, "/proc/swaps", "Filename Type\n/swap.img file 1 0 -2\n");
    assert_int_equal(fixture_run(f, &module_mounts, "{\"swap\": {\"size\": \"auto\"}}", NULL), 0);
    assert_string_equal(f->exec.commands.v[0], "swapon -a");
    fixture_assert_file(f, "/etc/fstab", "/swap.img\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n");
    fixture_free(f);
    (void)state;
}

static void auto_size_asks_for_memory(void **state)
{
    struct fixture *f = fixture_new();
    const char *path = NULL;

    assert_int_equal(
        swap_set_up(&f->env, &f->arena, fixture_value(f, "{\"size\": \"auto\"}"), &path, NULL), 0);
    assert_null(path);
    fixture_put(f, "/proc/meminfo", "MemFree: 1 kB\nMemTotal:       2048 kB\n");
    assert_int_equal(swap_set_up(&f->env, &f->arena,
                                 fixture_value(f, "{\"size\": \"auto\", \"maxsize\": \"1M\"}"),
                                 &path, NULL),
                     0);
    assert_string_equal(path, "/swap.img");
    assert_string_equal(f->exec.commands.v[0], "fallocate -l 1M /swap.img");
    fixture_free(f);
    (void)state;
}

/* demands: 27 */
static void a_file_of_others_does_not_become_swap(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/etc/shadow", "root:x\n");
    fixture_put(f, "/proc/swaps", "Filename Type\n");
    assert_int_equal(fixture_run(f, &module_mounts,
                                 "{\"swap\": {\"size\": \"1M\", \"filename\": \"/etc/shadow\"}}",
                                 NULL),
                     0);
    fixture_assert_logged(f, "'/etc/shadow' exists and holds something else");
    fixture_assert_file(f, "/etc/shadow", "root:x\n");
    assert_int_equal(f->exec.commands.n, 0);
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_as_people_write_them),
        cmocka_unit_test(the_suggestion_follows_memory_and_disk),
        cmocka_unit_test(a_swap_file_is_made_and_enters_fstab),
        cmocka_unit_test(dd_helps_where_fallocate_does_not),
        cmocka_unit_test(a_failure_is_warned_about_and_leaves_no_file),
        cmocka_unit_test(a_file_of_others_does_not_become_swap),
        cmocka_unit_test(a_swap_file_in_use_is_left_alone),
        cmocka_unit_test(auto_size_asks_for_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
