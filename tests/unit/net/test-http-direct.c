/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "net/http-async.h"

/* The client against a server that does what a table says, byte by byte where asked for. */
#define OK    "HTTP/1.1 200 OK\r\n"
#define HELLO OK "Content-Length: 5\r\n\r\nhello"

enum { MOST_ACTS = 64, BIG = 8 << 20 };

/* What the server does with one request. */
struct act {
    const char *text; /* NULL = nothing is said */
    size_t piece;     /* bytes in each turn; 0 = all at once */
    bool is_end;      /* closes behind it */
    bool is_deaf;     /* it reads nothing of the body */
};

struct fixture {
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct ol_http_async *http;
    uv_tcp_t listener;
    char origin[64];
    struct act acts[MOST_ACTS]; /* of requests, in the order in which they come */
    int n_accepted, n_open, n_requests;
    char last[256];    /* head of the last request */
    struct peer *deaf; /* it hears no end either */

    int n_done, status, code;
    char body[64], message[256], pieces[64];
};

struct peer {
    uv_tcp_t tcp;
    uv_idle_t idle;
    struct fixture *f;
    struct ol_buf in;
    struct act act;
    size_t sent;
    int n_closing;
};

static void on_peer_closed(uv_handle_t *handle)
{
    struct peer *p = handle->data;

    if (--p->n_closing)
        return;
    p->f->n_open--;
    ol_buf_done(&p->in);
    free(p);
}

static void peer_close(struct peer *p)
{
    if (p->n_closing)
        return;
    p->n_closing = 2;
    uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
    uv_close((uv_handle_t *)&p->idle, on_peer_closed);
}

static void on_idle(uv_idle_t *idle)
{
    struct peer *p = idle->data;
    size_t rest = strlen(p->act.text) - p->sent;
    size_t n = p->act.piece && p->act.piece < rest ? p->act.piece : rest;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)p->act.text + p->sent, (unsigned)n);
    int r;

    if (rest) {
        r = uv_try_write((uv_stream_t *)&p->tcp, &buf, 1);
        p->sent += r > 0 ? (size_t)r : 0;
        return;
    }
    uv_idle_stop(idle);
    if (p->act.is_end)
        peer_close(p);
}

/* The head is there, and the body where it is waited for. */
static bool is_complete(const struct peer *p)
{
    const char *end = strstr(p->in.data, "\r\n\r\n");
    const char *length = strstr(p->in.data, "Content-Length: ");
    size_t n = 0;

    if (!end)
        return false;
    if (length && length < end)
        sscanf(length, "Content-Length: %zu", &n);
    return p->in.len >= (size_t)(end - p->in.data) + 4 + n;
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char room[64 << 10];

    *buf = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = stream->data;
    struct fixture *f = p->f;
    const struct act *next = &f->acts[f->n_requests];

    if (n < 0) {
        peer_close(p);
        return;
    }
    ol_buf_add(&p->in, buf->base, (size_t)n);
    if (next->is_deaf) {
        uv_read_stop(stream);
        f->deaf = p;
    } else if (!is_complete(p)) {
        return;
    }
    snprintf(f->last, sizeof(f->last), "%s", p->in.data);
    ol_buf_clear(&p->in);
    f->n_requests++;
    p->act = *next;
    p->sent = 0;
    if (p->act.text)
        uv_idle_start(&p->idle, on_idle);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fixture *f = listener->data;
    struct peer *p = ol_xcalloc(1, sizeof(*p));

    f->n_accepted++;
    f->n_open++;
    p->f = f;
    ol_buf_init(&p->in, 2 * BIG);
    uv_tcp_init(&f->uv, &p->tcp);
    uv_idle_init(&f->uv, &p->idle);
    p->tcp.data = p->idle.data = p;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
    uv_tcp_nodelay(&p->tcp, 1);
    uv_read_start((uv_stream_t *)&p->tcp, lend, on_read);
}

