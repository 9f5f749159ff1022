/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "net/http-async.h"
#include "net/http-server.h"

enum { MANY = 40, BIG = 1 << 20 };

/* Client and server on a Unix socket, on one loop in one thread. */
struct fixture {
    char root[32];
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct ol_http_server *server;
    struct ol_http_async *http;
    struct ol_http_exchange *held[4];
    int n_held;
    struct ol_http_stream *stream;
    char seen[256];
    int n_served;
    bool is_stopped;

    /* What the client was told. */
    int n_done, status, code;
    struct ol_buf body, pieces;
    struct ol_http_call *to_cancel, *stream_call;
    bool want_cancel, want_send, want_free;
    char message[256];
};

static void closed(void *ctx)
{
    struct fixture *f = ctx;

    f->stream = NULL;
}

static void handle(void *ctx, struct ol_http_exchange *x)
{
    struct fixture *f = ctx;
    struct ol_http_answer a = {.status = 200, .content_type = "text/plain"};
    const char *path = ol_http_path(x), *kind = ol_http_header(x, "X-Kind");
    ol_autofree char *big = NULL;
    size_t size;
    const char *body = ol_http_body(x, &size);

    f->n_served++;
    snprintf(f->seen, sizeof(f->seen), "%s %s %s %.*s", ol_http_method(x), path, kind ? kind : "",
             (int)size, body);
    if (strcmp(path, "/held") == 0) {
        f->held[f->n_held++] = x;
        return;
    }
    if (strcmp(path, "/stream") == 0) {
        f->stream = ol_http_answer_stream(x, &a, closed, f);
        return;
    }
    a.body = "hello";
    a.size = 5;
    if (strcmp(path, "/big") == 0) {
        big = ol_xcalloc(1, BIG);
        a.body = big;
        a.size = BIG;
    }
    if (strcmp(path, "/gone") == 0)
        a.status = 410;
    ol_http_answer(x, &a);
}

static void stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->is_stopped = true;
}

static int set_up(void **state)
{
    struct fixture *f = ol_xcalloc(1, sizeof(*f));
    struct ol_http_server_options server = {
        .listen = "unix:/s", .max_body = 2 * BIG, .handle = handle, .ctx = f};
    struct ol_http_async_options client = {.max_connections = 3};
    ol_autofree char *path = NULL;

    memcpy(f->root, "/tmp/ol-cli-XXXXXX", sizeof("/tmp/ol-cli-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    uv_loop_init(&f->uv);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    path = ol_xasprintf("%s/s", f->root);
    client.unix_socket = path;
    ol_buf_init(&f->body, 4 * BIG);
    ol_buf_init(&f->pieces, 4 * BIG);
    f->http = ol_http_async_new(&f->loop, &client, NULL);
    *state = f;
    return f->http ? ol_http_server_start(&f->loop, &server, &f->server, NULL) : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    struct ol_http_answer late = {.status = 200};

    ol_http_async_free(f->http);
    for (int i = 0; i < f->n_held; i++)
        ol_http_answer(f->held[i], &late);
    ol_http_server_stop(f->server, stopped, f);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->uv), 0);
    assert_int_equal(ol_remove_tree(&f->env, "/s", NULL), 0);
    ol_env_done(&f->env);
    rmdir(f->root);
    ol_buf_done(&f->body);
    ol_buf_done(&f->pieces);
    free(f);
    return 0;
}

static void on_done(void *ctx, int status, const char *body, size_t len, const struct ol_err *err)
{
    struct fixture *f = ctx;

    f->n_done++;
    f->status = status;
    f->code = err ? err->code : 0;
    snprintf(f->message, sizeof(f->message), "%s", err ? ol_err_text(err) : "");
    ol_buf_clear(&f->body);
    ol_buf_add(&f->body, body, len);
    assert_int_equal(body[len], '\0');
    if (f->want_free) {
        ol_http_async_free(f->http);
        f->http = NULL;
    }
}

static void send_to(struct fixture *f, const char *path);

static void on_data(void *ctx, int status, const char *piece, size_t len)
{
    struct fixture *f = ctx;

    assert_int_equal(status, 200);
    ol_buf_add(&f->pieces, piece, len);
    if (f->want_cancel)
        ol_http_async_cancel(f->stream_call);
    if (f->want_send)
        send_to(f, "/x");
    f->want_cancel = f->want_send = false;
}

static void send_to(struct fixture *f, const char *path)
{
    ol_autofree char *url = ol_xasprintf("http://unix%s", path);
    struct ol_http_ask ask = {.method = "GET", .url = url, .done = on_done, .ctx = f};

    f->to_cancel = ol_http_async_send(f->http, &ask);
}

static void send_stream(struct fixture *f, const char *path, ol_time timeout)
{
    ol_autofree char *url = ol_xasprintf("http://unix%s", path);
    struct ol_http_ask ask = {.method = "GET",
                              .url = url,
                              .timeout = timeout,
                              .data = on_data,
                              .done = on_done,
                              .ctx = f};

    f->stream_call = ol_http_async_send(f->http, &ask);
}

static void run_until_done(struct fixture *f, int n)
{
    while (f->n_done < n)
        uv_run(&f->uv, UV_RUN_ONCE);
}

static void run_until_pieces(struct fixture *f, const char *want)
{
    while (strcmp(f->pieces.data, want) != 0)
        uv_run(&f->uv, UV_RUN_ONCE);
}

