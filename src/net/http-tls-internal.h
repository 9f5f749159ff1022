/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * The client's half of TLS (GnuTLS) without any socket: what came from the peer is given in, what
 * goes to it lies in a buffer.
 */
struct http_tls_setup; /* whom to trust and who we are: one for many sessions */
struct http_tls;

struct http_tls_options {
    const char *ca_pem;
    const char *cert_pem, *key_pem; /* of the client; or NULL */
    bool is_insecure;               /* whatever certificate the server shows */
};

/* -EINVAL: not PEM, or the key isn't the certificate's. */
int http_tls_setup_new(const struct http_tls_options *o, struct http_tls_setup **ret,
                       struct ol_err *err) __attribute__((warn_unused_result));
void http_tls_setup_free(struct http_tls_setup *s);

/* 'host' is the name or address that the certificate must be for; it outlives the session. */
struct http_tls *http_tls_new(struct http_tls_setup *s, const char *host);
void http_tls_free(struct http_tls *t);

/* What came from the peer; read it all (until 0) before these bytes go. */
void http_tls_put(struct http_tls *t, const char *data, size_t len);
/* 1 = done, 0 = the peer has to answer first. -EKEYREJECTED: its certificate; -EPROTO */
int http_tls_greet(struct http_tls *t, struct ol_err *err) __attribute__((warn_unused_result));
/* > 0 bytes, 0 = no more for now, -ENOTCONN = the peer has ended, -EPROTO. */
ssize_t http_tls_read(struct http_tls *t, char *to, size_t size, struct ol_err *err)
    __attribute__((warn_unused_result));
/* -EPROTO */
int http_tls_write(struct http_tls *t, const char *data, size_t len)
    __attribute__((warn_unused_result));
/* Nothing will be written any more. */
void http_tls_bye(struct http_tls *t);
/* To the peer: the caller empties it. */
struct ol_buf *http_tls_out(struct http_tls *t);
