/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json-writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"

static void commas_stand_between_members_alone(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1000);
    struct ol_jw w;

    ol_jw_init(&w, &b);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "phase", "Bound");
    ol_jw_str(&w, "absent", NULL);
    ol_jw_list(&w, "modes");
    ol_jw_str(&w, NULL, "ReadWriteOnce");
    ol_jw_map(&w, NULL);
    ol_jw_end(&w);
    ol_jw_int(&w, NULL, -3);
    ol_jw_end(&w);
    ol_jw_map(&w, "annotations");
    ol_jw_any_null(&w, "a\"b");
    ol_jw_any(&w, "c", "d\n");
    ol_jw_end(&w);
    ol_jw_bool(&w, "is", true);
    ol_jw_null(&w, "none");
    ol_jw_raw(&w, "raw", "[1]", 3);
    ol_jw_end(&w);
    assert_int_equal(ol_buf_status(&b), 0);
    assert_string_equal(b.data, "{\"phase\":\"Bound\",\"modes\":[\"ReadWriteOnce\",{},-3],"
                                "\"annotations\":{\"a\\\"b\":null,\"c\":\"d\\n\"},"
                                "\"is\":true,\"none\":null,\"raw\":[1]}");
}

static void control_characters_are_escaped(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1000);

    ol_json_add_string(&b, "\x01\t\\\"\x7fé\0x", 9);
    assert_string_equal(b.data, "\"\\u0001\\t\\\\\\\"\x7fé\\u0000x\"");
}

static void quotes_within_quotes_are_escaped(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"{\"a\":\"b\\\"c\"}", "\"{\\\"a\\\":\\\"b\\\\\\\"c\\\"}\""},
        {"\"\"\"\"", "\"\\\"\\\"\\\"\\\"\""},
        {"é\x7f\xff", "\"é\x7f\xff\""},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(100), small = OL_BUF_INIT(1);

        ol_json_add_string(&b, cases[i].text, strlen(cases[i].text));
        assert_string_equal(b.data, cases[i].want);
        ol_json_add_string(&small, cases[i].text, strlen(cases[i].text));
        assert_int_equal(ol_buf_status(&small), -EFBIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_members_alone),
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(quotes_within_quotes_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
