/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rabbit-frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"

enum { HEAD = 7, TAIL = 1, END = 0xce, METHOD_ROOM = 16384, CONTENT_ROOM = 1024 };

/* What a server sends to a client such as we are; anything else is not decoded. */
static const amqp_method_number_t expected[] = {
    AMQP_CONNECTION_START_METHOD,
    AMQP_CONNECTION_TUNE_METHOD,
    AMQP_CONNECTION_OPEN_OK_METHOD,
    AMQP_CONNECTION_CLOSE_METHOD,
    AMQP_CONNECTION_CLOSE_OK_METHOD,
    AMQP_CONNECTION_BLOCKED_METHOD,
    AMQP_CONNECTION_UNBLOCKED_METHOD,
    AMQP_CHANNEL_OPEN_OK_METHOD,
    AMQP_CHANNEL_CLOSE_METHOD,
    AMQP_CHANNEL_CLOSE_OK_METHOD,
    AMQP_EXCHANGE_DECLARE_OK_METHOD,
    AMQP_QUEUE_DECLARE_OK_METHOD,
    AMQP_QUEUE_BIND_OK_METHOD,
    AMQP_QUEUE_DELETE_OK_METHOD,
    AMQP_BASIC_QOS_OK_METHOD,
    AMQP_BASIC_CONSUME_OK_METHOD,
    AMQP_BASIC_CANCEL_METHOD,
    AMQP_BASIC_CANCEL_OK_METHOD,
    AMQP_BASIC_DELIVER_METHOD,
    AMQP_BASIC_RETURN_METHOD,
    AMQP_BASIC_ACK_METHOD,
    AMQP_BASIC_NACK_METHOD,
    AMQP_CONFIRM_SELECT_OK_METHOD,
};

void rabbit_decoder_init(struct rabbit_decoder *d)
{
    init_amqp_pool(&d->pool, 4096);
    d->max = RABBIT_FRAME_FIRST;
}

void rabbit_decoder_done(struct rabbit_decoder *d)
{
    empty_amqp_pool(&d->pool);
}

static uint16_t get16(const char *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return be16toh(v);
}

