/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "net/http-server.h"

/* A server on a Unix socket and peers in the same thread, turn by turn. */
struct fixture {
    char root[32];
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct ol_http_server *server;
    struct ol_http_exchange *held;
    struct ol_http_stream *stream;
    int n_closed;
    bool is_stopped;
    char seen[256];
};

static void closed(void *ctx)
{
    struct fixture *f = ctx;

    f->n_closed++;
    f->stream = NULL;
}

static void handle(void *ctx, struct ol_http_exchange *x)
{
    static const char *const headers[] = {"X-Kind: test", NULL};
    struct fixture *f = ctx;
    struct ol_http_answer a = {.status = 200, .content_type = "text/plain", .headers = headers};
    size_t size;
    const char *body = ol_http_body(x, &size);

    snprintf(f->seen, sizeof(f->seen), "%s %s %s %.*s", ol_http_method(x), ol_http_path(x),
             ol_http_query(x), (int)size, body);
    if (strcmp(ol_http_path(x), "/held") == 0) {
        f->held = x;
    } else if (strcmp(ol_http_path(x), "/stream") == 0) {
        f->stream = ol_http_answer_stream(x, &a, closed, f);
    } else {
        a.body = "hello";
        a.size = 5;
        ol_http_answer(x, &a);
    }
}

static void stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->is_stopped = true;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct ol_http_server_options o = {
        .listen = "unix:/s", .max_body = 1000, .handle = handle, .ctx = f};

    memcpy(f->root, "/tmp/ol-srv-XXXXXX", sizeof("/tmp/ol-srv-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    uv_loop_init(&f->uv);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    if (ol_http_server_start(&f->loop, &o, &f->server, NULL) < 0)
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->server)
        ol_http_server_stop(f->server, stopped, f);
    while (!f->is_stopped)
        uv_run(&f->uv, UV_RUN_ONCE);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    if (uv_loop_close(&f->uv) != 0 || ol_exists(&f->env, "/s") || rmdir(f->root) < 0)
        return -1;
    ol_env_done(&f->env);
    free(f);
    return 0;
}

static int dial(struct fixture *f)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", f->root);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turns(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++)
        uv_run(&f->uv, UV_RUN_NOWAIT);
}

/* What the server has written after some turns. */
static const char *take(struct fixture *f, int fd, char text[4096])
{
    ssize_t n;

    turns(f, 20);
    n = recv(fd, text, 4095, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void request_reaches_the_handler_whole(void **state)
{
    struct fixture *f = *state;
    ol_autoclose int fd = dial(f);
    char text[4096];

    say(fd, "POST /a%2Fb?x=%20&y HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
    turns(f, 5);
    assert_string_equal(f->seen, "");
    say(fd, "dy");
    assert_non_null(strstr(take(f, fd, text), "HTTP/1.1 200 "));
    assert_non_null(strstr(text, "X-Kind: test\r\n"));
    assert_non_null(strstr(text, "\r\n\r\nhello"));
    assert_string_equal(f->seen, "POST /a%2Fb x=%20&y body");
    say(fd, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_non_null(strstr(take(f, fd, text), "hello"));
}

static void body_that_is_too_large_is_413(void **state)
{
    struct fixture *f = *state;
    ol_autoclose int known = dial(f), chunked = dial(f);
    char text[4096], chunk[2100];

    say(known, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5001\r\n\r\n");
    assert_non_null(strstr(take(f, known, text), "HTTP/1.1 413 "));
    assert_non_null(strstr(text, "RequestEntityTooLarge"));
    say(chunked, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    snprintf(chunk, sizeof(chunk), "7d0\r\n%02000d\r\n0\r\n\r\n", 0);
    say(chunked, chunk);
    assert_non_null(strstr(take(f, chunked, text), "HTTP/1.1 413 "));
    assert_string_equal(f->seen, "");
}

static void answer_may_come_later(void **state)
{
    struct fixture *f = *state;
    ol_autoclose int fd = dial(f);
    const struct ol_http_answer a = {.status = 201, .body = "later", .size = 5};
    char text[4096];

    say(fd, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(take(f, fd, text), "");
    assert_non_null(f->held);
    ol_http_answer(f->held, &a);
    assert_non_null(strstr(take(f, fd, text), "HTTP/1.1 201 "));
    assert_non_null(strstr(text, "later"));
}

static void answer_after_the_stop_goes_nowhere(void **state)
{
    struct fixture *f = *state;
    ol_autoclose int fd = dial(f);
    const struct ol_http_answer a = {.status = 200};
    char text[4096];

    say(fd, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    take(f, fd, text);
    ol_http_server_stop(f->server, stopped, f);
    f->server = NULL;
    while (!f->is_stopped)
        uv_run(&f->uv, UV_RUN_ONCE);
    ol_http_answer(f->held, &a);
}

static void stream_sends_chunks_until_it_ends(void **state)
{
    struct fixture *f = *state;
    ol_autoclose int fd = dial(f);
    char text[4096];

    say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_non_null(strstr(take(f, fd, text), "chunked"));
    assert_int_equal(ol_http_stream_send(f->stream, "one\n", 4, 100), 0);
    assert_non_null(strstr(take(f, fd, text), "4\r\none\n\r\n"));
    assert_int_equal(ol_http_stream_send(f->stream, "two\n", 4, 100), 0);
    ol_http_stream_end(f->stream);
    assert_int_equal(f->n_closed, 0);
    assert_non_null(strstr(take(f, fd, text), "4\r\ntwo\n\r\n0\r\n\r\n"));
    assert_int_equal(f->n_closed, 1);
}

static void leaving_of_a_peer_is_noticed(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    int fd = dial(f);

    say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    take(f, fd, text);
    close(fd);
    turns(f, 20);
    assert_int_equal(f->n_closed, 1);
}

static void slow_peer_is_told_about(void **state)
{
    struct fixture *f = *state;
    ol_autoclose int fd = dial(f);
    char text[4096];

    say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    take(f, fd, text);
    assert_int_equal(ol_http_stream_send(f->stream, "0123456789", 10, 15), 0);
    assert_int_equal(ol_http_stream_send(f->stream, "0123456789", 10, 15), -ENOBUFS);
    ol_http_stream_end(f->stream);
    assert_non_null(strstr(take(f, fd, text), "A\r\n0123456789\r\n0\r\n"));
}

static void socket_is_for_its_owner_alone(void **state)
{
    struct fixture *f = *state;
    struct ol_http_server *second;
    struct ol_http_server_options o = {.listen = "unix:/s", .handle = handle};
    struct ol_err err = OL_ERR_INIT;
    struct stat st;

    assert_int_equal(ol_lstat(&f->env, "/s", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ol_http_server_start(&f->loop, &o, &second, &err), -EADDRINUSE);
    assert_string_equal(err.msg, "listen on unix:/s: somebody listens there");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(request_reaches_the_handler_whole),
        CASE(body_that_is_too_large_is_413),
        CASE(answer_may_come_later),
        CASE(answer_after_the_stop_goes_nowhere),
        CASE(stream_sends_chunks_until_it_ends),
        CASE(leaving_of_a_peer_is_noticed),
        CASE(slow_peer_is_told_about),
        CASE(socket_is_for_its_owner_alone),
    };

    return cmocka_run_group_tests_name("http-server", tests, NULL, NULL);
}
