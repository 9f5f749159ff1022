/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/dispatch.h"
#include "compute/rpc/envelope.h"
#include "compute/rpc/failure.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request that was read can be written and is the same when it is read again. */
static void request(const char *text, size_t len, struct ol_arena *a)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(2 * RPC_MAX_BODY);
    struct rpc_packet p = {0}, again = {0};
    const char *inner = NULL;
    size_t n = 0;

    if (rpc_request_read(text, len, a, &p, NULL) < 0)
        return;
    p.unique_id = p.unique_id ? p.unique_id : "u";
    (void)rpc_version_fits("6.1", p.version);
    if (rpc_request_write(&p, &body) < 0)
        return; /* too deep, or too long */
    if (rpc_envelope_open(body.data, body.len, a, &inner, &n, NULL) < 0
        || rpc_request_read(inner, n, a, &again, NULL) < 0)
        abort();
    if (strcmp(p.method, again.method) != 0 || (p.msg_id && p.monitor != again.monitor)
        || ol_val_count(p.context.values) != ol_val_count(again.context.values))
        abort();
}

static void answer(const char *text, size_t len, struct ol_arena *a)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(2 * RPC_MAX_BODY);
    char id[RPC_MAX_NAME + 1];
    struct rpc_answer w = {0};
    struct ol_err err = OL_ERR_INIT;
    size_t at = len;

    while (rpc_answer_guess(text, &at, id))
        if (at >= len || strlen(id) > RPC_MAX_NAME)
            abort();
    if (rpc_answer_read(text, len, a, &w, NULL) < 0)
        return;
    if (w.failure && (rpc_failure_read(w.failure, &err) >= 0 || !err.domain))
        abort();
    if (w.msg_id && rpc_answer_write(&w, &body) >= 0 && body.len == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    const char *text = NULL;
    size_t len = 0;

    if (size > 1 << 16 || rpc_envelope_open((const char *)data, size, &a, &text, &len, NULL) < 0)
        return 0;
    request(text, len, &a);
    answer(text, len, &a);
    return 0;
}
