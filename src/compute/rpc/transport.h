/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/env.h"
#include "core/err.h"
#include "core/strv.h"

/*
 * What carries messages: rows of a table, chosen by the scheme of transport_url. A link keeps its
 * connection by itself, tells its changes, and remembers what was declared so that it stands again
 * after a reconnect.
 */
struct rpc_link;
struct rpc_bus;

struct rpc_transport_options {
    /* transport_url: "rabbit://user:password@host:port,user:…@host2:port/vhost?ssl=1",
     * "orlop:///path/of/socket", or "orlop:" for inside this process. Secret. */
    const char *url;
    struct rpc_bus *bus; /* of "orlop:"; NULL = one of its own */
    bool is_guest; /* our own bus is somebody else's: never served by us, and lost once it goes */
    const char *connection_name; /* shown by the broker: "nova-compute:PID:UUID" */
    /* [oslo_messaging_rabbit] */
    bool is_durable, is_auto_delete; /* amqp_durable_queues, amqp_auto_delete */
    bool has_quorum_queues;          /* rabbit_quorum_queue */
    bool has_transient_quorum_queues;
    bool has_ha_queues;
    bool use_queue_manager; /* fixed names of reply and fanout queues */
    bool has_stream_fanout;
    int quorum_delivery_limit, quorum_max_memory_length, quorum_max_memory_bytes;
    ol_time transient_ttl; /* x-expires of reply and fanout queues; default 1800 s */
    ol_time heartbeat;     /* heartbeat_timeout_threshold, default 60 s; 0 = none */
    ol_time retry_first, retry_step,
        retry_most;           /* rabbit_retry_interval 1, _backoff 2, _interval_max 30 */
    ol_time reconnect_delay;  /* kombu_reconnect_delay */
    const char *login_method; /* AMQPLAIN or PLAIN */
    bool is_shuffled;         /* kombu_failover_strategy shuffle instead of round-robin */
    bool has_tls;             /* ssl */
    const char *ca_file, *cert_file, *key_file;
    const char *hostname, *program; /* for queue names of the queue manager */
};

enum rpc_queue_kind {
    RPC_QUEUE_REPLY,  /* nobody else's; default exchange */
    RPC_QUEUE_TOPIC,  /* bound to the exchange by its own name; stays when we go */
    RPC_QUEUE_FANOUT, /* one of TOPIC_fanout's queues */
};

struct rpc_queue {
    enum rpc_queue_kind kind;
    const char *exchange; /* NULL for reply queues */
    const char *name;     /* of a fanout queue: the topic; the link makes the queue's own name */
};

struct rpc_frame {
    const char *exchange; /* "" = default: the key is the queue's name */
    const char *key;
    bool is_fanout;     /* to exchange KEY_fanout, declared at need */
    bool is_mandatory;  /* a reply: it comes back when there is no such queue */
    ol_time expiration; /* 0 = none */
    const char *body;
    size_t len;
};

struct rpc_sink {
    /* A message came; it is acknowledged already (at most once). In the link's thread: must not
     * block. The body is borrowed. */
    void (*deliver)(void *ctx, const struct rpc_queue *queue, const char *body, size_t len);
    /* The connection stands (reason NULL) or was lost (why). */
    void (*changed)(void *ctx, bool is_connected, const char *reason);
    void *ctx;
};

/* Called once for each publish, in the link's thread: 0 the broker has it; -ENOENT returned: there
 * is no such queue (mandatory only); -ETIMEDOUT the deadline passed first; -ECANCELED the link
 * closed; -EMSGSIZE too long. A frame whose connection broke before its confirm is sent again until
 * then: receivers drop duplicates. */
struct rpc_sent {
    void (*done)(void *ctx, int status);
    void *ctx;
};

struct rpc_transport {
    const char *scheme; /* NULL ends the table */
    int (*open)(struct ol_env *env, const struct rpc_transport_options *o,
                const struct rpc_sink *sink, struct rpc_link **ret, struct ol_err *err);
    /* Whoever waits in consume() leaves it with -ECANCELED. No callback comes after it has
     * returned. */
    void (*close)(struct rpc_link *l);
    /* Declares and consumes; waits until it stands (also through reconnects) or 'deadline' (boot
     * clock) has passed. -EPROTO: the broker has it with other flags, said in err. The name that
     * the queue got is written to 'ret_name' (at most 255 bytes). On failure it is not consumed. */
    int (*consume)(struct rpc_link *l, const struct rpc_queue *q, ol_time deadline,
                   char ret_name[256], struct ol_err *err);
    void (*cancel)(struct rpc_link *l, const struct rpc_queue *q);
    /* From any thread; the frame is copied. 'deadline' on the boot clock, 0 = none. */
    void (*publish)(struct rpc_link *l, const struct rpc_frame *f, ol_time deadline,
                    const struct rpc_sent *sent);
    /* Where it is connected to, without secrets; borrowed, valid until close. */
    const char *(*peer)(struct rpc_link *l);
};

extern const struct rpc_transport rpc_rabbit, rpc_bus;
extern const struct rpc_transport *const rpc_transports[]; /* NULL-terminated */
/* The one of a URL's scheme. -EINVAL: there is none. */
int rpc_transport_find(const char *url, const struct rpc_transport **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/*
 * What "orlop:" connects to: the queues of one process. Its owner makes it and hands it to all
 * that shall meet in it; each link holds it, too, so it ends with the last of them.
 */
struct rpc_bus *rpc_bus_new(struct ol_env *env) __attribute__((warn_unused_result));
void rpc_bus_unref(struct rpc_bus *b);
