/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "net/grpc.h"

/* Client and server of ours against each other on a socket in a temporary directory. */
enum { MAX_HELD = 8 };

struct fixture {
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    char dir[32], socket[64];
    struct ol_grpc_server *server;
    struct ol_grpc_channel *channel;
    struct ol_grpc_request *held[MAX_HELD]; /* of /t.T/Hold, until someone answers */
    int n_held, n_served;
    int n_done;
    struct ol_grpc_result last; /* message and data are not valid */
    char message[200], data[200];
    size_t size;
    bool want_free;
};

static void echo(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    struct fixture *f = ctx;

    f->n_served++;
    ol_grpc_reply(r, data, size);
}

static void refuse(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ol_grpc_fail(r, (enum ol_grpc_code)data[0], "code %d\n100%% sure", data[0]);
}

static void hold(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    struct fixture *f = ctx;

    f->held[f->n_held++] = r;
    uv_stop(&f->uv);
}

static void stop_server(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    struct fixture *f = ctx;

    ol_grpc_server_stop(f->server);
    f->server = NULL;
    ol_grpc_reply(r, NULL, 0);
}

static const struct ol_grpc_method methods[] = {
    {"/t.T/Echo", echo},        {"/t.T/Fail", refuse}, {"/t.T/Hold", hold},
    {"/t.T/Stop", stop_server}, {NULL, NULL},
};

static void serve(struct fixture *f)
{
    assert_int_equal(ol_grpc_server_start(&f->loop, f->socket, methods, f, &f->server, NULL), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    memcpy(f->dir, "/tmp/ol-grpc-XXXXXX", sizeof("/tmp/ol-grpc-XXXXXX"));
    if (!mkdtemp(f->dir) || ol_env_init(&f->env, "/", NULL) < 0 || uv_loop_init(&f->uv) < 0)
        return -1;
    snprintf(f->socket, sizeof(f->socket), "%s/s", f->dir);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    f->channel = ol_grpc_channel_new(&f->loop, f->socket);
    serve(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ol_grpc_channel_free(f->channel);
    ol_grpc_server_stop(f->server);
    while (uv_run(&f->uv, UV_RUN_DEFAULT))
        continue; /* a callback has asked it to stop */
    if (uv_loop_close(&f->uv) < 0)
        return -1;
    ol_env_done(&f->env);
    unlink(f->socket);
    if (rmdir(f->dir) < 0)
        return -1;
    free(f);
    return 0;
}

static void done(void *ctx, const struct ol_grpc_result *r)
{
    struct fixture *f = ctx;

    f->n_done++;
    f->last = *r;
    f->size = r->size;
    snprintf(f->message, sizeof(f->message), "%s", r->message);
    snprintf(f->data, sizeof(f->data), "%.*s", (int)(r->size < 100 ? r->size : 100),
             r->data ? (const char *)r->data : "");
    if (f->want_free) {
        f->want_free = false;
        ol_grpc_channel_free(f->channel);
        f->channel = NULL;
    }
    uv_stop(&f->uv);
}

static struct ol_grpc_call *call(struct fixture *f, const char *method, const char *text,
                                 ol_time timeout)
{
    return ol_grpc_call(f->channel, method, text, strlen(text), timeout, done, f);
}

/* Until one more call has ended. */
static void wait_one(struct fixture *f)
{
    int before = f->n_done;

    for (int i = 0; i < 1000 && f->n_done == before; i++)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_true(f->n_done > before);
}

static void wait_held(struct fixture *f, int n)
{
    for (int i = 0; i < 1000 && f->n_held < n; i++)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(f->n_held, n);
}

static void a_call_is_answered(void **state)
{
    static const char *const texts[] = {"hello", "", "second"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(texts); i++) {
        call(f, "/t.T/Echo", texts[i], 5 * OL_SECOND);
        assert_int_equal(f->n_done, i);
        wait_one(f);
        assert_int_equal(f->last.code, OL_GRPC_OK);
        assert_true(f->last.is_from_peer);
        assert_string_equal(f->data, texts[i]);
        assert_string_equal(f->message, "");
    }
}

static void each_code_and_its_sentence_arrive(void **state)
{
    struct fixture *f = *state;

    for (char code = 1; code < OL_GRPC_N_CODES; code++) {
        char want[40];

        ol_grpc_call(f->channel, "/t.T/Fail", &code, 1, 0, done, f);
        wait_one(f);
        snprintf(want, sizeof(want), "code %d\n100%% sure", code);
        assert_int_equal(f->last.code, code);
        assert_string_equal(f->message, want);
        assert_true(f->last.is_from_peer);
    }
}

static void an_unknown_method_is_unimplemented(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/None", "", 0);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_UNIMPLEMENTED);
    assert_string_equal(f->message, "unknown method /t.T/None");
}

static void many_calls_share_a_connection(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1000; i++)
        call(f, "/t.T/Echo", "x", 0);
    for (int i = 0; i < 10000 && f->n_done < 1000; i++)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(f->n_done, 1000);
    assert_int_equal(f->last.code, OL_GRPC_OK);
}

static void large_messages_pass_and_larger_ones_do_not(void **state)
{
    enum { LARGE = 5 << 20, MAXIMUM = 64 << 20 };
    struct fixture *f = *state;
    ol_autofree char *bytes = calloc(1, MAXIMUM + 1);

    memset(bytes, 'x', LARGE);
    ol_grpc_call(f->channel, "/t.T/Echo", bytes, LARGE, 0, done, f);
    while (f->n_done < 1)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(f->last.code, OL_GRPC_OK);
    assert_int_equal(f->size, LARGE);
    ol_grpc_call(f->channel, "/t.T/Echo", bytes, MAXIMUM + 1, 0, done, f);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_RESOURCE_EXHAUSTED);
    assert_false(f->last.is_from_peer);
}

