/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/rpc/envelope.h"
#include "compute/rpc/failure.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

#define WIRE "/../shared/openstack/wire"

static struct ol_arena arena;

static int begin(void **state)
{
    ol_arena_init(&arena, 64 << 20);
    return 0;
}

static int end(void **state)
{
    ol_arena_done(&arena);
    return 0;
}

static const char *source_dir(void)
{
    const char *dir = getenv("OL_TEST_SOURCE_DIR");

    return dir ? dir : ".";
}

/* Into the arena; NULL: there is no such file. */
static const char *read_file(const char *path)
{
    struct ol_env env = {.clock = &ol_clock_real};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4 << 20);
    struct ol_err err = OL_ERR_INIT;
    const char *copy = NULL;

    assert_int_equal(ol_env_init(&env, "/", &err), 0);
    if (ol_file_read(&env, path, &text, &err) >= 0)
        copy = ol_arena_memdup(&arena, text.data, text.len);
    ol_env_done(&env);
    return copy;
}

static const char *golden(const char *name)
{
    const char *path =
        ol_arena_printf(&arena, "%s/tests/golden/compute/rpc/%s", source_dir(), name);
    const char *text = read_file(path);

    if (!text)
        fail_msg("no file %s", path);
    return text;
}

static const struct ol_val *parse(const char *text, size_t len)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL;

    if (ol_json_load(text, len, &arena, &v, &err) < 0)
        fail_msg("%s", err.msg);
    return v;
}

/* The message inside a body. */
static const struct ol_val *inside(const char *body, size_t len)
{
    struct ol_err err = OL_ERR_INIT;
    const char *text = NULL;
    size_t n = 0;

    if (rpc_envelope_open(body, len, &arena, &text, &n, &err) < 0)
        fail_msg("%s", err.msg);
    return parse(text, n);
}

static void check_equal(const struct ol_val *got, const struct ol_val *want, const char *name)
{
    if (!ol_val_equal(got, want))
        fail_msg("%s: got %s, want %s", name, ol_val_to_repr(&arena, got),
                 ol_val_to_repr(&arena, want));
}

/* Reads a request and writes it again: nothing is lost, nothing is added. */
static void check_request(const struct ol_val *message, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(8 << 20);
    struct rpc_packet p = {0};
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_json_dump(message, &ol_json_python, &text), 0);
    if (rpc_request_read(text.data, text.len, &arena, &p, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
    assert_false(p.has_bad_monitor);
    assert_int_equal(rpc_request_write(&p, &body), 0);
    check_equal(inside(body.data, body.len), message, name);
}

/* The captured files show a failure as {"(JSON string) ": {…}}. */
static struct ol_val *with_failure_text(const struct ol_val *answer)
{
    struct ol_val *v = ol_val_copy_top(&arena, answer);
    const struct ol_val *failure = ol_val_get(ol_val_get(answer, "failure"), "(JSON string) ");
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);

    if (!failure)
        return v;
    assert_int_equal(ol_json_dump(failure, &ol_json_python, &text), 0);
    ol_val_set_str(&arena, v, "failure", text.data);
    return v;
}

static void check_answer(const struct ol_val *message, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(8 << 20);
    struct ol_val *want = with_failure_text(message), *got;
    struct rpc_answer w = {0};
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_json_dump(want, &ol_json_python, &text), 0);
    if (rpc_answer_read(text.data, text.len, &arena, &w, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
    assert_int_equal(rpc_answer_write(&w, &body), 0);
    got = ol_val_copy_top(&arena, inside(body.data, body.len));
    assert_int_equal(strlen(ol_val_str(ol_val_get(got, "_unique_id"))), 32);
    assert_true(ol_val_remove(got, "_unique_id") && ol_val_remove(want, "_unique_id"));
    check_equal(got, want, name);
}

static bool check_capture(const char *dir, const char *name)
{
    const char *text = read_file(ol_arena_printf(&arena, "%s/%s", dir, name));
    const struct ol_val *v = text ? parse(text, strlen(text)) : NULL;
    const struct ol_val *request = ol_val_at(v, "request/oslo.message");
    const struct ol_val *reply = ol_val_at(v, "reply/oslo.message");

    if (request)
        check_request(request, name);
    if (reply)
        check_answer(reply, name);
    return request != NULL;
}

static void captured_messages_are_written_as_they_were_read(void **state)
{
    const char *told = getenv("ORLOP_WIRE");
    const char *dir = told ? told : ol_arena_printf(&arena, "%s" WIRE, source_dir());
    ol_autoclosedir DIR *d = opendir(dir);
    size_t n = 0;

    if (!d) {
        print_message("# nothing compared: there is no %s\n", dir);
        return;
    }
    for (const struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, "-rpc-"))
            n += check_capture(dir, e->d_name);
    assert_true(n > 0);
}

