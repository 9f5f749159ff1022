/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/yaml.h"
#include "core/cleanup.h"

enum { ARENA_MAX = 32 << 20 };

/* Python's repr of what 'yaml' is, or the exception's name. */
static const char *loaded(struct ol_arena *a, const char *yaml)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL;

    if (ol_yaml_load(yaml, strlen(yaml), a, &v, &err) < 0)
        return ol_arena_strdup(a, err.domain ? err.domain : err.msg);
    return ol_val_to_repr(a, v);
}

struct pair {
    const char *in, *want;
};

static void expect_loaded(const struct pair *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
        const char *got = loaded(&a, cases[i].in);

        if (strcmp(got, cases[i].want))
            fail_msg("%s: got %s, want %s", cases[i].in, got, cases[i].want);
    }
}

/* demands: 18 */
static void plain_scalars_have_yaml_1_1_types(void **state)
{
    static const struct pair cases[] = {
        {"[yes, No, ON, off, True, FALSE]", "[True, False, True, False, True, False]"},
        {"[y, n, tRUE, oN]", "['y', 'n', 'tRUE', 'oN']"},
        {"[~, null, NULL, nUll, ]", "[None, None, None, 'nUll']"},
        {"[0644, 0o644, 089, 00, 0_7, -0644]", "[420, '0o644', '089', 0, 7, -420]"},
        {"[0x1F, +0x_1f, 0x, 0b1_1, 0b2]", "[31, 31, '0x', 3, '0b2']"},
        {"[1_000, _1, +1, 1__0, 10Gi]", "[1000, '_1', 1, 10, '10Gi']"},
        {"52:54:00:12:34:56", "41135085296"},
        {"11:22:33:44:55:06", "8846009706"},
        {"00:16:3e:00:00:01", "'00:16:3e:00:00:01'"},
        {"[ 1:30, -1:30, 1:60, 190:20:30.15 ]", "[90, -90, '1:60', 685230.15]"},
        {"[1e3, 1.5e3, 1.0e+3, 1.e+3, 1.]", "['1e3', '1.5e3', 1000.0, 1000.0, 1.0]"},
        {"[.5, -.5, +.5, 1.2.3.4, .]", "[0.5, '-.5', '+.5', '1.2.3.4', '.']"},
        {"[.inf, -.Inf, .NaN, NaN, inf]", "[inf, -inf, nan, 'NaN', 'inf']"},
        {"18446744073709551616", "18446744073709551616"},
        {"-0xffffffffffffffffffff", "-1208925819614629174706175"},
        {"!!int 0o17", "15"},
        {"['0644', \"yes\", !!str 0644, !!int '3']", "['0644', 'yes', '0644', 3]"},
        {"", "None"},
        {"# only a comment\n", "None"},
        {"\xef\xbb\xbf"
         "a: 1",
         "{'a': 1}"},
    };

    expect_loaded(cases, ol_count(cases));
}

static void timestamps_are_shown_as_python_shows_them(void **state)
{
    static const struct pair cases[] = {
        {"2001-12-14", "2001-12-14"},
        {"2001-1-1", "'2001-1-1'"},
        {"2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43.100000-05:00"},
        {"2001-12-14t21:59:43Z", "2001-12-14 21:59:43+00:00"},
        {"2001-1-4 1:59:43 +05:75", "2001-01-04 01:59:43+06:15"},
        {"2001-12-14 21:59:43.1234567", "2001-12-14 21:59:43.123456"},
        {"2000-02-29", "2000-02-29"},
        {"1900-02-29", "ValueError"},
        {"2001-13-45", "ValueError"},
        {"2001-01-01 24:00:00", "ValueError"},
        {"2001-01-01 23:00:00 +24", "ValueError"},
        {"!!timestamp x", "AttributeError"},
    };

    expect_loaded(cases, ol_count(cases));
}