static uint32_t get32(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

static uint64_t get64(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

static amqp_bytes_t bytes(const char *data, size_t len)
{
    return (amqp_bytes_t){.len = len, .bytes = (void *)data};
}

static int read_method(struct rabbit_decoder *d, const char *p, size_t len, struct rabbit_frame *f,
                       struct ol_err *err)
{
    amqp_method_number_t id;

    if (len < 4)
        return ol_err_set(err, EPROTO, "a method frame of %zu bytes", len);
    id = get32(p);
    for (size_t i = 0; i < ol_count(expected); i++) {
        if (expected[i] != id)
            continue;
        if (len > RABBIT_FRAME_FIRST
            || amqp_decode_method(id, &d->pool, bytes(p + 4, len - 4), &f->decoded) < 0)
            return ol_err_set(err, EPROTO, "a %s that can't be read", amqp_method_name(id));
        f->method = id;
        return 0;
    }
    return 0;
}

static int64_t find_offset(const amqp_basic_properties_t *p)
{
    if (!(p->_flags & AMQP_BASIC_HEADERS_FLAG))
        return -1;
    for (int i = 0; i < p->headers.num_entries; i++) {
        const amqp_table_entry_t *e = &p->headers.entries[i];

        if (e->key.len != strlen("x-stream-offset")
            || memcmp(e->key.bytes, "x-stream-offset", e->key.len) != 0)
            continue;
        if (e->value.kind == AMQP_FIELD_KIND_I64)
            return e->value.value.i64;
        if (e->value.kind == AMQP_FIELD_KIND_I32)
            return e->value.value.i32;
    }
    return -1;
}

/* Other properties than the offset in a stream are not ours: what can't be read is no error. */
static int read_header(struct rabbit_decoder *d, const char *p, size_t len, struct rabbit_frame *f,
                       struct ol_err *err)
{
    void *properties;

    if (len < 14)
        return ol_err_set(err, EPROTO, "a header frame of %zu bytes", len);
    f->body_size = get64(p + 4);
    if (get16(p) == AMQP_BASIC_CLASS && len <= RABBIT_FRAME_FIRST
        && amqp_decode_properties(AMQP_BASIC_CLASS, &d->pool, bytes(p + 12, len - 12), &properties)
               >= 0)
        f->stream_offset = find_offset(properties);
    return 0;
}

ssize_t rabbit_frame_read(struct rabbit_decoder *d, const char *data, size_t len,
                          struct rabbit_frame *ret, struct ol_err *err)
{
    struct rabbit_frame f = {.stream_offset = -1};
    size_t size;
    int r = 0;

    if (len < HEAD)
        return 0;
    if (memcmp(data, "AMQP", 4) == 0)
        return ol_err_set(err, EPROTO, "the server does not speak AMQP 0-9-1");
    size = get32(data + 3);
    if (size > d->max - HEAD - TAIL)
        return ol_err_set(err, EPROTO, "a frame of %zu bytes, or no AMQP at all", size);
    if (len < size + HEAD + TAIL)
        return 0;
    if ((unsigned char)data[HEAD + size] != END)
        return ol_err_set(err, EPROTO, "a frame without its end");
    f.type = (unsigned char)data[0];
    f.channel = get16(data + 1);
    f.body = data + HEAD;
    f.len = size;
    recycle_amqp_pool(&d->pool);
    if (f.type == AMQP_FRAME_METHOD)
        r = read_method(d, f.body, size, &f, err);
    else if (f.type == AMQP_FRAME_HEADER)
        r = read_header(d, f.body, size, &f, err);
    if (r < 0)
        return r;
    *ret = f;
    return (ssize_t)(size + HEAD + TAIL);
}

static void put32(char *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

static void put_head(char *p, int type, uint16_t channel, size_t size)
{
    p[0] = (char)type;
    p[1] = (char)(channel >> 8);
    p[2] = (char)channel;
    put32(p + 3, (uint32_t)size);
}

/* Closes a frame whose payload of 'size' bytes stands behind its head already. */
static void finish(struct ol_buf *out, char *p, int type, uint16_t channel, size_t size)
{
    put_head(p, type, channel, size);
    p[HEAD + size] = (char)END;
    ol_buf_commit(out, HEAD + size + TAIL);
}

void rabbit_add_method(struct ol_buf *out, uint16_t channel, amqp_method_number_t id,
                       const void *decoded)
{
    char *p = ol_buf_reserve(out, HEAD + 4 + METHOD_ROOM + TAIL);
    int n;

    if (!p)
        return;
    n = amqp_encode_method(id, (void *)decoded, bytes(p + HEAD + 4, METHOD_ROOM));
    if (n < 0) {
        out->failed = EMSGSIZE;
        return;
    }
    put32(p + HEAD, id);
    finish(out, p, AMQP_FRAME_METHOD, channel, 4 + (size_t)n);
}

static void add_header(struct ol_buf *out, uint16_t channel, const char *expiration, size_t len)
{
    char *p = ol_buf_reserve(out, HEAD + 12 + CONTENT_ROOM + TAIL);
    uint64_t size = htobe64(len);
    /* The properties that kombu sets. */
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG
                  | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG
                  | AMQP_BASIC_PRIORITY_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .content_encoding = amqp_cstring_bytes("utf-8"),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
    };
    int n;

    if (!p)
        return;
    if (expiration) {
        properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
        properties.expiration = amqp_cstring_bytes(expiration);
    }
    memset(p + HEAD, 0, 12);
    p[HEAD + 1] = AMQP_BASIC_CLASS;
    memcpy(p + HEAD + 4, &size, sizeof(size));
    n = amqp_encode_properties(AMQP_BASIC_CLASS, &properties, bytes(p + HEAD + 12, CONTENT_ROOM));
    if (n < 0)
        out->failed = EMSGSIZE;
    else
        finish(out, p, AMQP_FRAME_HEADER, channel, 12 + (size_t)n);
}

void rabbit_add_content(struct ol_buf *out, uint16_t channel, size_t frame_max,
                        const char *expiration, const char *body, size_t len)
{
    size_t room = frame_max - HEAD - TAIL;

    add_header(out, channel, expiration, len);
    while (len) {
        size_t n = len < room ? len : room;
        char *p = ol_buf_reserve(out, HEAD + n + TAIL);

        if (!p)
            return;
        memcpy(p + HEAD, body, n);
        finish(out, p, AMQP_FRAME_BODY, channel, n);
        body += n;
        len -= n;
    }
}

void rabbit_add_heartbeat(struct ol_buf *out)
{
    char *p = ol_buf_reserve(out, HEAD + TAIL);

    if (p)
        finish(out, p, AMQP_FRAME_HEARTBEAT, 0, 0);
}
