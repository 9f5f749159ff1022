/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "net/http-async.h"
#include "net/http-server.h"
#include "net/http-tls-internal.h"

/* The client and our server, with certificates made here. */

enum { YEAR = 365 * 24 * 3600, BIG = 1 << 20 };

struct pair {
    gnutls_x509_crt_t cert;
    gnutls_x509_privkey_t key;
    char *cert_pem, *key_pem;
};

struct fixture {
    char root[32];
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct ol_http_server *server;
    struct ol_http_async *http;
    bool is_stopped;
    char cn[64]; /* who asked last */
    size_t body_size;

    int n_done, status, code;
    size_t len;
    char message[256];
};

/* Made once for all tests. */
static struct pair ca, other_ca, good, other, client;

static char *text_of(gnutls_datum_t pem)
{
    char *s = ol_xstrndup((char *)pem.data, pem.size);

    gnutls_free(pem.data);
    return s;
}

/* For 127.0.0.1, ::1 and 'name'; signed by 'by', or by itself. */
static void make(struct pair *p, const char *name, const struct pair *by, const char *purpose)
{
    static const unsigned char ip[] = {127, 0, 0, 1};
    static const unsigned char serial[] = {1, 2, 3, 4, 5};
    gnutls_datum_t pem;
    time_t now = time(NULL);

    gnutls_x509_privkey_init(&p->key);
    gnutls_x509_crt_init(&p->cert);
    gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_set_version(p->cert, 3);
    gnutls_x509_crt_set_serial(p->cert, serial, sizeof(serial));
    gnutls_x509_crt_set_activation_time(p->cert, now - 60);
    gnutls_x509_crt_set_expiration_time(p->cert, now + YEAR);
    gnutls_x509_crt_set_dn_by_oid(p->cert, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                  (unsigned)strlen(name));
    gnutls_x509_crt_set_key(p->cert, p->key);
    gnutls_x509_crt_set_basic_constraints(p->cert, by == NULL, -1);
    gnutls_x509_crt_set_key_usage(p->cert,
                                  by ? GNUTLS_KEY_DIGITAL_SIGNATURE : GNUTLS_KEY_KEY_CERT_SIGN);
    if (by) {
        gnutls_x509_crt_set_key_purpose_oid(p->cert, purpose, 0);
        gnutls_x509_crt_set_subject_alt_name(p->cert, GNUTLS_SAN_DNSNAME, name,
                                             (unsigned)strlen(name), GNUTLS_FSAN_SET);
        if (strcmp(name, "good.test") == 0)
            gnutls_x509_crt_set_subject_alt_name(p->cert, GNUTLS_SAN_IPADDRESS, ip, sizeof(ip),
                                                 GNUTLS_FSAN_APPEND);
    }
    assert_int_equal(gnutls_x509_crt_sign2(p->cert, by ? by->cert : p->cert, by ? by->key : p->key,
                                           GNUTLS_DIG_SHA256, 0),
                     0);
    assert_int_equal(gnutls_x509_crt_export2(p->cert, GNUTLS_X509_FMT_PEM, &pem), 0);
    p->cert_pem = text_of(pem);
    assert_int_equal(gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem), 0);
    p->key_pem = text_of(pem);
}

static void drop(struct pair *p)
{
    gnutls_x509_crt_deinit(p->cert);
    gnutls_x509_privkey_deinit(p->key);
    free(p->cert_pem);
    free(p->key_pem);
}

static int make_all(void **state)
{
    make(&ca, "ca", NULL, NULL);
    make(&other_ca, "ca", NULL, NULL);
    make(&good, "good.test", &ca, GNUTLS_KP_TLS_WWW_SERVER);
    make(&other, "other.test", &ca, GNUTLS_KP_TLS_WWW_SERVER);
    make(&client, "someone", &ca, GNUTLS_KP_TLS_WWW_CLIENT);
    return 0;
}

static int drop_all(void **state)
{
    drop(&ca);
    drop(&other_ca);
    drop(&good);
    drop(&other);
    drop(&client);
    return 0;
}

