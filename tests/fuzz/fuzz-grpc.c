/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "net/grpc-internal.h"
#include "volume/proto/csi-call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct csi_rpc *const rpcs[] = {
    &csi_create_volume,  &csi_validate_capabilities, &csi_list_volumes,    &csi_list_snapshots,
    &csi_node_publish,   &csi_get_capacity,          &csi_node_get_info,   &csi_get_plugin_info,
    &csi_node_get_stats, &registration_get_info,     &registration_notify,
};

static void unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size)
{
    ProtobufCMessage *m = csi_unpack(type, data, size);

    if (m && protobuf_c_message_get_packed_size(m) > size * 16 + 64)
        abort();
    csi_free(m);
}

/* Header fields and the prefix of a message as a peer may send them, and what is in the message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grpc_message m;
    size_t half = size / 2;
    ol_time timeout;

    grpc_message_init(&m);
    if (grpc_message_feed(&m, data, half) == 0
        && grpc_message_feed(&m, data + half, size - half) == 0 && grpc_message_end(&m) == 0)
        for (size_t i = 0; i < ol_count(rpcs); i++) {
            unpack(rpcs[i]->request, (const uint8_t *)m.data.data, m.data.len);
            unpack(rpcs[i]->reply, (const uint8_t *)m.data.data, m.data.len);
        }
    grpc_message_done(&m);
    free(grpc_percent_decode((const char *)data, size));
    if (grpc_timeout_read((const char *)data, size, &timeout) == 0 && timeout < 0)
        abort();
    if (grpc_code_read((const char *)data, size) >= OL_GRPC_N_CODES)
        abort();
    return 0;
}
