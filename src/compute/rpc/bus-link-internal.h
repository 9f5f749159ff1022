/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "compute/rpc/bus-internal.h"
#include "compute/rpc/envelope.h"

/* A link to our own bus: what callers ask for (transport-bus.c), and the thread that does it
 * (bus-link.c). */

/* A queue that is consumed, over all connections. */
struct bus_bound {
    struct bus_bound *next;
    struct rpc_queue queue; /* strings are our own */
    char own_name[RPC_MAX_NAME + 1];
    uint64_t id; /* of the BUS_CONSUME under way */
    bool is_asked, stands, is_cancelled;
    int status; /* why it can't be; 0 = it can */
};

/* A publish that is not confirmed. */
struct bus_pending {
    struct bus_pending *next;
    uint64_t id;
    struct ol_buf frame;
    ol_time deadline; /* 0 = none */
    ol_time not_before;
    bool is_written; /* to the connection that there is */
    int status;
    struct rpc_sent sent;
};

/* A message that came and is acknowledged as soon as what was written has left. */
struct bus_ready {
    struct bus_bound *bound;
    const char *body; /* in the stream's input */
    size_t len;
};

struct rpc_link {
    struct ol_env *env;
    struct rpc_sink sink;
    char *path; /* of the socket; NULL = inside this process */
    char *peer; /* "orlop:///run/bus", "orlop:" */
    ol_time ttl;
    bool is_guest; /* nobody will find us serving it */
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool is_closing, is_woken;
    bool is_lost; /* a guest's bus has gone, with all that was in it: nothing comes any more */
    unsigned n_waiting; /* in consume() */
    struct bus_bound *bound;
    struct bus_pending *pending, **pending_end;
    size_t pending_bytes;
    uint64_t last_id;
    bool is_in_batch; /* the thread tells messages */
    uint64_t batch;

    /* The thread's own. */
    struct rpc_bus *bus; /* one that we serve or are in; NULL = somebody else's */
    struct bus_stream stream;
    bool is_greeted;
    ol_time connect_at, next_delay;
    struct bus_ready *ready;
    size_t n_ready, cap_ready;
};

/* The thread: until is_closing. */
void *bus_link_run(void *link);
/* With the lock: makes it look. */
void bus_link_wake(struct rpc_link *l);
