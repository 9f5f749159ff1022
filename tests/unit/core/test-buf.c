/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"

static void it_is_a_string_at_any_time(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

    assert_string_equal(b.data, "");
    ol_buf_adds(&b, "a");
    ol_buf_addc(&b, 'b');
    ol_buf_addn(&b, 'c', 3);
    ol_buf_addn(&b, 'x', 0);
    ol_buf_printf(&b, "%d", 12);
    ol_buf_add(&b, "\0z", 2);
    assert_memory_equal(b.data, "abccc12\0z", 10);
    assert_int_equal(b.len, 9);
    ol_buf_truncate(&b, 2);
    assert_string_equal(b.data, "ab");
    ol_buf_clear(&b);
    assert_string_equal(b.data, "");
    assert_int_equal(ol_buf_status(&b), 0);
    (void)state;
}

static void beyond_the_maximum_it_keeps_what_it_had(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4);

    ol_buf_adds(&b, "abcd");
    assert_int_equal(ol_buf_status(&b), 0);
    ol_buf_addc(&b, 'e');
    assert_int_equal(ol_buf_status(&b), -EFBIG);
    ol_buf_truncate(&b, 0);
    ol_buf_adds(&b, "x");
    ol_buf_printf(&b, "%d", 1);
    assert_string_equal(b.data, "");
    assert_null(ol_buf_reserve(&b, 1));
    ol_buf_clear(&b);
    ol_buf_printf(&b, "%d", 12345);
    assert_int_equal(ol_buf_status(&b), -EFBIG);
    assert_string_equal(b.data, "");
    ol_buf_clear(&b);
    assert_null(ol_buf_reserve(&b, SIZE_MAX));
    (void)state;
}

static void its_content_can_be_taken(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(100);
    char *s;

    s = ol_buf_take(&b);
    assert_string_equal(s, "");
    free(s);
    ol_buf_adds(&b, "abc");
    s = ol_buf_take(&b);
    assert_string_equal(s, "abc");
    free(s);
    assert_string_equal(b.data, "");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_string_at_any_time),
        cmocka_unit_test(beyond_the_maximum_it_keeps_what_it_had),
        cmocka_unit_test(its_content_can_be_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
