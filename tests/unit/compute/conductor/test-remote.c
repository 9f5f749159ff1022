/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/conductor/conductor.h"
#include "core/cleanup.h"
#include "fake-rpc.h"

#define SERVICE                                                                                    \
    "\"nova_object.name\":\"Service\",\"nova_object.namespace\":\"nova\","                         \
    "\"nova_object.version\":\"1.22\""

struct fixture {
    struct ol_env env;
    struct rpc rpc;
    struct ol_arena arena;
    struct nova_context ctx;
    struct conductor *c;
};

static int set_up(void **state)
{
    static struct fixture f;

    f.env = (struct ol_env){.root_fd = -1, .root = "/nowhere", .clock = &ol_clock_real};
    fake_rpc_init(&f.rpc);
    ol_arena_init(&f.arena, 1 << 22);
    f.ctx = nova_context_admin(&f.arena, &f.env);
    f.c = conductor_remote(&f.env, &f.rpc, nova_release_find("zed"));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    conductor_free(f->c);
    ol_arena_done(&f->arena);
    fake_rpc_done(&f->rpc);
    return 0;
}

static struct nova_object *service(struct fixture *f)
{
    return nova_object_new(&f->arena, f->c->release, "Service");
}

/* demands: C31 C32 */
static void create_goes_to_the_conductor_and_takes_the_answer(void **state)
{
    struct fixture *f = *state;
    struct nova_object *o = service(f);

    nova_set_str(o, "host", "cmp2");
    nova_set_str(o, "binary", "nova-compute");
    nova_set_str(o, "topic", "compute");
    nova_set_int(o, "report_count", 0);
    nova_set_int(o, "version", 64);
    f->rpc.answer = "[{\"id\":5,\"disabled\":false,\"obj_what_changed\":[]},null]";
    assert_int_equal(conductor_create(f->c, &f->ctx, o, NULL), 0);
    assert_string_equal(f->rpc.target.data, "conductor 3.0");
    assert_string_equal(
        f->rpc.asked.data,
        "object_action {\"objinst\":{" SERVICE ",\"nova_object.data\":{\"host\":\"cmp2\","
        "\"binary\":\"nova-compute\",\"topic\":\"compute\",\"report_count\":0,\"version\":64},"
        "\"nova_object.changes\":[\"host\",\"binary\",\"topic\",\"report_count\",\"version\"]},"
        "\"objmethod\":\"create\",\"args\":[],\"kwargs\":{}}");
    assert_int_equal(nova_int(o, "id", 0), 5);
    assert_false(nova_is_changed(o, "host"));
}

/* demands: C31 */
static void a_class_method_goes_to_the_conductor_with_its_manifest(void **state)
{
    struct fixture *f = *state;
    struct ol_val *args = ol_val_new_list(&f->arena);
    struct nova_object *o = service(f);

    ol_val_append(&f->arena, args, ol_val_new_str(&f->arena, "cmp2"));
    assert_int_equal(conductor_get(f->c, &f->ctx, "Service", "get_by_compute_host", args, NULL,
                                   &f->arena, &o, NULL),
                     0);
    assert_null(o);
    assert_string_equal(f->rpc.asked.data,
                        "object_class_action_versions {\"objname\":\"Service\","
                        "\"objmethod\":\"get_by_compute_host\",\"object_versions\":"
                        "{\"Service\":\"1.22\",\"ComputeNode\":\"1.19\",\"HVSpec\":\"1.2\","
                        "\"PciDevicePoolList\":\"1.1\",\"PciDevicePool\":\"1.1\"},"
                        "\"args\":[\"cmp2\"],\"kwargs\":{}}");
    f->rpc.answer = "{" SERVICE ",\"nova_object.data\":{\"id\":5}}";
    assert_int_equal(conductor_get(f->c, &f->ctx, "Service", "get_by_compute_host", args, NULL,
                                   &f->arena, &o, NULL),
                     0);
    assert_int_equal(nova_int(o, "id", 0), 5);
}

/* demands: C30 */
static void a_remote_conductor_touches_nothing_of_this_machine(void **state)
{
    struct fixture *f = *state;
    struct nova_object *o = service(f);

    /* The environment has no tree: whatever would open a file fails. */
    assert_int_equal(f->env.root_fd, -1);
    nova_set_str(o, "host", "cmp2");
    f->rpc.answer = "[{\"id\":5,\"obj_what_changed\":[]},null]";
    assert_int_equal(conductor_create(f->c, &f->ctx, o, NULL), 0);
    nova_set_int(o, "report_count", 1);
    assert_int_equal(conductor_save(f->c, &f->ctx, o, NULL), 0);
    assert_int_equal(conductor_destroy(f->c, &f->ctx, o, NULL), 0);
    f->rpc.answer = NULL;
    assert_int_equal(
        conductor_get(f->c, &f->ctx, "Service", "get_by_id", NULL, NULL, &f->arena, &o, NULL), 0);
    assert_int_equal(f->rpc.n_calls, 4);
    assert_int_equal(f->env.n_changes, 0);
}