static void a_late_answer_is_a_deadline_exceeded(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/Hold", "", 50 * OL_MS);
    wait_held(f, 1);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_DEADLINE_EXCEEDED);
    assert_string_equal(f->message, "context deadline exceeded");
    ol_grpc_reply(f->held[0], "late", 4);
    call(f, "/t.T/Echo", "on", 0);
    wait_one(f);
    assert_string_equal(f->data, "on");
}

static void a_cancelled_call_never_calls_back(void **state)
{
    struct fixture *f = *state;

    ol_grpc_cancel(call(f, "/t.T/Echo", "before it is connected", 0));
    struct ol_grpc_call *held = call(f, "/t.T/Hold", "", 0);
    wait_held(f, 1);
    ol_grpc_cancel(held);
    call(f, "/t.T/Echo", "", 0);
    wait_one(f);
    assert_int_equal(f->n_done, 1);
    ol_grpc_fail(f->held[0], OL_GRPC_INTERNAL, "nobody hears it");
}

static void a_lost_connection_is_unavailable_and_made_anew(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/Hold", "", 0);
    wait_held(f, 1);
    ol_grpc_server_stop(f->server);
    f->server = NULL;
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_UNAVAILABLE);
    assert_false(f->last.is_from_peer);
    call(f, "/t.T/Echo", "", 0);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_UNAVAILABLE);
    assert_non_null(strstr(f->message, "connect: no such file or directory"));
    serve(f);
    call(f, "/t.T/Echo", "again", 0);
    wait_one(f);
    assert_string_equal(f->data, "again");
    ol_grpc_reply(f->held[0], NULL, 0);
}

static void a_server_that_was_started_anew_costs_no_call(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/Echo", "", 0);
    wait_one(f);
    ol_grpc_server_stop(f->server);
    serve(f);
    call(f, "/t.T/Echo", "new", 0);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_OK);
    assert_string_equal(f->data, "new");
}

