/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/time.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

static void times_are_read_and_written_as_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        ol_time want;
        const char *seconds, *micro;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {"2026-01-02T03:04:05Z", 1767323045000000000, "2026-01-02T03:04:05Z",
         "2026-01-02T03:04:05.000000Z"},
        {"2024-02-29T23:59:59.123456789+02:00", 1709243999123456789, "2024-02-29T21:59:59Z",
         "2024-02-29T21:59:59.123456Z"},
        {"1969-12-31T23:59:59.5Z", -500000000, "1969-12-31T23:59:59Z",
         "1969-12-31T23:59:59.500000Z"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char out[KUBE_TIME_SIZE];
        ol_time t;

        assert_int_equal(kube_time_parse(cases[i].text, strlen(cases[i].text), &t), 0);
        assert_true(t == cases[i].want);
        kube_time_format(t, out);
        assert_string_equal(out, cases[i].seconds);
        kube_time_format_micro(t, out);
        assert_string_equal(out, cases[i].micro);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-01-01 00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:00:60Z",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00+0100",
                                      "2026-01-01T00:00:00Zx"};
    ol_time t;

    for (size_t i = 0; i < ol_count(bad); i++)
        assert_int_equal(kube_time_parse(bad[i], strlen(bad[i]), &t), -EINVAL);
}

static void gos_zero_is_absent_and_far_times_are_capped(void **state)
{
    ol_time t;

    assert_int_equal(kube_time_parse("0001-01-01T00:00:00Z", 20, &t), 0);
    assert_true(t == 0);
    assert_int_equal(kube_time_parse("9999-01-01T00:00:00Z", 20, &t), 0);
    assert_true(t == INT64_MAX);
}

static void ages_are_short(void **state)
{
    static const struct {
        int64_t seconds;
        const char *want;
    } cases[] = {
        {-2, "<invalid>"},     {0, "0s"},
        {119, "119s"},         {120, "2m"},
        {200, "3m20s"},        {599, "9m59s"},
        {600, "10m"},          {3 * 3600 - 1, "179m"},
        {3 * 3600, "3h"},      {3 * 3600 + 60, "3h1m"},
        {8 * 3600 + 60, "8h"}, {48 * 3600, "2d"},
        {49 * 3600, "2d1h"},   {8 * 86400 + 3600, "8d"},
        {729 * 86400, "729d"}, {740 * 86400, "2y10d"},
        {3000 * 86400, "8y"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char out[KUBE_TIME_SIZE];

        kube_time_human(cases[i].seconds * OL_SECOND, out);
        assert_string_equal(out, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_and_written_as_rfc_3339),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(gos_zero_is_absent_and_far_times_are_capped),
        cmocka_unit_test(ages_are_short),
    };

    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