static void nobody_answers(struct fixture *f, unsigned times)
{
    f->rpc.n_calls = 0;
    f->rpc.n_fails = times;
    f->rpc.fails = nova_fail(&f->rpc.why, NOVA_MESSAGING_TIMEOUT, "Timed out");
}

static void what_nobody_answered_in_time_is_asked_again(void **state)
{
    static const char *const expected[] = {"networking", NULL};
    struct fixture *f = *state;
    struct nova_object *i = nova_object_new(&f->arena, f->c->release, "Instance"), *o = NULL;

    nova_set_str(i, "task_state", "spawning");
    f->rpc.answer = "[{\"obj_what_changed\":[]},null]";
    nobody_answers(f, 2);
    assert_int_equal(conductor_save_instance(f->c, &f->ctx, i, expected, NULL), 0);
    assert_int_equal(f->rpc.n_calls, 3);
    /* It may have been done all the same. */
    assert_non_null(
        strstr(f->rpc.asked.data, "{\"expected_task_state\":[\"networking\",\"spawning\"]}"));
    f->rpc.answer = NULL;
    nobody_answers(f, 1);
    assert_int_equal(
        conductor_get(f->c, &f->ctx, "Instance", "get_by_uuid", NULL, NULL, &f->arena, &o, NULL),
        0);
    assert_int_equal(f->rpc.n_calls, 2);
}

static void what_might_be_done_twice_is_asked_once(void **state)
{
    struct fixture *f = *state;
    struct nova_object *fault = nova_object_new(&f->arena, f->c->release, "InstanceFault");
    struct ol_err err = OL_ERR_INIT;

    nobody_answers(f, 1);
    assert_true(conductor_create(f->c, &f->ctx, fault, &err) < 0);
    assert_true(nova_is(&err, NOVA_MESSAGING_TIMEOUT));
    assert_int_equal(f->rpc.n_calls, 1);
    nobody_answers(f, 1);
    assert_true(conductor_save(f->c, &f->ctx, service(f), &err) < 0);
    assert_int_equal(f->rpc.n_calls, 1);
}

static void an_answer_that_is_none_is_a_failure(void **state)
{
    struct fixture *f = *state;
    static const char *const answers[] = {"null", "[]", "[{}]", "7", "[7,null]"};
    struct nova_object *o;

    for (size_t i = 0; i < ol_count(answers); i++) {
        f->rpc.answer = answers[i];
        assert_true(conductor_save(f->c, &f->ctx, service(f), NULL) < 0);
    }
    f->rpc.answer = "[1]";
    assert_int_equal(
        conductor_get(f->c, &f->ctx, "Service", "get", NULL, NULL, &f->arena, &o, NULL), -EINVAL);
}

static void an_exception_comes_back_by_its_name(void **state)
{
    struct fixture *f = *state;
    struct nova_object *o = nova_object_new(&f->arena, f->c->release, "Instance");
    struct ol_err err = OL_ERR_INIT;
    static const char *const expected[] = {"spawning", "", NULL};

    f->rpc.fails = nova_fail(&f->rpc.why, NOVA_UNEXPECTED_DELETING, "Conflict");
    nova_set_str(o, "uuid", "u");
    assert_int_equal(conductor_save_instance(f->c, &f->ctx, o, expected, &err), f->rpc.fails);
    assert_true(nova_is(&err, NOVA_UNEXPECTED_DELETING));
    assert_non_null(
        strstr(f->rpc.asked.data, "\"kwargs\":{\"expected_task_state\":[\"spawning\",null]}}"));
    assert_true(nova_is_changed(o, "uuid"));
}

static void ping_asks_the_base_api(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->c->ops->ping(f->c, OL_SECOND, NULL), 0);
    assert_string_equal(f->rpc.target.data, "conductor 1.0 baseapi");
    assert_string_equal(f->rpc.asked.data, "ping {\"arg\":\"1.21 GigaWatts\"}");
}

