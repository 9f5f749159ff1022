/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "volume/driver/table.h"

struct fixture {
    struct ol_env env;
    char root[32];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    memcpy(f->root, "/tmp/ol-table-XXXXXX", sizeof("/tmp/ol-table-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    *state = f;
    return ol_mkdir_p(&f->env, "/state/records", 0700, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int r = ol_remove_tree(&f->env, "/state", NULL);

    ol_env_done(&f->env);
    r |= rmdir(f->root);
    free(f);
    return r;
}

static struct driver_record sample(const char *name)
{
    struct driver_record r = {
        .kind = DRIVER_VOLUME,
        .type = DRIVER_IMAGE,
        .state = DRIVER_READY,
        .size = 1 << 30,
        .is_thick = true,
        .fs = "xfs",
        .is_formatted = true,
        .created = 1700000000,
    };

    snprintf(r.name, sizeof(r.name), "%s", name);
    driver_id(DRIVER_VOLUME, name, r.id);
    return r;
}

static void a_record_comes_back_as_it_was(void **state)
{
    struct driver_record before = sample("a \"name\" with\nüber"), after;
    struct fixture *f = *state;

    snprintf(before.attached, sizeof(before.attached), "node-1");
    driver_id(DRIVER_SNAPSHOT, "s", before.source);
    assert_int_equal(driver_record_save(&f->env, "/state", &before, NULL), 0);
    assert_int_equal(driver_record_load(&f->env, "/state", before.id, &after, NULL), 0);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(driver_record_remove(&f->env, "/state", before.id, NULL), 0);
    assert_int_equal(driver_record_load(&f->env, "/state", before.id, &after, NULL), -ENOENT);
}

static void what_is_no_record_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"kind\":\"volume\"",
        "{\"kind\":\"volume\",\"type\":\"image\",\"state\":\"ready\",\"size\":1,\"id\":\"../x\"}",
        "{\"kind\":\"volume\",\"type\":\"image\",\"state\":\"ready\",\"size\":-1,"
        "\"id\":\"vol-ba7816bf8f01cfea414140de5dae2223\"}",
        "{\"kind\":\"volume\",\"type\":\"image\",\"state\":\"lost\",\"size\":1,"
        "\"id\":\"vol-ba7816bf8f01cfea414140de5dae2223\"}",
    };
    struct driver_record r;

    for (size_t i = 0; i < ol_count(texts); i++)
        assert_true(driver_record_read(texts[i], strlen(texts[i]), &r, NULL) < 0);
}

static void records_are_found_in_order(void **state)
{
    struct driver_table t = {.v = NULL};
    char id[DRIVER_ID_MAX];

    for (int i = 0; i < 100; i++) {
        ol_autofree char *name = ol_xasprintf("v%d", i % 50);
        const struct driver_record r = sample(name);

        driver_table_put(&t, &r);
    }
    assert_int_equal(t.n, 50);
    for (size_t i = 1; i < t.n; i++)
        assert_true(strcmp(t.v[i - 1].id, t.v[i].id) < 0);
    driver_id(DRIVER_VOLUME, "v7", id);
    assert_string_equal(driver_table_find(&t, id)->name, "v7");
    assert_null(driver_table_find(&t, ""));
    assert_null(driver_table_find(&t, "zzz"));
    driver_table_drop(&t, id);
    assert_null(driver_table_find(&t, id));
    assert_int_equal(t.n, 49);
    assert_int_equal(driver_table_seek(&t, ""), 0);
    assert_int_equal(driver_table_seek(&t, "zzz"), 49);
    driver_table_done(&t);
}

static void what_was_left_by_a_crash_is_no_record(void **state)
{
    const struct driver_record r = sample("v");
    struct driver_table t = {.v = NULL};
    struct fixture *f = *state;
    ol_autofree char *tmp = ol_xasprintf("/state/records/%s.json.tmp", r.id);

    assert_int_equal(driver_record_save(&f->env, "/state", &r, NULL), 0);
    assert_int_equal(ol_file_puts(&f->env, tmp, "{\"ki", 0600, 0, NULL), 0);
    assert_int_equal(ol_file_puts(&f->env, "/state/records/other.json", "{}", 0600, 0, NULL), 0);
    assert_int_equal(driver_table_load(&f->env, "/state", &t, NULL), 0);
    assert_int_equal(t.n, 1);
    assert_int_equal(driver_record_remove(&f->env, "/state", r.id, NULL), 0);
    driver_table_refresh(&t, &f->env, "/state", r.id);
    assert_int_equal(t.n, 0);
    driver_table_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test_setup_teardown(records_are_found_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_left_by_a_crash_is_no_record, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
