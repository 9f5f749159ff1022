/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "compute/rpc/dispatch.h"
#include "compute/rpc/envelope.h"
#include "compute/rpc/rpc.h"
#include "compute/rpc/transport.h"
#include "compute/rpc/wait.h"
#include "core/table.h"

/*
 * One lock over everything. It is never held while the link is called, nor while a method runs.
 * Whoever calls the link is a user (rpc_enter): rpc_free() closes the link when there is none.
 */
struct rpc_waiter; /* client.c */
struct rpc_served; /* server.c */
struct rpc_reply;  /* reply.c */

enum { RPC_GONE = 200 };

/* Reply queues that were missed for long: what goes there is dropped at once (oslo's
 * ObsoleteReplyQueuesCache). */
struct rpc_gone {
    struct {
        char queue[RPC_MAX_NAME + 1];
        ol_time until;
    } *all; /* RPC_GONE of them; NULL until there is one */
    unsigned next;
};

enum rpc_reply_queue_state { RPC_REPLIES_NONE, RPC_REPLIES_MAKING, RPC_REPLIES_READY };

struct rpc {
    struct ol_env *env;
    const struct rpc_transport *transport;
    struct rpc_link *link;
    struct task_pool *pool;
    char *exchange;
    ol_time timeout;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* users, the reply queue, work for the timer */
    unsigned refs;          /* the owner's and those of requests under way */
    unsigned n_users, n_consuming;
    bool is_closing;

    bool is_guest, is_connected;
    ol_time since;
    unsigned n_connects;

    struct ol_table waiters; /* struct rpc_waiter by id */
    enum rpc_reply_queue_state reply_state;
    struct rpc_queue reply_queue;
    char reply_own_name[RPC_MAX_NAME + 1], reply_q[RPC_MAX_NAME + 1];

    struct rpc_served *served;

    pthread_t timer;
    bool has_timer;
    struct rpc_reply *again;     /* replies that wait for another try */
    struct rpc_running *watched; /* requests whose callers want heartbeats */
    struct rpc_gone gone;
};

/* --- rpc.c --- */
/* False: it ends, the link must not be called. */
bool rpc_enter(struct rpc *r);
void rpc_leave(struct rpc *r);
void rpc_ref(struct rpc *r);
void rpc_unref(struct rpc *r);
/* To the link, unless this is a dry run; the lock is not held, and the caller is a user. */
void rpc_publish(struct rpc *r, const struct rpc_frame *f, ol_time deadline,
                 const struct rpc_sent *sent);

/* The link's consume(); the caller is a user. */
int rpc_consume(struct rpc *r, const struct rpc_queue *q, ol_time deadline,
                char ret_name[RPC_MAX_NAME + 1], struct ol_err *err)
    __attribute__((warn_unused_result));

/* --- client.c --- */
void rpc_client_deliver(struct rpc *r, const char *body, size_t len);
/* With the lock: wakes all that wait. */
void rpc_client_wake(struct rpc *r);
/* With the lock: answers that are waited for will never come. */
void rpc_client_lost(struct rpc *r);

/* --- server.c --- */
void rpc_server_deliver(struct rpc *r, const struct rpc_queue *queue, const char *body, size_t len);
void rpc_server_free(struct rpc *r);

/* --- reply.c --- */
/* What the timer looks at: a request under way whose caller waits for heartbeats. */
struct rpc_running {
    struct rpc_running *next, **at; /* 'at': what points to it; NULL = in no list */
    const char *method, *msg_id, *reply_q;
    ol_time every, again;
};
/* Sends an answer; borrows it. -EINVAL, -EFBIG: it can't be written. */
int rpc_reply_send(struct rpc *r, const char *reply_q, const struct rpc_answer *w)
    __attribute__((warn_unused_result));
void rpc_watch(struct rpc *r, struct rpc_running *w);
void rpc_unwatch(struct rpc *r, struct rpc_running *w);
/* Ends the timer's thread and drops what waits. The lock is not held. */
void rpc_reply_stop(struct rpc *r);
