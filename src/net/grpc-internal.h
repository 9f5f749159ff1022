/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "core/buf.h"
#include "net/grpc.h"

/* What client and server of net/grpc.h share. */
enum {
    GRPC_MESSAGE_MAX = 64 << 20, /* bytes of one message, either way */
    GRPC_HEADERS_MAX = 64 << 10, /* bytes of all header fields of a stream, as they are read */
    GRPC_SENTENCE_MAX = 4 << 10, /* bytes of a grpc-message as it is sent */
    GRPC_PREFIX = 5,             /* "Length-Prefixed-Message": flag and size before each message */
    GRPC_WINDOW = 1 << 20,       /* of flow control, per stream and per connection */
    GRPC_MAX_STREAMS = 256,      /* that a peer may have open at a time */
};

/* --- text (grpc-text.c) --- */
/* "a%0Ab" from "a\nb" as grpc-message wants it; what does not fit is cut off. */
void grpc_percent_encode(const char *s, struct ol_buf *to);
/* Lenient, as the protocol says: what is no escape stays. NUL and what is not UTF-8 become '?', so
 * that the sentence can go into a JSON document. Heap. */
char *grpc_percent_decode(const char *s, size_t len);
/* "20S", "1500m": the exact span, or the next longer that eight digits can say. */
void grpc_timeout_write(ol_time span, char ret_text[16]);
/* -EINVAL when it is no timeout. One of more than 290 years is that long. */
int grpc_timeout_read(const char *s, size_t len, ol_time *ret);
/* What an answer without grpc-status means ("HTTP to gRPC Status Code Mapping"). */
enum ol_grpc_code grpc_code_of_http(int status);
/* The same for the code of a RST_STREAM. */
enum ol_grpc_code grpc_code_of_reset(uint32_t error_code);
/* A number between 0 and 16; everything else is UNKNOWN. */
enum ol_grpc_code grpc_code_read(const char *s, size_t len);

/* --- the one message of a unary call (grpc-message.c) --- */
struct grpc_message {
    uint8_t prefix[GRPC_PREFIX];
    unsigned n_prefix;
    size_t size; /* as the prefix says */
    struct ol_buf data;
};
void grpc_message_init(struct grpc_message *m);
void grpc_message_done(struct grpc_message *m);
/* -EPROTONOSUPPORT compressed; -EFBIG; -EBADMSG a second one; -ENOMEM. */
int grpc_message_feed(struct grpc_message *m, const uint8_t *data, size_t len)
    __attribute__((warn_unused_result));
/* -ENODATA there was none; -EBADMSG it is cut off. */
int grpc_message_end(const struct grpc_message *m) __attribute__((warn_unused_result));
/* The sentence for each of these errors. */
const char *grpc_message_error(int error);
enum ol_grpc_code grpc_message_code(int error);
/* Prefix and message, to be sent. Heap of size + GRPC_PREFIX. */
uint8_t *grpc_message_frame(const void *data, size_t size);

/* --- addresses (grpc-address.c) --- */
struct grpc_address {
    struct sockaddr_storage sa;
    socklen_t len;
    bool is_unix;
    char authority[64]; /* ":authority" of calls to it */
    const char *path;   /* of the socket, inside the text that was parsed; NULL for TCP */
};
/* -EINVAL no address; -ENAMETOOLONG the path does not fit into a sockaddr_un. */
int grpc_address_parse(const char *text, struct grpc_address *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* --- a connection (grpc-conn.c) --- */
struct grpc_conn;
struct grpc_conn_owner {
    /* Bytes were received and have passed through the session; no callback of it is running, so
     * that everything may be called, grpc_conn_close() too. Optional. */
    void (*turned)(void *ctx);
    /* It has ended, by the peer or by an error; 'why' is text for people. Called once, not after
     * grpc_conn_close(). The owner's pointer to it is dead. */
    void (*ended)(void *ctx, const char *why);
    void *ctx; /* also the user data of the session */
};

/* Wraps a connected handle, which is taken: close callbacks free it. It is heap, UV_NAMED_PIPE or
 * UV_TCP. The session is made of 'callbacks', with our settings already submitted. */
struct grpc_conn *grpc_conn_new(struct ol_loop *loop, uv_stream_t *stream,
                                const nghttp2_session_callbacks *callbacks, bool is_server,
                                const struct grpc_conn_owner *owner);
nghttp2_session *grpc_conn_session(struct grpc_conn *c);
/* Sends what the session has to say; never calls back. */
void grpc_conn_pump(struct grpc_conn *c);
/* True when the peer has closed its end and we have not read that yet. */
bool grpc_conn_is_stale(const struct grpc_conn *c);
/* Says goodbye if that can be done at once, and releases it. */
void grpc_conn_close(struct grpc_conn *c);

/* A stream's header field from text that nghttp2 copies. */
nghttp2_nv grpc_header(const char *name, const char *value);
