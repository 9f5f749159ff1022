/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/strv.h"
#include "net/grpc.h"

/* A CSI driver on this machine that has made itself known (registration.h). */

/* Bits of node_driver.can */
enum node_driver_can {
    NODE_CAN_STAGE = 1 << 0,
    NODE_CAN_STATS = 1 << 1,
    NODE_CAN_EXPAND = 1 << 2,
    NODE_CAN_CONDITION = 1 << 3,
    NODE_CAN_MULTI_WRITER = 1 << 4,
    NODE_CAN_MOUNT_GROUP = 1 << 5,
};

struct node_driver {
    const char *name; /* first, for tables */
    char *endpoint;
    struct ol_grpc_channel *channel;
    unsigned can; /* enum node_driver_can */
    char *node_id;
    int64_t max_volumes;         /* 0 = no limit was told */
    struct ol_strv keys, values; /* of its topology */
};
