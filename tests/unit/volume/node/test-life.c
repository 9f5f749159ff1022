/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "volume/node/life.h"

static void every_edge_ends_in_a_state_that_can_go_on(void **state)
{
    for (int l = 0; l < NODE_N_LIVES; l++) {
        int n = 0;

        for (int e = 0; e < NODE_N_EVENTS; e++) {
            enum node_life at = (enum node_life)l;
            bool is_edge = node_life_step(&at, (enum node_event)e);

            n += is_edge;
            if (!is_edge)
                assert_int_equal(at, l);
        }
        if (!n)
            fail_msg("%s is a dead end", node_life_name((enum node_life)l));
    }
}

static void only_a_moving_life_hears_answers(void **state)
{
    static const enum node_event answers[] = {NODE_EV_DONE, NODE_EV_FAILED, NODE_EV_MAYBE};

    for (int l = 0; l < NODE_N_LIVES; l++) {
        for (size_t i = 0; i < 3; i++) {
            enum node_life at = (enum node_life)l;

            assert_int_equal(node_life_step(&at, answers[i]),
                             node_life_is_moving((enum node_life)l));
        }
    }
}

static void only_what_certainly_is_not_there_owes_nothing(void **state)
{
    enum node_life at = NODE_ABSENT;

    assert_true(node_life_step(&at, NODE_EV_BRING));
    assert_true(node_life_step(&at, NODE_EV_MAYBE));
    assert_true(node_life_is_owed(at)); /* UNSURE */
    assert_true(node_life_step(&at, NODE_EV_BRING));
    assert_true(node_life_step(&at, NODE_EV_FAILED));
    assert_false(node_life_is_owed(at)); /* a clear no */

    assert_true(node_life_step(&at, NODE_EV_FOUND));
    assert_true(node_life_step(&at, NODE_EV_BRING));
    assert_true(node_life_step(&at, NODE_EV_FAILED));
    assert_true(node_life_is_owed(at)); /* it may have been there before anybody asked */

    assert_true(node_life_step(&at, NODE_EV_REMOVE));
    assert_true(node_life_step(&at, NODE_EV_FAILED));
    assert_true(node_life_is_owed(at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_edge_ends_in_a_state_that_can_go_on),
        cmocka_unit_test(only_a_moving_life_hears_answers),
        cmocka_unit_test(only_what_certainly_is_not_there_owes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