static int set_up(void **state)
{
    struct fixture *f = ol_xcalloc(1, sizeof(*f));
    struct ol_http_async_options client = {.max_connections = 2};
    struct sockaddr_in at;
    int size = sizeof(at);

    assert_int_equal(ol_env_init(&f->env, "/", NULL), 0);
    uv_loop_init(&f->uv);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    uv_tcp_init(&f->uv, &f->listener);
    f->listener.data = f;
    uv_ip4_addr("127.0.0.1", 0, &at);
    if (uv_tcp_bind(&f->listener, (struct sockaddr *)&at, 0) < 0
        || uv_listen((uv_stream_t *)&f->listener, 16, on_connection) < 0
        || uv_tcp_getsockname(&f->listener, (struct sockaddr *)&at, &size) < 0)
        return -1;
    snprintf(f->origin, sizeof(f->origin), "http://127.0.0.1:%d", ntohs(at.sin_port));
    for (int i = 0; i < MOST_ACTS; i++)
        f->acts[i] = (struct act){.text = HELLO};
    f->http = ol_http_async_new(&f->loop, &client, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ol_http_async_free(f->http);
    uv_close((uv_handle_t *)&f->listener, NULL);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(f->n_open, 0);
    assert_int_equal(uv_loop_close(&f->uv), 0);
    ol_env_done(&f->env);
    free(f);
    return 0;
}

static void on_done(void *ctx, int status, const char *body, size_t len, const struct ol_err *err)
{
    struct fixture *f = ctx;

    f->n_done++;
    f->status = status;
    f->code = err ? err->code : 0;
    assert_true(!status == (err != NULL));
    snprintf(f->message, sizeof(f->message), "%s", err ? ol_err_text(err) : "");
    snprintf(f->body, sizeof(f->body), "%s", body);
    assert_int_equal(body[len], '\0');
}

static void on_data(void *ctx, int status, const char *piece, size_t len)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->pieces);

    assert_int_equal(status, 200);
    assert_true(n + len < sizeof(f->pieces));
    memcpy(f->pieces + n, piece, len);
    f->pieces[n + len] = '\0';
}

static struct ol_http_call *send_ask(struct fixture *f, const char *method, struct ol_http_ask ask)
{
    ol_autofree char *url = ol_xasprintf("%s/x?a=b", f->origin);

    ask.method = method;
    ask.url = url;
    ask.done = on_done;
    ask.ctx = f;
    return ol_http_async_send(f->http, &ask);
}

static void run_until_done(struct fixture *f, int n)
{
    while (f->n_done < n)
        uv_run(&f->uv, UV_RUN_ONCE);
}

/* One request and its end. */
static void ask(struct fixture *f, const char *method)
{
    send_ask(f, method, (struct ol_http_ask){.timeout = 10 * OL_SECOND});
    run_until_done(f, f->n_done + 1);
}

static void run_until_closed(struct fixture *f)
{
    while (f->n_open)
        uv_run(&f->uv, UV_RUN_ONCE);
}

static void request_is_written_as_http_wants_it(void **state)
{
    static const char *const headers[] = {"Accept: application/json", "X-Kind: test", NULL};
    struct fixture *f = *state;
    ol_autofree char *want = NULL;

    send_ask(f, "PATCH", (struct ol_http_ask){.headers = headers, .body = "{}", .size = 2});
    run_until_done(f, 1);
    want = ol_xasprintf("PATCH /x?a=b HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n"
                        "X-Kind: test\r\nContent-Length: 2\r\n\r\n{}",
                        f->origin + strlen("http://"));
    assert_string_equal(f->last, want);
    ask(f, "GET");
    assert_non_null(strstr(f->last, "\r\nAccept: */*\r\n\r\n"));
    ask(f, "POST");
    assert_non_null(strstr(f->last, "\r\nContent-Length: 0\r\n\r\n"));
}

