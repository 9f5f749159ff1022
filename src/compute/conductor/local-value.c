/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/conductor/local-internal.h"

enum { DEPTH_MAX = 64 };

/* --- arguments and fields --- */

const struct ol_val *local_arg(const struct local_call *q, size_t n)
{
    const struct ol_val *v = ol_val_item(q->args, n);

    if (!v && q->method->params[n])
        v = ol_val_get(q->kwargs, q->method->params[n]);
    return v && v->type != OL_VAL_NULL ? v : NULL;
}

const char *local_arg_str(const struct local_call *q, size_t n)
{
    return ol_val_str(local_arg(q, n));
}

const struct ol_val *local_field(const struct ol_val *data, const char *name)
{
    const struct ol_val *v = ol_val_get(data, name);

    return v && v->type != OL_VAL_NULL ? v : NULL;
}

const char *local_text(const struct ol_val *data, const char *name)
{
    return ol_val_str(ol_val_get(data, name));
}

struct ol_val *local_str(struct local_call *q, const char *text)
{
    return text ? ol_val_new_str(q->a, text) : ol_val_new_null(q->a);
}

struct ol_val *local_now(struct local_call *q)
{
    char text[NOVA_TIME_SIZE];

    nova_time_format(ol_now_wall(q->local->base.env), text);
    return ol_val_new_str(q->a, text);
}

/* --- objects --- */

struct ol_val *local_object(struct local_call *q, const char *class, struct ol_val *data)
{
    struct ol_val *p;

    if (!data)
        return ol_val_new_null(q->a);
    p = ol_val_new_map(q->a);
    ol_val_set_str(q->a, p, "nova_object.name", class);
    ol_val_set_str(q->a, p, "nova_object.namespace", "nova");
    ol_val_set_str(q->a, p, "nova_object.version",
                   nova_release_version(q->local->base.release, class));
    ol_val_set(q->a, p, "nova_object.data", data);
    return p;
}

struct ol_val *local_list(struct local_call *q, const char *class, enum local_table_id t,
                          const struct ol_val *rows)
{
    struct ol_val *data = ol_val_new_map(q->a), *objects = ol_val_new_list(q->a);

    for (size_t i = 0; i < ol_val_count(rows); i++)
        ol_val_append(
            q->a, objects,
            local_object(q, local_tables[t].class, (struct ol_val *)ol_val_item(rows, i)));
    ol_val_set(q->a, data, "objects", objects);
    return local_object(q, class, data);
}

static struct ol_val *clean(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *to;

    if (depth > DEPTH_MAX)
        return ol_val_new_null(a);
    if (v->type == OL_VAL_LIST) {
        to = ol_val_new_list(a);
        for (size_t i = 0; i < ol_val_count(v); i++)
            ol_val_append(a, to, clean(a, ol_val_item(v, i), depth + 1));
        return to;
    }
    if (v->type != OL_VAL_MAP)
        return ol_val_copy(a, v);
    to = ol_val_new_map(a);
    for (size_t i = 0; i < ol_val_count(v); i++) {
        const struct ol_pair *p = ol_val_pair(v, i);
        const char *key = ol_val_str(p->key);

        if (key && strcmp(key, "nova_object.changes") != 0)
            ol_val_set(a, to, key, clean(a, p->value, depth + 1));
    }
    return to;
}

struct ol_val *local_clean(struct ol_arena *a, const struct ol_val *v)
{
    return clean(a, v, 0);
}

size_t local_take_changes(struct local_call *q, struct ol_val *data)
{
    size_t n = 0;

    for (size_t i = 0; i < ol_val_count(q->o->data); i++) {
        const struct ol_pair *p = ol_val_pair(q->o->data, i);
        const char *name = ol_val_str(p->key);

        if (name && strcmp(name, "id") != 0 && nova_is_changed(q->o, name)) {
            ol_val_set(q->a, data, name, local_clean(q->a, p->value));
            n++;
        }
    }
    return n;
}

void local_answer(struct local_call *q, const struct ol_val *data)
{
    for (size_t i = 0; i < ol_val_count(data); i++) {
        const struct ol_pair *p = ol_val_pair(data, i);
        const struct ol_val *had = ol_val_get_key(q->o->data, p->key);

        if (!had || !ol_val_equal(had, p->value))
            ol_val_set_key(q->a, q->updates, p->key, p->value);
    }
    ol_val_set(q->a, q->updates, "obj_what_changed", ol_val_new_list(q->a));
}

/* --- what most classes do --- */

int local_own_row(struct local_call *q, enum local_table_id t, struct ol_val **ret)
{
    const struct ol_val *id = nova_val(q->o, "id"), *uuid = nova_val(q->o, "uuid");

    *ret = NULL;
    if (!id && !uuid)
        return 0;
    if (local_tables[t].has_uuid && uuid)
        return local_find_one(q, t, LOCAL_KEYS({"uuid", uuid}), LOCAL_LIVE, ret);
    return id ? local_find_one(q, t, LOCAL_KEYS({"id", id}), LOCAL_LIVE, ret) : 0;
}

int local_create_row(struct local_call *q, enum local_table_id t)
{
    struct ol_val *data = ol_val_new_map(q->a);
    int r;

    if (nova_has(q->o, "id"))
        return nova_fail(q->err, NOVA_OBJECT_ACTION,
                         "Object action create failed because: already created");
    local_take_changes(q, data);
    r = local_insert(q, t, data);
    if (r == 0)
        local_answer(q, data);
    return r;
}

int local_save_row(struct local_call *q, enum local_table_id t, struct ol_val *data)
{
    int r = local_take_changes(q, data) ? local_update(q, t, data) : 0;

    if (r == 0)
        local_answer(q, data);
    return r;
}
