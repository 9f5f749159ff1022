/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "compute/rpc/rabbit-internal.h"
#include "core/alloc.h"

/* Shared by the link and the thread; the last of the two frees it. */
struct rabbit_lookup {
    atomic_int refs;
    atomic_bool is_done;
    int fd;
    char *host;
    int port;
    int result; /* of getaddrinfo() */
    struct addrinfo *found;
};

struct rabbit_addresses {
    struct addrinfo *all, *next;
};

void rabbit_lookup_drop(struct rabbit_lookup *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    if (l->found)
        freeaddrinfo(l->found);
    close(l->fd);
    free(l->host);
    free(l);
}

static void *look_up(void *at)
{
    struct rabbit_lookup *l = at;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    char port[16];

    snprintf(port, sizeof(port), "%d", l->port);
    l->result = getaddrinfo(l->host, port, &hints, &l->found);
    /* Without any address but loopback's, AI_ADDRCONFIG finds nothing. */
    if (l->result == EAI_NONAME || l->result == EAI_ADDRFAMILY) {
        hints.ai_flags = 0;
        l->result = getaddrinfo(l->host, port, &hints, &l->found);
    }
    if (l->result != 0)
        l->found = NULL;
    atomic_store(&l->is_done, true);
    eventfd_write(l->fd, 1);
    rabbit_lookup_drop(l);
    return NULL;
}

struct rabbit_lookup *rabbit_lookup_start(const char *host, int port)
{
    struct rabbit_lookup *l = ol_xcalloc(1, sizeof(*l));
    pthread_attr_t attr;
    pthread_t thread;

    atomic_init(&l->refs, 2);
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->host = ol_xstrdup(host);
    l->port = port;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (l->fd < 0 || pthread_create(&thread, &attr, look_up, l) != 0) {
        l->result = EAI_SYSTEM;
        atomic_store(&l->refs, 1);
        rabbit_lookup_drop(l);
        l = NULL;
    }
    pthread_attr_destroy(&attr);
    return l;
}

int rabbit_lookup_fd(const struct rabbit_lookup *l)
{
    return l->fd;
}

int rabbit_lookup_end(struct rabbit_lookup *l, struct rabbit_addresses **ret, struct ol_err *err)
{
    int r = 0;

    if (!atomic_load(&l->is_done))
        r = ol_err_set(err, EAGAIN, "its name is not resolved");
    /* As Python writes a gaierror, which py-amqp passes on. */
    else if (l->result != 0)
        r = ol_err_set(err, EHOSTUNREACH, "[Errno %d] %s", l->result, gai_strerror(l->result));
    if (r == 0) {
        *ret = ol_xcalloc(1, sizeof(**ret));
        (*ret)->all = (*ret)->next = l->found;
        l->found = NULL;
    }
    rabbit_lookup_drop(l);
    return r;
}

const struct addrinfo *rabbit_addresses_next(struct rabbit_addresses *a)
{
    const struct addrinfo *next = a->next;

    if (next)
        a->next = next->ai_next;
    return next;
}

bool rabbit_addresses_more(const struct rabbit_addresses *a)
{
    return a->next;
}

void rabbit_addresses_free(struct rabbit_addresses *a)
{
    if (!a)
        return;
    freeaddrinfo(a->all);
    free(a);
}
