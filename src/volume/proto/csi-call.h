/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "kube/base/types.h"
#include "net/grpc.h"

/*
 * CSI calls with protobuf-c messages: a row per RPC, so that a caller can't pair a request with the
 * wrong reply. The messages are those of csi.proto (our subset of CSI 1.11, field numbers as there).
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

struct csi_reply {
    enum ol_grpc_code code;
    const char *message; /* "" when OK */
    bool is_from_peer;
    const ProtobufCMessage *message_body; /* of rpc->reply; NULL unless OK. Borrowed */
};
typedef void (*csi_done_fn)(void *ctx, const struct csi_reply *reply);

/* 'request' is packed before this returns. 'done' is called once, later. */
struct ol_grpc_call *csi_call(struct ol_grpc_channel *channel, const struct csi_rpc *rpc,
                              const ProtobufCMessage *request, ol_time timeout, csi_done_fn done,
                              void *ctx);