static void events_carry_what_the_user_may_see(void **state)
{
    struct fixture *f = *state;
    struct ol_err why = OL_ERR_INIT;

    assert_int_equal(
        conductor_event_start(f->c, &f->ctx, "u", "compute_stop_instance", "cmp2", NULL), 0);
    assert_non_null(strstr(f->rpc.asked.data,
                           "\"objmethod\":\"event_start\",\"object_versions\":"
                           "{\"InstanceActionEvent\":\"1.4\"},\"args\":[\"u\","
                           "\"compute_stop_instance\"],\"kwargs\":{\"host\":\"cmp2\","
                           "\"want_result\":false}}"));
    assert_int_equal(conductor_event_finish(f->c, &f->ctx, "u", "e", "cmp2", NULL, NULL), 0);
    assert_non_null(strstr(f->rpc.asked.data,
                           "\"kwargs\":{\"exc_val\":null,\"exc_tb\":null,\"want_result\":false}"));
    assert_true(nova_fail(&why, NOVA_IMAGE_NOT_FOUND, "Image i could not be found.") < 0);
    assert_int_equal(conductor_event_finish(f->c, &f->ctx, "u", "e", "cmp2", &why, NULL), 0);
    assert_non_null(strstr(f->rpc.asked.data,
                           "{\"exc_val\":\"Image i could not be found.\",\"exc_tb\":"
                           "\"ImageNotFound: Image i could not be found.\\n\""));
    assert_true(ol_err_set(&why, EIO, "write '/secret/path'") < 0);
    assert_int_equal(conductor_event_finish(f->c, &f->ctx, "u", "e", "cmp2", &why, NULL), 0);
    assert_non_null(strstr(f->rpc.asked.data, "{\"exc_val\":\"NovaException\""));
}

static void a_fault_has_code_and_message_of_its_exception(void **state)
{
    static const struct {
        enum nova_exception which;
        const char *want;
    } cases[] = {
        {NOVA_INSTANCE_NOT_FOUND, "\"code\":404,\"message\":\"Text.\",\"details\":\"\"}"},
        {NOVA_BUILD_ABORT, "\"code\":500,\"message\":\"Text.\",\"details\":"
                           "\"BuildAbortException: Text.\\n\"}"},
        {NOVA_RUNTIME, "\"code\":500,\"message\":\"RuntimeError\",\"details\":"
                       "\"RuntimeError: Text.\\n\"}"},
    };
    struct fixture *f = *state;

    f->rpc.answer = "[{\"id\":1,\"obj_what_changed\":[]},null]";
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err why = OL_ERR_INIT;

        assert_true(nova_fail(&why, cases[i].which, "Text.") < 0);
        assert_int_equal(conductor_fault(f->c, &f->ctx, "u", "cmp2", &why, NULL), 0);
        assert_non_null(strstr(f->rpc.asked.data, cases[i].want));
    }
}

static void an_object_of_another_major_version_is_made_ours(void **state)
{
    struct fixture *f = *state;
    struct nova_object *o = NULL;
    struct ol_val *v = NULL;
    static const char newer[] = "{\"nova_object.name\":\"Service\",\"nova_object.namespace\":"
                                "\"nova\",\"nova_object.version\":\"2.0\",\"nova_object.data\":{}}";

    assert_int_equal(ol_json_load(newer, strlen(newer), &f->arena, &v, NULL), 0);
    f->rpc.answer = "{" SERVICE ",\"nova_object.data\":{\"id\":5}}";
    assert_int_equal(conductor_load(f->c, &f->ctx, &f->arena, v, &o, NULL), 0);
    assert_int_equal(nova_int(o, "id", 0), 5);
    assert_non_null(strstr(f->rpc.asked.data, "object_backport_versions {\"objinst\":"));
    assert_non_null(strstr(f->rpc.asked.data, "\"object_versions\":{\"Service\":\"1.22\""));
    assert_int_equal(f->rpc.n_calls, 1);
}

static void a_cast_goes_where_it_is_sent(void **state)
{
    struct fixture *f = *state;
    const struct rpc_target to = {.topic = "scheduler", .version = "4.2", .is_fanout = true};
    const struct rpc_message m = {"delete_instance_info", ol_val_new_map(&f->arena)};

    assert_int_equal(f->c->ops->cast(f->c, &f->ctx, &to, &m, NULL), 0);
    assert_string_equal(f->rpc.target.data, "scheduler 4.2 fanout");
    assert_int_equal(f->rpc.n_casts, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(create_goes_to_the_conductor_and_takes_the_answer),
        TEST(a_class_method_goes_to_the_conductor_with_its_manifest),
        TEST(a_remote_conductor_touches_nothing_of_this_machine),
        TEST(what_nobody_answered_in_time_is_asked_again),
        TEST(what_might_be_done_twice_is_asked_once),
        TEST(an_answer_that_is_none_is_a_failure),
        TEST(an_exception_comes_back_by_its_name),
        TEST(ping_asks_the_base_api),
        TEST(events_carry_what_the_user_may_see),
        TEST(a_fault_has_code_and_message_of_its_exception),
        TEST(an_object_of_another_major_version_is_made_ours),
        TEST(a_cast_goes_where_it_is_sent),
    };

    return cmocka_run_group_tests_name("compute/conductor/remote", tests, NULL, NULL);
}
