/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/http.h"
#include "fixture.h"
#include "guest/base/version.h"
#include "guest/module/power-state.h"

static struct fixture *machine(void)
{
    struct fixture *f = fixture_new();

    assert_int_equal(ol_mkdir_p(&f->env, "/var/lib/cloud/instance", 0755, NULL), 0);
    f->g.ds.doc = fixture_value(f, "{\"instance_id\": \"iid-1\", \"source\": \"NoCloud\","
                                   " \"description\": \"DataSourceNoCloud [seed=x]\","
                                   " \"metadata\": {\"local-hostname\": \"a.b.c\"}}");
    return f;
}

static void the_last_message_says_when_and_from_where(void **state)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"{}",
         "Cloud-init v. " GUEST_VERSION " finished at Tue, 14 Nov 2023 22:13:20 +0000. Datasource "
         "DataSourceNoCloud [seed=x].  Up 12.34 seconds\n"},
        {"{\"final_message\": \"  \"}", "DEBUG: Cloud-init v. " GUEST_VERSION " finished at "},
        {"{\"final_message\": \"up $UPTIME/${uptime}\\n\"}", "DEBUG: up 12.34/12.34\n"},
        {"{\"final_message\": \"## template: jinja\\n{{datasource}} {{ VERSION }}\"}",
         "DEBUG: DataSourceNoCloud [seed=x] " GUEST_VERSION "\n"},
        {"{\"final_message\": \"$nonsense\"}",
         "WARNING: Failed to render final message template: "},
        {"{\"final_message\": \"## template: jinja\\n{{\"}",
         "WARNING: Failed to render templated final message: "},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        assert_int_equal(fixture_run(f, &module_final_message, cases[i].json, NULL), 0);
        fixture_assert_logged(f, cases[i].want);
        fixture_assert_file(f, "/var/lib/cloud/instance/boot-finished",
                            "12.34 - Tue, 14 Nov 2023 22:13:20 +0000 - v. " GUEST_VERSION "\n");
        assert_null(strstr(f->log_text.data, "fallback"));
        fixture_free(f);
    }
    (void)state;
}

static void a_fallback_that_nobody_chose_is_warned_about(void **state)
{
    struct fixture *f = machine();

    f->g.ds.doc = fixture_value(f, "{\"source\": \"None\"}");
    assert_int_equal(
        fixture_run(f, &module_final_message, "{\"datasource_list\": [\"None\"]}", NULL), 0);
    assert_null(strstr(f->log_text.data, "Used fallback datasource"));
    assert_int_equal(fixture_run(f, &module_final_message,
                                 "{\"datasource_list\": [\"NoCloud\", \"None\"]}", NULL),
                     0);
    fixture_assert_logged(f, "WARNING: Used fallback datasource");
    fixture_free(f);
    (void)state;
}

/* What the double of the network saw last, and what it answers. */
struct exchange {
    struct ol_strv bodies;
    long status;
    int asked;
};

static struct exchange exchange;

static int answer(struct ol_env *env, const struct ol_http_request *request,
                  struct ol_http_response *response, struct ol_err *err)
{
    (void)env;
    (void)err;
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->url, "http://h/iid-1/");
    assert_string_equal(request->headers[0], "Content-Type: application/x-www-form-urlencoded");
    ol_strv_addn(&exchange.bodies, request->body, request->body_size);
    response->status = ++exchange.asked == 2 ? 200 : exchange.status;
    return 0;
}

static const struct ol_http http = {.fetch = answer};

static void check_post(const char *json, const char *body, long status, int asked,
                       const char *logged)
{
    struct fixture *f = machine();

    exchange = (struct exchange){.status = status};
    f->env.http = &http;
    fixture_put(f, "/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa A+b/ root@x\n");
    fixture_put(f, "/etc/ssh/ssh_host_ecdsa_key.pub", "ecdsa");
    assert_int_equal(fixture_run(f, &module_phone_home, json, NULL), 0);
    assert_int_equal(exchange.asked, asked);
    if (body)
        assert_string_equal(exchange.bodies.v[0], body);
    if (logged)
        fixture_assert_logged(f, logged);
    ol_strv_done(&exchange.bodies);
    fixture_free(f);
}

static void phone_home_posts_a_form(void **state)
{
    check_post("{\"phone_home\": {\"url\": \"http://h/$INSTANCE_ID/\"}}",
               "pub_key_rsa=ssh-rsa+A%2Bb%2F+root%40x%0A&pub_key_ecdsa=ecdsa&pub_key_ed25519=N%2FA"
               "&instance_id=iid-1&hostname=a&fqdn=a.b.c",
               200, 1, "/etc/ssh/ssh_host_ed25519_key.pub: failed to open");
    check_post("{\"phone_home\": {\"url\": \"http://h/$INSTANCE_ID/\","
               " \"post\": [\"hostname\", \"x y\", \"hostname\"], \"tries\": \"many\"}}",
               "hostname=a&x+y=N%2FA", 500, 2,
               "Configuration entry 'tries' is not an integer, using 10 instead");
    (void)state;
}

