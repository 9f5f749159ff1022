/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fake-api.h"
#include "kube/client/lease.h"

struct candidate {
    struct kube_election *e;
    int n_leads, n_lost, n_released;
};

struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    struct candidate a, b;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->api = fake_api_new();
    f->client = fake_api_client(f->api);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kube_election_free(f->a.e, NULL, NULL);
    kube_election_free(f->b.e, NULL, NULL);
    fake_api_pass(f->api, 10 * OL_SECOND);
    kube_client_free(f->client);
    fake_api_free(f->api);
    free(f);
    return 0;
}

static void leads(void *ctx)
{
    struct candidate *c = ctx;

    c->n_leads++;
}

static void lost(void *ctx)
{
    struct candidate *c = ctx;

    c->n_lost++;
}

static void released(void *ctx)
{
    struct candidate *c = ctx;

    c->n_released++;
}

static void stand(struct fixture *f, struct candidate *c, const char *identity)
{
    struct kube_election_options o = {.ns = "kube-system",
                                      .name = "orlop",
                                      .identity = identity,
                                      .leads = leads,
                                      .lost = lost,
                                      .ctx = c};

    c->e = kube_election_new(f->client, &o);
}

static const char *spec(struct fixture *f, const char *path)
{
    return fake_api_str(f->api, &kube_lease_kind, "kube-system/orlop", path);
}

static void first_one_leads_and_renews(void **state)
{
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    assert_int_equal(f->a.n_leads, 0);
    fake_api_settle(f->api);
    assert_int_equal(f->a.n_leads, 1);
    assert_true(kube_election_is_leader(f->a.e));
    assert_string_equal(spec(f, "spec/holderIdentity"), "a");
    assert_string_equal(spec(f, "spec/leaseDurationSeconds"), "15");
    assert_string_equal(spec(f, "spec/renewTime"), "2026-01-01T00:16:40.000000Z");
    fake_api_pass(f->api, 60 * OL_SECOND);
    assert_string_equal(spec(f, "spec/renewTime"), "2026-01-01T00:17:40.000000Z");
    assert_string_equal(spec(f, "spec/acquireTime"), "2026-01-01T00:16:40.000000Z");
    assert_string_equal(spec(f, "spec/leaseTransitions"), "0");
    assert_int_equal(f->a.n_leads, 1);
    assert_int_equal(f->a.n_lost, 0);
}

static void second_one_waits_while_the_first_renews(void **state)
{
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    stand(f, &f->b, "b");
    fake_api_pass(f->api, 300 * OL_SECOND);
    assert_int_equal(f->b.n_leads, 0);
    assert_string_equal(spec(f, "spec/holderIdentity"), "a");
}

static void lease_given_back_is_taken_soon(void **state)
{
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    stand(f, &f->b, "b");
    fake_api_pass(f->api, 10 * OL_SECOND);
    kube_election_free(f->a.e, released, &f->a);
    f->a.e = NULL;
    assert_int_equal(f->a.n_released, 0);
    fake_api_settle(f->api);
    assert_int_equal(f->a.n_released, 1);
    assert_int_equal(f->a.n_lost, 0);
    fake_api_pass(f->api, 5 * OL_SECOND);
    assert_int_equal(f->b.n_leads, 1);
    assert_string_equal(spec(f, "spec/holderIdentity"), "b");
    assert_string_equal(spec(f, "spec/leaseTransitions"), "1");
}

static void dead_holder_is_followed_after_its_lease_on_our_clock(void **state)
{
    struct fixture *f = *state;

    /* Its clock is a year ahead: that doesn't count. */
    fake_api_put(f->api,
                 "{'kind': 'Lease', 'apiVersion': 'coordination.k8s.io/v1', 'metadata': {'name': "
                 "'orlop', 'namespace': 'kube-system'}, 'spec': {'holderIdentity': 'dead', "
                 "'leaseDurationSeconds': 15, 'leaseTransitions': 7, "
                 "'renewTime': '2027-01-01T00:00:00.000000Z'}}");
    stand(f, &f->a, "a");
    fake_api_pass(f->api, 14900 * OL_MS);
    assert_int_equal(f->a.n_leads, 0);
    fake_api_pass(f->api, 5 * OL_SECOND);
    assert_int_equal(f->a.n_leads, 1);
    assert_string_equal(spec(f, "spec/leaseTransitions"), "8");
}

