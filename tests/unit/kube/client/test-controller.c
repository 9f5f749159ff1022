/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "kube/client/controller.h"
#include "virtual-time.h"

/* A controller whose hands are the test's. */
struct fixture {
    struct virtual_time time;
    struct ol_env env;
    struct ol_loop loop;
    struct kube_controller *c;
    struct ol_buf seen; /* "a b a" */
    struct kube_task *held[8];
    unsigned n_held;
    bool want_hold;
    int n_fail, n_again; /* the next syncs do this */
    ol_time after;
};

static void sync_one(void *ctx, struct kube_task *t)
{
    struct fixture *f = ctx;
    struct ol_err err = OL_ERR_INIT;

    ol_buf_printf(&f->seen, "%s%s", f->seen.len ? " " : "", kube_task_key(t));
    if (f->want_hold) {
        f->held[f->n_held++] = t;
    } else if (f->n_fail > 0) {
        f->n_fail--;
        assert_int_equal(ol_err_set(&err, EIO, "no"), -EIO);
        kube_task_fail(t, &err);
    } else if (f->n_again > 0) {
        f->n_again--;
        kube_task_again(t);
    } else if (f->after) {
        kube_task_after(t, f->after);
        f->after = 0;
    } else {
        kube_task_done(t);
    }
}

static void resync(void *ctx, struct kube_controller *c)
{
    (void)ctx;
    kube_controller_add(c, "all");
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct kube_controller_options o = {.name = "test",
                                        .n_workers = 2,
                                        .backoff = {10 * OL_MS, 40 * OL_MS},
                                        .resync = 15 * OL_SECOND,
                                        .sync = sync_one,
                                        .resync_all = resync,
                                        .ctx = f};

    virtual_time_init(&f->time);
    f->env = (struct ol_env){.clock = &f->time.clock};
    f->loop.env = &f->env;
    ol_buf_init(&f->seen, 1000);
    f->c = kube_controller_new(&f->loop, &o);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kube_controller_free(f->c);
    ol_buf_done(&f->seen);
    free(f);
    return 0;
}

static void keys_wait_until_it_runs(void **state)
{
    struct fixture *f = *state;

    kube_controller_add(f->c, "a");
    virtual_time_settle(&f->time);
    assert_string_equal(f->seen.data, "");
    kube_controller_run(f->c);
    virtual_time_settle(&f->time);
    assert_string_equal(f->seen.data, "a");
    kube_controller_pause(f->c);
    kube_controller_add(f->c, "b");
    virtual_time_pass(&f->time, 60 * OL_SECOND);
    assert_string_equal(f->seen.data, "a");
}

static void one_hand_per_key_and_no_more_than_workers(void **state)
{
    struct fixture *f = *state;

    f->want_hold = true;
    kube_controller_run(f->c);
    kube_controller_add(f->c, "a");
    kube_controller_add(f->c, "b");
    kube_controller_add(f->c, "c");
    virtual_time_settle(&f->time);
    assert_string_equal(f->seen.data, "a b");
    kube_controller_add(f->c, "a");
    kube_task_done(f->held[0]);
    virtual_time_settle(&f->time);
    assert_string_equal(f->seen.data, "a b c");
    kube_task_done(f->held[1]);
    virtual_time_settle(&f->time);
    assert_string_equal(f->seen.data, "a b c a");
}

static void failures_wait_longer_each_time(void **state)
{
    struct fixture *f = *state;
    static const ol_time delays[] = {10, 20, 40, 40};
    size_t len = 1;

    f->n_fail = 4;
    kube_controller_run(f->c);
    kube_controller_add(f->c, "a");
    virtual_time_settle(&f->time);
    for (size_t i = 0; i < ol_count(delays); i++) {
        assert_int_equal(f->seen.len, len);
        virtual_time_pass(&f->time, delays[i] * OL_MS - OL_MS);
        assert_int_equal(f->seen.len, len);
        virtual_time_pass(&f->time, OL_MS);
        len += 2;
    }
    assert_string_equal(f->seen.data, "a a a a a");
}

static void steps_follow_at_once_and_put_off_ones_later(void **state)
{
    struct fixture *f = *state;

    kube_controller_run(f->c);
    f->n_again = 3;
    kube_controller_add(f->c, "a");
    virtual_time_settle(&f->time);
    assert_string_equal(f->seen.data, "a a a a");
    f->after = OL_SECOND;
    kube_controller_add(f->c, "b");
    virtual_time_pass(&f->time, OL_SECOND - OL_MS);
    assert_string_equal(f->seen.data, "a a a a b");
    virtual_time_pass(&f->time, OL_MS);
    assert_string_equal(f->seen.data, "a a a a b b");
}

static void all_keys_come_again_with_each_round(void **state)
{
    struct fixture *f = *state;

    kube_controller_run(f->c);
    virtual_time_pass(&f->time, 31 * OL_SECOND);
    assert_string_equal(f->seen.data, "all all");
}

static void later_keys_do_not_hold_up_earlier_ones(void **state)
{
    struct fixture *f = *state;

    kube_controller_run(f->c);
    kube_controller_add_after(f->c, "late", 5 * OL_SECOND);
    kube_controller_add_after(f->c, "early", OL_SECOND);
    virtual_time_pass(&f->time, OL_SECOND);
    assert_string_equal(f->seen.data, "early");
    virtual_time_pass(&f->time, 4 * OL_SECOND);
    assert_string_equal(f->seen.data, "early late");
}

#define with_controller(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_controller(keys_wait_until_it_runs),
        with_controller(one_hand_per_key_and_no_more_than_workers),
        with_controller(failures_wait_longer_each_time),
        with_controller(steps_follow_at_once_and_put_off_ones_later),
        with_controller(all_keys_come_again_with_each_round),
        with_controller(later_keys_do_not_hold_up_earlier_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
