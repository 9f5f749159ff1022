/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "net/http-lean-internal.h"

/* How long a host's address is tried that is not its last. */
enum { NEXT_ADDRESS_S = 5 };

static int wait_for(int fd, short events, const struct lean_patience *p)
{
    ol_time begin = ol_now_boot(p->env);
    ol_time until = p->idle && begin + p->idle < p->deadline ? begin + p->idle : p->deadline;

    for (ol_time now = begin; now < until; now = ol_now_boot(p->env)) {
        struct pollfd f = {.fd = fd, .events = events};
        ol_time left = until - now < 3600 * OL_SECOND ? until - now : 3600 * OL_SECOND;

        if (poll(&f, 1, (int)((left + OL_MS - 1) / OL_MS)) > 0)
            return 0;
    }
    return -ETIMEDOUT;
}

static int connect_to(const struct addrinfo *to, const struct lean_patience *p)
{
    ol_autoclose int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code = 0, one = 1, r;
    socklen_t size = sizeof(code);

    if (fd < 0)
        return -ECONNREFUSED;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return ol_take_fd(&fd);
    if (errno != EINPROGRESS)
        return -ECONNREFUSED;
    r = wait_for(fd, POLLOUT, p);
    if (r < 0)
        return r;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code)
        return code == ETIMEDOUT ? -ETIMEDOUT : -ECONNREFUSED;
    return ol_take_fd(&fd);
}

int lean_connect(const struct lean_url *u, const struct lean_patience *p)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    int r = -EHOSTUNREACH;

    if (getaddrinfo(u->host, u->port, &hints, &all) != 0)
        return r;
    for (const struct addrinfo *a = all; a && r < 0; a = a->ai_next) {
        struct lean_patience one = *p;

        if (a->ai_next && (!one.idle || one.idle > NEXT_ADDRESS_S * OL_SECOND))
            one.idle = NEXT_ADDRESS_S * OL_SECOND;
        r = connect_to(a, &one);
    }
    freeaddrinfo(all);
    return r;
}

int lean_write(int fd, const struct lean_patience *p, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        int r = n < 0 && errno == EAGAIN ? wait_for(fd, POLLOUT, p) : 0;

        if (r < 0)
            return r;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -ECONNRESET;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

ssize_t lean_read(int fd, const struct lean_patience *p, char *to, size_t size)
{
    for (;;) {
        ssize_t n = recv(fd, to, size, 0);
        int r;

        if (n >= 0)
            return n;
        if (errno != EAGAIN && errno != EINTR)
            return -ECONNRESET;
        r = wait_for(fd, POLLIN, p);
        if (r < 0)
            return r;
    }
}

bool lean_is_usable(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
