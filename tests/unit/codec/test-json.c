/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"

static int load(struct ol_arena *a, const char *text, struct ol_val **ret, struct ol_err *err)
{
    return ol_json_load(text, strlen(text), a, ret, err);
}

static void check_dump(const struct ol_val *v, const struct ol_json_style *style, const char *want)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

    assert_int_equal(ol_json_dump(v, style, &b), 0);
    assert_string_equal(b.data, want);
}

/* What Python's json.dumps(json.loads(text)) gives. */
static void values_are_read_and_written_as_python_does(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {" {} ", "{}"},
        {"[]", "[]"},
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "-0.0"},
        {"\"x\"", "\"x\""},
        {"[1,2.50,-3e2]", "[1, 2.5, -300.0]"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"-123456789012345678901234567890", "-123456789012345678901234567890"},
        {"[NaN,Infinity,-Infinity]", "[NaN, Infinity, -Infinity]"},
        {"[1E400,-1e400,1e-400]", "[Infinity, -Infinity, 0.0]"},
        {"1e16", "1e+16"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}"},
        {"\"1 NaN \\\" 2\"", "\"1 NaN \\\" 2\""},
        {"\"\\u00e9\\ud83d\\ude00\\u0000\"", "\"\\u00e9\\ud83d\\ude00\\u0000\""},
        {"\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"", "\"\\u00e9\\ud83d\\ude00\\u007f\""},
        {"\"\\/\\b\\f\\n\\r\\t\\u001f\"", "\"/\\b\\f\\n\\r\\t\\u001f\""},
        {"[true,false,null]", "[true, false, null]"},
        {"{\"a\\\"b\":[\"\\t\\/\",123456789012345678],\"\":-7}",
         "{\"a\\\"b\": [\"\\t/\", 123456789012345678], \"\": -7}"},
        {"[1234567890123456789,\r\n\t12 , -1]", "[1234567890123456789, 12, -1]"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *v = NULL;

        if (load(&a, cases[i].text, &v, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.msg);
        check_dump(v, &ol_json_python, cases[i].want);
    }
}

/* An escaped letter beside a text leaves it to the reader for everything. */
static void the_quick_reader_reads_what_the_whole_one_does(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,\"b\":{\"c\":[true,false,null,\"\"]},\"a\":[],\"d\":{}}",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\xc3\xa9\xf0\x9f\x98\x80\"]",
        "[0,-1,999999999999999999,-999999999999999999]",
        "[0.5,-0.0,0e0,1.0,-12.25e3,1E-2,1e+400,4.9e-324,0.1]",
        " { \"k\" : [ 1 , 2 ] } ",
        "{\"\":{\"\":\"\\\\\"}}",
    };

    for (size_t i = 0; i < ol_count(texts); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        char whole[256];
        struct ol_val *one = NULL, *other = NULL;

        snprintf(whole, sizeof(whole), "[%s,\"\\u0041\"]", texts[i]);
        assert_int_equal(load(&a, texts[i], &one, NULL), 0);
        assert_int_equal(load(&a, whole, &other, NULL), 0);
        assert_true(ol_val_equal(one, ol_val_item(other, 0)));
    }
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        int line, column;
    } cases[] = {
        {"", 1, 1},
        {"{", 1, 1},
        {"01", 1, 2},
        {"[1.]", 1, 3},
        {"[12345,\n 67 x]", 2, 5},
        {"1 2", 1, 3},
        {"[1,]", 1, 4},
        {"{1:2}", 1, 2},
        {"-", 1, 1},
        {"1e", 1, 2},
        {"1NaN", 1, 2},
        {"[1.5e]", 1, 5},
        {"[1.5x]", 1, 5},
        {"[01.5]", 1, 3},
        {"nul", 1, 3},
        {"\"\t\"", 1, 1},
        {"\"\\ud800\"", 1, 8},
        {"\"abc", 1, 4},
        {"'a'", 1, 1},
        {"[1 \"a\"]", 1, 6},
        {"{\"\\u0000\":1}", 1, 9},
        {"\xff", 1, 1},
        {"\"\xff\"", 1, 1},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *v = NULL;

        if (load(&a, cases[i].text, &v, &err) != -EINVAL)
            fail_msg("'%s' was read", cases[i].text);
        if (err.line != cases[i].line || err.column != cases[i].column)
            fail_msg("'%s': %d:%d %s", cases[i].text, err.line, err.column, err.msg);
        assert_null(v);
        assert_null(strstr(err.msg, " near '"));
    }
}

