/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/gzip.h"
#include "core/cleanup.h"

/* demands: 19 */
static void compressed_text_comes_back(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf z = OL_BUF_INIT(1000), back = OL_BUF_INIT(1000);

    assert_int_equal(ol_gzip_compress("hello", 5, &z, NULL), 0);
    assert_true(ol_gzip_is(z.data, z.len));
    assert_int_equal(ol_gzip_decompress(z.data, z.len, &back, NULL), 0);
    assert_string_equal(back.data, "hello");
}

static void the_time_in_the_header_is_zero(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf z = OL_BUF_INIT(1000);

    assert_int_equal(ol_gzip_compress("hello", 5, &z, NULL), 0);
    assert_memory_equal(z.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
}

static void members_are_joined_and_zeros_between_them_skipped(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf z = OL_BUF_INIT(1000), back = OL_BUF_INIT(1000);

    assert_int_equal(ol_gzip_compress("one ", 4, &z, NULL), 0);
    ol_buf_addn(&z, '\0', 7);
    assert_int_equal(ol_gzip_compress("two", 3, &z, NULL), 0);
    ol_buf_addn(&z, '\0', 3);
    assert_int_equal(ol_gzip_decompress(z.data, z.len, &back, NULL), 0);
    assert_string_equal(back.data, "one two");
    assert_int_equal(ol_gzip_decompress("", 0, &back, NULL), 0);
}

static void damage_is_an_error_and_leaves_the_result_alone(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf z = OL_BUF_INIT(1000), back = OL_BUF_INIT(1000);
    struct ol_err err = OL_ERR_INIT;

    ol_buf_adds(&back, "kept");
    assert_int_equal(ol_gzip_compress("some text, some text", 20, &z, NULL), 0);
    for (size_t cut = 1; cut < z.len; cut++)
        assert_int_equal(ol_gzip_decompress(z.data, cut, &back, NULL), -EINVAL);
    assert_int_equal(ol_gzip_decompress(z.data, z.len - 4, &back, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "ended before the end-of-stream marker"));
    z.data[z.len - 6] ^= 1;
    assert_int_equal(ol_gzip_decompress(z.data, z.len, &back, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "check"));
    assert_int_equal(ol_gzip_decompress("plain", 5, &back, &err), -EINVAL);
    assert_string_equal(err.msg, "gzip: Not a gzipped file");
    z.data[z.len - 6] ^= 1;
    ol_buf_adds(&z, "trailing");
    assert_int_equal(ol_gzip_decompress(z.data, z.len, &back, &err), -EINVAL);
    assert_string_equal(back.data, "kept");
}

static void a_bomb_ends_at_the_maximum(void **state)
{
    enum { SIZE = 4 << 20 };
    ol_autofree char *zeros = calloc(1, SIZE);
    ol_auto(ol_buf_done) struct ol_buf z = OL_BUF_INIT(SIZE * 2), exact = OL_BUF_INIT(SIZE);
    ol_auto(ol_buf_done) struct ol_buf small = OL_BUF_INIT(SIZE - 1);
    struct ol_err err = OL_ERR_INIT;

    assert_non_null(zeros);
    assert_int_equal(ol_gzip_compress(zeros, SIZE, &z, NULL), 0);
    assert_int_equal(ol_gzip_decompress(z.data, z.len, &exact, NULL), 0);
    assert_int_equal(exact.len, SIZE);
    assert_int_equal(ol_gzip_decompress(z.data, z.len, &small, &err), -EFBIG);
    assert_string_equal(err.msg, "gzip: content has more than 4194303 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compressed_text_comes_back),
        cmocka_unit_test(the_time_in_the_header_is_zero),
        cmocka_unit_test(members_are_joined_and_zeros_between_them_skipped),
        cmocka_unit_test(damage_is_an_error_and_leaves_the_result_alone),
        cmocka_unit_test(a_bomb_ends_at_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