static void a_call_is_read(void **state)
{
    const char *body = golden("call.json"), *text = NULL;
    struct rpc_packet p = {0};
    struct ol_err err = OL_ERR_INIT;
    size_t len = 0;

    assert_int_equal(rpc_envelope_open(body, strlen(body), &arena, &text, &len, &err), 0);
    assert_int_equal(rpc_request_read(text, len, &arena, &p, &err), 0);
    assert_string_equal(p.method, "ping");
    assert_string_equal(p.space, "baseapi");
    assert_string_equal(p.version, "1.0");
    assert_string_equal(p.msg_id, "2d50bb04a6724a7bab2b7518b042d56e");
    assert_string_equal(p.reply_q, "reply_7b832c916adb46e28653f7602266a30b");
    assert_int_equal(p.monitor, 0);
    assert_string_equal(ol_val_str(ol_val_get(p.args, "arg")), "1.21 GigaWatts");
    assert_string_equal(nova_context_request_id(&p.context),
                        "req-9b5894ff-b825-4292-9988-1889863e8c61");
    check_request(parse(text, len), "call.json");
}

static void a_failure_is_read(void **state)
{
    const char *body = golden("failure.json"), *text = NULL;
    struct rpc_answer w = {0};
    struct ol_err err = OL_ERR_INIT;
    size_t len = 0;

    assert_int_equal(rpc_envelope_open(body, strlen(body), &arena, &text, &len, &err), 0);
    assert_int_equal(rpc_answer_read(text, len, &arena, &w, &err), 0);
    assert_true(w.is_ending);
    assert_int_equal(rpc_failure_read(w.failure, &err), -ENOENT);
    assert_true(nova_is(&err, NOVA_COMPUTE_HOST_NOT_FOUND));
    assert_string_equal(err.msg, "Compute host cmp2 could not be found.");
    assert_int_equal(err.status, 404);
}

static void a_heartbeat_is_no_end(void **state)
{
    const char *body = golden("heartbeat.json"), *text = NULL;
    struct rpc_answer w = {0};
    struct ol_err err = OL_ERR_INIT;
    size_t len = 0;

    assert_int_equal(rpc_envelope_open(body, strlen(body), &arena, &text, &len, &err), 0);
    assert_int_equal(rpc_answer_read(text, len, &arena, &w, &err), 0);
    assert_false(w.is_ending);
    assert_null(w.result);
    assert_null(w.failure);
}

static void a_failure_is_written_as_its_class(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 16);
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *v;

    assert_int_equal(nova_fail(&err, NOVA_INSTANCE_NOT_FOUND, "Instance \"x\" could not be found."),
                     -ENOENT);
    rpc_failure_write(&err, &text);
    v = parse(text.data, text.len);
    assert_string_equal(ol_val_str(ol_val_get(v, "class")), "InstanceNotFound");
    assert_string_equal(ol_val_str(ol_val_get(v, "module")), "nova.exception");
    assert_string_equal(ol_val_str(ol_val_get(v, "message")), err.msg);
    assert_string_equal(ol_val_str(ol_val_item(ol_val_get(v, "args"), 0)), err.msg);
    assert_int_equal(ol_val_int(ol_val_at(v, "kwargs/code"), 0), 404);
    assert_string_equal(ol_val_str(ol_val_item(ol_val_get(v, "tb"), 0)),
                        "nova.exception.InstanceNotFound: Instance \"x\" could not be found.\n");
}

static void a_builtin_takes_no_keywords(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 16);
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *v;

    assert_true(nova_fail(&err, NOVA_NOT_IMPLEMENTED, "no uptime") < 0);
    rpc_failure_write(&err, &text);
    v = parse(text.data, text.len);
    assert_string_equal(ol_val_str(ol_val_get(v, "module")), "builtins");
    assert_int_equal(ol_val_count(ol_val_get(v, "kwargs")), 0);
}

