/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "net/http-lean-internal.h"
#include "net/http-lean.h"

#define OK    "HTTP/1.1 200 OK\r\n"
#define HELLO OK "Content-Length: 5\r\n\r\nhello"

/* What the server does with one request. */
struct act {
    const char *text;  /* "" = nothing is said */
    bool is_end;       /* closes behind it */
    bool is_for_later; /* says nothing more until the client goes */
};

struct fixture {
    struct ol_env env;
    int listener;
    pthread_t thread;
    const struct act *acts; /* of requests, in the order in which they come; the last has no text */
    int n_accepted;
    char last[512]; /* the last request */
    char url[64];
    struct ol_http_keep *keep;
    ol_time timeout;
};

/* With its body: what is not read makes a reset of the connection's end. */
static size_t read_request(int fd, char *to, size_t size)
{
    size_t len = 0;

    while (len < size - 1 && !memmem(to, len, "\r\n\r\n{}", 6)) {
        ssize_t n = recv(fd, to + len, size - 1 - len, 0);

        if (n <= 0)
            return 0;
        len += (size_t)n;
    }
    to[len] = '\0';
    return len;
}

static void *serve(void *ctx)
{
    struct fixture *f = ctx;
    const struct act *act = f->acts;
    int fd = -1;

    while (act->text) {
        if (fd < 0) {
            fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
            f->n_accepted++;
        }
        if (fd < 0)
            return NULL;
        if (!read_request(fd, f->last, sizeof(f->last))) {
            close(fd);
            fd = -1;
            continue;
        }
        (void)!send(fd, act->text, strlen(act->text), MSG_NOSIGNAL);
        if (act->is_for_later)
            read_request(fd, f->last, sizeof(f->last));
        if (act->is_end) {
            close(fd);
            fd = -1;
        }
        act++;
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void begin(struct fixture *f, const struct act *acts)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);

    *f = (struct fixture){.acts = acts, .timeout = 4 * OL_SECOND};
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(ol_env_init(&f->env, "/", NULL), 0);
    f->env.http = &ol_http_lean;
    assert_int_equal(bind(f->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(f->listener, 4), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/v3?a=b", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void end(struct fixture *f)
{
    ol_http_keep_free(&f->env, f->keep);
    shutdown(f->listener, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->listener);
    ol_env_done(&f->env);
}

static int ask(struct fixture *f, struct ol_http_response *ret, struct ol_err *err)
{
    static const char *const headers[] = {"X-Auth-Token: t", NULL};
    const struct ol_http_request q = {.method = "PUT",
                                      .url = f->url,
                                      .headers = headers,
                                      .body = "{}",
                                      .body_size = 2,
                                      .timeout = f->timeout,
                                      .keep = &f->keep,
                                      .is_redirect_refused = true};

    return ol_http_fetch(&f->env, &q, ret, err);
}

static void expect_hello(struct fixture *f)
{
    struct ol_http_response answer = {.body = OL_BUF_INIT(100)};
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ask(f, &answer, &err), 0);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body.data, "hello");
    ol_buf_done(&answer.body);
}

static void a_connection_is_kept_and_made_anew_when_it_has_gone(void **state)
{
    static const struct act acts[] = {
        {HELLO}, {HELLO}, {HELLO, .is_end = true}, {HELLO}, {"", .is_end = true}, {HELLO}, {NULL}};
    struct fixture f;

    (void)state;
    begin(&f, acts);
    for (int i = 0; i < 5; i++) /* the fourth finds it closed; the fifth when it has asked */
        expect_hello(&f);
    assert_int_equal(memcmp(f.last, "PUT /v3?a=b HTTP/1.1\r\nHost: 127.0.0.1:", 38), 0);
    assert_non_null(strstr(f.last, "\r\nX-Auth-Token: t\r\nContent-Length: 2\r\n\r\n{}"));
    end(&f);
    assert_int_equal(f.n_accepted, 3);
}

static void head_and_chunks_are_read(void **state)
{
    static const struct act acts[] = {
        {OK
         "X-Subject-Token: s3cret\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n"
         "\r\n"},
        {"HTTP/1.1 100 Continue\r\n\r\n" OK "\r\nhello", .is_end = true},
        {NULL}};
    ol_auto(ol_buf_done) struct ol_buf head = OL_BUF_INIT(1000);
    struct ol_http_response answer = {.body = OL_BUF_INIT(100), .head = &head};
    struct ol_err err = OL_ERR_INIT;
    struct fixture f;
    const char *token;
    size_t len;

    (void)state;
    begin(&f, acts);
    assert_int_equal(ask(&f, &answer, &err), 0);
    assert_string_equal(answer.body.data, "hello");
    token = ol_http_head_get(&head, "X-Subject-Token", &len);
    assert_int_equal(len, 6);
    assert_memory_equal(token, "s3cret", 6);
    assert_null(strstr(head.data, "hello"));
    ol_buf_done(&answer.body);
    expect_hello(&f); /* up to the connection's end */
    end(&f);
}

static void failures_say_what_may_be_done_about_them(void **state)
{
    static const struct {
        struct act act;
        int r;
    } cases[] = {
        {{"", .is_end = true}, -ECONNRESET},
        {{"what?\r\n\r\n", .is_end = true}, -EIO},
        {{OK "Content-Length: 5\r\n\r\nhel", .is_end = true}, -EIO},
        {{OK "Content-Length: 500\r\n\r\n", .is_for_later = true}, -ETIMEDOUT},
        {{"", .is_for_later = true}, -ETIMEDOUT},
        {{OK "Content-Length: 12\r\n\r\nhello, world"}, -EFBIG},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct act acts[] = {cases[i].act, {NULL}};
        struct ol_http_response answer = {.body = OL_BUF_INIT(10)};
        struct ol_err err = OL_ERR_INIT;
        struct fixture f;

        begin(&f, acts);
        if (cases[i].act.is_for_later)
            f.timeout = OL_SECOND / 50;
        assert_int_equal(ask(&f, &answer, &err), cases[i].r);
        assert_non_null(strstr(ol_err_text(&err), "PUT 'http://127.0.0.1:"));
        assert_int_equal(answer.body.len, 0);
        ol_buf_done(&answer.body);
        end(&f);
    }
}

static void nobody_there_is_a_refused_connection(void **state)
{
    static const struct act acts[] = {{NULL}};
    struct ol_http_response answer = {.body = OL_BUF_INIT(10)};
    struct ol_err err = OL_ERR_INIT;
    struct fixture f;

    (void)state;
    begin(&f, acts);
    shutdown(f.listener, SHUT_RDWR);
    assert_int_equal(ask(&f, &answer, &err), -ECONNREFUSED);
    end(&f);
}

static void what_is_not_plain_is_libcurls(void **state)
{
    static const struct {
        const char *url, *authority, *host, *port, *path; /* authority NULL = not ours */
    } cases[] = {
        {"http://h/v3/a?b=c#d", "h", "h", "80", "/v3/a?b=c"},
        {"HTTP://h:5000", "h:5000", "h", "5000", ""},
        {"http://h?x", "h", "h", "80", "?x"},
        {"http://[::1]:8778/", "[::1]:8778", "::1", "8778", "/"},
        {"http://[::1]", "[::1]", "::1", "80", ""},
        {"https://h/", NULL, NULL, NULL, NULL},
        {"http://user:pw@h/", NULL, NULL, NULL, NULL},
        {"http://h:0/", NULL, NULL, NULL, NULL},
        {"http://h:/", NULL, NULL, NULL, NULL},
        {"http://:80/", NULL, NULL, NULL, NULL},
        {"http://[::1/", NULL, NULL, NULL, NULL},
        {"http://[::1]x/", NULL, NULL, NULL, NULL},
        {"http://[fe80::1%25eth0]/", NULL, NULL, NULL, NULL},
        {"http://h/a/../b", NULL, NULL, NULL, NULL},
        {"http://h/a b", NULL, NULL, NULL, NULL},
        {"http:///", NULL, NULL, NULL, NULL},
    };
    struct ol_http_keep *keep = NULL;

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_http_request q = {
            .url = cases[i].url, .keep = &keep, .is_redirect_refused = true};
        struct lean_url u;
        bool is_ours = lean_takes(&q, &u);

        if (is_ours != (cases[i].authority != NULL))
            fail_msg("%s", cases[i].url);
        if (!is_ours)
            continue;
        assert_string_equal(u.authority, cases[i].authority);
        assert_string_equal(u.host, cases[i].host);
        assert_string_equal(u.port, cases[i].port);
        assert_int_equal(u.path_len, strlen(cases[i].path));
        assert_memory_equal(u.path, cases[i].path, u.path_len);
        q.is_redirect_refused = false;
        assert_false(lean_takes(&q, &u));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_kept_and_made_anew_when_it_has_gone),
        cmocka_unit_test(head_and_chunks_are_read),
        cmocka_unit_test(failures_say_what_may_be_done_about_them),
        cmocka_unit_test(nobody_there_is_a_refused_connection),
        cmocka_unit_test(what_is_not_plain_is_libcurls),
    };

    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return cmocka_run_group_tests_name("net/http-lean", tests, NULL, NULL);
}