static void tags_and_merge_keys_follow_safe_loader(void **state)
{
    static const struct pair cases[] = {
        {"base: &b {p: 1, q: 2}\nd: {<<: *b, q: 3}",
         "{'base': {'p': 1, 'q': 2}, 'd': {'p': 1, 'q': 3}}"},
        {"{<<: [{a: 1}, {a: 2, b: 3}], c: 4}", "{'a': 1, 'b': 3, 'c': 4}"},
        {"&a {x: 1, <<: *a}", "{'x': 1}"},
        {"{=: 1}", "{'=': 1}"},
        {"!!str {=: x, y: z}", "'x'"},
        {"{a: 1, b: 2, a: 3}", "{'a': 3, 'b': 2}"},
        {"{1: one, true: t, 1.0: f}", "{1: 'f'}"},
        {"!!set {x, y}", "{'x', 'y'}"},
        {"!!omap [x: 1, y: 2]", "[['x', 1], ['y', 2]]"},
        {"!!pairs [x: 1, x: 2]", "[['x', 1], ['x', 2]]"},
        {"!!binary aGVs bG8=", "b'hello'"},
        {"!!float 1", "1.0"},
        {"!!bool maybe", "KeyError"},
        {"!!int ''", "IndexError"},
        {"!!int abc", "ValueError"},
        {"!!float 1x", "ValueError"},
        {"{[a]: b}", "ConstructorError"},
        {"!!seq {a: b}", "ConstructorError"},
        {"<<", "ConstructorError"},
        {"=", "ConstructorError"},
    };

    expect_loaded(cases, ol_count(cases));
}