static void failures_of_others_are_remote_errors(void **state)
{
    static const struct {
        const char *json, *msg;
        enum nova_exception which;
    } cases[] = {
        {"{\"class\":\"DBError\",\"message\":\"lost\"}", "Remote error: DBError lost", NOVA_REMOTE},
        {"{\"class\":\"ServiceNotFound\"}", "", NOVA_SERVICE_NOT_FOUND},
        {"{\"class\":7}", "Remote error: a failure that can't be read", NOVA_REMOTE},
        {"oops", "Remote error: a failure that can't be read", NOVA_REMOTE},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;

        assert_true(rpc_failure_read(cases[i].json, &err) < 0);
        assert_true(nova_is(&err, cases[i].which));
        assert_string_equal(err.msg, cases[i].msg);
    }
}

static void what_is_no_message_is_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{\"oslo.version\":\"3.0\",\"oslo.message\":\"{}\"}",
        "{\"oslo.version\":\"2.1\",\"oslo.message\":\"{}\"}",
        "{\"oslo.version\":2,\"oslo.message\":\"{}\"}",
        "{\"oslo.version\":\"2.0\",\"oslo.message\":{}}",
    };
    static const char *const requests[] = {
        "[]",
        "{}",
        "{\"method\":1}",
        "{\"method\":\"a\\u0000b\"}",
        "{\"method\":\"m\",\"args\":[]}",
        "{\"method\":\"m\",\"_msg_id\":\"1\"}",
    };
    struct ol_err err = OL_ERR_INIT;
    struct rpc_packet p;
    const char *text;
    size_t len;

    for (size_t i = 0; i < ol_count(bodies); i++)
        assert_int_equal(rpc_envelope_open(bodies[i], strlen(bodies[i]), &arena, &text, &len, &err),
                         -EPROTO);
    for (size_t i = 0; i < ol_count(requests); i++)
        assert_int_equal(rpc_request_read(requests[i], strlen(requests[i]), &arena, &p, &err),
                         -EPROTO);
}

static void the_monitors_seconds_are_two_at_least(void **state)
{
    static const struct {
        const char *timeout;
        ol_time monitor;
        bool is_bad;
    } cases[] = {
        {"null", 0, false}, {"0", 0, false},   {"60", 60 * OL_SECOND, false},
        {"1", 0, true},     {"-5", 0, true},   {"\"60\"", 0, true},
        {"1e9", 0, true},   {"true", 0, true},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *text =
            ol_arena_printf(&arena, "{\"method\":\"m\",\"_timeout\":%s}", cases[i].timeout);
        struct ol_err err = OL_ERR_INIT;
        struct rpc_packet p = {0};

        assert_int_equal(rpc_request_read(text, strlen(text), &arena, &p, &err), 0);
        assert_int_equal(p.monitor, cases[i].monitor);
        assert_int_equal(p.has_bad_monitor, cases[i].is_bad);
    }
}

static void ids_are_guessed_from_the_end(void **state)
{
    static const char text[] = "{\"_msg_id\": \"first\", \"result\": {\"_msg_id\":3, \"x\": "
                               "\"\\\"_msg_id\\\": \\\"no\\\"\"}, \"_msg_id\":\"last\"}";
    char id[RPC_MAX_NAME + 1] = "";
    size_t at = sizeof(text) - 1;

    assert_true(rpc_answer_guess(text, &at, id));
    assert_string_equal(id, "last");
    assert_true(rpc_answer_guess(text, &at, id));
    assert_string_equal(id, "first");
    assert_false(rpc_answer_guess(text, &at, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_messages_are_written_as_they_were_read),
        cmocka_unit_test(a_call_is_read),
        cmocka_unit_test(a_failure_is_read),
        cmocka_unit_test(a_heartbeat_is_no_end),
        cmocka_unit_test(a_failure_is_written_as_its_class),
        cmocka_unit_test(a_builtin_takes_no_keywords),
        cmocka_unit_test(failures_of_others_are_remote_errors),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(the_monitors_seconds_are_two_at_least),
        cmocka_unit_test(ids_are_guessed_from_the_end),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
