/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "core/cleanup.h"
#include "core/path.h"

static void paths_become_absolute_and_short(void **state)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"/etc/hosts", "/etc/hosts"},
        {"etc/hosts", "/etc/hosts"},
        {"/etc//./hosts/", "/etc/hosts"},
        {"/a/b/../c", "/a/c"},
        {"/../../a", "/a"},
        {"..", "/"},
        {"", "/"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autofree char *got = ol_path_absolute(cases[i].path);

        assert_string_equal(got, cases[i].want);
    }
    (void)state;
}

static void what_a_user_writes_is_below_the_working_directory(void **state)
{
    ol_autofree char *here = getcwd(NULL, 0), *want = ol_path_join(here, "b");
    ol_autofree char *relative = ol_path_here("./a/../b"), *whole = ol_path_here("/a//b");

    assert_string_equal(relative, want);
    assert_string_equal(whole, "/a/b");
    assert_null(ol_path_here(NULL));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_become_absolute_and_short),
        cmocka_unit_test(what_a_user_writes_is_below_the_working_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
