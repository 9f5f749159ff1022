/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/exception.h"
#include "compute/rpc/dispatch.h"
#include "core/cleanup.h"

static int run_nothing(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    return 0;
}

static const struct rpc_method plain[] = {
    {.name = "terminate_instance", .version = "6.0", .run = run_nothing},
    {.name = NULL},
};
static const struct rpc_method base[] = {
    {.name = "ping", .version = "1.0", .run = run_nothing},
    {.name = NULL},
};
static const char *const plain_versions[] = {"6.1", "5.13", NULL};
static const char *const base_versions[] = {"1.1", NULL};
static const struct rpc_endpoint endpoints[] = {
    {.versions = plain_versions, .methods = plain},
    {.space = "baseapi", .versions = base_versions, .methods = base},
};
static const struct rpc_server server = {.endpoints = endpoints, .n_endpoints = 2};

static void a_version_fits_below_ours_of_the_same_major(void **state)
{
    static const struct {
        const char *served, *wanted;
        bool fits;
    } cases[] = {
        {"6.1", "6.1", true},    {"6.1", "6.0", true},
        {"6.1", "6.2", false},   {"6.1", "5.0", false},
        {"6.1", "7.0", false},   {"5.13", "5.9", true},
        {"6.1", "6", false},     {"6.1", "", false},
        {"6.1", "x.y", false},   {"6.1", "6.-1", false},
        {"6.1", "6.1.1", false}, {"6.1.2", "6.1.1", true},
        {"6.1", "6.0.9", true},  {"6.1", "99999999999.0", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        if (rpc_version_fits(cases[i].served, cases[i].wanted) != cases[i].fits)
            fail_msg("served %s, wanted %s", cases[i].served, cases[i].wanted);
}

static void namespace_and_version_choose_the_endpoint(void **state)
{
    static const struct {
        const char *space, *version, *method, *msg;
        enum nova_exception which;
    } cases[] = {
        {NULL, "6.0", "terminate_instance", NULL, NOVA_EXCEPTION},
        {NULL, "5.4", "terminate_instance", NULL, NOVA_EXCEPTION},
        {"", "6.1", "terminate_instance", NULL, NOVA_EXCEPTION},
        {"baseapi", "1.0", "ping", NULL, NOVA_EXCEPTION},
        {NULL, "6.0", "ping", "Endpoint does not support RPC method ping", NOVA_NO_SUCH_METHOD},
        {NULL, "1.0", "ping", "Endpoint does not support RPC version 1.0. Attempted method: ping",
         NOVA_UNSUPPORTED_VERSION},
        {"baseapi", "1.2", "ping",
         "Endpoint does not support RPC version 1.2. Attempted method: ping",
         NOVA_UNSUPPORTED_VERSION},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct rpc_packet p = {
            .space = cases[i].space, .version = cases[i].version, .method = cases[i].method};
        const struct rpc_method *m = NULL;
        struct ol_err err = OL_ERR_INIT;
        int r = rpc_dispatch(&server, &p, &m, &err);

        if (!cases[i].msg) {
            assert_int_equal(r, 0);
            assert_string_equal(m->name, cases[i].method);
            continue;
        }
        assert_true(r < 0);
        assert_true(nova_is(&err, cases[i].which));
        assert_string_equal(err.msg, cases[i].msg);
    }
}

static void the_last_sixteen_are_remembered(void **state)
{
    struct rpc_recent r = {0};
    char id[8];

    for (int i = 0; i < RPC_RECENT; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_true(rpc_recent_add(&r, id));
    }
    for (int i = 0; i < RPC_RECENT; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_false(rpc_recent_add(&r, id));
    }
    assert_true(rpc_recent_add(&r, "one more"));
    assert_true(rpc_recent_add(&r, "0"));
    assert_true(rpc_recent_add(&r, NULL));
    assert_true(rpc_recent_add(&r, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_fits_below_ours_of_the_same_major),
        cmocka_unit_test(namespace_and_version_choose_the_endpoint),
        cmocka_unit_test(the_last_sixteen_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