static void leader_that_cannot_renew_steps_down_before_its_lease_ends(void **state)
{
    static const struct fake_fault away = {.method = "PATCH", .http = 0, .times = 100};
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    fake_api_fault(f->api, &away);
    fake_api_pass(f->api, 9900 * OL_MS);
    assert_int_equal(f->a.n_lost, 0);
    fake_api_pass(f->api, 200 * OL_MS);
    assert_int_equal(f->a.n_lost, 1);
    assert_false(kube_election_is_leader(f->a.e));
}

static void deadline_counts_from_when_the_request_was_sent(void **state)
{
    static const struct fake_fault slow = {.method = "PATCH", .http = -1, .delay = 7 * OL_SECOND};
    static const struct fake_fault away = {.http = 0, .times = 100};
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    fake_api_fault(f->api, &slow);
    fake_api_pass(f->api, 9 * OL_SECOND); /* sent at 2 s, answered at 9 s */
    fake_api_fault(f->api, &away);
    fake_api_pass(f->api, 2900 * OL_MS);
    assert_int_equal(f->a.n_lost, 0);
    fake_api_pass(f->api, 200 * OL_MS);
    assert_int_equal(f->a.n_lost, 1);
}

static void leader_that_was_replaced_steps_down_at_once(void **state)
{
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    fake_api_patch(f->api, &kube_lease_kind, "kube-system/orlop",
                   "{'spec': {'holderIdentity': 'b'}}");
    fake_api_pass(f->api, 6 * OL_SECOND);
    assert_int_equal(f->a.n_lost, 1);
    assert_string_equal(spec(f, "spec/holderIdentity"), "b");
}

static void two_that_come_at_once_do_not_both_lead(void **state)
{
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    stand(f, &f->b, "b");
    fake_api_pass(f->api, 30 * OL_SECOND);
    assert_int_equal(f->a.n_leads + f->b.n_leads, 1);
}

static void own_lease_of_an_earlier_life_is_taken_at_once(void **state)
{
    struct fixture *f = *state;

    fake_api_put(f->api,
                 "{'kind': 'Lease', 'apiVersion': 'coordination.k8s.io/v1', 'metadata': {'name': "
                 "'orlop', 'namespace': 'kube-system'}, 'spec': {'holderIdentity': 'a', "
                 "'leaseDurationSeconds': 15, 'leaseTransitions': 7}}");
    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    assert_int_equal(f->a.n_leads, 1);
    assert_string_equal(spec(f, "spec/leaseTransitions"), "7");
}

static void leaving_does_not_wait_for_a_server_that_is_away(void **state)
{
    static const struct fake_fault stuck = {.http = -1, .delay = 1000 * OL_SECOND, .times = 100};
    struct fixture *f = *state;

    stand(f, &f->a, "a");
    fake_api_settle(f->api);
    fake_api_fault(f->api, &stuck);
    kube_election_free(f->a.e, released, &f->a);
    f->a.e = NULL;
    fake_api_pass(f->api, 4 * OL_SECOND);
    assert_int_equal(f->a.n_released, 1);
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_api(first_one_leads_and_renews),
        with_api(second_one_waits_while_the_first_renews),
        with_api(lease_given_back_is_taken_soon),
        with_api(dead_holder_is_followed_after_its_lease_on_our_clock),
        with_api(leader_that_cannot_renew_steps_down_before_its_lease_ends),
        with_api(deadline_counts_from_when_the_request_was_sent),
        with_api(leader_that_was_replaced_steps_down_at_once),
        with_api(two_that_come_at_once_do_not_both_lead),
        with_api(own_lease_of_an_earlier_life_is_taken_at_once),
        with_api(leaving_does_not_wait_for_a_server_that_is_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
