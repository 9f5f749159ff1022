/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/rpc/rabbit-internal.h"

/* As Python writes an OSError: users grep the log for "[Errno 111]". */
static int os_error(struct ol_err *err, int code)
{
    return ol_err_set(err, code, "[Errno %d] %s", code, strerror(code));
}

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value)); /* works without, only later */
}

static void tune(int fd, ol_time timeout)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    if (timeout > 0)
        set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(timeout / OL_MS));
}

int rabbit_socket_connect(struct rabbit_socket *s, struct rabbit_addresses *from, ol_time timeout,
                          struct ol_err *err)
{
    const struct addrinfo *to;
    int code = EHOSTUNREACH;

    while ((to = rabbit_addresses_next(from))) {
        rabbit_socket_close(s);
        s->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (s->fd < 0) {
            code = errno;
            continue;
        }
        tune(s->fd, timeout);
        if (connect(s->fd, to->ai_addr, to->ai_addrlen) == 0)
            return 0;
        code = errno;
        if (code == EINPROGRESS)
            return -EAGAIN;
    }
    return os_error(err, code);
}

int rabbit_socket_connected(struct rabbit_socket *s, struct ol_err *err)
{
    int code = 0;
    socklen_t size = sizeof(code);

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
        code = errno;
    return code ? os_error(err, code) : 0;
}

static int tls_error(struct ol_err *err, int code)
{
    return ol_err_set(err, EPROTO, "TLS: %s", gnutls_strerror(code));
}

static int load(struct rabbit_socket *s, const struct rpc_transport_options *o, struct ol_err *err)
{
    int r = gnutls_certificate_allocate_credentials(&s->credentials);

    if (r < 0)
        return tls_error(err, r);
    if (o->ca_file) {
        r = gnutls_certificate_set_x509_trust_file(s->credentials, o->ca_file, GNUTLS_X509_FMT_PEM);
        if (r <= 0)
            return ol_err_set(err, EINVAL, "ssl_ca_file '%s': %s", o->ca_file,
                              r < 0 ? gnutls_strerror(r) : "no certificate is in it");
    }
    if (o->cert_file) {
        const char *key = o->key_file ? o->key_file : o->cert_file;

        r = gnutls_certificate_set_x509_key_file(s->credentials, o->cert_file, key,
                                                 GNUTLS_X509_FMT_PEM);
        if (r < 0)
            return ol_err_set(err, EINVAL, "ssl_cert_file '%s': %s", o->cert_file,
                              gnutls_strerror(r));
    }
    return 0;
}

int rabbit_socket_secure(struct rabbit_socket *s, const struct rpc_transport_options *o,
                         const char *host, struct ol_err *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    int r = load(s, o, err);

    if (r < 0)
        return r;
    r = gnutls_init(&s->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (r == 0)
        r = gnutls_set_default_priority(s->tls);
    if (r == 0)
        r = gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, s->credentials);
    if (r == 0 && inet_pton(strchr(host, ':') ? AF_INET6 : AF_INET, host, address) != 1)
        r = gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, host, strlen(host));
    if (r < 0)
        return tls_error(err, r);
    /* Without a CA the peer is not verified: so Python's ssl is used by kombu. */
    if (o->ca_file)
        gnutls_session_set_verify_cert(s->tls, host, 0);
    gnutls_transport_set_int(s->tls, s->fd);
    return 0;
}

static int refused(struct rabbit_socket *s, const char *host, struct ol_err *err)
{
    unsigned status = gnutls_session_get_verify_cert_status(s->tls);
    gnutls_datum_t text = {.data = NULL};
    int r;

    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
        return tls_error(err, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
    r = ol_err_set(err, EACCES, "TLS: the certificate of %s: %s", host, (const char *)text.data);
    gnutls_free(text.data);
    return r;
}

int rabbit_socket_handshake(struct rabbit_socket *s, const char *host, struct ol_err *err)
{
    int r = gnutls_handshake(s->tls);

    s->wants_write = gnutls_record_get_direction(s->tls) == 1;
    if (r == GNUTLS_E_SUCCESS) {
        s->wants_write = false;
        return 0;
    }
    if (!gnutls_error_is_fatal(r))
        return -EAGAIN;
    if (r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
        return refused(s, host, err);
    if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return ol_err_set(err, EPROTO, "TLS: the server says: %s",
                          gnutls_alert_get_name(gnutls_alert_get(s->tls)));
    return tls_error(err, r);
}

static ssize_t tls_result(struct rabbit_socket *s, ssize_t n, struct ol_err *err)
{
    if (n >= 0)
        return n;
    if (n == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    s->wants_write = gnutls_record_get_direction(s->tls) == 1;
    return gnutls_error_is_fatal((int)n) ? tls_error(err, (int)n) : -EAGAIN;
}

static ssize_t plain_result(ssize_t n, struct ol_err *err)
{
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EINTR)
        return -EAGAIN;
    return os_error(err, errno);
}

ssize_t rabbit_socket_read(struct rabbit_socket *s, char *data, size_t size, struct ol_err *err)
{
    if (!s->tls)
        return plain_result(recv(s->fd, data, size, 0), err);
    s->wants_write = false;
    return tls_result(s, gnutls_record_recv(s->tls, data, size), err);
}

ssize_t rabbit_socket_write(struct rabbit_socket *s, const char *data, size_t size,
                            struct ol_err *err)
{
    if (!s->tls)
        return plain_result(send(s->fd, data, size, MSG_NOSIGNAL), err);
    s->wants_write = false;
    return tls_result(s, gnutls_record_send(s->tls, data, size), err);
}

int rabbit_socket_port(const struct rabbit_socket *s)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);

    if (getsockname(s->fd, (struct sockaddr *)&at, &size) < 0)
        return 0;
    /* The port is at the same place for both families. */
    return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

bool rabbit_socket_is_pending(const struct rabbit_socket *s)
{
    return s->tls && gnutls_record_check_pending(s->tls) > 0;
}

void rabbit_socket_close(struct rabbit_socket *s)
{
    if (s->tls)
        gnutls_deinit(s->tls);
    if (s->credentials)
        gnutls_certificate_free_credentials(s->credentials);
    if (s->fd >= 0)
        close(s->fd);
    *s = (struct rabbit_socket){.fd = -1};
}