static void a_handler_may_stop_its_server(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/Stop", "", 0);
    call(f, "/t.T/Echo", "", 0);
    wait_one(f);
    while (f->n_done < 2)
        wait_one(f);
    assert_null(f->server);
    assert_int_equal(f->last.code, OL_GRPC_UNAVAILABLE);
}

static void a_callback_may_free_the_channel(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/Hold", "", 0);
    wait_held(f, 1);
    f->want_free = true;
    call(f, "/t.T/Echo", "", 0);
    wait_one(f);
    assert_null(f->channel);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->last.code, OL_GRPC_CANCELLED);
    uv_run(&f->uv, UV_RUN_NOWAIT);
    ol_grpc_reply(f->held[0], NULL, 0);
}

static void freeing_ends_what_is_under_way(void **state)
{
    struct fixture *f = *state;

    call(f, "/t.T/Echo", "not even connected", 0);
    ol_grpc_channel_free(f->channel);
    f->channel = NULL;
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->last.code, OL_GRPC_CANCELLED);
}

static void a_wrong_address_is_told_by_the_first_call(void **state)
{
    struct fixture *f = *state;

    ol_grpc_channel_free(f->channel);
    f->channel = ol_grpc_channel_new(&f->loop, "localhost:10000");
    call(f, "/t.T/Echo", "", 0);
    assert_int_equal(f->n_done, 0);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_UNAVAILABLE);
    assert_non_null(strstr(f->message, "'localhost:10000' is neither"));
}

static void a_dead_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    struct fixture *f = *state;
    struct ol_grpc_server *second = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    assert_int_equal(ol_grpc_server_start(&f->loop, f->socket, methods, f, &second, &err),
                     -EADDRINUSE);
    assert_non_null(strstr(err.msg, "another process listens on"));
    ol_grpc_server_stop(f->server);
    f->server = NULL;
    assert_int_equal(access(f->socket, F_OK), -1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(un.sun_path, f->socket, sizeof(f->socket));
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    close(fd);
    serve(f);
    assert_int_equal(stat(f->socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    call(f, "/t.T/Echo", "", 0);
    wait_one(f);
    assert_int_equal(f->last.code, OL_GRPC_OK);
}

static void a_file_in_the_way_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct ol_grpc_server *second = NULL;
    char path[64];

    snprintf(path, sizeof(path), "%s/file", f->dir);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(ol_grpc_server_start(&f->loop, path, methods, f, &second, NULL), -EEXIST);
    assert_int_equal(unlink(path), 0);
}

/* What a broken peer sends instead of HTTP/2. */
static void noise_ends_the_connection_and_nothing_else(void **state)
{
    static const char *const noise[] = {
        "",
        "GET / HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(noise); i++) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        memcpy(un.sun_path, f->socket, sizeof(f->socket));
        assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
        assert_int_equal(write(fd, noise[i], strlen(noise[i])), strlen(noise[i]));
        uv_run(&f->uv, UV_RUN_NOWAIT);
        uv_run(&f->uv, UV_RUN_NOWAIT);
        close(fd);
        call(f, "/t.T/Echo", "", 0);
        wait_one(f);
        assert_int_equal(f->last.code, OL_GRPC_OK);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_answered),
        TEST(each_code_and_its_sentence_arrive),
        TEST(an_unknown_method_is_unimplemented),
        TEST(many_calls_share_a_connection),
        TEST(large_messages_pass_and_larger_ones_do_not),
        TEST(a_late_answer_is_a_deadline_exceeded),
        TEST(a_cancelled_call_never_calls_back),
        TEST(a_lost_connection_is_unavailable_and_made_anew),
        TEST(a_server_that_was_started_anew_costs_no_call),
        TEST(a_handler_may_stop_its_server),
        TEST(a_callback_may_free_the_channel),
        TEST(freeing_ends_what_is_under_way),
        TEST(a_wrong_address_is_told_by_the_first_call),
        TEST(a_dead_socket_is_replaced_and_a_live_one_is_not),
        TEST(a_file_in_the_way_is_left_alone),
        TEST(noise_ends_the_connection_and_nothing_else),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
