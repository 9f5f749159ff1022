/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/queue.h"

static const struct ol_backoff backoff = {.first = 5 * OL_MS, .most = OL_SECOND};

static int setup(void **state)
{
    *state = ol_queue_new(&backoff);
    return 0;
}

static int teardown(void **state)
{
    ol_queue_free(*state);
    return 0;
}

static void take(struct ol_queue *q, ol_time now, const char *want)
{
    const char *got = ol_queue_take(q, now);

    if (want)
        assert_string_equal(got ? got : "(none)", want);
    else
        assert_null(got);
}

static void keys_come_in_order_and_once(void **state)
{
    struct ol_queue *q = *state;

    ol_queue_add(q, "b");
    ol_queue_add(q, "a");
    ol_queue_add(q, "b");
    assert_int_equal(ol_queue_length(q), 2);
    assert_int_equal(ol_queue_next(q, 0), 0);
    take(q, 0, "b");
    take(q, 0, "a");
    take(q, 0, NULL);
    assert_false(ol_queue_is_idle(q));
    ol_queue_done(q, "a");
    ol_queue_done(q, "b");
    assert_true(ol_queue_is_idle(q));
    assert_int_equal(ol_queue_next(q, 0), -1);
}

static void key_in_hand_comes_again_when_that_has_ended(void **state)
{
    struct ol_queue *q = *state;

    ol_queue_add(q, "a");
    take(q, 0, "a");
    ol_queue_add(q, "a");
    ol_queue_add(q, "a");
    take(q, 0, NULL);
    ol_queue_done(q, "a");
    take(q, 0, "a");
    ol_queue_done(q, "a");
    take(q, 0, NULL);
}

static void key_waits_for_the_earliest_of_its_times(void **state)
{
    struct ol_queue *q = *state;

    ol_queue_add_at(q, "a", 100);
    ol_queue_add_at(q, "a", 50);
    ol_queue_add_at(q, "a", 70);
    ol_queue_add_at(q, "b", 60);
    assert_int_equal(ol_queue_next(q, 10), 50);
    take(q, 49, NULL);
    take(q, 50, "a");
    assert_int_equal(ol_queue_next(q, 50), 60);
    assert_int_equal(ol_queue_next(q, 61), 0);
    take(q, 61, "b");
}

static void adding_ends_the_waiting(void **state)
{
    struct ol_queue *q = *state;

    ol_queue_add_at(q, "a", 100);
    ol_queue_add(q, "a");
    assert_int_equal(ol_queue_length(q), 1);
    take(q, 0, "a");
    ol_queue_done(q, "a");
    take(q, 200, NULL);
}

static void key_in_hand_can_be_put_off(void **state)
{
    struct ol_queue *q = *state;

    ol_queue_add(q, "a");
    take(q, 0, "a");
    ol_queue_add_at(q, "a", 30);
    ol_queue_add_at(q, "a", 20);
    assert_int_equal(ol_queue_next(q, 25), -1);
    ol_queue_done(q, "a");
    assert_int_equal(ol_queue_next(q, 0), 20);
    take(q, 20, "a");
    ol_queue_add_at(q, "a", 50);
    ol_queue_add(q, "a");
    ol_queue_done(q, "a");
    take(q, 21, "a");
    ol_queue_done(q, "a");
    take(q, 60, NULL);
}

static void failures_wait_longer_until_forgotten(void **state)
{
    struct ol_queue *q = *state;
    static const ol_time delays[] = {5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000};
    ol_time now = 0;

    for (unsigned i = 0; i < ol_count(delays); i++) {
        ol_queue_retry(q, "a", now);
        assert_int_equal(ol_queue_failures(q, "a"), i + 1);
        assert_int_equal(ol_queue_next(q, now), now + delays[i] * OL_MS);
        now += delays[i] * OL_MS;
        take(q, now, "a");
        ol_queue_done(q, "a");
    }
    assert_true(ol_queue_is_idle(q));
    ol_queue_forget(q, "a");
    assert_int_equal(ol_queue_failures(q, "a"), 0);
    ol_queue_retry(q, "a", now);
    assert_int_equal(ol_queue_next(q, now), now + 5 * OL_MS);
}

static void delays_never_overflow(void **state)
{
    static const struct ol_backoff large = {.first = INT64_MAX / 3, .most = INT64_MAX};

    assert_int_equal(ol_backoff_delay(&backoff, 1), 5 * OL_MS);
    assert_int_equal(ol_backoff_delay(&backoff, 1000000), OL_SECOND);
    assert_int_equal(ol_backoff_delay(&large, 60), INT64_MAX);
    (void)state;
}

/* Against a plain list of times, with a fixed sequence of random numbers. */
static void many_keys_come_in_the_order_of_their_times(void **state)
{
    enum { N = 500 };
    struct ol_queue *q = *state;
    ol_time at[N], last = 0;
    uint32_t random = 1;
    char key[16];

    for (int i = 0; i < N; i++) {
        random = random * 1103515245 + 12345;
        at[i] = 1 + (random >> 16) % 1000;
        snprintf(key, sizeof(key), "k%d", i);
        ol_queue_add_at(q, key, at[i] + 1000);
        ol_queue_add_at(q, key, at[i]);
    }
    for (int i = 0; i < N; i++) {
        ol_time next = ol_queue_next(q, last);
        const char *got;

        assert_true(next == 0 || next > last);
        last = next ? next : last;
        got = ol_queue_take(q, last);
        assert_non_null(got);
        snprintf(key, sizeof(key), "%s", got);
        ol_queue_done(q, key);
    }
    assert_true(ol_queue_is_idle(q));
}

#define with_queue(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_queue(keys_come_in_order_and_once),
        with_queue(key_in_hand_comes_again_when_that_has_ended),
        with_queue(key_waits_for_the_earliest_of_its_times),
        with_queue(adding_ends_the_waiting),
        with_queue(key_in_hand_can_be_put_off),
        with_queue(failures_wait_longer_until_forgotten),
        with_queue(delays_never_overflow),
        with_queue(many_keys_come_in_the_order_of_their_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