static void answers_come_in_pieces_of_any_size(void **state)
{
    static const char *const texts[] = {
        HELLO,
        OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n" HELLO,
        OK "Connection: close\r\n\r\nhello",
    };
    struct fixture *f = *state;
    int n = 0;

    for (size_t i = 0; i < ol_count(texts); i++)
        for (size_t piece = 0; piece < 4; piece++)
            f->acts[n++] =
                (struct act){.text = texts[i], .piece = piece, .is_end = i + 1 == ol_count(texts)};
    for (int i = 0; i < n; i++) {
        ask(f, "GET");
        assert_int_equal(f->status, 200);
        assert_string_equal(f->body, "hello");
    }
    assert_int_equal(f->n_requests, n);
}

static void answer_that_is_cut_off_is_none_wherever_it_is_cut(void **state)
{
    static const char *const texts[] = {
        HELLO, OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(texts); i++) {
        for (size_t n = 0; n < strlen(texts[i]); n++) {
            ol_autofree char *part = ol_xstrndup(texts[i], n);

            f->n_requests = 0;
            f->acts[0] = (struct act){.text = part, .is_end = true};
            ask(f, "GET");
            assert_int_equal(f->n_requests, 1);
            assert_int_equal(f->status, 0);
            assert_int_equal(f->code, EIO);
            assert_string_equal(f->body, "");
            run_until_closed(f);
        }
    }
}

static void what_is_no_http_is_refused_and_ends_the_connection(void **state)
{
    static const char *const texts[] = {
        OK "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
        OK "Content-Length: -5\r\n\r\nhello",
        OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n",
        "SSH-2.0-x\r\n",
        "HTTP/2 200\r\n\r\n",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(texts); i++)
        f->acts[i].text = texts[i];
    for (size_t i = 0; i < ol_count(texts); i++) {
        ask(f, "GET");
        assert_int_equal(f->status, 0);
        assert_int_equal(f->code, EIO);
        assert_non_null(strstr(f->message, "/x?a=b': the answer is no HTTP"));
    }
    assert_int_equal(f->n_accepted, ol_count(texts));
}

static void silent_server_is_given_up_in_time(void **state)
{
    struct fixture *f = *state;

    f->acts[0].text = NULL;
    f->acts[1] = (struct act){.text = OK "Content-Length: 5\r\n\r\nhel"};
    for (int i = 0; i < 2; i++) {
        send_ask(f, "GET", (struct ol_http_ask){.timeout = 20 * OL_MS});
        run_until_done(f, i + 1);
        assert_int_equal(f->status, 0);
        assert_int_equal(f->code, ETIMEDOUT);
    }
    run_until_closed(f);
    ask(f, "GET");
    assert_int_equal(f->status, 200);
}

static void call_can_be_late_before_it_has_a_connection(void **state)
{
    struct fixture *f = *state;
    struct ol_http_call *calls[3];

    f->acts[0].text = f->acts[1].text = NULL;
    for (int i = 0; i < 3; i++)
        calls[i] = send_ask(f, "GET", (struct ol_http_ask){.timeout = i == 2 ? 20 * OL_MS : 0});
    run_until_done(f, 1);
    assert_int_equal(f->code, ETIMEDOUT);
    assert_int_equal(f->n_requests, 2);
    ol_http_async_cancel(calls[0]);
    ol_http_async_cancel(calls[1]);
    ask(f, "GET");
    assert_int_equal(f->n_done, 2);
}

static void connections_are_kept_and_few(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 20; i++)
        send_ask(f, "GET", (struct ol_http_ask){.timeout = OL_SECOND});
    run_until_done(f, 20);
    for (int i = 0; i < 5; i++)
        ask(f, "GET");
    assert_int_equal(f->n_requests, 25);
    assert_int_equal(f->n_accepted, 2);
}

