/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "compute/base/context.h"
#include "compute/base/task.h"
#include "core/env.h"
#include "core/err.h"

/*
 * Remote procedure calls as oslo.messaging 2.0 does them over any transport (rpc/transport.h):
 * cast, call, fanout, replies, failures as exceptions, heartbeats during long calls, duplicate
 * detection. Every function may be called from any thread; call and cast block the caller.
 */
struct rpc;
struct rpc_transport_options;

struct rpc_options {
    const struct rpc_transport_options *transport;
    struct task_pool *pool;
    const char *exchange; /* control_exchange: "nova" */
    ol_time timeout;      /* rpc_response_timeout */
};

/* Opens the transport; the connection is made and kept by a thread of its own, and whoever calls
 * before it stands waits for it. -EINVAL: a transport URL that can't be read, its password left out
 * of the sentence. */
int rpc_new(struct ol_env *env, const struct rpc_options *o, struct rpc **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Ends everything; callers that wait get -ECANCELED. */
void rpc_free(struct rpc *r);

/* --- client --- */

struct rpc_target {
    const char *exchange; /* NULL = the options' */
    const char *topic;    /* "conductor" */
    const char *server;   /* NULL = any of the topic */
    const char *space;    /* namespace; NULL = none */
    const char *version;  /* "3.0" */
    bool is_fanout;       /* to all of the topic; casts only */
    bool is_mandatory;    /* NOVA_MESSAGE_UNDELIVERABLE when nobody has such a queue */
    ol_time timeout;      /* of a call; 0 = the options' */
    ol_time monitor; /* call_monitor_timeout: the server's heartbeats prolong the call; 0 = none */
};

struct rpc_message {
    const char *method;
    const struct ol_val *args; /* a map; NULL = {} */
};

/* Sends and waits for the answer, which is in the arena.
 *   NOVA_MESSAGING_TIMEOUT  no answer in time, or no connection
 *   other exceptions        what the server failed with (base/exception.h)
 *   -ECONNRESET             a guest of our own bus lost it, and with it the answer
 *   -ECANCELED              the rpc ends */
int rpc_call(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_arena *a, const struct ol_val **ret,
             struct ol_err *err) __attribute__((warn_unused_result));
/* Returns when the broker has it. An exchange without a queue bound is no error, as with oslo.
 *   NOVA_MESSAGING_TIMEOUT      no connection for the options' timeout
 *   NOVA_MESSAGE_UNDELIVERABLE  it is too long, or too much waits already
 *   -ECANCELED                  the rpc ends */
int rpc_cast(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_err *err) __attribute__((warn_unused_result));

/* --- server --- */

struct rpc_request {
    void *service;               /* as given to rpc_serve() */
    struct nova_context context; /* of the caller */
    const struct ol_val *args;   /* a map, never NULL */
    struct ol_arena *arena;      /* lives until run() has returned */
    bool is_call;                /* somebody waits for the result */
    const char *method;
};

enum rpc_method_flag {
    RPC_QUICK = 1 << 0, /* never blocks: runs at once in the transport's thread */
};

struct rpc_method {
    const char *name;    /* NULL ends a table */
    const char *version; /* "6.0": of the first version that has it */
    /* The result (NULL = null), in the request's arena; or -errno with an exception in err, which a
     * caller gets. A failed cast is logged. */
    int (*run)(struct rpc_request *q, struct ol_val **ret, struct ol_err *err);
    const char
        *key; /* path of the argument whose text serialises it ("instance/nova_object.data/uuid",
                        '/'-separated); NULL = none */
    enum task_lane lane;
    unsigned flags; /* enum rpc_method_flag */
};

struct rpc_endpoint {
    const char *space;           /* NULL = without namespace */
    const char *const *versions; /* served: same major, minor at most; NULL-terminated */
    const struct rpc_method *methods;
};

struct rpc_server {
    const char *topic;  /* "compute" */
    const char *server; /* the host */
    const struct rpc_endpoint *endpoints;
    size_t n_endpoints;
    void *service;
};

/* Declares the queues TOPIC, TOPIC.SERVER and the fanout's, and consumes them from now on. Waits
 * until they are declared. May be called for several topics (compute, compute-alt). -EPROTO: the
 * broker has a queue with other flags, and the sentence says which option to change. */
int rpc_serve(struct rpc *r, const struct rpc_server *s, struct ol_err *err)
    __attribute__((warn_unused_result));
/* No more is taken from this topic's queues (they stay, with what is cast to them). */
void rpc_serve_stop(struct rpc *r, const char *topic);

/* --- state, for reports --- */
struct rpc_state {
    bool is_connected;
    const char *peer; /* "rabbit://nova@127.0.0.1:5672/", no password; borrowed */
    ol_time since;    /* boot clock */
    unsigned n_connects;
    size_t n_calls; /* under way */
};
void rpc_state(struct rpc *r, struct rpc_state *ret);
