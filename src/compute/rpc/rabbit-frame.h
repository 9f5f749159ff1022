/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <amqp.h>
#include <amqp_framing.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * AMQP 0-9-1 frames to and from bytes; methods and tables by librabbitmq's codec, which is all that
 * is used of it: its own reading and writing would block.
 */
enum {
    RABBIT_FRAME_FIRST = 8192, /* the longest frame until both sides have agreed on another */
    RABBIT_FRAME_MAX = 131072, /* what we agree to */
};

struct rabbit_frame {
    int type; /* AMQP_FRAME_METHOD, _HEADER, _BODY, _HEARTBEAT */
    uint16_t channel;
    amqp_method_number_t method; /* 0 in other frames, and for methods that no server sends */
    void *decoded;               /* amqp_…_t of the method; until the next frame is read */
    uint64_t body_size;          /* of a header */
    int64_t stream_offset;       /* its x-stream-offset; -1 = none */
    const char *body;            /* borrowed of the input */
    size_t len;
};

struct rabbit_decoder {
    amqp_pool_t pool;
    size_t max; /* bytes of a frame with all around it */
};

void rabbit_decoder_init(struct rabbit_decoder *d);
void rabbit_decoder_done(struct rabbit_decoder *d);

/* Reads one frame: how many bytes it took, 0 when more are needed. -EPROTO: these are no AMQP
 * frames, or it is too long. Frames with tables are decoded up to RABBIT_FRAME_FIRST bytes only,
 * since the codec goes into nested tables without end. */
ssize_t rabbit_frame_read(struct rabbit_decoder *d, const char *data, size_t len,
                          struct rabbit_frame *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* A method frame; 'decoded' is its amqp_…_t. What does not fit makes the buffer failed. */
void rabbit_add_method(struct ol_buf *out, uint16_t channel, amqp_method_number_t id,
                       const void *decoded);
/* Header and body frames, after a basic.publish. 'expiration' in ms as text, NULL = none. */
void rabbit_add_content(struct ol_buf *out, uint16_t channel, size_t frame_max,
                        const char *expiration, const char *body, size_t len);
void rabbit_add_heartbeat(struct ol_buf *out);
