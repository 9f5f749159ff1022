/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "compute/service/log-format.h"
#include "core/cleanup.h"

static const struct log_formats formats = {
    .context = "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [%(global_request_id)s "
               "%(request_id)s %(user_identity)s] %(instance)s%(message)s",
    .plain = "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] "
             "%(instance)s%(message)s",
    .user_identity =
        "%(user)s %(project)s %(domain)s %(system_scope)s %(user_domain)s %(project_domain)s",
    .instance = "[instance: %(uuid)s] ",
    .date = "%Y-%m-%d %H:%M:%S",
};

static struct log_line line = {
    .level = OL_LOG_INFO,
    .name = "nova.compute.manager",
    .msg = "100% done",
    .wall = 1795309396 * OL_SECOND + 7 * OL_MS,
    .pid = 42,
};

static void check(const struct log_formats *f, const struct log_line *l, const char *want)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

    log_format(f, l, &b);
    assert_string_equal(b.data, want);
}

/* demands: C25 */
static void lines_have_oslos_format(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    struct nova_context user = {.values = ol_val_new_map(&a)};
    struct log_binding binding = {.instance = "0a1b"};
    struct log_line l = line;

    check(&formats, &l, "2026-11-22 01:03:16.007 42 INFO nova.compute.manager [-] 100% done");
    l.binding = &binding;
    check(&formats, &l,
          "2026-11-22 01:03:16.007 42 INFO nova.compute.manager [-] [instance: 0a1b] 100% done");
    binding.context = &user;
    ol_val_set_str(&a, user.values, "request_id", "req-1");
    ol_val_set(&a, user.values, "user", ol_val_new_null(&a));
    ol_val_set_str(&a, user.values, "project_id", "p1");
    ol_val_set_str(&a, user.values, "user_domain", "default");
    check(&formats, &l,
          "2026-11-22 01:03:16.007 42 INFO nova.compute.manager [None req-1 - p1 - - default -] "
          "[instance: 0a1b] 100% done");
}

static void formats_are_pythons(void **state)
{
    static const struct {
        const char *format, *want;
    } cases[] = {
        {"%(levelname)-8s|%(levelname)8s|", "INFO    |    INFO|"},
        {"%(process)06d %%(message)s %(message)s", "000042 %(message)s 100% done"},
        {"%(nothing)s %(color)s.", "None ."},
        {"%(message", "%(message"},
        {"%d %(message)", "%d %(message)"},
        {"%(message)999999999999s", "100% done"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct log_formats f = formats;

        f.plain = cases[i].format;
        check(&f, &line, cases[i].want);
    }
}

/* demands: C25 */
static void loggers_have_novas_names(void **state)
{
    static const char *const cases[][2] = {
        {"manager.c", "nova.compute.manager"},
        {"report-state.c", "nova.servicegroup.drivers.db"},
        {"rabbit-link.c", "oslo.messaging._drivers.impl_rabbit"},
        {"some-thing.c", "nova.compute.some_thing"},
    };
    char made[64];

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_string_equal(log_name(cases[i][0], made), cases[i][1]);
}

static void a_logger_has_the_level_of_the_nearest_above(void **state)
{
    ol_auto(ol_strv_done) struct ol_strv levels = OL_STRV_INIT;

    ol_strv_split(&levels, "oslo=ERROR,oslo.messaging=INFO,nova=5,bad=LOUD,keystoneauth=WARN", ",");
    assert_int_equal(log_level_of(&levels, "oslo.messaging._drivers.x", 1), OL_LOG_INFO);
    assert_int_equal(log_level_of(&levels, "oslo.service", 1), OL_LOG_ERROR);
    assert_int_equal(log_level_of(&levels, "oslo_messaging", 1), 1);
    assert_int_equal(log_level_of(&levels, "nova.service", 1), 5);
    assert_int_equal(log_level_of(&levels, "bad", 1), 1);
    assert_int_equal(log_level_of(&levels, "keystoneauth", 1), OL_LOG_WARNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_oslos_format),
        cmocka_unit_test(formats_are_pythons),
        cmocka_unit_test(loggers_have_novas_names),
        cmocka_unit_test(a_logger_has_the_level_of_the_nearest_above),
    };

    setenv("TZ", "UTC0", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
