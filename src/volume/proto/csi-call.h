/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "net/grpc.h"

/*
 * CSI calls with protobuf-c messages: a row per RPC, so that a caller can't pair a request with the
 * wrong reply. The messages are those of csi.proto (our subset of CSI 1.11, field numbers as there)
 * and of registration.proto; their C structs are in "volume/proto/csi.pb-c.h" and
 * "volume/proto/registration.pb-c.h".
 */
struct csi_rpc {
    const char *method; /* "/csi.v1.Controller/CreateVolume" */
    const ProtobufCMessageDescriptor *request, *reply;
};
extern const struct csi_rpc csi_get_plugin_info, csi_get_plugin_capabilities, csi_probe,
    csi_create_volume, csi_delete_volume, csi_controller_publish, csi_controller_unpublish,
    csi_validate_capabilities, csi_list_volumes, csi_get_capacity, csi_controller_get_capabilities,
    csi_create_snapshot, csi_delete_snapshot, csi_list_snapshots, csi_controller_expand,
    csi_controller_get_volume, csi_controller_modify, csi_node_stage, csi_node_unstage,
    csi_node_publish, csi_node_unpublish, csi_node_get_stats, csi_node_expand,
    csi_node_get_capabilities, csi_node_get_info;
/* The kubelet's side of plug-in registration. */
extern const struct csi_rpc registration_get_info, registration_notify;

struct csi_reply {
    enum ol_grpc_code code;
    const char *message; /* "" when OK */
    bool is_from_peer;
    const ProtobufCMessage *message_body; /* of rpc->reply; NULL unless OK. Borrowed */
};
typedef void (*csi_done_fn)(void *ctx, const struct csi_reply *reply);

/* 'request' is packed before this returns. 'done' is called once, later. A reply that can't be
 * unpacked is INTERNAL, not from the peer. The call may be ended by ol_grpc_cancel(). */
struct ol_grpc_call *csi_call(struct ol_grpc_channel *channel, const struct csi_rpc *rpc,
                              const ProtobufCMessage *request, ol_time timeout, csi_done_fn done,
                              void *ctx);

/* --- for servers --- */
/* A message of foreign bytes; NULL when it is none, or would take more than 128 MiB of memory. The
 * caller frees it with csi_free(). */
ProtobufCMessage *csi_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                             size_t size) __attribute__((warn_unused_result));
/* NULL is accepted. */
void csi_free(ProtobufCMessage *message);
/* Answers with a message of rpc->reply. */
void csi_answer(struct ol_grpc_request *r, const ProtobufCMessage *reply);
