/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "compute/cloud/cloud-internal.h"
#include "core/cleanup.h"
#include "fake-http.h"

#define M      "11111111-2222-4333-8444-555555555555"
#define I      "66666666-7777-4888-9999-000000000000"
#define HAS(c) "GET http://placement/allocations/" c
#define POST   "POST http://placement/allocations"
#define HELD                                                                                       \
    "{\"allocations\":{\"rp\":{\"generation\":7,\"resources\":{\"VCPU\":1}}},"                     \
    "\"project_id\":\"p\",\"user_id\":\"u\",\"consumer_generation\":1}"
#define NOTHING "{\"allocations\":{}}"

struct fixture {
    struct fake_http http;
    struct compute_config config;
    struct cloud *cloud;
};

static int set_up(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    fake_http_init(&f.http);
    f.config.placement = (struct compute_auth){
        .auth_url = "http://keystone/v3/", .username = "nova", .password = "x"};
    f.cloud = cloud_new(&f.http.env, &f.config);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    cloud_free(f->cloud);
    fake_http_done(&f->http);
    return 0;
}

static void what_a_migration_holds_is_the_instances_by_one_write(void **state)
{
    struct fixture *f = *state;

    fake_http_answer(&f->http, HAS(M), 0, 200, HELD);
    fake_http_answer(&f->http, HAS(I), 0, 200, NOTHING);
    fake_http_answer(&f->http, POST, 0, 204, "");
    assert_int_equal(placement_move_allocations(f->cloud, M, I, NULL), 0);
    assert_string_equal(f->http.bodies.v[f->http.bodies.n - 1],
                        "{\"" M "\":{\"allocations\":{},\"project_id\":\"p\",\"user_id\":\"u\","
                        "\"consumer_generation\":1},\"" I
                        "\":{\"allocations\":{\"rp\":{\"generation\":7,"
                        "\"resources\":{\"VCPU\":1}}},\"project_id\":\"p\",\"user_id\":\"u\","
                        "\"consumer_generation\":null}}");
}

static void what_was_moved_before_is_left_alone(void **state)
{
    struct fixture *f = *state;

    fake_http_answer(&f->http, HAS(M), 0, 200, NOTHING);
    fake_http_answer(&f->http, HAS(I), 0, 200, HELD);
    assert_int_equal(placement_move_allocations(f->cloud, M, I, NULL), 0);
}

static void a_move_that_somebody_overtook_is_tried_again(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        fake_http_answer(&f->http, HAS(M), 0, 200, HELD);
        fake_http_answer(&f->http, HAS(I), 0, 200, HELD);
        fake_http_answer(&f->http, POST, 0, i ? 204 : 409, i ? "" : "{\"errors\":[]}");
    }
    assert_int_equal(placement_move_allocations(f->cloud, M, I, NULL), 0);
}

int main(void)
{
#define MOVE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        MOVE(what_a_migration_holds_is_the_instances_by_one_write),
        MOVE(what_was_moved_before_is_left_alone),
        MOVE(a_move_that_somebody_overtook_is_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
