/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/bus-broker.h"
#include "compute/rpc/bus-frame.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_PEERS = 3 };

static void on_delivery(void *peer_ctx, const struct broker_delivery *d)
{
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(bus_frame_max);
    struct bus_frame f;

    bus_frame_add(
        &out,
        &(struct bus_frame){
            .type = BUS_DELIVER, .id = d->tag, .name = d->queue, .body = d->body, .len = d->len});
    /* What we write can be read. */
    if (bus_frame_read(out.data, out.len, &f) != (ssize_t)out.len || f.id != d->tag
        || strcmp(f.name, d->queue) != 0 || f.len != d->len)
        abort();
}

static void publish(struct broker *b, const struct bus_frame *f, ol_time now)
{
    struct rpc_frame frame = {
        .exchange = f->exchange,
        .key = f->name,
        .is_fanout = f->flags & BUS_FANOUT,
        .is_mandatory = f->flags & BUS_MANDATORY,
        .expiration = f->time < 0 ? 0 : f->time % OL_SECOND,
        .body = f->body,
        .len = f->len,
    };

    if (broker_publish(b, &frame, now) > 0)
        abort();
}

static void consume(struct broker *b, struct broker_peer *p, const struct bus_frame *f, ol_time now)
{
    struct broker_queue_options o = {
        .kind = (enum rpc_queue_kind)(f->flags % 3),
        .exchange = f->exchange,
        .name = f->name,
        .ttl = f->time < 0 ? 0 : f->time % OL_SECOND,
    };

    if (broker_consume(b, p, &o, now) > 0)
        abort();
}

/* The frames of several peers, as they come: 'status' says whose each one is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct broker *b = broker_new(on_delivery);
    struct broker_peer *peers[N_PEERS];
    struct bus_frame f;
    ol_time now = 0;
    ssize_t n;

    for (int i = 0; i < N_PEERS; i++)
        peers[i] = broker_join(b, NULL);
    for (size_t at = 0; (n = bus_frame_read((const char *)data + at, size - at, &f)) > 0;
         at += (size_t)n) {
        struct broker_peer **p = &peers[(uint32_t)f.status % N_PEERS];

        now += OL_MS;
        switch (f.type) {
        case BUS_HELLO:
            broker_leave(b, *p, now);
            *p = broker_join(b, NULL);
            break;
        case BUS_CONSUME: consume(b, *p, &f, now); break;
        case BUS_CANCEL: broker_cancel(b, *p, f.name, now); break;
        case BUS_PUBLISH: publish(b, &f, now); break;
        case BUS_ACK: broker_ack(b, *p, f.id, now); break;
        case BUS_NACK: broker_nack(b, *p, f.id, now); break;
        default: broker_tick(b, now); break;
        }
    }
    broker_free(b);
    return 0;
}
