/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-rpc.h"

#include <assert.h>
#include <string.h>

#include "codec/json.h"

void fake_rpc_init(struct rpc *r)
{
    *r = (struct rpc){.asked = OL_BUF_INIT(1 << 20), .target = OL_BUF_INIT(1 << 16)};
}

void fake_rpc_done(struct rpc *r)
{
    ol_buf_done(&r->asked);
    ol_buf_done(&r->target);
}

static void keep(struct rpc *r, const struct rpc_target *to, const struct rpc_message *m)
{
    ol_buf_clear(&r->asked);
    ol_buf_clear(&r->target);
    ol_buf_printf(&r->asked, "%s ", m->method);
    assert(ol_json_dump(m->args, &ol_json_compact, &r->asked) == 0);
    ol_buf_printf(&r->target, "%s %s%s%s%s", to->topic, to->version, to->space ? " " : "",
                  to->space ? to->space : "", to->is_fanout ? " fanout" : "");
}

int rpc_call(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_arena *a, const struct ol_val **ret,
             struct ol_err *err)
{
    struct ol_val *v = NULL;

    keep(r, to, m);
    r->n_calls++;
    if (r->fails < 0) {
        if (err)
            *err = r->why;
        return r->fails;
    }
    if (r->answer)
        assert(ol_json_load(r->answer, strlen(r->answer), a, &v, NULL) == 0);
    *ret = r->answer ? v : ol_val_new_null(a);
    return 0;
}

int rpc_cast(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_err *err)
{
    keep(r, to, m);
    r->n_casts++;
    return r->fails;
}
