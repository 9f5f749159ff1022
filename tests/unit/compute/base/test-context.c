/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compute/base/context.h"
#include "core/cleanup.h"

static ol_time fixed_wall(void *ctx)
{
    return (ol_time)1795309429 * OL_SECOND + 205635000;
}

static const struct ol_clock clock_at_noon = {.wall = fixed_wall, .boot = fixed_wall};

static void our_own_context_has_the_keys_that_nova_sends(void **state)
{
    static const char *const keys[] = {
        "user",
        "project_id",
        "system_scope",
        "project",
        "domain",
        "user_domain",
        "project_domain",
        "is_admin",
        "read_only",
        "show_deleted",
        "auth_token",
        "request_id",
        "global_request_id",
        "resource_uuid",
        "roles",
        "user_identity",
        "is_admin_project",
        "user_id",
        "read_deleted",
        "remote_address",
        "timestamp",
        "quota_class",
        "user_name",
        "service_catalog",
        "project_name",
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_env env = {.clock = &clock_at_noon};
    struct nova_context c = nova_context_admin(&a, &env);

    assert_int_equal(ol_val_count(c.values), ol_count(keys));
    for (size_t i = 0; i < ol_count(keys); i++)
        assert_non_null(ol_val_get(c.values, keys[i]));
    assert_int_equal(strlen(nova_context_request_id(&c)), strlen("req-") + 36);
    assert_null(nova_context_token(&c));
    assert_string_equal(ol_val_str(ol_val_get(c.values, "timestamp")),
                        "2026-11-22T01:03:49.205635");
}

static void what_came_goes_on_as_it_was(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *in = ol_val_new_map(&a), *out = ol_val_new_map(&a);
    struct nova_context c;

    ol_val_set_str(&a, in, "method", "stop_instance");
    ol_val_set_str(&a, in, "_context_request_id", "req-1");
    ol_val_set_str(&a, in, "_context_auth_token", "t");
    ol_val_set_str(&a, in, "_context_from_the_future", "kept");
    c = nova_context_load(&a, in);
    assert_string_equal(nova_context_request_id(&c), "req-1");
    assert_string_equal(nova_context_token(&c), "t");
    nova_context_dump(&c, &a, out);
    assert_int_equal(ol_val_count(out), 3);
    assert_string_equal(ol_val_str(ol_val_get(out, "_context_from_the_future")), "kept");
}

static void elevated_is_admin_and_leaves_the_callers_alone(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *in = ol_val_new_map(&a), *roles = ol_val_new_list(&a);
    struct nova_context c, e;

    ol_val_append(&a, roles, ol_val_new_str(&a, "member"));
    ol_val_set(&a, in, "_context_roles", roles);
    ol_val_set_bool(&a, in, "_context_is_admin", false);
    c = nova_context_load(&a, in);
    e = nova_context_elevated(&a, &c);
    e = nova_context_elevated(&a, &e);
    assert_true(ol_val_is_truthy(ol_val_get(e.values, "is_admin")));
    assert_int_equal(ol_val_count(ol_val_get(e.values, "roles")), 2);
    assert_int_equal(ol_val_count(ol_val_get(c.values, "roles")), 1);
    assert_false(ol_val_is_truthy(ol_val_get(c.values, "is_admin")));
}

static void uuids_are_random_and_of_version_4(void **state)
{
    char a[37], b[37], hex[33];

    nova_uuid(a);
    nova_uuid(b);
    nova_uuid_hex(hex);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_context_has_the_keys_that_nova_sends),
        cmocka_unit_test(what_came_goes_on_as_it_was),
        cmocka_unit_test(elevated_is_admin_and_leaves_the_callers_alone),
        cmocka_unit_test(uuids_are_random_and_of_version_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
