/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/grpc-internal.h"

/*
 * A call is in exactly one list: of its channel while it waits for a connection, of its connection
 * while its stream lives, of its channel again once its result is known. Results are told from a
 * timer of the loop, so that 'done' may do what it likes, even free the channel.
 */
struct ol_grpc_call {
    TAILQ_ENTRY(ol_grpc_call) entry;
    struct call_list *list;
    struct ol_grpc_channel *channel;
    struct client_conn *conn; /* NULL: waiting, or at its end */
    int32_t stream;
    char *method;
    uint8_t *frame; /* prefix and request */
    size_t frame_size, n_sent;
    struct ol_timer deadline;
    uint64_t due_ns; /* uv_hrtime(); 0 = none */
    ol_grpc_done_fn done;
    void *ctx;
    void *owned; /* heap of the caller, freed with the call */
    bool is_retried;
    /* The answer so far. */
    int http_status;
    bool is_grpc, has_status;
    size_t n_header_bytes;
    enum ol_grpc_code code;
    bool is_from_peer;
    char *message; /* the sentence */
    struct grpc_message reply;
    int reply_error; /* of grpc_message_feed() */
};
TAILQ_HEAD(call_list, ol_grpc_call);

/* One connection. A channel uses one at a time; one that was told to go away lives on until its
 * last stream has ended. */
struct client_conn {
    LIST_ENTRY(client_conn) entry;
    struct ol_grpc_channel *channel;
    struct grpc_conn *conn;
    struct call_list calls;
    bool is_draining; /* GOAWAY was received */
};

struct connecting {
    uv_connect_t request;
    uv_stream_t *stream;
    struct ol_grpc_channel *channel; /* NULL: nobody waits for it any more */
};

struct ol_grpc_channel {
    struct ol_loop *loop;
    char *text;
    struct grpc_address address;
    struct ol_err address_error;
    struct connecting *connecting; /* NULL = none is under way */
    struct client_conn *current;   /* for new calls; NULL = connect first */
    LIST_HEAD(, client_conn) conns;
    struct call_list waiting, ended;
    struct ol_timer teller;
    nghttp2_session_callbacks *callbacks;
    unsigned n_telling; /* results being told, one within the other */
    bool is_closing;
    bool is_gone; /* freed as soon as nothing is being told */
};

/* --- calls and their streams (grpc-call.c) --- */
/* Its result is known and will be told from the loop. 'text' NULL: the sentence that it has. */
void grpc_call_end(struct ol_grpc_call *call, enum ol_grpc_code code, bool is_from_peer,
                   const char *text);
/* Its stream is reset and must not reach the call any more. */
void grpc_call_abandon(struct ol_grpc_call *call);
/* Opens a stream for it; or its result is known. */
void grpc_call_submit(struct client_conn *cc, struct ol_grpc_call *call);
/* Tells the results that are known; the channel may be gone after it. */
void grpc_call_tell_all(struct ol_grpc_channel *c);
void grpc_call_free(struct ol_grpc_call *call);
/* What a client's session calls; its user data is the struct client_conn. Heap of nghttp2. */
nghttp2_session_callbacks *grpc_call_callbacks(void);
