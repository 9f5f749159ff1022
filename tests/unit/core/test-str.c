/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "core/strv.h"

static void lists_of_strings_are_built_and_cut(void **state)
{
    ol_auto(ol_strv_done) struct ol_strv l = OL_STRV_INIT;
    ol_autofree char *joined = NULL, *none = NULL;

    assert_null(ol_strv_argv(&l)[0]);
    none = ol_strv_join(&l, ",");
    assert_string_equal(none, "");
    ol_strv_split(&l, "c,,b ,a", ", ");
    ol_strv_addf(&l, "%d", 4);
    ol_strv_addn(&l, "xyz", 1);
    assert_true(ol_strv_has(&l, "b"));
    assert_false(ol_strv_has(&l, ""));
    ol_strv_sort(&l);
    ol_strv_remove(&l, 0);
    joined = ol_strv_join(&l, "-");
    assert_string_equal(joined, "a-b-c-x");
    assert_null(ol_strv_argv(&l)[4]);
    (void)state;
}

static void strings_are_compared_and_stripped(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {{"", ""}, {" ", ""}, {" a b\t\r\n", "a b"}, {"\v\fx", "x"}, {"x", "x"}};
    static const char *const list[] = {"a", "bc", NULL};
    char text[] = "A-b-C";

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autofree char *got = ol_str_stripped(cases[i].text);

        assert_string_equal(got, cases[i].want);
    }
    assert_true(ol_str_starts("abc", "ab"));
    assert_false(ol_str_starts("a", "ab"));
    assert_true(ol_str_ends("abc", "bc"));
    assert_false(ol_str_ends("c", "bc"));
    assert_true(ol_str_eq_nocase("aB", "Ab"));
    assert_true(ol_str_in("bc", list));
    assert_false(ol_str_in("b", list));
    assert_string_equal(ol_str_lower(ol_str_tr(text, '-', '_')), "a_b_c");
    (void)state;
}

static void utf8_is_checked_strictly(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool is_valid;
    } cases[] = {
        {"", 0, true},
        {"abc\0d", 5, true},
        {"\xc3\xbc", 2, true},
        {"\xc3", 1, false},
        {"\xc0\x80", 2, false},
        {"\xe2\x82\xac", 3, true},
        {"\xed\xa0\x80", 3, false},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf0\x80\x80\x80", 4, false},
        {"\x80", 1, false},
        {"\xff", 1, false},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        if (ol_utf8_is_valid(cases[i].text, cases[i].len) != cases[i].is_valid)
            fail_msg("case %zu", i);
    (void)state;
}

static void numbers_are_all_of_the_text(void **state)
{
    static const struct {
        const char *text;
        int base, want_ret;
        int64_t want;
    } cases[] = {
        {"0", 10, 0, 0},
        {"-17", 10, 0, -17},
        {"+17", 10, 0, 17},
        {"0644", 8, 0, 0644},
        {"0x10", 0, 0, 16},
        {"9223372036854775807", 10, 0, INT64_MAX},
        {"9223372036854775808", 10, -ERANGE, 0},
        {"", 10, -EINVAL, 0},
        {" 1", 10, -EINVAL, 0},
        {"1 ", 10, -EINVAL, 0},
        {"+-1", 10, -EINVAL, 0},
        {"-", 10, -EINVAL, 0},
        {"1e3", 10, -EINVAL, 0},
        {"8", 8, -EINVAL, 0},
    };
    uint64_t u = 5;
    int n = 5;

    for (size_t i = 0; i < ol_count(cases); i++) {
        int64_t got = 0;
        int r = ol_parse_i64(cases[i].text, cases[i].base, &got);

        if (r != cases[i].want_ret || got != cases[i].want)
            fail_msg("'%s': %d %lld", cases[i].text, r, (long long)got);
    }
    assert_int_equal(ol_parse_u64("-1", 10, &u), -EINVAL);
    assert_int_equal(ol_parse_u64("18446744073709551616", 10, &u), -ERANGE);
    assert_int_equal(u, 5);
    assert_int_equal(ol_parse_int("11", 10, 1, 10, &n), -ERANGE);
    assert_int_equal(ol_parse_int("x", 10, 1, 10, &n), -EINVAL);
    assert_int_equal(n, 5);
    assert_int_equal(ol_parse_int("10", 10, 1, 10, &n), 0);
    assert_int_equal(n, 10);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_strings_are_built_and_cut),
        cmocka_unit_test(strings_are_compared_and_stripped),
        cmocka_unit_test(utf8_is_checked_strictly),
        cmocka_unit_test(numbers_are_all_of_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
