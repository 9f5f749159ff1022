/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

static void a_status_has_apimachinerys_form(void **state)
{
    static const struct kube_finding cause = {"FieldValueRequired", "spec.x", "Required value"};
    static const struct {
        struct kube_status status;
        const char *want;
    } cases[] = {
        {{.reason = KUBE_NOT_FOUND,
          .message = "persistentvolumes \"a\" not found",
          .kind = "persistentvolumes",
          .name = "a"},
         "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
         "\"message\":\"persistentvolumes \\\"a\\\" not found\",\"reason\":\"NotFound\",\"deta"
         "ils\":"
         "{\"name\":\"a\",\"kind\":\"persistentvolumes\"},\"code\":404}"},
        {{.reason = KUBE_INVALID,
          .message = "m",
          .group = "storage.k8s.io",
          .kind = "StorageClass",
          .name = "a",
          .causes = &cause,
          .n_causes = 1},
         "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
         "\"message\":\"m\",\"reason\":\"Invalid\",\"details\":{\"name\":\"a\",\"group\":"
         "\"storage.k8s.io\",\"kind\":\"StorageClass\",\"causes\":[{\"reason\":\"FieldValueReq"
         "uired\","
         "\"message\":\"Required value\",\"field\":\"spec.x\"}]},\"code\":422}"},
        {{.reason = KUBE_TOO_MANY_REQUESTS, .message = "later", .retry_after_seconds = 3},
         "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
         "\"message\":\"later\",\"reason\":\"TooManyRequests\",\"details\":{\"retryAfterSecond"
         "s\":3},"
         "\"code\":429}"},
        {{.reason = KUBE_OK},
         "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\",\""
         "code\":200}"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(10000);

        kube_status_write(&cases[i].status, &b);
        assert_string_equal(b.data, cases[i].want);
    }
}

static void reasons_are_read_by_name_then_by_code(void **state)
{
    static const struct {
        const char *name;
        int http;
        enum kube_reason want;
    } cases[] = {
        {"AlreadyExists", 409, KUBE_ALREADY_EXISTS},
        {NULL, 409, KUBE_CONFLICT},
        {"Expired", 410, KUBE_EXPIRED},
        {"", 404, KUBE_NOT_FOUND},
        {"Odd", 503, KUBE_SERVICE_UNAVAILABLE},
        {NULL, 201, KUBE_OK},
        {NULL, 302, KUBE_UNKNOWN},
        {"ServerTimeout", 500, KUBE_TIMEOUT},
        {NULL, 500, KUBE_INTERNAL_ERROR},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(kube_reason_of(cases[i].name, cases[i].http), cases[i].want);
}

static void findings_have_a_maximum(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(10 << 20);
    struct kube_findings f = {.arena = &a};

    for (int i = 0; i < 5000; i++)
        kube_find(&f, "FieldValueInvalid", "a", "Invalid value: %d", i);
    assert_int_equal(f.n, 1000);
    assert_string_equal(f.v[999].message, "Invalid value: 999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_has_apimachinerys_form),
        cmocka_unit_test(reasons_are_read_by_name_then_by_code),
        cmocka_unit_test(findings_have_a_maximum),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
