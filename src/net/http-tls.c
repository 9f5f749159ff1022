/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-tls-internal.h"

enum {
    OUT_MAX = 80 << 20, /* the largest body that anybody sends, and more */
    TURNS = 1000,       /* messages in one piece that bring no data; a piece has 64 KiB */
};

struct http_tls_setup {
    gnutls_certificate_credentials_t credentials;
    bool is_insecure;
};

struct http_tls {
    gnutls_session_t session;
    gnutls_typed_vdata_st wanted[2];
    const char *in;
    size_t n_in;
    struct ol_buf out;
};

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

int http_tls_setup_new(const struct http_tls_options *o, struct http_tls_setup **ret,
                       struct ol_err *err)
{
    struct http_tls_setup *s = ol_xcalloc(1, sizeof(*s));
    gnutls_datum_t ca, cert, key;
    int r = gnutls_certificate_allocate_credentials(&s->credentials);

    s->is_insecure = o->is_insecure;
    if (r >= 0 && o->ca_pem) {
        ca = datum_of(o->ca_pem);
        r = gnutls_certificate_set_x509_trust_mem(s->credentials, &ca, GNUTLS_X509_FMT_PEM);
        if (r == 0)
            r = GNUTLS_E_NO_CERTIFICATE_FOUND;
    }
    if (r >= 0 && o->cert_pem && o->key_pem) {
        cert = datum_of(o->cert_pem);
        key = datum_of(o->key_pem);
        r = gnutls_certificate_set_x509_key_mem(s->credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
    }
    if (r < 0) {
        http_tls_setup_free(s);
        return ol_err_set_domain(err, EINVAL, "GnuTLS", r, "certificates: %s", gnutls_strerror(r));
    }
    *ret = s;
    return 0;
}

void http_tls_setup_free(struct http_tls_setup *s)
{
    if (!s)
        return;
    if (s->credentials)
        gnutls_certificate_free_credentials(s->credentials);
    free(s);
}

/* --- one session --- */

static ssize_t pull(gnutls_transport_ptr_t ctx, void *to, size_t size)
{
    struct http_tls *t = ctx;
    size_t n = size < t->n_in ? size : t->n_in;

    if (!n) {
        gnutls_transport_set_errno(t->session, EAGAIN);
        return -1;
    }
    memcpy(to, t->in, n);
    t->in += n;
    t->n_in -= n;
    return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t ctx, const void *data, size_t len)
{
    struct http_tls *t = ctx;

    ol_buf_add(&t->out, data, len);
    if (ol_buf_status(&t->out) == 0)
        return (ssize_t)len;
    gnutls_transport_set_errno(t->session, EMSGSIZE);
    return -1;
}

/* Nothing is ever waited for: what there is has been put in. */
static int is_there_more(gnutls_transport_ptr_t ctx, unsigned ms)
{
    const struct http_tls *t = ctx;

    (void)ms;
    return t->n_in > 0;
}

static bool is_address(const char *host)
{
    unsigned char to[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, to) == 1 || inet_pton(AF_INET6, host, to) == 1;
}

/* The certificate has to be for this host and for servers, as libcurl and Go have it. */
static void want_host(struct http_tls *t, const char *host)
{
    t->wanted[0].type = GNUTLS_DT_DNS_HOSTNAME;
    t->wanted[0].data = (unsigned char *)(uintptr_t)host;
    t->wanted[1].type = GNUTLS_DT_KEY_PURPOSE_OID;
    t->wanted[1].data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_session_set_verify_cert2(t->session, t->wanted, ol_count(t->wanted), 0);
}

struct http_tls *http_tls_new(struct http_tls_setup *s, const char *host)
{
    /* A server that names no authority of ours gets our certificate all the same. */
    const unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_FORCE_CLIENT_CERT;
    struct http_tls *t = ol_xcalloc(1, sizeof(*t));
    gnutls_datum_t http = datum_of("http/1.1");

    ol_buf_init(&t->out, OUT_MAX);
    if (gnutls_init(&t->session, flags) < 0 || gnutls_set_default_priority(t->session) < 0
        || gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, s->credentials) < 0
        || gnutls_alpn_set_protocols(t->session, &http, 1, 0) < 0)
        abort(); /* out of memory, or no GnuTLS at all */
    if (!is_address(host))
        gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, host, strlen(host));
    if (!s->is_insecure)
        want_host(t, host);
    gnutls_handshake_set_timeout(t->session, 0);
    gnutls_transport_set_ptr(t->session, t);
    gnutls_transport_set_pull_function(t->session, pull);
    gnutls_transport_set_pull_timeout_function(t->session, is_there_more);
    gnutls_transport_set_push_function(t->session, push);
    return t;
}

void http_tls_free(struct http_tls *t)
{
    if (!t)
        return;
    gnutls_deinit(t->session);
    ol_buf_done(&t->out);
    free(t);
}

void http_tls_put(struct http_tls *t, const char *data, size_t len)
{
    t->in = data;
    t->n_in = len;
}

static int fail(struct http_tls *t, int code, struct ol_err *err)
{
    gnutls_datum_t why = {0};
    unsigned status;
    int r;

    if (code != GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
        return ol_err_set_domain(err, EPROTO, "GnuTLS", code, "TLS: %s", gnutls_strerror(code));
    status = gnutls_session_get_verify_cert_status(t->session);
    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0) < 0)
        why.data = NULL;
    r = ol_err_set_domain(err, EKEYREJECTED, "GnuTLS", code, "%s",
                          why.data ? (char *)why.data : gnutls_strerror(code));
    gnutls_free(why.data);
    return r;
}

/* GnuTLS says "again" also after what is not for us, a session ticket for one (TLS 1.3): only when
 * nothing is left is it the peer's turn. */
static bool is_to_go_on(struct http_tls *t, ssize_t r, unsigned *n_turns)
{
    if (r == GNUTLS_E_AGAIN && !t->n_in)
        return false;
    return r < 0 && !gnutls_error_is_fatal((int)r) && ++*n_turns < TURNS;
}

int http_tls_greet(struct http_tls *t, struct ol_err *err)
{
    unsigned n_turns = 0;
    int r;

    do
        r = gnutls_handshake(t->session);
    while (is_to_go_on(t, r, &n_turns));
    if (r == GNUTLS_E_AGAIN && !t->n_in)
        return 0;
    return r < 0 ? fail(t, r, err) : 1;
}

ssize_t http_tls_read(struct http_tls *t, char *to, size_t size, struct ol_err *err)
{
    unsigned n_turns = 0;
    ssize_t n;

    do {
        n = gnutls_record_recv(t->session, to, size);
        /* What TLS 1.2 called so: a server that wants to begin anew is refused. */
        if (n == GNUTLS_E_REHANDSHAKE)
            return ol_err_set(err, EPROTO, "TLS: the server wants another handshake");
    } while (is_to_go_on(t, n, &n_turns));
    if (n > 0)
        return n;
    if (n == GNUTLS_E_AGAIN && !t->n_in)
        return 0;
    return n == 0 ? -ENOTCONN : fail(t, (int)n, err);
}

int http_tls_write(struct http_tls *t, const char *data, size_t len)
{
    while (len) {
        ssize_t n = gnutls_record_send(t->session, data, len);

        if (n <= 0)
            return -EPROTO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

void http_tls_bye(struct http_tls *t)
{
    gnutls_bye(t->session, GNUTLS_SHUT_WR);
}

struct ol_buf *http_tls_out(struct http_tls *t)
{
    return &t->out;
}
