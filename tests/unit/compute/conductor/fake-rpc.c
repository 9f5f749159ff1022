/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-rpc.h"

#include <assert.h>
#include <string.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "core/cleanup.h"

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

/* --- the other side --- */

/* What goes over the wire is text, and of an exception its name and its sentence. */
static struct ol_val *through_text(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 22);
    struct ol_val *to = NULL;

    assert(ol_json_dump(v, &ol_json_python, &text) == 0);
    assert(ol_json_load(text.data, text.len, a, &to, NULL) == 0);
    return to;
}

static int raise_again(const struct ol_err *why, struct ol_err *err)
{
    return nova_fail(err, nova_exception_find(nova_exceptions[nova_exception_of(why)].name), "%s",
                     why->msg);
}

static int serve_object(struct conductor *c, const struct nova_context *ctx,
                        const struct ol_val *args, struct ol_arena *a, struct ol_val **ret,
                        struct ol_err *err)
{
    struct nova_object *o = NULL;
    const struct ol_val *updates = NULL, *result = NULL;
    int r = nova_object_load(a, ol_val_get(args, "objinst"), &o, err);

    if (r == 0)
        r = c->ops->object_action(c, ctx, o, ol_val_str(ol_val_get(args, "objmethod")),
                                  ol_val_get(args, "kwargs"), a, &updates, &result, err);
    if (r < 0)
        return r;
    *ret = ol_val_new_list(a);
    ol_val_append(a, *ret, through_text(a, updates));
    ol_val_append(a, *ret, through_text(a, result));
    return 0;
}

static int serve(struct rpc *r, const struct nova_context *ctx, const struct rpc_message *m,
                 struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *args = through_text(a, m->args), *answer = NULL;
    const char *class = ol_val_str(ol_val_get(args, "objname"));
    const struct ol_val *result = NULL;
    struct ol_err why = OL_ERR_INIT;
    int code;

    if (!strcmp(m->method, "object_action")) {
        code = serve_object(r->behind, ctx, args, a, &answer, &why);
    } else {
        assert(ol_val_get(ol_val_get(args, "object_versions"), class));
        code = r->behind->ops->class_action(
            r->behind, ctx, class, ol_val_str(ol_val_get(args, "objmethod")),
            ol_val_get(args, "args"), ol_val_get(args, "kwargs"), a, &result, &why);
        answer = code == 0 ? through_text(a, result) : NULL;
    }
    *ret = answer;
    return code < 0 ? raise_again(&why, err) : 0;
}

int rpc_call(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_arena *a, const struct ol_val **ret,
             struct ol_err *err)
{
    struct ol_val *v = NULL;

    keep(r, to, m);
    r->n_calls++;
    if (r->behind)
        return serve(r, c, m, a, ret, err);
    if (r->fails < 0 && (!r->n_fails || r->n_calls <= r->n_fails)) {
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