static void handle(void *ctx, struct ol_http_exchange *x)
{
    struct fixture *f = ctx;
    const char *cn = ol_http_peer_cn(x);
    bool is_big = strcmp(ol_http_path(x), "/big") == 0;
    ol_autofree char *big = ol_xcalloc(1, BIG);
    struct ol_http_answer a = {.status = 200, .body = big, .size = is_big ? BIG : 5};

    snprintf(f->cn, sizeof(f->cn), "%s", cn ? cn : "");
    (void)ol_http_body(x, &f->body_size);
    ol_http_answer(x, &a);
}

static int set_up(void **state)
{
    struct fixture *f = ol_xcalloc(1, sizeof(*f));

    memcpy(f->root, "/tmp/ol-tls-XXXXXX", sizeof("/tmp/ol-tls-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    uv_loop_init(&f->uv);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    *state = f;
    return 0;
}

static void serve(struct fixture *f, const struct pair *p)
{
    const struct ol_http_server_options o = {.listen = "127.0.0.1:0",
                                             .cert_file = "/cert",
                                             .key_file = "/key",
                                             .client_ca_file = "/ca",
                                             .max_body = 2 * BIG,
                                             .handle = handle,
                                             .ctx = f};

    assert_int_equal(ol_file_puts(&f->env, "/cert", p->cert_pem, 0600, 0, NULL), 0);
    assert_int_equal(ol_file_puts(&f->env, "/key", p->key_pem, 0600, 0, NULL), 0);
    assert_int_equal(ol_file_puts(&f->env, "/ca", ca.cert_pem, 0600, 0, NULL), 0);
    assert_int_equal(ol_http_server_start(&f->loop, &o, &f->server, NULL), 0);
}

static void stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->is_stopped = true;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"/cert", "/key", "/ca"};
    struct fixture *f = *state;

    ol_http_async_free(f->http);
    ol_http_server_stop(f->server, stopped, f);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->uv), 0);
    for (size_t i = 0; i < ol_count(files); i++)
        (void)!ol_unlink(&f->env, files[i], NULL);
    ol_env_done(&f->env);
    rmdir(f->root);
    free(f);
    return 0;
}

static void on_done(void *ctx, int status, const char *body, size_t len, const struct ol_err *err)
{
    struct fixture *f = ctx;

    f->n_done++;
    f->status = status;
    f->len = len;
    f->code = err ? err->code : 0;
    snprintf(f->message, sizeof(f->message), "%s", err ? ol_err_text(err) : "");
}

/* A client with these options asks once, by the server's address or by a name for it. */
static void ask(struct fixture *f, struct ol_http_async_options o, const char *name,
                struct ol_http_ask ask)
{
    const char *address = ol_http_server_address(f->server);
    ol_autofree char *url =
        ol_xasprintf("https://%s%s", name ? name : address, ask.url ? ask.url : "/");

    o.connect_to = name ? address : NULL;
    ol_http_async_free(f->http);
    f->http = ol_http_async_new(&f->loop, &o, NULL);
    ask.method = ask.body ? "POST" : "GET";
    ask.url = url;
    ask.timeout = 10 * OL_SECOND;
    ask.done = on_done;
    ask.ctx = f;
    f->n_done = 0;
    ol_http_async_send(f->http, &ask);
    while (!f->n_done)
        uv_run(&f->uv, UV_RUN_ONCE);
}

static const struct ol_http_ask plain;

static void right_certificate_is_taken_by_address_and_by_name(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {.ca_pem = ca.cert_pem};

    serve(f, &good);
    ask(f, o, NULL, plain);
    assert_string_equal(f->message, "");
    assert_int_equal(f->status, 200);
    ask(f, o, "good.test", plain);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->cn, "");
}

