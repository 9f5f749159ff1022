/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/qmp.h"

#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"

void qmp_reader_done(struct qmp_reader *r)
{
    ol_buf_done(&r->in);
}

/* Forgets what was read: the buffer holds no more than a message and what came behind it. */
static void compact(struct qmp_reader *r)
{
    if (!r->at)
        return;
    memmove(r->in.data, r->in.data + r->at, r->in.len - r->at);
    ol_buf_truncate(&r->in, r->in.len - r->at);
    r->at = 0;
}

int qmp_feed(struct qmp_reader *r, const void *data, size_t size)
{
    compact(r);
    if (r->in.len > QMP_MAX_MESSAGE && !memchr(r->in.data, '\n', r->in.len))
        return -EFBIG;
    ol_buf_add(&r->in, data, size);
    return ol_buf_status(&r->in);
}

static int read_message(const struct ol_val *v, struct qmp_message *ret, struct ol_err *err)
{
    const struct ol_val *error = ol_val_get(v, "error");

    *ret = (struct qmp_message){.id = ol_val_int(ol_val_get(v, "id"), -1)};
    if (ol_val_str(ol_val_get(v, "event"))) {
        ret->kind = QMP_EVENT;
        ret->name = ol_val_str(ol_val_get(v, "event"));
        ret->data = ol_val_get(v, "data");
    } else if (ol_val_get(v, "return")) {
        ret->kind = QMP_RETURN;
        ret->data = ol_val_get(v, "return");
    } else if (error) {
        ret->kind = QMP_ERROR;
        ret->name = ol_val_str(ol_val_get(error, "class"));
        ret->text = ol_val_str(ol_val_get(error, "desc"));
        ret->name = ret->name ? ret->name : "GenericError";
        ret->text = ret->text ? ret->text : "no reason given";
    } else if (ol_val_get(v, "QMP")) {
        ret->kind = QMP_GREETING;
        ret->data = ol_val_get(v, "QMP");
    } else {
        return ol_err_set(err, EPROTO, "QMP: neither greeting, answer nor event");
    }
    return 1;
}

int qmp_next(struct qmp_reader *r, struct ol_arena *a, struct qmp_message *ret, struct ol_err *err)
{
    while (r->at < r->in.len) {
        const char *line = r->in.data + r->at;
        const char *end = memchr(line, '\n', r->in.len - r->at);
        struct ol_val *v = NULL;
        size_t len;

        if (!end)
            return 0;
        len = (size_t)(end - line);
        r->at += len + 1;
        if (len > 0 && line[len - 1] == '\r')
            len--;
        if (len == 0)
            continue;
        if (len > QMP_MAX_MESSAGE)
            return ol_err_set(err, EPROTO, "QMP: a message of %zu bytes", len);
        if (ol_json_load(line, len, a, &v, err) < 0)
            return ol_err_prefix(err, -EPROTO, "QMP");
        return read_message(v, ret, err);
    }
    return 0;
}

int qmp_command(struct ol_buf *to, const char *command, const struct ol_val *arguments, int64_t id)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    struct ol_val *name = ol_val_new_str(&a, command);
    int r;

    ol_buf_adds(to, "{\"execute\":");
    r = ol_json_dump(name, &ol_json_compact, to);
    if (r == 0 && arguments) {
        ol_buf_adds(to, ",\"arguments\":");
        r = ol_json_dump(arguments, &ol_json_compact, to);
    }
    ol_buf_printf(to, ",\"id\":%lld}\n", (long long)id);
    return r < 0 ? r : ol_buf_status(to);
}
