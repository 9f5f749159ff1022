/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/keystone.h"
#include "core/cleanup.h"
#include "core/str.h"

#define USER "{'auth':{'identity':{'methods':['password'],'password':{'user':{'password':'p',"

static void credentials_take_their_form(void **state)
{
    static const struct {
        struct compute_auth auth;
        const char *want;
    } cases[] = {
        {{.username = "u", .password = "p", .project_name = "s"},
         USER "'name':'u','domain':{'name':'Default'}}}},'scope':{'project':{'name':'s','domain':"
              "{'name':'Default'}}}}}"},
        {{.username = "u",
          .password = "p",
          .project_name = "s",
          .user_domain_id = "d1",
          .project_domain_name = "D2"},
         USER "'name':'u','domain':{'id':'d1'}}}},'scope':{'project':{'name':'s','domain':{'name':"
              "'D2'}}}}}"},
        {{.username = "u", .password = "p", .project_name = "s", .default_domain_id = "d"},
         USER "'name':'u','domain':{'id':'d'}}}},'scope':{'project':{'name':'s','domain':{'id':'d'}"
              "}}}}"},
        {{.user_id = "1", .password = "p", .project_id = "2"},
         USER "'id':'1'}}},'scope':{'project':{'id':'2'}}}}"},
        {{.user_id = "1", .password = "p", .system_scope = "all"},
         USER "'id':'1'}}},'scope':{'system':{'all':true}}}}"},
        {{.user_id = "1", .password = "p"}, USER "'id':'1'}}}}}"},
        {{.application_credential_id = "c", .application_credential_secret = "x"},
         "{'auth':{'identity':{'methods':['application_credential'],'application_credential':{'id':"
         "'c','secret':'x'}}}}"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(4096);

        keystone_body(&cases[i].auth, &got);
        assert_string_equal(ol_str_tr(got.data, '"', '\''), cases[i].want);
    }
}

static void what_a_password_holds_stays_within_its_quotes(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(4096);
    const struct compute_auth auth = {.username = "u\"", .password = "a\"}\\\n\xc3\xbc"};
    struct ol_val *v = NULL;

    keystone_body(&auth, &got);
    assert_int_equal(ol_json_load(got.data, got.len, &a, &v, NULL), 0);
    assert_string_equal(ol_val_str(ol_val_at(v, "auth/identity/password/user/password")),
                        auth.password);
}

static void versions_are_added_where_they_lack(void **state)
{
    static const char *const cases[][2] = {
        {"http://k:5000", "http://k:5000/v3/auth/tokens"},
        {"http://k:5000/", "http://k:5000/v3/auth/tokens"},
        {"http://k/identity", "http://k/identity/v3/auth/tokens"},
        {"http://k/identity/v3//", "http://k/identity/v3/auth/tokens"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct compute_auth auth = {.auth_url = cases[i][0]};
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(4096);

        keystone_url(&auth, &got);
        assert_string_equal(got.data, cases[i][1]);
    }
}

static void endpoints_are_chosen_by_type_region_and_interface(void **state)
{
    static const char text[] =
        "[{'type':'image','name':'old','endpoints':[{'region':'A','interface':'admin','url':'1'},"
        "{'region_id':'A','interface':'public','url':'2'},{'region_id':'B','interface':'internal',"
        "'url':'3'}]},{'type':'image','name':'new','endpoints':[{'region':'A','internalURL':'4',"
        "'publicURL':'5'}]},{'type':'block-storage','endpoints':[{'interface':'public','url':'6'}]}"
        ",{'type':'network','endpoints':7}]";
    static const char *const inside[] = {"internal", NULL};
    static const char *const admin_first[] = {"adminURL", "public", NULL};
    static const struct {
        const char *type, *name, *region;
        const char *const *interfaces;
        const char *want;
    } cases[] = {
        {"image", NULL, NULL, NULL, "3"},       {"image", NULL, "A", NULL, "4"},
        {"image", "old", "A", NULL, "2"},       {"image", "new", NULL, NULL, "4"},
        {"image", NULL, "A", admin_first, "1"}, {"image", "new", "A", admin_first, "5"},
        {"volumev3", NULL, NULL, NULL, "6"},    {"volumev3", NULL, NULL, inside, NULL},
        {"network", NULL, NULL, NULL, NULL},    {"placement", NULL, NULL, NULL, NULL},
        {"image", NULL, "C", NULL, NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_strv_done) struct ol_strv interfaces = OL_STRV_INIT;
        const struct catalog_query q = {.type = cases[i].type,
                                        .name = cases[i].name,
                                        .region = cases[i].region,
                                        .interfaces = &interfaces};
        char *json = ol_str_tr(ol_arena_strdup(&a, text), '\'', '"');
        struct ol_val *v = NULL;
        const char *got;

        if (cases[i].interfaces)
            ol_strv_add_all(&interfaces, cases[i].interfaces);
        assert_int_equal(ol_json_load(json, strlen(json), &a, &v, NULL), 0);
        got = catalog_find(v, &q);
        assert_int_equal(got != NULL, cases[i].want != NULL);
        if (got)
            assert_string_equal(got, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_take_their_form),
        cmocka_unit_test(what_a_password_holds_stays_within_its_quotes),
        cmocka_unit_test(versions_are_added_where_they_lack),
        cmocka_unit_test(endpoints_are_chosen_by_type_region_and_interface),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