static void urgent_request_waits_for_nobody(void **state)
{
    struct fixture *f = *state;

    f->acts[0].text = f->acts[1].text = NULL;
    for (int i = 0; i < 3; i++)
        send_ask(f, "GET", (struct ol_http_ask){.timeout = 0});
    while (f->n_requests < 2)
        uv_run(&f->uv, UV_RUN_ONCE);
    send_ask(f, "PUT", (struct ol_http_ask){.is_urgent = true, .body = "{}", .size = 2});
    run_until_done(f, 1);
    assert_int_equal(f->status, 200);
    assert_true(strncmp(f->last, "PUT", 3) == 0);
}

static void what_is_safe_is_asked_again_when_a_kept_connection_has_gone(void **state)
{
    struct fixture *f = *state;

    f->acts[1] = (struct act){.text = "", .is_end = true};
    ask(f, "GET");
    ask(f, "GET");
    assert_int_equal(f->status, 200);
    assert_int_equal(f->n_requests, 3);
    assert_int_equal(f->n_accepted, 2);
}

static void what_is_not_safe_is_asked_once(void **state)
{
    static const struct {
        const char *method, *text;
    } table[] = {
        {"PATCH", ""}, {"POST", ""}, {"GET", "H"}, /* there was a byte of an answer */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(table); i++) {
        f->n_requests = 0;
        f->acts[1] = (struct act){.text = table[i].text, .is_end = true};
        ask(f, "GET");
        assert_int_equal(f->status, 200);
        ask(f, table[i].method);
        assert_int_equal(f->status, 0);
        assert_int_equal(f->code, EIO);
        assert_int_equal(f->n_requests, 2);
        run_until_closed(f);
    }
}

static void server_that_always_closes_is_asked_twice_at_most(void **state)
{
    struct fixture *f = *state;

    for (int i = 1; i < MOST_ACTS; i++)
        f->acts[i] = (struct act){.text = "", .is_end = true};
    ask(f, "GET");
    ask(f, "GET");
    assert_int_equal(f->code, EIO);
    assert_int_equal(f->n_requests, 3);
}

