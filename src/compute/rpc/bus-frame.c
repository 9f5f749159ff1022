/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/bus-frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "compute/rpc/envelope.h"

struct head {
    uint32_t length;
    uint8_t type, flags, exchange_len, name_len;
    uint32_t status;
    uint64_t id, time;
} __attribute__((packed));

const size_t bus_frame_max = sizeof(struct head) + 2 * (RPC_MAX_NAME + 1) + RPC_MAX_BODY;

void bus_frame_add(struct ol_buf *to, const struct bus_frame *f)
{
    const char *exchange = f->exchange ? f->exchange : "", *name = f->name ? f->name : "";
    size_t exchange_len = strnlen(exchange, RPC_MAX_NAME), name_len = strnlen(name, RPC_MAX_NAME);
    size_t length = sizeof(struct head) - sizeof(uint32_t) + exchange_len + name_len + 2 + f->len;
    struct head h = {
        .length = htobe32((uint32_t)length),
        .type = (uint8_t)f->type,
        .flags = f->flags,
        .exchange_len = (uint8_t)exchange_len,
        .name_len = (uint8_t)name_len,
        .status = htobe32((uint32_t)f->status),
        .id = htobe64(f->id),
        .time = htobe64((uint64_t)f->time),
    };

    ol_buf_add(to, &h, sizeof(h));
    ol_buf_add(to, exchange, exchange_len);
    ol_buf_addc(to, '\0');
    ol_buf_add(to, name, name_len);
    ol_buf_addc(to, '\0');
    ol_buf_add(to, f->body, f->len);
}

ssize_t bus_frame_read(const char *data, size_t size, struct bus_frame *ret)
{
    const char *exchange = data + sizeof(struct head), *name;
    struct head h;
    size_t whole, names;

    if (size < sizeof(uint32_t))
        return 0;
    memcpy(&h.length, data, sizeof(h.length));
    whole = (size_t)be32toh(h.length) + sizeof(h.length);
    if (whole < sizeof(h) + 2 || whole > bus_frame_max)
        return -EPROTO;
    if (size < whole)
        return 0;
    memcpy(&h, data, sizeof(h));
    names = (size_t)h.exchange_len + h.name_len + 2;
    if (h.type >= BUS_N_TYPES || names > whole - sizeof(h))
        return -EPROTO;
    name = exchange + h.exchange_len + 1;
    if (strnlen(exchange, h.exchange_len + 1u) != h.exchange_len
        || strnlen(name, h.name_len + 1u) != h.name_len)
        return -EPROTO;
    *ret = (struct bus_frame){
        .type = (enum bus_type)h.type,
        .flags = h.flags,
        .status = (int32_t)be32toh(h.status),
        .id = be64toh(h.id),
        .time = (ol_time)be64toh(h.time),
        .exchange = exchange,
        .name = name,
        .body = exchange + names,
        .len = whole - sizeof(h) - names,
    };
    return (ssize_t)whole;
}
