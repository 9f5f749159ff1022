/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/cloud/cloud-internal.h"
#include "core/cleanup.h"
#include "fake-http.h"

struct fixture {
    struct fake_http http;
    struct compute_config config;
    struct cloud *cloud;
    struct ol_arena arena;
    struct ol_buf log;
};

static void keep_log(void *ctx, const struct ol_log_record *record)
{
    ol_buf_adds(ctx, record->msg);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct ol_log_sink sink = {.least = OL_LOG_DEBUG, .write = keep_log, .ctx = &f->log};

    fake_http_init(&f->http);
    ol_arena_init(&f->arena, 4 << 20);
    ol_buf_init(&f->log, 1 << 20);
    assert_int_equal(ol_log_add_sink(&f->http.log, &sink), 0);
    f->config.placement = (struct compute_auth){
        .auth_url = "http://keystone/v3/",
        .username = "nova",
        .password = "s3cret",
        .project_name = "service",
        .user_domain_name = "Default",
        .project_domain_name = "Default",
    };
    f->cloud = cloud_new(&f->http.env, &f->config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    cloud_free(f->cloud);
    assert_null(strstr(f->log.data, "s3cret"));
    assert_null(strstr(f->log.data, "token-"));
    fake_http_done(&f->http);
    ol_strv_done(&f->config.glance_api_servers);
    ol_arena_done(&f->arena);
    ol_buf_done(&f->log);
    free(f);
    return 0;
}

static int ask(struct fixture *f, struct cloud_ask q, int *ret_status, struct ol_err *err)
{
    const struct ol_val *body;

    q.method = q.method ? q.method : "GET";
    q.path = q.path ? q.path : "/x";
    return cloud_fetch(f->cloud, &q, &f->arena, ret_status, &body, err);
}

static void the_catalogue_says_where_a_service_is(void **state)
{
    struct fixture *f = *state;
    const enum cloud_service services[] = {CLOUD_PLACEMENT, CLOUD_GLANCE, CLOUD_CINDER};
    static const char *const urls[] = {"GET http://placement/x", "GET http://glance/x",
                                       "GET http://cinder/v3/ours/x"};

    for (size_t i = 0; i < ol_count(services); i++) {
        int status = 0;

        assert_int_equal(ask(f, (struct cloud_ask){.service = services[i]}, &status, NULL), 0);
        assert_int_equal(status, 200);
        assert_string_equal(f->http.asked.v[i + 1], urls[i]);
    }
    assert_string_equal(f->http.asked.v[0], "POST http://keystone/v3/auth/tokens");
    assert_string_equal(
        f->http.bodies.v[0],
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"password\":"
        "\"s3cret\",\"name\":\"nova\",\"domain\":{\"name\":\"Default\"}}}},\"scope\":{\"project\":"
        "{\"name\":\"service\",\"domain\":{\"name\":\"Default\"}}}}}");
    assert_int_equal(f->http.n_tokens, 1);
}

static void a_missing_endpoint_is_told_with_its_type(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    int status;

    assert_int_equal(ask(f, (struct cloud_ask){.service = CLOUD_NEUTRON}, &status, &err), -ENOENT);
    assert_string_equal(err.msg, "neutron: keystone: the catalogue has no endpoint of 'network'");
}

static void an_override_wins_and_versions_are_not_doubled(void **state)
{
    struct fixture *f = *state;
    int status;

    f->config.glance.endpoint_override = "https://images.example/v2/";
    assert_int_equal(
        ask(f, (struct cloud_ask){.service = CLOUD_GLANCE, .path = "/v2/images/i"}, &status, NULL),
        0);
    assert_string_equal(f->http.asked.v[1], "GET https://images.example/v2/images/i");
}

static void a_template_gets_the_user_s_project(void **state)
{
    struct fixture *f = *state;
    struct nova_context user = {.values = ol_val_new_map(&f->arena)};
    const struct cloud_ask q = {.service = CLOUD_CINDER, .user = &user};
    int status;

    f->config.cinder.endpoint_override = "http://c/v3/%(project_id)s/";
    assert_int_equal(ask(f, q, &status, NULL), -EINVAL);
    ol_val_set_str(&f->arena, user.values, "project_id", "../x");
    assert_int_equal(ask(f, q, &status, NULL), -EINVAL);
    ol_val_set_str(&f->arena, user.values, "project_id", "p1");
    assert_int_equal(ask(f, q, &status, NULL), 0);
    assert_string_equal(f->http.asked.v[f->http.asked.n - 1], "GET http://c/v3/p1/x");
}

static void a_token_is_good_until_shortly_before_it_ends(void **state)
{
    struct fixture *f = *state;
    const struct cloud_ask q = {.service = CLOUD_PLACEMENT};
    int status;

    assert_int_equal(ask(f, q, &status, NULL), 0);
    f->http.now += 3569 * OL_SECOND;
    assert_int_equal(ask(f, q, &status, NULL), 0);
    assert_int_equal(f->http.n_tokens, 1);
    f->http.now += 2 * OL_SECOND;
    assert_int_equal(ask(f, q, &status, NULL), 0);
    assert_int_equal(f->http.n_tokens, 2);
}

static void a_user_s_own_endpoint_is_used(void **state)
{
    struct fixture *f = *state;
    struct ol_arena *a = &f->arena;
    struct nova_context user = {.values = ol_val_new_map(a)};
    struct ol_val *catalog = ol_val_new_list(a), *service = ol_val_new_map(a);
    struct ol_val *endpoints = ol_val_new_list(a), *endpoint = ol_val_new_map(a);
    int status;

    ol_val_set_str(a, endpoint, "publicURL", "http://cinder/v3/theirs");
    ol_val_append(a, endpoints, endpoint);
    ol_val_set_str(a, service, "type", "block-storage");
    ol_val_set(a, service, "endpoints", endpoints);
    ol_val_append(a, catalog, service);
    ol_val_set(a, user.values, "service_catalog", catalog);
    ol_val_set_str(a, user.values, "auth_token", "token-of-user");
    f->config.cinder_catalog_info = "volumev3::publicURL";
    assert_int_equal(
        ask(f, (struct cloud_ask){.service = CLOUD_CINDER, .user = &user}, &status, NULL), 0);
    assert_string_equal(f->http.asked.v[0], "GET http://cinder/v3/theirs/x");
    assert_non_null(strstr(f->http.headers.v[0], "X-Auth-Token: token-of-user\n"));
    assert_int_equal(f->http.n_tokens, 0);
}

static void a_request_id_cannot_bring_headers_in(void **state)
{
    struct fixture *f = *state;
    struct nova_context user = {.values = ol_val_new_map(&f->arena)};
    int status;

    ol_val_set_str(&f->arena, user.values, "request_id", "req-1\r\nX-Evil: 1");
    assert_int_equal(
        ask(f, (struct cloud_ask){.service = CLOUD_PLACEMENT, .user = &user}, &status, NULL), 0);
    assert_null(strstr(f->http.headers.v[1], "Evil"));
}

static void what_is_not_safe_to_repeat_is_not_repeated(void **state)
{
    static const struct {
        const char *method;
        int code;
        unsigned n;
    } cases[] = {
        {"GET", -ECONNRESET, 3},  {"PUT", -ECONNRESET, 3},    {"DELETE", -ECONNRESET, 3},
        {"POST", -ECONNRESET, 1}, {"POST", -ECONNREFUSED, 3}, {"GET", -ETIMEDOUT, 1},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = *state;
        size_t before;
        int status;

        set_up((void **)&f);
        f->config.placement.endpoint_override = "http://p";
        for (unsigned j = 0; j < cases[i].n; j++)
            fake_http_answer(&f->http, ol_arena_printf(&f->arena, "%s http://p", cases[i].method),
                             cases[i].code, 0, NULL);
        assert_int_equal(
            ask(f, (struct cloud_ask){.service = CLOUD_PLACEMENT, .method = cases[i].method},
                &status, NULL),
            cases[i].code);
        before = f->http.asked.n;
        assert_int_equal(before, 1 + cases[i].n);
        tear_down((void **)&f);
    }
}

static void a_failure_names_service_status_and_message(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{'errors': [{'detail': 'because'}]}", "placement: GET /x: HTTP 400: because"},
        {"{'error': {'message': 'because'}}", "placement: GET /x: HTTP 400: because"},
        {"{'NeutronError': {'message': 'because', 'detail': ''}}",
         "placement: GET /x: HTTP 400: because"},
        {"{'message': 'because', 'code': '4'}", "placement: GET /x: HTTP 400: because"},
        {"<html>", "placement: GET /x: HTTP 400"},
        {"[]", "placement: GET /x: HTTP 400"},
        {"{}", "placement: GET /x: HTTP 400"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct cloud_ask q = {.service = CLOUD_PLACEMENT, .method = "GET", .path = "/x"};
        struct ol_err err = OL_ERR_INIT;

        fake_http_answer(&f->http, "GET http://placement/x", 0, 400, cases[i].body);
        assert_int_equal(cloud_call(f->cloud, &q, &f->arena, NULL, &err), -EPROTO);
        assert_string_equal(err.msg, cases[i].want);
        assert_true(cloud_is(&err, 400));
    }
}

static void a_success_that_cannot_be_read_is_no_empty_one(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;
    int status;

    fake_http_answer(&f->http, "GET http://placement/x", 0, 200, "{'allocations': {");
    assert_int_equal(ask(f, (struct cloud_ask){.service = CLOUD_PLACEMENT}, &status, &err),
                     -EPROTO);
    assert_non_null(strstr(err.msg, "placement: GET /x: the answer cannot be read"));
}

static void glance_s_servers_take_turns(void **state)
{
    struct fixture *f = *state;
    int status;

    ol_strv_add(&f->config.glance_api_servers, "http://a");
    ol_strv_add(&f->config.glance_api_servers, "b:9292");
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(f, (struct cloud_ask){.service = CLOUD_GLANCE}, &status, NULL), 0);
    assert_string_equal(f->http.asked.v[1], "GET http://b:9292/x");
    assert_string_equal(f->http.asked.v[2], "GET http://a/x");
    fake_http_answer(&f->http, "GET http://b:9292", -ECONNREFUSED, 0, NULL);
    assert_int_equal(ask(f, (struct cloud_ask){.service = CLOUD_GLANCE}, &status, NULL), 0);
    assert_string_equal(f->http.asked.v[4], "GET http://a/x");
    assert_int_equal(f->http.slept, 0);
}

