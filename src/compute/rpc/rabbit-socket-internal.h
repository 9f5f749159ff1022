/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gnutls/gnutls.h>

#include "compute/rpc/transport.h"

struct rabbit_addresses;
struct rabbit_lookup;

/* A socket, with TLS or without (rabbit-socket.c). */
struct rabbit_socket {
    int fd; /* -1 = none */
    gnutls_session_t tls;
    gnutls_certificate_credentials_t credentials;
    bool wants_write; /* TLS must write before it goes on */
};

/* --- rabbit-socket.c --- */
/* 0, or -errno with a sentence; -EAGAIN: not yet. */
int rabbit_socket_connect(struct rabbit_socket *s, struct rabbit_addresses *from, ol_time timeout,
                          struct ol_err *err);
int rabbit_socket_connected(struct rabbit_socket *s, struct ol_err *err);
int rabbit_socket_secure(struct rabbit_socket *s, const struct rpc_transport_options *o,
                         const char *host, struct ol_err *err);
int rabbit_socket_handshake(struct rabbit_socket *s, const char *host, struct ol_err *err);
/* Bytes; 0 = the peer closed (read only); -EAGAIN. */
ssize_t rabbit_socket_read(struct rabbit_socket *s, char *data, size_t size, struct ol_err *err);
ssize_t rabbit_socket_write(struct rabbit_socket *s, const char *data, size_t size,
                            struct ol_err *err);
int rabbit_socket_port(const struct rabbit_socket *s);
/* True when bytes wait inside the TLS session, where poll() does not see them. */
bool rabbit_socket_is_pending(const struct rabbit_socket *s);
void rabbit_socket_close(struct rabbit_socket *s);

/* --- rabbit-resolve.c: getaddrinfo() in a thread that nobody waits for --- */
struct rabbit_lookup *rabbit_lookup_start(const char *host, int port);
int rabbit_lookup_fd(const struct rabbit_lookup *l); /* readable when it has ended */
/* Takes the lookup. -EHOSTUNREACH: the name has no address. */
int rabbit_lookup_end(struct rabbit_lookup *l, struct rabbit_addresses **ret, struct ol_err *err);
void rabbit_lookup_drop(struct rabbit_lookup *l);
/* The next address to be tried, NULL at the end. */
const struct addrinfo *rabbit_addresses_next(struct rabbit_addresses *a);
bool rabbit_addresses_more(const struct rabbit_addresses *a);
void rabbit_addresses_free(struct rabbit_addresses *a);
