/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "core/cleanup.h"
#include "guest/module/module.h"

static void every_spelling_of_a_name_finds_the_module(void **state)
{
    static const char *const names[] = {"scripts_user",       "scripts-user",    "cc_scripts_user",
                                        "cc_scripts_user.py", "scripts-user.PY", " scripts-user "};

    for (size_t i = 0; i < ol_count(names); i++)
        assert_ptr_equal(module_find(names[i]), &module_scripts_user);
    assert_null(module_find(""));
    assert_null(module_find("Scripts_User"));
    (void)state;
}

/* demands: 24 */
static void names_that_upstream_gave_up_are_known(void **state)
{
    static const char *const removed[] = {"emit_upstart", "cc_migrator", "rightscale-userdata",
                                          "refresh_rmc_and_interface"};

    for (size_t i = 0; i < ol_count(removed); i++)
        assert_true(module_is_removed(removed[i]));
    assert_false(module_is_removed("runcmd"));
    assert_string_equal(module_renamed("ubuntu-advantage"), "ubuntu_pro");
    assert_null(module_renamed("ubuntu_pro"));
    (void)state;
}

/* demands: 30 */
static void frequencies_have_a_long_and_a_short_name(void **state)
{
    static const struct {
        const char *name;
        enum frequency want;
    } cases[] = {
        {"once-per-instance", FREQ_INSTANCE},
        {"instance", FREQ_INSTANCE},
        {"always", FREQ_ALWAYS},
        {"once", FREQ_ONCE},
    };
    enum frequency got;

    for (size_t i = 0; i < ol_count(cases); i++) {
        assert_int_equal(frequency_parse(cases[i].name, &got), 0);
        assert_int_equal(got, cases[i].want);
    }
    assert_int_equal(frequency_parse("sometimes", &got), -EINVAL);
    assert_string_equal(frequency_name(FREQ_INSTANCE), "once-per-instance");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_name_finds_the_module),
        cmocka_unit_test(names_that_upstream_gave_up_are_known),
        cmocka_unit_test(frequencies_have_a_long_and_a_short_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