static void keystone_s_nonsense_is_an_error(void **state)
{
    static const char *const bodies[] = {"", "[]", "{'token': 7}", "<html>"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(bodies); i++) {
        struct ol_err err = OL_ERR_INIT;
        int status;

        fake_http_answer(&f->http, "POST http://keystone", 0, 201, bodies[i]);
        assert_int_equal(ask(f, (struct cloud_ask){.service = CLOUD_PLACEMENT}, &status, &err),
                         -EPROTO);
        assert_string_equal(err.msg, "placement: keystone: sign-in: an answer without a token");
    }
}

static void lifetimes_are_read_from_the_token_alone(void **state)
{
    static const struct {
        const char *from, *to;
        int64_t seconds;
    } cases[] = {
        {"2026-11-22T01:00:00.000000Z", "2026-11-22T02:00:01.000000Z", 3601},
        {"2026-11-22T01:00:00Z", "2026-11-23T01:00:00Z", 86400},
        {"2026-11-22T01:00:00Z", "2026-11-22T01:00:00Z", 0},
        {"2026-11-22T01:00:00Z", "9999-11-22T01:00:00Z", 0},
        {"soon", "later", 0},
        {"2026-11-22T01:00:00+01:00", "2026-11-22T02:00:00+01:00", 0},
        {"20x6-11-22T01:00:00.000000Z", "2026-11-22T02:00:01.000000Z", 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_val *token = ol_val_new_map(&f->arena);

        ol_val_set_str(&f->arena, token, "issued_at", cases[i].from);
        ol_val_set_str(&f->arena, token, "expires_at", cases[i].to);
        assert_int_equal(keystone_lifetime(token), cases[i].seconds * OL_SECOND);
    }
}

static void a_machine_that_stands_alone_has_no_services(void **state)
{
    struct compute_config none = {.host = "h"};
    struct fixture *f = *state;
    struct cloud *c = cloud_new(&f->http.env, &none);

    for (int i = 0; i < CLOUD_N_SERVICES; i++)
        assert_false(cloud_has(c, (enum cloud_service)i));
    assert_true(cloud_has(f->cloud, CLOUD_PLACEMENT));
    assert_true(cloud_has(f->cloud, CLOUD_GLANCE));
    assert_false(cloud_has(f->cloud, CLOUD_NEUTRON));
    cloud_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_catalogue_says_where_a_service_is),
        TEST(a_missing_endpoint_is_told_with_its_type),
        TEST(an_override_wins_and_versions_are_not_doubled),
        TEST(a_template_gets_the_user_s_project),
        TEST(a_token_is_good_until_shortly_before_it_ends),
        TEST(a_user_s_own_endpoint_is_used),
        TEST(a_request_id_cannot_bring_headers_in),
        cmocka_unit_test(what_is_not_safe_to_repeat_is_not_repeated),
        TEST(a_failure_names_service_status_and_message),
        TEST(a_success_that_cannot_be_read_is_no_empty_one),
        TEST(glance_s_servers_take_turns),
        TEST(keystone_s_nonsense_is_an_error),
        TEST(lifetimes_are_read_from_the_token_alone),
        TEST(a_machine_that_stands_alone_has_no_services),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
