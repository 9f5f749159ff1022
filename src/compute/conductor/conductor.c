/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/conductor/conductor.h"

#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "core/cleanup.h"

enum { ANSWER_MAX = 32 << 20 };

void conductor_free(struct conductor *c)
{
    if (c)
        c->ops->free(c);
}

int conductor_action(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                     const char *method, const struct ol_val *kwargs, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ANSWER_MAX);
    const struct ol_val *updates = NULL, *result = NULL;
    int r = c->ops->object_action(c, ctx, o, method, kwargs, &a, &updates, &result, err);

    return r < 0 ? r : nova_object_update(o, updates, err);
}

int conductor_save(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                   struct ol_err *err)
{
    return conductor_action(c, ctx, o, "save", NULL, err);
}

int conductor_create(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                     struct ol_err *err)
{
    return conductor_action(c, ctx, o, "create", NULL, err);
}

int conductor_destroy(struct conductor *c, const struct nova_context *ctx, struct nova_object *o,
                      struct ol_err *err)
{
    return conductor_action(c, ctx, o, "destroy", NULL, err);
}

static struct ol_val *names(struct ol_arena *a, const char *const *list)
{
    struct ol_val *v = ol_val_new_list(a);

    for (; list && *list; list++)
        ol_val_append(a, v, **list ? ol_val_new_str(a, *list) : ol_val_new_null(a));
    return v;
}

int conductor_save_instance(struct conductor *c, const struct nova_context *ctx,
                            struct nova_object *instance, const char *const *expected,
                            struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    struct ol_val *kwargs = ol_val_new_map(&a);

    if (expected)
        ol_val_set(&a, kwargs, "expected_task_state", names(&a, expected));
    return conductor_action(c, ctx, instance, "save", kwargs, err);
}

int conductor_value(struct conductor *c, const struct nova_context *ctx, const char *class,
                    const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                    struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    return c->ops->class_action(c, ctx, class, method, args, kwargs, a, ret, err);
}

int conductor_get(struct conductor *c, const struct nova_context *ctx, const char *class,
                  const char *method, const struct ol_val *args, const struct ol_val *kwargs,
                  struct ol_arena *a, struct nova_object **ret, struct ol_err *err)
{
    const struct ol_val *v = NULL;
    int r = c->ops->class_action(c, ctx, class, method, args, kwargs, a, &v, err);

    if (r < 0)
        return r;
    if (v && v->type != OL_VAL_NULL) {
        r = nova_object_adopt(a, v, ret, err);
        return ol_err_prefix(err, r, "%s.%s", class, method);
    }
    *ret = NULL;
    return 0;
}

int conductor_load(struct conductor *c, const struct nova_context *ctx, struct ol_arena *a,
                   const struct ol_val *primitive, struct nova_object **ret, struct ol_err *err)
{
    struct ol_err own = OL_ERR_INIT, *e = err ? err : &own;
    const char *class = ol_val_str(ol_val_get(primitive, "nova_object.name"));
    const struct ol_val *ours = NULL;
    int r = nova_object_load(a, primitive, ret, e);

    if (r == 0 || !nova_is(e, NOVA_INCOMPATIBLE_OBJECT) || !c->ops->backport)
        return r;
    r = c->ops->backport(c, ctx, primitive, nova_manifest(a, c->release, class), a, &ours, e);
    return r < 0 ? r : nova_object_adopt(a, ours, ret, e);
}

int conductor_get_instance(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                           const char *const *attrs, struct ol_arena *a, struct nova_object **ret,
                           struct ol_err *err)
{
    struct ol_val *kwargs = ol_val_new_map(a);

    ol_val_set_str(a, kwargs, "uuid", uuid);
    ol_val_set(a, kwargs, "expected_attrs", names(a, attrs));
    return conductor_get(c, ctx, "Instance", "get_by_uuid", NULL, kwargs, a, ret, err);
}

/* --- events and faults --- */

/* What the user is shown of a failure: nova.exception's sentences are made for that, others may
 * hold what is none of the user's business. */
static const char *shown(const struct conductor *c, const struct ol_err *why)
{
    const struct nova_exception_row *row = &nova_exceptions[nova_exception_of(why)];
    bool is_nova = why->domain == row->name && !strcmp(row->module, "nova.exception");

    return is_nova || c->is_operators ? ol_err_text(why) : row->name;
}

/* In the place of a traceback, which administrators see. */
static const char *traced(struct ol_arena *a, const struct ol_err *why)
{
    return ol_arena_printf(a, "%s: %s\n", nova_exceptions[nova_exception_of(why)].name,
                           ol_err_text(why));
}

static int event(struct conductor *c, const struct nova_context *ctx, const char *method,
                 const char *const *args, struct ol_val *kwargs, struct ol_arena *a,
                 struct ol_err *err)
{
    const struct ol_val *result;

    ol_val_set_bool(a, kwargs, "want_result", false);
    return c->ops->class_action(c, ctx, "InstanceActionEvent", method, names(a, args), kwargs, a,
                                &result, err);
}

int conductor_event_start(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                          const char *name, const char *host, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const char *const args[] = {uuid, name, NULL};
    struct ol_val *kwargs = ol_val_new_map(&a);

    ol_val_set_str(&a, kwargs, "host", host);
    return event(c, ctx, "event_start", args, kwargs, &a, err);
}

int conductor_event_finish(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                           const char *name, const char *host, const struct ol_err *why,
                           struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const char *const args[] = {uuid, name, NULL};
    struct ol_val *kwargs = ol_val_new_map(&a), *none = ol_val_new_null(&a);

    (void)host;
    ol_val_set(&a, kwargs, "exc_val", why ? ol_val_new_str(&a, shown(c, why)) : none);
    ol_val_set(&a, kwargs, "exc_tb", why ? ol_val_new_str(&a, traced(&a, why)) : none);
    return event(c, ctx, "event_finish_with_failure", args, kwargs, &a, err);
}

/* As many bytes as the column has, and no half character. */
static const char *cut(struct ol_arena *a, const char *text, size_t max)
{
    size_t len = strlen(text);

    if (len <= max)
        return text;
    for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--) {
    }
    return ol_arena_memdup(a, text, len);
}

int conductor_fault(struct conductor *c, const struct nova_context *ctx, const char *uuid,
                    const char *host, const struct ol_err *why, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct nova_object *o = nova_object_new(&a, c->release, "InstanceFault");
    bool is_named = why->domain && why->status;
    int code = is_named ? why->status : 500;

    nova_set_str(o, "host", host);
    nova_set_str(o, "instance_uuid", uuid);
    nova_set_int(o, "code", code);
    nova_set_str(o, "message", cut(&a, shown(c, why), 255));
    /* nova gives details of its own failures only: a 4xx says all in its message. */
    nova_set_str(o, "details", code == 500 ? traced(&a, why) : "");
    return conductor_create(c, ctx, o, err);
}
