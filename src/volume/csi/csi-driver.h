/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/grpc.h"
#include "volume/csi/csi.h"

/*
 * The drivers that are there: one row per endpoint (a socket that was named, or found in a
 * directory). An endpoint is asked who it is and what it can do until it answers, and again
 * whenever its connection was lost, so what is known here is what the driver says now. Pure of
 * Kubernetes.
 */
enum csi_plugin_capability { /* bit 1 << value of csi.v1.PluginCapability.Service.Type */
                             CSI_PLUGIN_CONTROLLER_SERVICE = 1 << 1,
                             CSI_PLUGIN_ACCESSIBILITY = 1 << 2,
};
enum csi_controller_capability { /* bit 1 << value of csi.v1.ControllerServiceCapability.RPC.Type */
                                 CSI_CAN_CREATE_DELETE = 1 << 1,
                                 CSI_CAN_PUBLISH = 1 << 2,
                                 CSI_CAN_LIST = 1 << 3,
                                 CSI_CAN_GET_CAPACITY = 1 << 4,
                                 CSI_CAN_SNAPSHOT = 1 << 5,
                                 CSI_CAN_LIST_SNAPSHOTS = 1 << 6,
                                 CSI_CAN_CLONE = 1 << 7,
                                 CSI_CAN_PUBLISH_READONLY = 1 << 8,
                                 CSI_CAN_EXPAND = 1 << 9,
                                 CSI_CAN_LIST_PUBLISHED_NODES = 1 << 10,
                                 CSI_CAN_VOLUME_CONDITION = 1 << 11,
                                 CSI_CAN_GET_VOLUME = 1 << 12,
                                 CSI_CAN_SINGLE_NODE_MULTI_WRITER = 1 << 13,
                                 CSI_CAN_MODIFY = 1 << 14,
};
enum csi_node_capability { /* bit 1 << value of csi.v1.NodeServiceCapability.RPC.Type */
                           CSI_NODE_CAN_EXPAND = 1 << 3,
};

enum csi_driver_state {
    CSI_DRIVER_DOWN, /* nobody answers; asked again after a while */
    CSI_DRIVER_ASKING,
    CSI_DRIVER_READY,
};

struct csi_driver {
    const char *name, *version; /* "" before the first answer */
    const char *address;
    struct ol_grpc_channel *channel;
    uint8_t state;                     /* enum csi_driver_state */
    unsigned plugin, controller, node; /* the capabilities above */
};

struct csi_driver_listener {
    /* It became ready, or is ready with other capabilities, or went down. */
    void (*changed)(void *ctx, const struct csi_driver *d);
    /* See csi_volume_left(); or NULL. */
    void (*left)(void *ctx, const char *driver, const char *handle);
    void *ctx;
};

/* Begins to ask at once. 'o' is borrowed. */
struct csi_drivers *csi_drivers_new(struct ol_loop *loop, const struct csi_options *o)
    __attribute__((warn_unused_result));
/* Nobody may use a channel any more. */
void csi_drivers_free(struct csi_drivers *all);
/* NULL when no ready driver has this name. */
const struct csi_driver *csi_driver_find(const struct csi_drivers *all, const char *name);
/* The n-th endpoint; NULL after the last. */
const struct csi_driver *csi_driver_at(const struct csi_drivers *all, size_t n);
/* A call found nobody there: asked anew at once, and not ready until then. */
void csi_driver_lost(struct csi_drivers *all, const struct csi_driver *d);
/* The node of this process has nothing of the volume mounted any more: a driver that refused to
 * delete it may be asked again. Nodes of other processes can't tell: there the next try is the
 * backoff's. */
void csi_volume_left(struct csi_drivers *all, const char *driver, const char *handle);
void csi_drivers_listen(struct csi_drivers *all, const struct csi_driver_listener *l);
void csi_drivers_unlisten(struct csi_drivers *all, const void *ctx);
