/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "compute/rpc/rabbit-internal.h"

void rabbit_incoming_reset(struct rabbit_incoming *m)
{
    m->is_open = m->has_header = false;
    m->size = m->got = 0;
    ol_buf_done(&m->body);
}

static int add_body(struct rabbit_incoming *m, const struct rabbit_frame *f, const char **ret_body,
                    struct ol_err *err)
{
    if (f->len > m->size - m->got)
        return ol_err_set(err, EPROTO, "a message is longer than its header says");
    m->got += f->len;
    if (m->size > RABBIT_BODY_MAX) {
        *ret_body = NULL;
        return m->got == m->size;
    }
    if (f->len == m->size) {
        *ret_body = f->body;
        return 1;
    }
    ol_buf_add(&m->body, f->body, f->len);
    if (ol_buf_status(&m->body) < 0)
        return ol_err_set(err, ENOMEM, "no memory for a message of %zu bytes", (size_t)m->size);
    *ret_body = m->body.data;
    return m->got == m->size;
}

int rabbit_incoming_add(struct rabbit_incoming *m, const struct rabbit_frame *f,
                        const char **ret_body, struct ol_err *err)
{
    if (!m->is_open || m->has_header != (f->type == AMQP_FRAME_BODY))
        return ol_err_set(err, EPROTO, "a frame of a message out of its turn");
    if (f->type == AMQP_FRAME_BODY)
        return add_body(m, f, ret_body, err);
    m->has_header = true;
    m->size = f->body_size;
    m->body.max = RABBIT_BODY_MAX;
    *ret_body = "";
    return m->size == 0;
}
