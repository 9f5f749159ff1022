/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec/val.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * QEMU's machine protocol as bytes: one JSON object a line. No I/O here. What comes is bounded
 * (QMP_MAX_MESSAGE), and a line that is no message is an error of the connection.
 *
 *     qmp_feed(&reader, bytes, n);
 *     while ((r = qmp_next(&reader, &arena, &message, err)) > 0) …
 *
 * QEMU docs/interop/qmp-spec.txt.
 */
enum { QMP_MAX_MESSAGE = 1 << 20 };

enum qmp_kind { QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT };

struct qmp_message {
    enum qmp_kind kind;
    int64_t id;                /* of RETURN and ERROR; -1 = it has none */
    const char *name;          /* EVENT: "SHUTDOWN"; ERROR: its class, "GenericError" */
    const char *text;          /* ERROR: the sentence */
    const struct ol_val *data; /* RETURN: the value; EVENT: "data"; GREETING: the map "QMP" */
};

struct qmp_reader {
    struct ol_buf in;
    size_t at; /* what stands before was read */
};
#define QMP_READER_INIT                                                                            \
    {                                                                                              \
        .in = OL_BUF_INIT(2 * QMP_MAX_MESSAGE), .at = 0                                            \
    }

void qmp_reader_done(struct qmp_reader *r);
/* -EFBIG: more than the maximum came without an end of line. */
int qmp_feed(struct qmp_reader *r, const void *data, size_t size)
    __attribute__((warn_unused_result));
/* 1 with the next message, in the arena; 0 when no whole one is there; -EPROTO. */
int qmp_next(struct qmp_reader *r, struct ol_arena *a, struct qmp_message *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Adds a command and its end of line; 'arguments' may be NULL. -EINVAL, -EFBIG */
int qmp_command(struct ol_buf *to, const char *command, const struct ol_val *arguments, int64_t id)
    __attribute__((warn_unused_result));
