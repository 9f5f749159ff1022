/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "net/loop.h"

/*
 * Unary gRPC over HTTP/2 (nghttp2) on the loop, client and server, over Unix sockets and TCP
 * without TLS: what CSI, CRI and plug-in registration use. Messages are bytes here; who calls packs
 * and unpacks them with protobuf-c. A message has at most 64 MiB, either way; none is compressed.
 *
 * Socket paths are the machine's, whatever env's root is. The program ignores SIGPIPE.
 */
enum ol_grpc_code {
    OL_GRPC_OK,
    OL_GRPC_CANCELLED,
    OL_GRPC_UNKNOWN,
    OL_GRPC_INVALID_ARGUMENT,
    OL_GRPC_DEADLINE_EXCEEDED,
    OL_GRPC_NOT_FOUND,
    OL_GRPC_ALREADY_EXISTS,
    OL_GRPC_PERMISSION_DENIED,
    OL_GRPC_RESOURCE_EXHAUSTED,
    OL_GRPC_FAILED_PRECONDITION,
    OL_GRPC_ABORTED,
    OL_GRPC_OUT_OF_RANGE,
    OL_GRPC_UNIMPLEMENTED,
    OL_GRPC_INTERNAL,
    OL_GRPC_UNAVAILABLE,
    OL_GRPC_DATA_LOSS,
    OL_GRPC_UNAUTHENTICATED,
    OL_GRPC_N_CODES,
};
/* "DeadlineExceeded": the name that grpc-go prints. */
const char *ol_grpc_code_name(enum ol_grpc_code code);

/* --- client --- */
struct ol_grpc_channel;
struct ol_grpc_call;

struct ol_grpc_result {
    enum ol_grpc_code code;
    const char *message; /* the server's sentence, or ours when there was no answer; "" when OK */
    const uint8_t *data; /* the reply's bytes; only when OK */
    size_t size;
    bool is_from_peer; /* false: the code was made here (no connection, deadline, broken stream) */
};
typedef void (*ol_grpc_done_fn)(void *ctx, const struct ol_grpc_result *r);

/* 'address': "unix:/path", "unix:///path", "/path" or "tcp://host:port" (a literal address). It
 * connects with the first call, and again with the next call after the connection was lost. */
struct ol_grpc_channel *ol_grpc_channel_new(struct ol_loop *loop, const char *address);
/* What is under way ends with CANCELLED, called back before this returns. */
void ol_grpc_channel_free(struct ol_grpc_channel *c);
/* 'method': "/csi.v1.Identity/GetPluginInfo". The request is copied. 'done' is called once, never
 * from within this call. timeout 0 = none; it is also sent as grpc-timeout. */
struct ol_grpc_call *ol_grpc_call(struct ol_grpc_channel *c, const char *method,
                                  const void *request, size_t size, ol_time timeout,
                                  ol_grpc_done_fn done, void *ctx);
/* 'heap' is freed with the call, after 'done' or by ol_grpc_cancel(). */
void ol_grpc_call_own(struct ol_grpc_call *call, void *heap);
/* Resets the stream; 'done' is not called any more. */
void ol_grpc_cancel(struct ol_grpc_call *call);

/* --- server --- */
struct ol_grpc_server;
struct ol_grpc_request; /* one call that has to be answered, now or later */

struct ol_grpc_method {
    const char *path; /* "/csi.v1.Identity/Probe"; NULL ends a table */
    void (*handle)(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size);
};

/* Unknown methods are answered UNIMPLEMENTED. 'ctx' goes to the handlers. An existing socket file
 * that nobody answers on is replaced. */
int ol_grpc_server_start(struct ol_loop *loop, const char *address,
                         const struct ol_grpc_method *methods, void *ctx,
                         struct ol_grpc_server **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void ol_grpc_server_stop(struct ol_grpc_server *s);
/* The path of its method. */
const char *ol_grpc_method_of(const struct ol_grpc_request *r);
/* Both end r. A peer that has left meanwhile makes them nothing. */
void ol_grpc_reply(struct ol_grpc_request *r, const void *data, size_t size);
void ol_grpc_fail(struct ol_grpc_request *r, enum ol_grpc_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
