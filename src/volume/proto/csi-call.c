/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/proto/csi-call.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/proto/csi.pb-c.h"
#include "volume/proto/registration.pb-c.h"

/* Two bytes of a message can ask for a struct and a pointer to it. */
enum { UNPACK_MAX = 128 << 20 };

#define ROW(name, service, rpc, message)                                                           \
    const struct csi_rpc name = {                                                                  \
        "/csi.v1." service "/" rpc,                                                                \
        &csi__v1__##message##_request__descriptor,                                                 \
        &csi__v1__##message##_response__descriptor,                                                \
    }

/* clang-format off */
ROW(csi_get_plugin_info, "Identity", "GetPluginInfo", get_plugin_info);
ROW(csi_get_plugin_capabilities, "Identity", "GetPluginCapabilities", get_plugin_capabilities);
ROW(csi_probe, "Identity", "Probe", probe);
ROW(csi_create_volume, "Controller", "CreateVolume", create_volume);
ROW(csi_delete_volume, "Controller", "DeleteVolume", delete_volume);
ROW(csi_controller_publish, "Controller", "ControllerPublishVolume", controller_publish_volume);
ROW(csi_controller_unpublish, "Controller", "ControllerUnpublishVolume", controller_unpublish_volume);
ROW(csi_validate_capabilities, "Controller", "ValidateVolumeCapabilities", validate_volume_capabilities);
ROW(csi_list_volumes, "Controller", "ListVolumes", list_volumes);
ROW(csi_get_capacity, "Controller", "GetCapacity", get_capacity);
ROW(csi_controller_get_capabilities, "Controller", "ControllerGetCapabilities", controller_get_capabilities);
ROW(csi_create_snapshot, "Controller", "CreateSnapshot", create_snapshot);
ROW(csi_delete_snapshot, "Controller", "DeleteSnapshot", delete_snapshot);
ROW(csi_list_snapshots, "Controller", "ListSnapshots", list_snapshots);
ROW(csi_controller_expand, "Controller", "ControllerExpandVolume", controller_expand_volume);
ROW(csi_controller_get_volume, "Controller", "ControllerGetVolume", controller_get_volume);
ROW(csi_controller_modify, "Controller", "ControllerModifyVolume", controller_modify_volume);
ROW(csi_node_stage, "Node", "NodeStageVolume", node_stage_volume);
ROW(csi_node_unstage, "Node", "NodeUnstageVolume", node_unstage_volume);
ROW(csi_node_publish, "Node", "NodePublishVolume", node_publish_volume);
ROW(csi_node_unpublish, "Node", "NodeUnpublishVolume", node_unpublish_volume);
ROW(csi_node_get_stats, "Node", "NodeGetVolumeStats", node_get_volume_stats);
ROW(csi_node_expand, "Node", "NodeExpandVolume", node_expand_volume);
ROW(csi_node_get_capabilities, "Node", "NodeGetCapabilities", node_get_capabilities);
ROW(csi_node_get_info, "Node", "NodeGetInfo", node_get_info);
/* clang-format on */

const struct csi_rpc registration_get_info = {
    "/pluginregistration.Registration/GetInfo",
    &pluginregistration__info_request__descriptor,
    &pluginregistration__plugin_info__descriptor,
};
const struct csi_rpc registration_notify = {
    "/pluginregistration.Registration/NotifyRegistrationStatus",
    &pluginregistration__registration_status__descriptor,
    &pluginregistration__registration_status_response__descriptor,
};

static void *limited_alloc(void *data, size_t size)
{
    size_t *left = data;

    if (size > *left)
        return NULL;
    *left -= size;
    return malloc(size);
}

static void limited_free(void *data, void *p)
{
    free(p);
}

ProtobufCMessage *csi_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                             size_t size)
{
    size_t left = UNPACK_MAX;
    ProtobufCAllocator allocator = {limited_alloc, limited_free, &left};

    return protobuf_c_message_unpack(type, &allocator, size, data);
}

void csi_free(ProtobufCMessage *message)
{
    ProtobufCAllocator allocator = {limited_alloc, limited_free, NULL};

    if (message)
        protobuf_c_message_free_unpacked(message, &allocator);
}

struct pending {
    const struct csi_rpc *rpc;
    csi_done_fn done;
    void *ctx;
};

static void on_result(void *ctx, const struct ol_grpc_result *r)
{
    const struct pending *p = ctx;
    struct csi_reply reply = {
        .code = r->code,
        .message = r->message,
        .is_from_peer = r->is_from_peer,
    };
    ProtobufCMessage *body = NULL;

    if (r->code == OL_GRPC_OK) {
        body = csi_unpack(p->rpc->reply, r->data, r->size);
        reply.message_body = body;
        if (!body)
            reply = (struct csi_reply){
                .code = OL_GRPC_INTERNAL,
                .message = "the driver's reply is no message of the expected type",
            };
    }
    p->done(p->ctx, &reply);
    csi_free(body);
}

/* Packed secrets do not stay in the heap. */
static void forget(uint8_t *bytes, size_t size)
{
    explicit_bzero(bytes, size);
    free(bytes);
}

struct ol_grpc_call *csi_call(struct ol_grpc_channel *channel, const struct csi_rpc *rpc,
                              const ProtobufCMessage *request, ol_time timeout, csi_done_fn done,
                              void *ctx)
{
    size_t size = protobuf_c_message_get_packed_size(request);
    uint8_t *bytes = ol_xcalloc(1, size + 1);
    struct pending *p = ol_xcalloc(1, sizeof(*p));
    struct ol_grpc_call *call;

    *p = (struct pending){.rpc = rpc, .done = done, .ctx = ctx};
    protobuf_c_message_pack(request, bytes);
    call = ol_grpc_call(channel, rpc->method, bytes, size, timeout, on_result, p);
    ol_grpc_call_own(call, p);
    forget(bytes, size);
    return call;
}

void csi_answer(struct ol_grpc_request *r, const ProtobufCMessage *reply)
{
    size_t size = protobuf_c_message_get_packed_size(reply);
    uint8_t *bytes = ol_xcalloc(1, size + 1);

    protobuf_c_message_pack(reply, bytes);
    ol_grpc_reply(r, bytes, size);
    forget(bytes, size);
}
