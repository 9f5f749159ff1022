/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/document/patch.h"

static struct ol_val *value(struct ol_arena *a, const char *json)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(json, strlen(json), a, &v, NULL), 0);
    return v;
}

/* The cases of RFC 7386, appendix A. */
static void merge_does_as_the_rfc_says(void **state)
{
    static const struct {
        const char *doc, *patch, *want;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(1 << 20);
        struct ol_val *doc = value(&a, cases[i].doc);
        struct ol_val *to = kube_patch_merge(&a, doc, value(&a, cases[i].patch));

        assert_int_equal(ol_json_dump(to, &ol_json_compact, &got), 0);
        assert_string_equal(got.data, cases[i].want);
        ol_buf_clear(&got);
        assert_int_equal(ol_json_dump(doc, &ol_json_compact, &got), 0);
        assert_string_equal(got.data, cases[i].doc);
    }
}

/* Larger maps have an index, which the clone has to take over. */
static void merge_finds_its_way_in_large_maps(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct ol_val *doc = ol_val_new_map(&a), *patch = ol_val_new_map(&a), *to = NULL;

    for (int i = 0; i < 1000; i++)
        ol_val_set_int(&a, doc, ol_arena_printf(&a, "key-%d", i), i);
    for (int i = 0; i < 2000; i += 2)
        ol_val_set(&a, patch, ol_arena_printf(&a, "key-%d", i),
                   i % 4 ? ol_val_new_null(&a) : ol_val_new_int(&a, -i));
    to = kube_patch_merge(&a, doc, patch);
    assert_int_equal(ol_val_count(to), 500 + 250 + 250);
    assert_int_equal(ol_val_count(doc), 1000);
    assert_int_equal(ol_val_int(ol_val_get(to, "key-4"), 0), -4);
    assert_int_equal(ol_val_int(ol_val_get(to, "key-5"), 0), 5);
    assert_int_equal(ol_val_int(ol_val_get(to, "key-1996"), 0), -1996);
    assert_null(ol_val_get(to, "key-2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_does_as_the_rfc_says),
        cmocka_unit_test(merge_finds_its_way_in_large_maps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
