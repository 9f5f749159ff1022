/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/ini.h"
#include "codec/json.h"
#include "core/cleanup.h"

/* What Python's RawConfigParser(strict=False) makes of the text. */
static void files_are_read_as_pythons_configparser_does(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "{}"},
        {"# only\n; comments\n\n", "{}"},
        {"[a]\nK = v\nk2: w = x\n", "{\"a\":{\"k\":\"v\",\"k2\":\"w = x\"}}"},
        {"[a]\r\nk=v\r\n", "{\"a\":{\"k\":\"v\"}}"},
        {"[a]\nk = one\n  two\n\n  # no\n  three\n\n\n[b]\n",
         "{\"a\":{\"k\":\"one\\ntwo\\n\\nthree\"},\"b\":{}}"},
        {"[a]\nk = v ; stays # too\n", "{\"a\":{\"k\":\"v ; stays # too\"}}"},
        {"[a]\nk=1\n[b]\nk=2\n[a]\nk=3\nj=4\n",
         "{\"a\":{\"k\":\"3\",\"j\":\"4\"},\"b\":{\"k\":\"2\"}}"},
        {"[x [y] z] tail\nk=\n", "{\"x [y] z\":{\"k\":\"\"}}"},
        {"  [a]\n  k=1\n  l=2\n   more\n m=3\n",
         "{\"a\":{\"k\":\"1\",\"l\":\"2\\nmore\",\"m\":\"3\"}}"},
        {"[a]\nk=\n  [b]\n  x=1", "{\"a\":{\"k\":\"\\n[b]\\nx=1\"}}"},
        {"[a]\n  k=1", "{\"a\":{\"k\":\"1\"}}"},
        {"[DEFAULT]\nk=1\n", "{\"DEFAULT\":{\"k\":\"1\"}}"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *v;

        if (ol_ini_load(cases[i].text, strlen(cases[i].text), &a, &v, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.msg);
        assert_int_equal(ol_json_dump(v, &ol_json_compact, &b), 0);
        assert_string_equal(b.data, cases[i].want);
    }
}

static void errors_name_the_line(void **state)
{
    static const struct {
        const char *text;
        int line;
    } cases[] = {
        {"k=v\n", 1},     {"\n# c\n[]\n", 3}, {"[a]\nk=v\nplain\n", 3},
        {"[a]\n=v\n", 2}, {"[a]\n\xff", 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *v = NULL;

        assert_int_equal(ol_ini_load(cases[i].text, strlen(cases[i].text), &a, &v, &err), -EINVAL);
        assert_int_equal(err.line, cases[i].line);
        assert_null(v);
    }
}

static void values_know_their_line(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const char *text = "[a]\n\nk = v\n more\n";
    struct ol_val *v;

    assert_int_equal(ol_ini_load(text, strlen(text), &a, &v, NULL), 0);
    assert_int_equal(ol_val_at(v, "a/k")->line, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_as_pythons_configparser_does),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(values_know_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
