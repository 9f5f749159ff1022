/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/object/object.h"
#include "core/cleanup.h"

struct fixture {
    struct ol_arena arena;
    struct nova_object *o;
};

static int set_up(void **state)
{
    static struct fixture f;

    ol_arena_init(&f.arena, 1 << 20);
    f.o = nova_object_new(&f.arena, nova_release_find("zed"), "Instance");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ol_arena_done(&f->arena);
    return 0;
}

static struct ol_val *parse(struct fixture *f, const char *json)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(json, strlen(json), &f->arena, &v, NULL), 0);
    return v;
}

static void setting_what_is_there_is_no_change(void **state)
{
    struct fixture *f = *state;

    nova_set_str(f->o, "vm_state", "active");
    nova_set_null(f->o, "task_state");
    nova_set_int(f->o, "power_state", 1);
    nova_set_bool(f->o, "locked", false);
    nova_set_val(f->o, "metadata", parse(f, "{\"a\":\"b\"}"));
    assert_true(nova_is_changed(f->o, "task_state"));
    nova_clear_changes(f->o);
    nova_set_str(f->o, "vm_state", "active");
    nova_set_str(f->o, "task_state", NULL);
    nova_set_int(f->o, "power_state", 1);
    nova_set_bool(f->o, "locked", false);
    nova_set_key(f->o, "metadata", "a", "b");
    nova_set_val(f->o, "metadata", parse(f, "{\"a\":\"b\"}"));
    assert_false(nova_is_changed(f->o, "vm_state"));
    assert_false(nova_is_changed(f->o, "task_state"));
    assert_false(nova_is_changed(f->o, "power_state"));
    assert_false(nova_is_changed(f->o, "locked"));
    assert_false(nova_is_changed(f->o, "metadata"));
    nova_set_key(f->o, "metadata", "a", NULL);
    assert_true(nova_is_changed(f->o, "metadata"));
    assert_true(ol_val_is(ol_val_get(nova_val(f->o, "metadata"), "a"), OL_VAL_NULL));
}

static void absent_and_null_read_alike_but_for_nova_has(void **state)
{
    struct fixture *f = *state;

    nova_set_null(f->o, "host");
    assert_true(nova_has(f->o, "host"));
    assert_false(nova_has(f->o, "node"));
    assert_null(nova_str(f->o, "host"));
    assert_null(nova_str(f->o, "node"));
    assert_null(nova_val(f->o, "host"));
    assert_int_equal(nova_int(f->o, "host", 7), 7);
    assert_false(nova_bool(f->o, "host"));
    assert_int_equal((int)nova_float(f->o, "host", 2.0), 2);
    assert_null(nova_str(NULL, "host"));
}

static void a_field_that_came_later_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct nova_object *now = nova_object_new(&f->arena, nova_release_find("bobcat"), "Instance");

    nova_set_int(f->o, "compute_id", 3);
    nova_set_int(now, "compute_id", 3);
    assert_false(nova_has(f->o, "compute_id"));
    assert_int_equal(nova_int(now, "compute_id", 0), 3);
}

static void an_answer_takes_the_place_of_fields_and_changes(void **state)
{
    struct fixture *f = *state;

    nova_set_str(f->o, "vm_state", "active");
    assert_int_equal(
        nova_object_update(f->o,
                           parse(f, "{\"updated_at\":\"2026-11-22T01:06:13Z\",\"unknown\":[1],"
                                    "\"obj_what_changed\":[\"tags\"]}"),
                           NULL),
        0);
    assert_false(nova_is_changed(f->o, "vm_state"));
    assert_true(nova_is_changed(f->o, "tags"));
    assert_string_equal(nova_str(f->o, "updated_at"), "2026-11-22T01:06:13Z");
    assert_true(nova_has(f->o, "unknown"));
    assert_int_equal(nova_object_update(f->o, parse(f, "[]"), NULL), -EINVAL);
    assert_int_equal(nova_object_update(f->o, NULL, NULL), 0);
}

static void a_service_that_reports_for_days_takes_no_memory(void **state)
{
    struct fixture *f = *state;
    struct nova_object *s = nova_object_new(&f->arena, nova_release_find("zed"), "Service");
    const struct ol_val *answers[] = {
        parse(f, "{\"updated_at\":\"2026-11-22T01:06:13Z\",\"obj_what_changed\":[]}"),
        parse(f, "{\"updated_at\":\"2026-11-22T01:06:23Z\",\"obj_what_changed\":[]}"),
    };
    size_t used = 0;

    for (int i = 0; i < 100; i++) {
        nova_set_int(s, "report_count", i);
        assert_true(nova_is_changed(s, "report_count"));
        assert_int_equal(nova_object_update(s, answers[i % 2], NULL), 0);
        assert_false(nova_is_changed(s, "report_count"));
        if (i == 10)
            used = f->arena.used;
    }
    assert_int_equal(f->arena.used, used);
    assert_string_equal(nova_str(s, "updated_at"), "2026-11-22T01:06:23Z");
}

static void a_child_that_is_set_marks_the_field(void **state)
{
    struct fixture *f = *state;
    ol_auto(ol_arena_done) struct ol_arena other = OL_ARENA_INIT(1 << 20);
    struct nova_object *cache =
        nova_object_new(&other, nova_release_find("zed"), "InstanceInfoCache");

    nova_set_str(cache, "network_info", "[]");
    nova_set_object(f->o, "info_cache", cache);
    assert_string_equal(nova_str(nova_child(f->o, "info_cache"), "network_info"), "[]");
    assert_true(nova_is_changed(f->o, "info_cache"));
    nova_clear_changes(f->o);
    nova_clear_changes(nova_child(f->o, "info_cache"));
    assert_false(nova_is_changed(f->o, "info_cache"));
    nova_set_object(f->o, "info_cache", nova_child(f->o, "info_cache"));
    assert_true(nova_is_changed(f->o, "info_cache"));
    nova_set_object(f->o, "info_cache", NULL);
    assert_null(nova_child(f->o, "info_cache"));
}

static void times_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        ol_time want;
    } cases[] = {
        {"1970-01-01T00:00:01Z", OL_SECOND},
        {"2026-11-22T01:06:13Z", 1795309573 * OL_SECOND},
        {"2026-11-22T01:06:13+00:00", 1795309573 * OL_SECOND},
        {"2026-11-22T01:06:13.123456", 1795309573 * OL_SECOND},
        {"2026-11-22 01:06:13", -1},
        {"2026-11-22T01:06:13X", -1},
        {"9999-11-22T01:06:13Z", -1},
        {"", -1},
        {NULL, -1},
    };
    char text[NOVA_TIME_SIZE];

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(nova_time(cases[i].text), cases[i].want);
    nova_time_format(1795309573 * OL_SECOND + 5, text);
    assert_string_equal(text, "2026-11-22T01:06:13Z");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(setting_what_is_there_is_no_change),
        TEST(absent_and_null_read_alike_but_for_nova_has),
        TEST(a_field_that_came_later_is_left_out),
        TEST(an_answer_takes_the_place_of_fields_and_changes),
        TEST(a_service_that_reports_for_days_takes_no_memory),
        TEST(a_child_that_is_set_marks_the_field),
        TEST(times_are_read_and_written),
    };

    return cmocka_run_group_tests_name("compute/object/value", tests, NULL, NULL);
}
