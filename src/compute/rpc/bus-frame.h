/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/clock.h"

/*
 * What goes over a connection of our own bus: frames of one shape, each with its length before it.
 * All numbers are big-endian:
 *
 *     u32 length of what follows   u8 type   u8 flags   u8 exchange's length   u8 name's length
 *     i32 status   u64 id   i64 time (ns)   exchange NUL   name NUL   body
 */
enum bus_type {
    BUS_HELLO,   /* the first of each side; status: the protocol's version */
    BUS_CONSUME, /* id, flags: the kind, exchange, name, time: how long the queue stays unused;
                  * exchange of a fanout queue: its topic */
    BUS_CANCEL,  /* name */
    BUS_PUBLISH, /* id, flags, exchange, name: the key, time: expiration, body */
    BUS_ACK,     /* id of a BUS_DELIVER: it is ours now */
    BUS_NACK,    /* id of a BUS_DELIVER: back to its queue with it */
    BUS_DONE,    /* id of a BUS_CONSUME or BUS_PUBLISH, status: 0 or -errno */
    BUS_DELIVER, /* id, name: the queue, body */
    BUS_N_TYPES,
};

enum { BUS_VERSION = 1 };

/* Flags of a BUS_PUBLISH. */
enum bus_publish_flag {
    BUS_MANDATORY = 1 << 0,
    BUS_FANOUT = 1 << 1,
};

struct bus_frame {
    enum bus_type type;
    uint8_t flags;
    int32_t status;
    uint64_t id;
    ol_time time;
    const char *exchange, *name; /* NULL = "" when written; never NULL when read */
    const char *body;
    size_t len;
};

/* The largest frame, all of it. */
extern const size_t bus_frame_max;

/* Appends it; its names are of RPC_MAX_NAME bytes at most. Failures stick to the buffer. */
void bus_frame_add(struct ol_buf *to, const struct bus_frame *f);
/* Reads the first frame; it borrows from 'data'. The number of bytes that it has; 0: more are
 * needed; -EPROTO: these are no frames. */
ssize_t bus_frame_read(const char *data, size_t size, struct bus_frame *ret);
