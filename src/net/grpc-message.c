/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/grpc-internal.h"

void grpc_message_init(struct grpc_message *m)
{
    *m = (struct grpc_message){.data = OL_BUF_INIT(GRPC_MESSAGE_MAX)};
}

void grpc_message_done(struct grpc_message *m)
{
    ol_buf_done(&m->data);
}

static int read_prefix(struct grpc_message *m)
{
    m->size = (size_t)m->prefix[1] << 24 | (size_t)m->prefix[2] << 16 | (size_t)m->prefix[3] << 8
              | m->prefix[4];
    if (m->prefix[0])
        return -EPROTONOSUPPORT;
    return m->size > GRPC_MESSAGE_MAX ? -EFBIG : 0;
}

int grpc_message_feed(struct grpc_message *m, const uint8_t *data, size_t len)
{
    while (len && m->n_prefix < GRPC_PREFIX) {
        m->prefix[m->n_prefix++] = *data++;
        len--;
        if (m->n_prefix == GRPC_PREFIX) {
            int r = read_prefix(m);

            if (r < 0)
                return r;
        }
    }
    if (len > m->size - m->data.len)
        return -EBADMSG;
    ol_buf_add(&m->data, data, len);
    return ol_buf_status(&m->data);
}

int grpc_message_end(const struct grpc_message *m)
{
    if (m->n_prefix == 0)
        return -ENODATA;
    return m->n_prefix < GRPC_PREFIX || m->data.len < m->size ? -EBADMSG : 0;
}

static const struct {
    int error;
    enum ol_grpc_code code;
    const char *text;
} errors[] = {
    {-EPROTONOSUPPORT, OL_GRPC_UNIMPLEMENTED, "the message is compressed, which is not supported"},
    {-EFBIG, OL_GRPC_RESOURCE_EXHAUSTED, "the message is larger than 64 MiB"},
    {-ENOMEM, OL_GRPC_RESOURCE_EXHAUSTED, "out of memory for the message"},
    {-ENODATA, OL_GRPC_INTERNAL, "there is no message"},
    {-EBADMSG, OL_GRPC_INTERNAL, "there is not exactly one whole message"},
};

const char *grpc_message_error(int error)
{
    for (size_t i = 0; i < ol_count(errors); i++)
        if (errors[i].error == error)
            return errors[i].text;
    return strerror(-error);
}

enum ol_grpc_code grpc_message_code(int error)
{
    for (size_t i = 0; i < ol_count(errors); i++)
        if (errors[i].error == error)
            return errors[i].code;
    return OL_GRPC_INTERNAL;
}

uint8_t *grpc_message_frame(const void *data, size_t size)
{
    uint8_t *frame = ol_xcalloc(1, size + GRPC_PREFIX);

    for (unsigned i = 0; i < 4; i++)
        frame[1 + i] = (uint8_t)(size >> (24 - 8 * i));
    if (size)
        memcpy(frame + GRPC_PREFIX, data, size);
    return frame;
}