static void cloud_init_files_are_indented_by_one_and_sorted(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *v;

    assert_int_equal(load(&a,
                          "{\"b\":{\"z\":[],\"y\":{}},\"a\":[1,[2]],"
                          "\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":0}",
                          &v, NULL),
                     0);
    check_dump(
        v, &ol_json_cloud_init,
        "{\n \"a\": [\n  1,\n  [\n   2\n  ]\n ],\n \"b\": {\n  \"y\": {},\n  \"z\": []\n },\n"
        " \"\\ufffd\": 0,\n \"\\ud83d\\ude00\": 1\n}");
    check_dump(v, &ol_json_compact,
               "{\"b\":{\"z\":[],\"y\":{}},\"a\":[1,[2]],\"\\ud83d\\ude00\":1,\"\\ufffd\":0}");
}

static void text_is_left_in_utf8_when_asked(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_json_style style = ol_json_python;

    style.escape_non_ascii = false;
    check_dump(ol_val_new_str(&a, "\xc3\xa9\x7f\x01"), &style, "\"\xc3\xa9\x7f\\u0001\"");
}

static void keys_that_are_no_text_are_written_as_python_does(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *m = ol_val_new_map(&a), *wrong = ol_val_new_map(&a);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

    ol_val_set(&a, m, "b", ol_val_new_null(&a));
    ol_val_set_key(&a, m, ol_val_new_int(&a, 10), ol_val_new_int(&a, 0));
    ol_val_set_key(&a, m, ol_val_new_float(&a, 9.5), ol_val_new_int(&a, 0));
    ol_val_set_key(&a, m, ol_val_new_bool(&a, true), ol_val_new_int(&a, 0));
    ol_val_set_key(&a, m, ol_val_new_null(&a), ol_val_new_int(&a, 0));
    check_dump(m, &ol_json_python,
               "{\"b\": null, \"10\": 0, \"9.5\": 0, \"true\": 0, \"null\": 0}");
    check_dump(m, &ol_json_cloud_init,
               "{\n \"null\": 0,\n \"true\": 0,\n \"9.5\": 0,\n \"10\": 0,\n \"b\": null\n}");
    ol_val_set_key(&a, wrong, ol_val_new_list(&a), ol_val_new_null(&a));
    assert_int_equal(ol_json_dump(wrong, &ol_json_cloud_init, &b), -EINVAL);
}

static void bytes_and_dates_need_cloud_init_style(void **state)
{
    static const char *const b64[] = {"", "/w==", "//8=", "////", "/////w=="};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    char want[32];

    for (size_t i = 0; i < ol_count(b64); i++) {
        snprintf(want, sizeof(want), "\"ci-b64:%s\"", b64[i]);
        check_dump(ol_val_new_bytes(&a, "\xff\xff\xff\xff", i), &ol_json_cloud_init, want);
    }
    check_dump(ol_val_new_time(&a, "2024-02-29"), &ol_json_cloud_init,
               "\"Warning: redacted unserializable type <class 'datetime.date'>\"");
    assert_int_equal(ol_json_dump(ol_val_new_bytes(&a, "x", 1), &ol_json_python, &b), -EINVAL);
}

static void cycles_and_depth_end_with_an_error(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    struct ol_val *cycle = ol_val_new_list(&a), *v = NULL;

    ol_val_append(&a, cycle, cycle);
    assert_int_equal(ol_json_dump(cycle, &ol_json_python, &b), -ELOOP);
    ol_buf_clear(&b);
    ol_buf_addn(&b, '[', 600);
    ol_buf_addn(&b, ']', 600);
    assert_int_equal(ol_json_load(b.data, b.len, &a, &v, NULL), -EINVAL);
    assert_null(v);
}

static void a_full_arena_or_buffer_is_efbig(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(400);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(5);
    struct ol_val *v = NULL;

    assert_int_equal(load(&a, "[1,2,3,4,5,6,7,8,9,10]", &v, NULL), -EFBIG);
    assert_int_equal(ol_json_dump(ol_val_new_str(&a, "123456"), &ol_json_python, &b), -EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_and_written_as_python_does),
        cmocka_unit_test(the_quick_reader_reads_what_the_whole_one_does),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(cloud_init_files_are_indented_by_one_and_sorted),
        cmocka_unit_test(text_is_left_in_utf8_when_asked),
        cmocka_unit_test(keys_that_are_no_text_are_written_as_python_does),
        cmocka_unit_test(bytes_and_dates_need_cloud_init_style),
        cmocka_unit_test(cycles_and_depth_end_with_an_error),
        cmocka_unit_test(a_full_arena_or_buffer_is_efbig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
