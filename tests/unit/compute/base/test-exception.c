/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "core/cleanup.h"

static void every_row_has_a_name_a_module_and_codes(void **state)
{
    for (int i = 0; i < NOVA_N_EXCEPTIONS; i++) {
        assert_non_null(nova_exceptions[i].name);
        assert_non_null(nova_exceptions[i].module);
        assert_true(nova_exceptions[i].code > 0);
        assert_in_range(nova_exceptions[i].status, 400, 599);
        assert_int_equal(nova_exception_find(nova_exceptions[i].name), i);
    }
}

static void a_failure_carries_its_exception(void **state)
{
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        nova_fail(&err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.", "i-1"),
        -ENOENT);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    assert_false(nova_is(&err, NOVA_IMAGE_NOT_FOUND));
    assert_int_equal(nova_exception_of(&err), NOVA_INSTANCE_NOT_FOUND);
    assert_int_equal(err.status, 404);
    assert_string_equal(ol_err_text(&err), "Instance i-1 could not be found.");
}

static void a_prefix_keeps_the_exception(void **state)
{
    struct ol_err err = OL_ERR_INIT;
    int r = nova_fail(&err, NOVA_VIF_PLUG, "no bridge");

    assert_int_equal(ol_err_prefix(&err, r, "port %d", 7), r);
    assert_true(nova_is(&err, NOVA_VIF_PLUG));
    assert_string_equal(ol_err_text(&err), "port 7: no bridge");
}

static void a_plain_errno_is_told_as_novaexception(void **state)
{
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_err_set(&err, ENOSPC, "disk full"), -ENOSPC);
    assert_int_equal(nova_exception_of(&err), NOVA_EXCEPTION);
    assert_int_equal(nova_exception_find("KeyError"), NOVA_REMOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_a_name_a_module_and_codes),
        cmocka_unit_test(a_failure_carries_its_exception),
        cmocka_unit_test(a_prefix_keeps_the_exception),
        cmocka_unit_test(a_plain_errno_is_told_as_novaexception),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
