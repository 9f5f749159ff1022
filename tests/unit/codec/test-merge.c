/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/merge.h"
#include "core/cleanup.h"
#include "core/file.h"

enum { MAX_SOURCES = 8 };

static struct ol_val *load(struct ol_arena *a, const char *text)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL;

    if (ol_json_load(text, strlen(text), a, &v, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return v;
}

static char *dump(const struct ol_val *v)
{
    struct ol_buf b = OL_BUF_INIT(1 << 20);

    assert_int_equal(ol_json_dump(v, &ol_json_python, &b), 0);
    return ol_buf_take(&b);
}

/* User-data parts one after the other, as cloud-init's CloudConfigPartHandler does it. */
static int merge_parts(struct ol_arena *a, const struct ol_val *c, struct ol_val **ret,
                       struct ol_err *err)
{
    const struct ol_val *sources = ol_val_get(c, "sources");
    struct ol_val *buf = ol_val_new_map(a), *part;

    for (size_t i = 0; i < ol_val_count(sources); i++) {
        const char *header = ol_val_str(ol_val_item(ol_val_get(c, "headers"), i));
        struct ol_merger how = OL_MERGER_INIT(a);
        int r = ol_merger_take(&how, ol_val_item(sources, i), &part, err);

        if (r == 0 && header)
            r = ol_merger_add_text(&how, header, err);
        if (r == 0 && ol_merger_is_empty(&how))
            r = ol_merger_add_text(&how, ol_merge_parts_default, err);
        if (r == 0)
            r = ol_merge(&how, buf, part, &buf, err);
        if (r < 0)
            return r;
    }
    *ret = buf;
    return 0;
}

static int merge_system(struct ol_arena *a, const struct ol_val *c, struct ol_val **ret,
                        struct ol_err *err)
{
    const struct ol_val *list = ol_val_get(c, "sources"), *sources[MAX_SOURCES];
    size_t n = ol_val_count(list);

    assert_true(n <= MAX_SOURCES);
    for (size_t i = 0; i < n; i++)
        sources[i] = ol_val_item(list, i);
    return ol_merge_system(a, sources, n, ret, err);
}

static void check_case(struct ol_arena *a, const struct ol_val *c)
{
    bool is_system = !strcmp(ol_val_str(ol_val_get(c, "kind")), "system");
    ol_autofree char *before = dump(c), *after = NULL, *got = NULL, *want = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *merged = NULL;
    int r = is_system ? merge_system(a, c, &merged, &err) : merge_parts(a, c, &merged, &err);

    after = dump(c);
    assert_string_equal(before, after);
    if (ol_val_get(c, "error")) {
        if (r != -EINVAL || !*err.msg)
            fail_msg("%s: merged, though cloud-init fails", before);
        return;
    }
    if (r < 0)
        fail_msg("%s: %s", before, err.msg);
    got = dump(merged);
    want = dump(ol_val_get(c, "want"));
    if (strcmp(got, want))
        fail_msg("%s\n got: %s\nwant: %s", before, got, want);
}

static void check_file(const char *path, size_t least)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *cases;
    struct ol_env env;

    assert_int_equal(ol_env_init(&env, getenv("OL_TEST_SOURCE_DIR"), NULL), 0);
    if (ol_file_read(&env, path, &b, &err) < 0)
        fail_msg("%s", err.msg);
    ol_env_done(&env);
    cases = load(&a, b.data);
    assert_true(ol_val_count(cases) >= least);
    for (size_t i = 0; i < ol_val_count(cases); i++)
        check_case(&a, ol_val_item(cases, i));
}

static void every_option_merges_as_cloud_init_does(void **state)
{
    check_file("/tests/golden/merge/cases.json", 100);
}

static void random_configurations_merge_as_cloud_init_does(void **state)
{
    check_file("/tests/golden/merge/random.json", 150);
}

static void a_failed_specification_adds_nothing(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_merger m = OL_MERGER_INIT(&a);
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_merger_add_text(&m, "dict()+tuple()", &err), -EINVAL);
    assert_true(ol_merger_is_empty(&m));
    assert_int_equal(ol_merger_add_text(&m, "dict", &err), -EINVAL);
    assert_string_equal(err.msg, "Matcher identifier 'dict' is not in the right format");
}

static void unchanged_values_are_shared_with_the_inputs(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct ol_val *sources[] = {load(&a, "{\"a\":[1],\"d\":{\"x\":[2]}}"),
                                      load(&a, "{\"b\":[3],\"d\":{\"y\":[4]}}")};
    struct ol_val *merged;

    assert_int_equal(ol_merge_system(&a, sources, 2, &merged, NULL), 0);
    assert_ptr_equal(ol_val_get(merged, "a"), ol_val_get(sources[0], "a"));
    assert_ptr_equal(ol_val_get(merged, "b"), ol_val_get(sources[1], "b"));
    assert_ptr_equal(ol_val_at(merged, "d/y"), ol_val_at(sources[1], "d/y"));
}

static void cycles_and_full_arenas_end_with_an_error(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_arena_done) struct ol_arena small = OL_ARENA_INIT(256);
    struct ol_merger how = OL_MERGER_INIT(&a), tight = OL_MERGER_INIT(&small);
    struct ol_val *x = load(&a, "{\"k\":1}"), *y = load(&a, "{\"k\":1}"), *merged = NULL;

    assert_int_equal(ol_merger_add_text(&how, "dict()", NULL), 0);
    assert_int_equal(ol_merger_add_text(&tight, "dict()", NULL), 0);
    ol_val_set(&a, x, "k", x);
    ol_val_set(&a, y, "k", y);
    assert_int_equal(ol_merge(&how, x, y, &merged, NULL), -ELOOP);
    assert_int_equal(ol_merge(&tight, x, y, &merged, NULL), -EFBIG);
    assert_null(merged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_merges_as_cloud_init_does),
        cmocka_unit_test(random_configurations_merge_as_cloud_init_does),
        cmocka_unit_test(a_failed_specification_adds_nothing),
        cmocka_unit_test(unchanged_values_are_shared_with_the_inputs),
        cmocka_unit_test(cycles_and_full_arenas_end_with_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
