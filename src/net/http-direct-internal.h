/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "net/http-async-internal.h"
#include "net/http-conn-internal.h"
#include "net/http-reply.h"
#include "net/http-target-internal.h"

/*
 * Calls (http-direct.c) and the connections that serve them (http-lane.c). A call waits in its lane
 * until a connection is free, and whoever calls back holds a use of the client, since it may be
 * freed from within.
 */

/* A member of one ring at a time; alone it points to itself. */
struct link {
    struct link *prev, *next;
};

struct http_direct;

/* Connections with one limit, and who waits for them. */
struct lane {
    struct http_direct *d;
    struct link queue; /* calls without a slot */
    struct link idle;  /* slots without a call, the last used first */
    struct link busy;  /* slots that connect or work */
    size_t n_slots, n_connecting, most;
};

struct http_direct {
    struct ol_loop *loop;
    struct http_target *target;
    struct http_site site;
    struct lane calls, own; /* a stream or an urgent call waits for nobody */
    struct link all;        /* calls */
    struct ol_timer timer;
    ol_time due; /* when it fires; 0 = never */
    unsigned n_users;
    bool is_dead;
};

struct slot {
    struct link link;
    struct lane *lane;
    struct http_conn *conn;
    struct call *call; /* NULL: connecting or idle */
    struct http_reply reply;
    ol_time connect_by; /* 0 = connected */
    ol_time idle_since;
    bool is_kept; /* it has served before */
    bool is_closed;
};

struct call {
    struct ol_http_call head;
    struct link link; /* in 'all' */
    struct link wait; /* in a queue */
    struct lane *lane;
    struct slot *slot;
    void (*data)(void *ctx, int status, const char *piece, size_t len);
    void (*done)(void *ctx, int status, const char *body, size_t len, const struct ol_err *err);
    void *ctx;
    ol_time deadline; /* 0 = none */
    struct ol_buf body;
    int n_tries;
    bool can_repeat;
    size_t size;
    char request[];
};

#define of_link(type, member, at) ((type *)(void *)((char *)(at)-offsetof(type, member)))

static inline void link_init(struct link *l)
{
    l->prev = l->next = l;
}

static inline bool link_is_alone(const struct link *l)
{
    return l->next == l;
}

static inline void link_leave(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

/* Behind 'at'. */
static inline void link_put(struct link *at, struct link *l)
{
    l->prev = at;
    l->next = at->next;
    at->next->prev = l;
    at->next = l;
}

/* --- http-direct.c --- */
/* The end of a use, which may be that of the client. */
void direct_leave(struct http_direct *d);
ol_time direct_now(const struct http_direct *d);
/* Deadlines are looked at then, at the latest. */
void direct_be_due(struct http_direct *d, ol_time at);
void direct_call_free(struct call *c);
/* The call's end; it has no slot any more. */
void direct_finish(struct call *c, int status, const struct ol_err *err);
void direct_fail(struct call *c, int code, const char *why);

/* --- http-lane.c --- */
void lane_init(struct lane *lane, struct http_direct *d, size_t most);
void lane_close(struct lane *lane);
/* Gives waiting calls to free connections, and opens more of them. */
void lane_dispatch(struct lane *lane);
/* Connections that could not be had in time. */
void lane_close_late(struct lane *lane, ol_time now);
/* A connection goes; its call has none any more. */
void lane_drop(struct slot *s);