static void wrong_certificates_are_refused(void **state)
{
    static const struct {
        const struct pair *server, *ca;
        const char *name;
    } table[] = {
        {&good, &other_ca, NULL},
        {&good, &other_ca, "good.test"},
        {&good, &ca, "other.test"},
        {&client, &ca, "someone"}, /* no server's */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(table); i++) {
        const struct ol_http_async_options o = {.ca_pem = table[i].ca->cert_pem};

        serve(f, table[i].server);
        ask(f, o, table[i].name, plain);
        assert_int_equal(f->status, 0);
        assert_int_equal(f->code, EKEYREJECTED);
        assert_non_null(strstr(f->message, "ertificate"));
        if (i + 1 == ol_count(table))
            return;
        ol_http_server_stop(f->server, stopped, f);
        f->server = NULL;
    }
}

static void certificate_without_our_address_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {.ca_pem = ca.cert_pem};

    serve(f, &other);
    ask(f, o, NULL, plain);
    assert_int_equal(f->code, EKEYREJECTED);
    ask(f, o, "other.test", plain);
    assert_int_equal(f->status, 200);
}

static void any_certificate_does_where_that_is_asked_for(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {.is_insecure = true};

    serve(f, &other);
    ask(f, o, NULL, plain);
    assert_int_equal(f->status, 200);
}

static void client_shows_its_certificate(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {
        .ca_pem = ca.cert_pem, .cert_pem = client.cert_pem, .key_pem = client.key_pem};

    serve(f, &good);
    ask(f, o, NULL, plain);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->cn, "someone");
}

static void key_of_another_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {
        .ca_pem = ca.cert_pem, .cert_pem = client.cert_pem, .key_pem = good.key_pem};

    serve(f, &good);
    ask(f, o, NULL, plain);
    assert_int_equal(f->status, 0);
}

static void large_bodies_pass_in_both_directions(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {.ca_pem = ca.cert_pem};
    ol_autofree char *body = ol_xcalloc(1, BIG);

    serve(f, &good);
    ask(f, o, NULL, (struct ol_http_ask){.url = "/big", .body = body, .size = BIG});
    assert_int_equal(f->status, 200);
    assert_int_equal(f->len, BIG);
    assert_int_equal(f->body_size, BIG);
}

/* --- a server in memory --- */

struct memory {
    gnutls_session_t session;
    struct ol_buf in, out;
    size_t n_read; /* of 'in' */
};

static ssize_t memory_pull(gnutls_transport_ptr_t ctx, void *to, size_t size)
{
    struct memory *m = ctx;
    size_t rest = m->in.len - m->n_read, n = size < rest ? size : rest;

    if (!n) {
        gnutls_transport_set_errno(m->session, EAGAIN);
        return -1;
    }
    memcpy(to, m->in.data + m->n_read, n);
    m->n_read += n;
    return (ssize_t)n;
}

static int memory_wait(gnutls_transport_ptr_t ctx, unsigned ms)
{
    const struct memory *m = ctx;

    return m->in.len > m->n_read;
}

static ssize_t memory_push(gnutls_transport_ptr_t ctx, const void *data, size_t len)
{
    struct memory *m = ctx;

    ol_buf_add(&m->out, data, len);
    return (ssize_t)len;
}

