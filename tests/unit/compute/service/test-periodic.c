/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compute/service/periodic.h"
#include "compute/service/pre-start.h"
#include "core/cleanup.h"

#define S OL_SECOND

/* demands: C38 */
static void the_first_round_is_at_a_random_moment(void **state)
{
    static const struct {
        ol_time most;
        double dice;
        ol_time want;
    } cases[] = {{60 * S, 0, 0}, {60 * S, 0.5, 30 * S}, {60 * S, 0.9999, 60 * S}, {0, 0.7, 0}};

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(periodic_first(cases[i].most, cases[i].dice), cases[i].want);
}

/* demands: C38 */
static void tasks_keep_their_spacing(void **state)
{
    struct periodic p = {.n = 0};
    ol_time idle = PERIODIC_DEFAULT;

    assert_true(periodic_add(&p, 0, false, 1000 * S));
    assert_true(periodic_add(&p, 600 * S, true, 1000 * S));
    assert_false(periodic_add(&p, -1 * S, true, 1000 * S));
    /* What is immediate runs in the first round; the others after their spacing. */
    assert_false(periodic_take(&p, 0, 1030 * S, 0, &idle));
    assert_int_equal(idle, 30 * S);
    assert_true(periodic_take(&p, 1, 1030 * S, 0, &idle));
    assert_false(periodic_take(&p, 2, 1030 * S, 0, &idle));
    assert_int_equal(idle, 30 * S);
    /* Late by 7 s: the grid of 60 s stays. */
    idle = PERIODIC_DEFAULT;
    assert_true(periodic_take(&p, 0, 1067 * S, 0, &idle));
    assert_int_equal(p.tasks[0].last, 1060 * S);
    assert_false(periodic_take(&p, 0, 1119 * S, 0, &idle));
    assert_int_equal(idle, 1 * S);
    assert_true(periodic_take(&p, 0, 1120 * S, 0, &idle));
    /* Rounds that were missed are not made up for. */
    assert_true(periodic_take(&p, 0, 5000 * S, 0, &idle));
    assert_int_equal(p.tasks[0].last, 4960 * S);
    assert_false(periodic_take(&p, 0, 5000 * S, 0, &idle));
}

static void the_grid_moves_by_at_most_a_twentieth(void **state)
{
    struct periodic p = {.n = 0};
    ol_time idle = PERIODIC_DEFAULT;

    assert_true(periodic_add(&p, 600 * S, false, 0));
    assert_true(periodic_take(&p, 0, 600 * S, 0.999, &idle));
    assert_int_equal(p.tasks[0].last, 629 * S);
    assert_true(periodic_add(&p, 10 * S, false, 0));
    assert_true(periodic_take(&p, 1, 10 * S, 0.999, &idle));
    assert_int_equal(p.tasks[1].last, 10 * S);
}

/* demands: C21 */
static void waits_for_a_unit_grow(void **state)
{
    static const int want[] = {1, 1, 3, 3, 5, 5, 7};

    for (unsigned i = 0; i < ol_count(want); i++)
        assert_int_equal(pre_start_delay(i + 1), want[i] * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_round_is_at_a_random_moment),
        cmocka_unit_test(tasks_keep_their_spacing),
        cmocka_unit_test(the_grid_moves_by_at_most_a_twentieth),
        cmocka_unit_test(waits_for_a_unit_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