static void phone_home_gives_up_with_a_warning(void **state)
{
    check_post("{\"phone_home\": {\"url\": \"http://h/$INSTANCE_ID/\", \"tries\": 1}}", NULL, 500,
               1, "WARNING: Failed to post phone home data to http://h/iid-1/ in 1 tries");
    check_post("{\"phone_home\": {\"post\": \"all\"}}", NULL, 500, 0,
               "Skipping module named phone_home, no 'url' found");
    (void)state;
}

static void power_state_becomes_a_command(void **state)
{
    static const struct {
        const char *json, *family, *want;
    } cases[] = {
        {"{\"mode\": \"reboot\"}", "debian", "shutdown -r now"},
        {"{\"mode\": \"poweroff\", \"delay\": 30, \"message\": \"bye all\"}", "debian",
         "shutdown -P +30 bye all"},
        {"{\"mode\": \"halt\", \"delay\": \"+5\"}", "redhat", "shutdown -H +5"},
        {"{\"mode\": \"halt\", \"delay\": \"5\"}", "alpine", "halt -d 300"},
        {"{\"mode\": \"reboot\"}", "alpine", "reboot -d 0"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
        ol_autofree char *got = NULL;
        struct power_state s;

        assert_int_equal(power_state_parse(&f->arena, fixture_value(f, cases[i].json),
                                           cases[i].family, &s, NULL),
                         0);
        ol_strv_add_all(&words, s.argv);
        got = ol_strv_join(&words, " ");
        assert_string_equal(got, cases[i].want);
    }
    fixture_free(f);
    (void)state;
}

static void a_wrong_power_state_is_only_warned_about(void **state)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"[]", "power_state is not a dict."},
        {"{}", "power_state[mode] required, must be one of: halt,poweroff,reboot. found: 'None'."},
        {"{\"mode\": \"sleep\"}",
         "power_state[mode] required, must be one of: halt,poweroff,reboot. found: 'sleep'."},
        {"{\"mode\": \"halt\", \"delay\": \"soon\"}",
         "power_state[delay] must be 'now' or '+m' (minutes). found 'soon'."},
        {"{\"mode\": \"halt\", \"timeout\": \"x\"}", "failed to convert timeout 'x' to float."},
        {"{\"mode\": \"halt\", \"condition\": 5}",
         "condition type 5 invalid. must be list, bool, str"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        assert_int_equal(
            fixture_run(f, &module_power_state_change,
                        ol_arena_printf(&f->arena, "{\"power_state\": %s}", cases[i].json), NULL),
            0);
        fixture_assert_logged(f, ol_arena_printf(&f->arena,
                                                 "WARNING: %s Not performing power "
                                                 "state change!",
                                                 cases[i].want));
        assert_int_equal(f->exec.commands.n, 0);
        fixture_free(f);
    }
    (void)state;
}

static void the_condition_decides_after_our_end(void **state)
{
    static const struct fake_answer answers[] = {
        {"/bin/sh -c no", .status = 1}, {"/bin/sh -c broken", .status = 7}, {0}};
    static const struct {
        const char *condition;
        size_t n_commands;
        const char *last;
    } cases[] = {
        {"true", 1, "shutdown -r now"},
        {"false", 0, NULL},
        {"\"yes\"", 2, "shutdown -r now"},
        {"[\"test\", 5]", 2, "shutdown -r now"},
        {"\"no\"", 1, "/bin/sh -c no"},
        {"\"broken\"", 1, "/bin/sh -c broken"},
        {"[]", 0, NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();

        f->exec.answers = answers;
        assert_int_equal(
            fixture_run(f, &module_power_state_change,
                        ol_arena_printf(&f->arena,
                                        "{\"power_state\": {\"mode\": \"reboot\", \"timeout\": 1.5,"
                                        " \"condition\": %s}}",
                                        cases[i].condition),
                        NULL),
            0);
        assert_int_equal(f->exec.commands.n, cases[i].n_commands);
        if (cases[i].last)
            assert_string_equal(f->exec.commands.v[f->exec.commands.n - 1], cases[i].last);
        if (cases[i].last)
            assert_int_equal(f->exec.patience, 3 * OL_SECOND / 2);
        fixture_free(f);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_message_says_when_and_from_where),
        cmocka_unit_test(a_fallback_that_nobody_chose_is_warned_about),
        cmocka_unit_test(phone_home_posts_a_form),
        cmocka_unit_test(phone_home_gives_up_with_a_warning),
        cmocka_unit_test(power_state_becomes_a_command),
        cmocka_unit_test(a_wrong_power_state_is_only_warned_about),
        cmocka_unit_test(the_condition_decides_after_our_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
