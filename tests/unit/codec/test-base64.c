/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"

/* demands: 19 */
static void bytes_become_the_text_of_rfc4648(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(100), back = OL_BUF_INIT(100);

        ol_base64_encode(cases[i][0], strlen(cases[i][0]), 0, &b);
        assert_string_equal(b.data, cases[i][1]);
        assert_int_equal(ol_base64_decode(b.data, b.len, OL_BASE64_STRICT, &back, NULL), 0);
        assert_string_equal(back.data, cases[i][0]);
    }
}

static void wrapped_lines_all_end_with_a_newline(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(100);

    ol_base64_encode("foobar", 6, 4, &b);
    assert_string_equal(b.data, "Zm9v\nYmFy\n");
    ol_buf_clear(&b);
    ol_base64_encode("fooba", 5, 76, &b);
    assert_string_equal(b.data, "Zm9vYmE=\n");
}

/* What Python 3.11 says to each: NULL = binascii.Error with 'error' in its text. */
static void text_is_decoded_as_python_decodes_it(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
        const char *want, *error;
    } cases[] = {
        {"Zm9v\nYmFy\n", 0, "foobar", NULL},
        {"Zm 9v-!YmFy", 0, "foobar", NULL},
        {"Zm9vYg==", 0, "foob", NULL},
        {"Zg==Zg==", 0, "f", NULL},
        {"Zg=.=", 0, "f", NULL},
        {"Zg=v=", 0, "f\x0b", NULL},
        {"=Zm9v", 0, "foo", NULL},
        {"====", 0, "", NULL},
        {"Zg=", 0, NULL, "Incorrect padding"},
        {"Zg", 0, NULL, "Incorrect padding"},
        {"Zm9vY", 0, NULL, "number of data characters (5)"},
        {"Z", 0, NULL, "number of data characters (1)"},
        {"Z===", 0, NULL, "number of data characters (1)"},
        {"Zm9v\n", OL_BASE64_STRICT, NULL, "Only base64 data"},
        {"=Zm9v", OL_BASE64_STRICT, NULL, "Leading padding"},
        {"Zg==Zg==", OL_BASE64_STRICT, NULL, "Excess data"},
        {"Zg=v", OL_BASE64_STRICT, NULL, "Discontinuous padding"},
        {"", OL_BASE64_STRICT, "", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(100);
        struct ol_err err = OL_ERR_INIT;
        int r;

        ol_buf_adds(&b, "<");
        r = ol_base64_decode(cases[i].text, strlen(cases[i].text), cases[i].flags, &b, &err);
        if (cases[i].want) {
            assert_int_equal(r, 0);
            assert_string_equal(b.data + 1, cases[i].want);
        } else {
            assert_int_equal(r, -EINVAL);
            assert_non_null(strstr(err.msg, cases[i].error));
            assert_string_equal(b.data, "<");
        }
    }
}

static void decoding_stops_at_the_maximum(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(5);
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_base64_decode("Zm9vYmFy", 8, 0, &b, &err), -EFBIG);
    assert_string_equal(err.msg, "base64: more than 5 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_the_text_of_rfc4648),
        cmocka_unit_test(wrapped_lines_all_end_with_a_newline),
        cmocka_unit_test(text_is_decoded_as_python_decodes_it),
        cmocka_unit_test(decoding_stops_at_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