static void memory_init(struct memory *m, gnutls_certificate_credentials_t who, gnutls_datum_t *key)
{
    *m = (struct memory){.in = OL_BUF_INIT(BIG), .out = OL_BUF_INIT(BIG)};
    gnutls_init(&m->session, GNUTLS_SERVER | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(m->session);
    gnutls_credentials_set(m->session, GNUTLS_CRD_CERTIFICATE, who);
    assert_int_equal(gnutls_session_ticket_key_generate(key), 0);
    assert_int_equal(gnutls_session_ticket_enable_server(m->session, key), 0);
    gnutls_transport_set_ptr(m->session, m);
    gnutls_transport_set_pull_function(m->session, memory_pull);
    gnutls_transport_set_pull_timeout_function(m->session, memory_wait);
    gnutls_transport_set_push_function(m->session, memory_push);
}

/* What the client has written goes to the server, whose step is one of its handshake. */
static int memory_step(struct memory *m, struct http_tls *t)
{
    struct ol_buf *out = http_tls_out(t);

    ol_buf_add(&m->in, out->data, out->len);
    ol_buf_clear(out);
    return gnutls_handshake(m->session);
}

/* Go's servers send their ticket and the first answer in one segment. */
static void tickets_and_data_in_one_piece_are_both_read(void **state)
{
    const struct http_tls_options o = {.ca_pem = ca.cert_pem};
    gnutls_certificate_credentials_t who;
    struct http_tls_setup *setup = NULL;
    gnutls_datum_t key = {0};
    struct http_tls *t;
    struct memory m;
    char text[16] = "";

    gnutls_certificate_allocate_credentials(&who);
    gnutls_certificate_set_x509_key(who, &good.cert, 1, good.key);
    memory_init(&m, who, &key);
    assert_int_equal(http_tls_setup_new(&o, &setup, NULL), 0);
    t = http_tls_new(setup, "good.test");
    assert_int_equal(http_tls_greet(t, NULL), 0);
    assert_int_equal(memory_step(&m, t), GNUTLS_E_AGAIN);
    http_tls_put(t, m.out.data, m.out.len);
    assert_int_equal(http_tls_greet(t, NULL), 1);
    assert_int_equal(http_tls_read(t, text, sizeof(text), NULL), 0);
    ol_buf_clear(&m.out);
    assert_int_equal(memory_step(&m, t), 0);
    assert_int_equal(gnutls_session_ticket_send(m.session, 2, 0), 0);
    assert_true(m.out.len > 0);
    assert_int_equal(gnutls_record_send(m.session, "hello", 5), 5);
    assert_int_equal(gnutls_record_send(m.session, "again", 5), 5);
    http_tls_put(t, m.out.data, m.out.len);
    assert_int_equal(http_tls_read(t, text, sizeof(text), NULL), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(http_tls_read(t, text, sizeof(text), NULL), 5);
    assert_string_equal(text, "again");
    assert_int_equal(http_tls_read(t, text, sizeof(text), NULL), 0);
    http_tls_free(t);
    http_tls_setup_free(setup);
    gnutls_deinit(m.session);
    gnutls_free(key.data);
    gnutls_certificate_free_credentials(who);
    ol_buf_done(&m.in);
    ol_buf_done(&m.out);
}

/* libmicrohttpd 0.9.75 wants to run on and on while it waits for the rest of a greeting. */
static void peer_that_stops_within_its_greeting_disturbs_nobody(void **state)
{
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    struct fixture *f = *state;
    const struct ol_http_async_options o = {.ca_pem = ca.cert_pem};
    struct sockaddr_in at = {.sin_family = AF_INET};
    ol_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned port = 0;

    serve(f, &good);
    assert_int_equal(sscanf(ol_http_server_address(f->server), "127.0.0.1:%u", &port), 1);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(send(fd, hello, sizeof(hello) - 1, 0), sizeof(hello) - 1);
    for (int i = 0; i < 3; i++) {
        ask(f, o, NULL, plain);
        assert_int_equal(f->status, 200);
    }
}

static void server_without_tls_is_said_so(void **state)
{
    struct fixture *f = *state;
    const struct ol_http_async_options o = {.ca_pem = ca.cert_pem};
    const struct ol_http_server_options server = {
        .listen = "127.0.0.1:0", .max_body = BIG, .handle = handle, .ctx = f};

    assert_int_equal(ol_http_server_start(&f->loop, &server, &f->server, NULL), 0);
    ask(f, o, NULL, plain);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->code, EIO);
}

#define with_server(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(right_certificate_is_taken_by_address_and_by_name),
        with_server(wrong_certificates_are_refused),
        with_server(certificate_without_our_address_is_refused),
        with_server(any_certificate_does_where_that_is_asked_for),
        with_server(client_shows_its_certificate),
        with_server(key_of_another_certificate_is_refused),
        with_server(large_bodies_pass_in_both_directions),
        cmocka_unit_test(tickets_and_data_in_one_piece_are_both_read),
        with_server(peer_that_stops_within_its_greeting_disturbs_nobody),
        with_server(server_without_tls_is_said_so),
    };

    return cmocka_run_group_tests(tests, make_all, drop_all);
}