static void request_carries_all_and_brings_the_answer(void **state)
{
    static const char *const headers[] = {"X-Kind: test", NULL};
    struct fixture *f = *state;
    char body[] = "{}", url[] = "http://unix/x?a=b";
    struct ol_http_ask ask = {.method = "PATCH",
                              .url = url,
                              .headers = headers,
                              .body = body,
                              .size = 2,
                              .done = on_done,
                              .ctx = f};

    ol_http_async_send(f->http, &ask);
    memset(body, 'x', 2);
    memset(url, 'x', sizeof(url) - 1);
    assert_int_equal(f->n_done, 0);
    run_until_done(f, 1);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body.data, "hello");
    assert_string_equal(f->seen, "PATCH /x test {}");
}

static void many_requests_share_few_connections(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < MANY; i++)
        send_to(f, "/x");
    run_until_done(f, MANY);
    assert_int_equal(f->n_served, MANY);
    assert_int_equal(f->status, 200);
}

static void stream_comes_in_pieces_beside_full_connections(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++)
        send_to(f, "/held");
    send_stream(f, "/stream", OL_SECOND);
    while (!f->stream)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(ol_http_stream_send(f->stream, "one\n", 4, 1000), 0);
    run_until_pieces(f, "one\n");
    assert_int_equal(ol_http_stream_send(f->stream, "two\n", 4, 1000), 0);
    run_until_pieces(f, "one\ntwo\n");
    assert_int_equal(f->n_done, 0);
    ol_http_stream_end(f->stream);
    run_until_done(f, 1);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body.data, "");
}

static void refused_stream_brings_its_body(void **state)
{
    struct fixture *f = *state;

    send_stream(f, "/gone", OL_SECOND);
    run_until_done(f, 1);
    assert_int_equal(f->status, 410);
    assert_string_equal(f->body.data, "hello");
    assert_string_equal(f->pieces.data, "");
}

static void stream_without_headers_ends_in_time(void **state)
{
    struct fixture *f = *state;

    send_stream(f, "/held", 20 * OL_MS);
    run_until_done(f, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->code, ETIMEDOUT);
    assert_string_equal(f->message, "GET 'http://unix/held': no answer in time");
}

static void request_without_answer_ends_in_time(void **state)
{
    struct fixture *f = *state;
    struct ol_http_ask ask = {.method = "GET",
                              .url = "http://unix/held",
                              .timeout = 20 * OL_MS,
                              .done = on_done,
                              .ctx = f};

    ol_http_async_send(f->http, &ask);
    run_until_done(f, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->code, ETIMEDOUT);
}

static void answer_beyond_its_maximum_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ol_http_ask ask = {
        .method = "GET", .url = "http://unix/big", .max_body = BIG - 1, .done = on_done, .ctx = f};

    ol_http_async_send(f->http, &ask);
    run_until_done(f, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->code, EFBIG);
    ask.max_body = BIG;
    ol_http_async_send(f->http, &ask);
    run_until_done(f, 2);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->body.len, BIG);
}

static void cancelled_calls_say_nothing(void **state)
{
    struct fixture *f = *state;

    send_to(f, "/held");
    while (!f->n_held)
        uv_run(&f->uv, UV_RUN_ONCE);
    ol_http_async_cancel(f->to_cancel);
    send_to(f, "/x");
    run_until_done(f, 1);
    assert_int_equal(f->n_done, 1);
}

static void stream_can_be_cancelled_and_calls_sent_from_within(void **state)
{
    struct fixture *f = *state;

    f->want_cancel = f->want_send = true;
    send_stream(f, "/stream", OL_SECOND);
    while (!f->stream)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(ol_http_stream_send(f->stream, "one\n", 4, 1000), 0);
    run_until_done(f, 1);
    assert_string_equal(f->seen, "GET /x  ");
    while (f->stream)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(f->n_done, 1);
}

static void client_can_be_freed_by_its_callback(void **state)
{
    struct fixture *f = *state;

    f->want_free = true;
    send_to(f, "/x");
    send_to(f, "/x");
    run_until_done(f, 1);
    assert_null(f->http);
}

/* These are libcurl's. */
static void what_is_not_plain_is_done_all_the_same(void **state)
{
    static const char *const headers[] = {"TE: trailers", "X-Kind: odd", NULL};
    struct fixture *f = *state;
    struct ol_http_ask ask = {
        .method = "HEAD", .url = "http://unix/x", .timeout = OL_SECOND, .done = on_done, .ctx = f};

    ol_http_async_send(f->http, &ask);
    run_until_done(f, 1);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->seen, "HEAD /x  ");
    ask.method = "GET";
    ask.headers = headers;
    ol_http_async_send(f->http, &ask);
    run_until_done(f, 2);
    assert_string_equal(f->body.data, "hello");
    assert_string_equal(f->seen, "GET /x odd ");
    ask.headers = NULL;
    ask.url = "http://elsewhere/x";
    ol_http_async_cancel(ol_http_async_send(f->http, &ask));
}

static void nobody_there_is_said_so(void **state)
{
    struct fixture *f = *state;
    struct ol_http_async_options o = {.unix_socket = "/nonexistent/socket"};

    ol_http_async_free(f->http);
    f->http = ol_http_async_new(&f->loop, &o, NULL);
    send_to(f, "/x");
    run_until_done(f, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->code, ECONNREFUSED);
}

#define with_server(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(request_carries_all_and_brings_the_answer),
        with_server(many_requests_share_few_connections),
        with_server(stream_comes_in_pieces_beside_full_connections),
        with_server(refused_stream_brings_its_body),
        with_server(stream_without_headers_ends_in_time),
        with_server(request_without_answer_ends_in_time),
        with_server(answer_beyond_its_maximum_is_refused),
        with_server(cancelled_calls_say_nothing),
        with_server(stream_can_be_cancelled_and_calls_sent_from_within),
        with_server(client_can_be_freed_by_its_callback),
        with_server(what_is_not_plain_is_done_all_the_same),
        with_server(nobody_there_is_said_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