static void errors_are_those_of_pyyaml(void **state)
{
    static const struct {
        const char *in, *type, *problem;
        int line, column;
    } cases[] = {
        {"a:\n\tb: 1\n", "ScannerError", "found character '\\t' that cannot start any token", 2, 1},
        {"a: b: c\n", "ScannerError", "mapping values are not allowed here", 1, 5},
        {"a: \"x", "ScannerError", "found unexpected end of stream", 1, 6},
        {"a\nb: 1", "ScannerError", "mapping values are not allowed here", 2, 2},
        {"a: 1\nb\n", "ScannerError", "could not find expected ':'", 3, 1},
        {"a: 1\nb", "ScannerError", "could not find expected ':'", 2, 2},
        {"a: [1", "ParserError", "expected ',' or ']', but got '<stream end>'", 1, 6},
        {"a: {b", "ParserError", "expected ',' or '}', but got '<stream end>'", 1, 6},
        {"- a\nb: c\n", "ParserError", "expected <block end>, but found '?'", 2, 1},
        {"...\n", "ParserError", "expected the node content, but found '<document end>'", 1, 1},
        {"a: @b", "ScannerError", "found character '@' that cannot start any token", 1, 4},
        {"a: !x!y b", "ParserError", "found undefined tag handle '!x!'", 1, 4},
        {"a: *b", "ComposerError", "found undefined alias 'b'", 1, 4},
        {"[&a 1, &a 2]", "ComposerError", "second occurrence", 1, 8},
        {"--- a\n--- b\n", "ComposerError", "but found another document", 2, 1},
        {"k: !foo", "ConstructorError", "could not determine a constructor for the tag '!foo'", 1,
         4},
        {"? [a]\n: b", "ConstructorError", "found unhashable key", 1, 3},
        {"<<: 1", "ConstructorError",
         "expected a mapping or list of mappings for merging, but found scalar", 1, 5},
        {"!!binary a", "ConstructorError",
         "failed to decode base64 data: Invalid base64-encoded string: number of data characters "
         "(1) cannot be 1 more than a multiple of 4",
         1, 1},
        {"a\x01", "ReaderError",
         "unacceptable character #x0001: special characters are not allowed, position 1", 0, 0},
        {"a\xff", "ReaderError", "'utf-8' codec can't decode byte #xff, position 1", 0, 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *v = NULL;

        assert_int_equal(ol_yaml_load(cases[i].in, strlen(cases[i].in), &a, &v, &err), -EINVAL);
        assert_null(v);
        if (strcmp(err.domain, cases[i].type) || strcmp(err.msg, cases[i].problem)
            || err.line != cases[i].line || err.column != cases[i].column)
            fail_msg("%s: got %s %d:%d %s", cases[i].in, err.domain, err.line, err.column, err.msg);
    }
}

static void of_several_mistakes_the_outermost_is_reported(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    struct ol_err err = OL_ERR_INIT;
    const char *text = "- [!inner x]\n- !outer y\n";
    struct ol_val *v;

    assert_int_equal(ol_yaml_load(text, strlen(text), &a, &v, &err), -EINVAL);
    assert_int_equal(err.line, 2);
}

static void an_alias_is_the_same_value_even_inside_itself(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    const char *text = "a: &x [1, *x]\nb: *x\n";
    struct ol_val *v = NULL;

    assert_int_equal(ol_yaml_load(text, strlen(text), &a, &v, NULL), 0);
    assert_ptr_equal(ol_val_get(v, "a"), ol_val_get(v, "b"));
    assert_ptr_equal(ol_val_item(ol_val_get(v, "a"), 1), ol_val_get(v, "a"));
}

static void deep_nesting_is_refused_without_recursion(void **state)
{
    static char text[200000];

    static const char *const units[] = {"[", "- ", "{a: ", "? ", "!!set {"};

    for (size_t i = 0; i < ol_count(units); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
        size_t len = strlen(units[i]), n = 20000;

        for (size_t k = 0; k < n; k++)
            memcpy(text + k * len, units[i], len);
        text[n * len] = '\0';
        assert_string_equal(loaded(&a, text), "RecursionError");
    }
}

static void billion_laughs_stay_within_the_arena(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v;

    ol_buf_adds(&text, "a0: &a0 {k: v}\n");
    for (int i = 1; i < 12; i++) {
        ol_buf_printf(&text, "a%d: &a%d\n  <<: [", i, i);
        for (int k = 0; k < 10; k++)
            ol_buf_printf(&text, "%s*a%d", k ? ", " : "", i - 1);
        ol_buf_adds(&text, "]\n");
    }
    assert_int_equal(ol_yaml_load(text.data, text.len, &a, &v, &err), -EFBIG);
}

/* --- dumping --- */

static void expect_dumped(const struct pair *cases, size_t n, const struct ol_yaml_style *style)
{
    for (size_t i = 0; i < n; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
        ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(1 << 20);
        struct ol_val *v = NULL;

        assert_int_equal(ol_yaml_load(cases[i].in, strlen(cases[i].in), &a, &v, NULL), 0);
        assert_int_equal(ol_yaml_dump(v, style, &out), 0);
        if (strcmp(out.data, cases[i].want))
            fail_msg("%s: got\n%swant\n%s", cases[i].in, out.data, cases[i].want);
    }
}

static void values_are_written_as_safe_dump_writes_them(void **state)
{
    static const struct pair cases[] = {
        {"{b: 1, a: [1, [2, {c: ~}]]}", "a:\n- 1\n- - 2\n  - c: null\nb: 1\n"},
        {"['', 'yes', '0644', 'a: b', '- x', '#c', \"it's\", ' x', 'x ', ':x', '-x', '1:30']",
         "- ''\n- 'yes'\n- '0644'\n- 'a: b'\n- '- x'\n- '#c'\n- it's\n- ' x'\n- 'x '\n- :x\n- -x\n"
         "- '1:30'\n"},
        {"[\"multi\\nline\\n\", \"a\\n b\", \"t\\tb\", \"\\u00e9\\U0001f600\", \"\\e\\0\"]",
         "- 'multi\n\n  line\n\n  '\n- \"a\\n b\"\n- \"t\\tb\"\n-"
         " \"\\xE9\\U0001F600\"\n- \"\\e\\0\"\n"},
        {"{a: {}, b: [], c: !!set {}}", "a: {}\nb: []\nc: !!set {}\n"},
        {"[1.0e+16, 1.5e-7, -.inf, .nan, 0.1]", "- 1.0e+16\n- 1.5e-07\n- -.inf\n- .nan\n- 0.1\n"},
        {"{a: 2001-12-14, b: !!set {y, x}}", "a: 2001-12-14\nb: !!set\n  x: null\n  y: null\n"},
        {"!!binary aGVsbG8=", "!!binary |\n  aGVsbG8=\n"},
        {"{'': 1}", "? ''\n: 1\n"},
        {"{2: b, 10: a}", "2: b\n10: a\n"},
        {"{b: 1, 1: b}", "b: 1\n1: b\n"},
        {"x", "x\n...\n"},
        {"'1'", "'1'\n"},
        {"{a: &x [1], b: *x, c: &y {k: *x}, d: *y}",
         "a: &id001\n- 1\nb: *id001\nc: &id002\n  k: *id001\nd: *id002\n"},
        {"&a [*a]", "&id001\n- *id001\n"},
    };

    expect_dumped(cases, ol_count(cases), &ol_yaml_safe_dump);
}

static void cloud_init_indents_by_four_between_markers(void **state)
{
    static const struct pair cases[] = {
        {"{z: [1, [2]], a: {b: c}}", "---\na:\n    b: c\nz:\n- 1\n-   - 2\n...\n"},
        {"x", "--- x\n...\n"},
        {"[]", "--- []\n...\n"},
    };

    expect_dumped(cases, ol_count(cases), &ol_yaml_cloud_init);
}

static void long_lines_are_folded_after_eighty_columns(void **state)
{
    static const struct pair cases[] = {
        {"k: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccc",
         "k: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
         "  ccc\n"},
        {"k: '#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccc'",
         "k: '#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
         "  ccc'\n"},
        {"k: \"\\taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccc\"",
         "k: \"\\taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\\\n"
         "  \\ ccc\"\n"},
    };

    expect_dumped(cases, ol_count(cases), &ol_yaml_safe_dump);
}

static void a_cyclic_value_without_anchors_is_refused(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(1 << 20);
    struct ol_yaml_style style = ol_yaml_safe_dump;
    struct ol_val *v = NULL;

    style.no_alias = true;
    assert_int_equal(ol_yaml_load("&a [*a]", 7, &a, &v, NULL), 0);
    assert_int_equal(ol_yaml_dump(v, &style, &out), -ELOOP);
    ol_buf_clear(&out);
    assert_int_equal(ol_yaml_load("[&a [1], *a]", 12, &a, &v, NULL), 0);
    assert_int_equal(ol_yaml_dump(v, &style, &out), 0);
    assert_string_equal(out.data, "- - 1\n- - 1\n");
}

static void a_full_buffer_ends_the_dump(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(8);
    struct ol_val *v = NULL;

    assert_int_equal(ol_yaml_load("[aaaa, bbbb, cccc]", 18, &a, &v, NULL), 0);
    assert_int_equal(ol_yaml_dump(v, &ol_yaml_safe_dump, &out), -EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_have_yaml_1_1_types),
        cmocka_unit_test(timestamps_are_shown_as_python_shows_them),
        cmocka_unit_test(tags_and_merge_keys_follow_safe_loader),
        cmocka_unit_test(errors_are_those_of_pyyaml),
        cmocka_unit_test(of_several_mistakes_the_outermost_is_reported),
        cmocka_unit_test(an_alias_is_the_same_value_even_inside_itself),
        cmocka_unit_test(deep_nesting_is_refused_without_recursion),
        cmocka_unit_test(billion_laughs_stay_within_the_arena),
        cmocka_unit_test(values_are_written_as_safe_dump_writes_them),
        cmocka_unit_test(cloud_init_indents_by_four_between_markers),
        cmocka_unit_test(long_lines_are_folded_after_eighty_columns),
        cmocka_unit_test(a_cyclic_value_without_anchors_is_refused),
        cmocka_unit_test(a_full_buffer_ends_the_dump),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
