/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/rpc/bus-frame.h"
#include "compute/rpc/transport.h"
#include "core/buf.h"

/* Our own bus: a thread with the queues (bus.c), sockets by which others find it (bus-socket.c),
 * and the link of one that connects to it (transport-bus.c). */

/* The socket that a bus serves, and the lock that says so. */
struct bus_listener {
    struct ol_env *env;
    int fd, lock_fd, dir_fd;
    char *name; /* of the socket in dir_fd */
};
#define BUS_LISTENER_INIT ((struct bus_listener){.fd = -1, .lock_fd = -1, .dir_fd = -1})
void bus_listener_done(struct bus_listener *l);

/* Takes the listener. -errno: there is no thread or descriptor for it. */
int bus_start(struct ol_env *env, struct bus_listener *l, struct rpc_bus **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void bus_ref(struct rpc_bus *b);
/* A connection to it: a descriptor of the caller's, or -errno. */
int bus_attach(struct rpc_bus *b) __attribute__((warn_unused_result));

/* Connects to whoever serves the socket at 'path'. -EAGAIN: nobody does, and it can't be us right
 * now either. When it can, *ret_listener is ours to serve and the result is 0; otherwise the result
 * is a descriptor above 0. ret_listener NULL: we shall not serve it. -EACCES: it is somebody
 * else's. */
int bus_find(struct ol_env *env, const char *path, struct bus_listener *ret_listener,
             struct ol_err *err) __attribute__((warn_unused_result));
/* 0, or -EACCES: the other side of the socket runs as another user, and not as root. */
int bus_check_peer(int fd) __attribute__((warn_unused_result));

/* --- reading and writing (bus-io.c) --- */
struct bus_stream {
    int fd;
    struct ol_buf in, out;
    size_t written; /* of out */
};
void bus_stream_init(struct bus_stream *s, int fd);
/* Closes it. */
void bus_stream_done(struct bus_stream *s);
/* What there is, without waiting. -EPIPE: the other side is gone; -errno. */
int bus_stream_read(struct bus_stream *s) __attribute__((warn_unused_result));
int bus_stream_write(struct bus_stream *s) __attribute__((warn_unused_result));
size_t bus_stream_pending(const struct bus_stream *s);
/* Forgets the first 'n' bytes that were read. */
void bus_stream_eat(struct bus_stream *s, size_t n);
/* Makes poll(2) on this eventfd return; and the other way. */
void bus_wake(int event_fd);
void bus_woken(int event_fd);