static void connection_that_is_no_good_is_not_used_again(void **state)
{
    static const struct act table[] = {
        {.text = HELLO "more than was asked for"},
        {.text = OK "Content-Length: 5\r\nConnection: close\r\n\r\nhello"},
        {.text = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
        {.text = HELLO, .is_end = true},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(table); i++) {
        f->n_requests = f->n_accepted = 0;
        f->acts[0] = table[i];
        ask(f, "GET");
        assert_int_equal(f->status, 200);
        assert_string_equal(f->body, "hello");
        run_until_closed(f);
        ask(f, "PATCH");
        assert_int_equal(f->status, 200);
        assert_int_equal(f->n_accepted, 2);
        f->acts[2] = (struct act){.text = HELLO, .is_end = true};
        ask(f, "GET");
        run_until_closed(f);
    }
}

static void bytes_that_nobody_asked_for_end_an_idle_connection(void **state)
{
    struct fixture *f = *state;

    f->acts[0] = (struct act){.text = HELLO "HTTP/1.1 408 Late\r\n\r\n", .piece = strlen(HELLO)};
    ask(f, "GET");
    assert_int_equal(f->status, 200);
    run_until_closed(f);
    ask(f, "PATCH");
    assert_int_equal(f->status, 200);
    assert_int_equal(f->n_accepted, 2);
}

static void answer_may_come_before_the_whole_request_is_sent(void **state)
{
    struct fixture *f = *state;
    ol_autofree char *body = ol_xcalloc(1, BIG);

    f->acts[0] =
        (struct act){.text = "HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno", .is_deaf = true};
    send_ask(f, "POST", (struct ol_http_ask){.body = body, .size = BIG, .timeout = OL_SECOND});
    run_until_done(f, 1);
    assert_int_equal(f->status, 413);
    assert_string_equal(f->body, "no");
    peer_close(f->deaf);
    ask(f, "GET");
    assert_int_equal(f->status, 200);
    assert_int_equal(f->n_accepted, 2);
}

/* The peer's reset may overtake its answer; what must not be is that nothing is ever told. */
static void answer_and_reset_end_the_call(void **state)
{
    struct fixture *f = *state;
    ol_autofree char *body = ol_xcalloc(1, BIG);
    ol_autofree char *text = ol_xasprintf(OK "Content-Length: 200000\r\n\r\n%0200000d", 0);

    f->acts[0] = (struct act){.text = text, .is_deaf = true, .is_end = true};
    send_ask(f, "POST", (struct ol_http_ask){.body = body, .size = BIG});
    run_until_done(f, 1);
    assert_true(f->status == 200 || f->code == EIO);
}

static void large_request_goes_out_as_the_peer_takes_it(void **state)
{
    struct fixture *f = *state;
    ol_autofree char *body = ol_xcalloc(1, BIG);

    memset(body, 'x', BIG);
    send_ask(f, "POST", (struct ol_http_ask){.body = body, .size = BIG, .timeout = 10 * OL_SECOND});
    run_until_done(f, 1);
    assert_int_equal(f->status, 200);
    ask(f, "GET");
    assert_int_equal(f->n_accepted, 1);
}

static void stream_that_breaks_off_says_so(void **state)
{
    struct fixture *f = *state;

    f->acts[0] = (struct act){.text = OK "Transfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n4\r\ntw",
                              .piece = 1,
                              .is_end = true};
    send_ask(f, "GET", (struct ol_http_ask){.data = on_data});
    run_until_done(f, 1);
    assert_string_equal(f->pieces, "one\ntw");
    assert_int_equal(f->status, 0);
    assert_int_equal(f->code, EIO);
}

static void stream_may_be_silent_after_its_head(void **state)
{
    struct fixture *f = *state;

    f->acts[0] = (struct act){.text = OK "Transfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n"};
    send_ask(f, "GET", (struct ol_http_ask){.data = on_data, .timeout = 100 * OL_MS});
    while (!*f->pieces)
        uv_run(&f->uv, UV_RUN_ONCE);
    f->acts[1].text = NULL;
    send_ask(f, "GET", (struct ol_http_ask){.timeout = 150 * OL_MS});
    run_until_done(f, 1);
    assert_int_equal(f->code, ETIMEDOUT);
    assert_true(strncmp(f->message, "GET 'http://127.0.0.1:", 22) == 0);
    assert_int_equal(f->n_open, 2);
}

static void nobody_there_is_said_so_to_each(void **state)
{
    struct fixture *f = *state;

    snprintf(f->origin, sizeof(f->origin), "http://127.0.0.1:1");
    for (int i = 0; i < 20; i++)
        send_ask(f, "GET", (struct ol_http_ask){.timeout = OL_SECOND});
    run_until_done(f, 20);
    assert_int_equal(f->code, ECONNREFUSED);
    assert_string_equal(f->message, "GET 'http://127.0.0.1:1/x?a=b': connect: Connection refused");
}

#define with_server(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(request_is_written_as_http_wants_it),
        with_server(answers_come_in_pieces_of_any_size),
        with_server(answer_that_is_cut_off_is_none_wherever_it_is_cut),
        with_server(what_is_no_http_is_refused_and_ends_the_connection),
        with_server(silent_server_is_given_up_in_time),
        with_server(call_can_be_late_before_it_has_a_connection),
        with_server(connections_are_kept_and_few),
        with_server(urgent_request_waits_for_nobody),
        with_server(what_is_safe_is_asked_again_when_a_kept_connection_has_gone),
        with_server(what_is_not_safe_is_asked_once),
        with_server(server_that_always_closes_is_asked_twice_at_most),
        with_server(connection_that_is_no_good_is_not_used_again),
        with_server(bytes_that_nobody_asked_for_end_an_idle_connection),
        with_server(answer_may_come_before_the_whole_request_is_sent),
        with_server(answer_and_reset_end_the_call),
        with_server(large_request_goes_out_as_the_peer_takes_it),
        with_server(stream_that_breaks_off_says_so),
        with_server(stream_may_be_silent_after_its_head),
        with_server(nobody_there_is_said_so_to_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
