/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/failure.h"

#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/rpc/envelope.h"
#include "core/cleanup.h"

#define NOVA_MODULE "nova.exception"

void rpc_failure_write(const struct ol_err *err, struct ol_buf *to)
{
    const struct nova_exception_row *row = &nova_exceptions[nova_exception_of(err)];
    const char *message = ol_err_text(err);
    ol_auto(ol_buf_done) struct ol_buf trace = OL_BUF_INIT(4096);
    struct ol_jw w;

    ol_buf_printf(&trace, "%s.%s: %s\n", row->module, row->name, message);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "class", row->name);
    ol_jw_str(&w, "module", row->module);
    ol_jw_any(&w, "message", message);
    ol_jw_list(&w, "tb");
    ol_jw_any(&w, NULL, trace.data);
    ol_jw_end(&w);
    ol_jw_list(&w, "args");
    ol_jw_any(&w, NULL, message);
    ol_jw_end(&w);
    ol_jw_map(&w, "kwargs");
    /* Only nova's own classes take keywords; they have 'code' among them. */
    if (strcmp(row->module, NOVA_MODULE) == 0)
        ol_jw_int(&w, "code", row->status);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

int rpc_failure_read(const char *json, struct ol_err *err)
{
    size_t len = strlen(json);
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(rpc_arena_max(len));
    struct ol_val *v = NULL;
    const char *name, *message;
    enum nova_exception which;

    if (ol_json_load(json, len, &a, &v, NULL) < 0)
        v = NULL;
    name = ol_val_str(ol_val_get(v, "class"));
    message = ol_val_str(ol_val_get(v, "message"));
    if (!name)
        return nova_fail(err, NOVA_REMOTE, "Remote error: a failure that can't be read");
    message = message ? message : "";
    which = nova_exception_find(name);
    if (which == NOVA_REMOTE)
        return nova_fail(err, NOVA_REMOTE, "Remote error: %s %s", name, message);
    return nova_fail(err, which, "%s", message);
}
