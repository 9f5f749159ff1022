/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "compute/base/context.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * The bodies of messages (oslo.messaging 14, _drivers/common.py and amqpdriver.py): an envelope
 * {"oslo.version": "2.0", "oslo.message": "JSON"} around a request or an answer. Nothing here does
 * I/O; all bytes that are read are foreign.
 */
enum {
    RPC_MAX_BODY = 16 << 20, /* bytes; longer ones are neither sent nor read */
    RPC_MAX_NAME = 255,      /* of queues, methods and ids: AMQP's short string */
};

/* What an arena needs at most to hold a body of this length. */
size_t rpc_arena_max(size_t len);

/* The text inside, in the arena or in 'body' itself: a message without envelope is of RPC 1.0 and
 * goes as it is, as with oslo. -EPROTO: not JSON, or an envelope of another version. */
int rpc_envelope_open(const char *body, size_t len, struct ol_arena *a, const char **ret_text,
                      size_t *ret_len, struct ol_err *err) __attribute__((warn_unused_result));
/* Puts the envelope around a message's text. -EFBIG. */
int rpc_envelope_seal(const struct ol_buf *message, struct ol_buf *to)
    __attribute__((warn_unused_result));

/* A request, read or to be written. */
struct rpc_packet {
    const char *method;
    const char *space;         /* NULL = none */
    const char *version;       /* "1.0" when the message has none */
    const struct ol_val *args; /* a map, never NULL after reading */
    const char *msg_id;        /* of a call; NULL = a cast */
    const char *reply_q;       /* where its answer goes */
    ol_time monitor;           /* the caller waits so long for each heartbeat; 0 = for none */
    bool has_bad_monitor;      /* "_timeout" was no number of seconds from 2 up */
    const char *unique_id;
    struct nova_context context;
};

/* Reads the text of a request; everything is in the arena. -EPROTO, -EFBIG. */
int rpc_request_read(const char *text, size_t len, struct ol_arena *a, struct rpc_packet *ret,
                     struct ol_err *err) __attribute__((warn_unused_result));
/* Writes a whole body. -EINVAL: a value that JSON can't hold; -EFBIG. */
int rpc_request_write(const struct rpc_packet *p, struct ol_buf *to)
    __attribute__((warn_unused_result));

/* An answer: a result, a failure, or a heartbeat (neither, and not the end). */
struct rpc_answer {
    const char *msg_id;
    const struct ol_val *result; /* NULL = null */
    const char *failure;         /* JSON text (rpc/failure.h); NULL = none */
    bool is_ending;
};

int rpc_answer_read(const char *text, size_t len, struct ol_arena *a, struct rpc_answer *ret,
                    struct ol_err *err) __attribute__((warn_unused_result));
int rpc_answer_write(const struct rpc_answer *w, struct ol_buf *to)
    __attribute__((warn_unused_result));

/* The texts that may be an answer's "_msg_id", without reading all of it: the last one first. The
 * id is written to 'out'; *at begins with the text's length. False: there is no other. Whoever
 * reads the answer then looks whether it was the right one. */
bool rpc_answer_guess(const char *text, size_t *at, char out[RPC_MAX_NAME + 1]);
