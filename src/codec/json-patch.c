/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json-patch.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"

/* A patch under way. */
struct patch {
    struct ol_arena *arena;
    struct ol_val *doc;
    const struct ol_val *op; /* the operation of now */
    size_t number;           /* its number, from 1 */
};

static int refuse(const struct patch *p, const char *what, const char *path, struct ol_err *err)
{
    return ol_err_set_domain(err, EINVAL, "JsonPatchException", 0, "operation %zu: %s '%s'",
                             p->number, what, path);
}

/* RFC 6901, 4: "~1" is a slash, "~0" a tilde. */
static const char *unescaped(struct ol_arena *a, const char *s, size_t len)
{
    char *token = ol_arena_memdup(a, s, len), *to = token;

    for (const char *from = token; *from; from++) {
        bool is_escape = from[0] == '~' && (from[1] == '0' || from[1] == '1');

        *to++ = (char)(!is_escape ? *from : *++from == '1' ? '/' : '~');
    }
    *to = '\0';
    return token;
}

/* An index into a list of n items; 'n' itself only where something is added. */
static bool as_index(const char *token, size_t limit, size_t *ret)
{
    uint64_t at;

    if ((token[0] == '0' && token[1]) || ol_parse_u64(token, 10, &at) < 0 || at >= limit)
        return false;
    *ret = (size_t)at;
    return true;
}

static struct ol_val *child(const struct ol_val *v, const char *token)
{
    size_t at;

    if (ol_val_is(v, OL_VAL_MAP))
        return ol_val_get_mut((struct ol_val *)v, token);
    if (ol_val_is(v, OL_VAL_LIST) && as_index(token, v->list.n, &at))
        return v->list.items[at];
    return NULL;
}

/* The value that holds the last token of 'path'; NULL = there is none. */
static struct ol_val *holder(const struct patch *p, const char *path, const char **ret_last)
{
    struct ol_val *v = p->doc;

    while (v && *path == '/') {
        size_t len = strcspn(++path, "/");
        const char *token = unescaped(p->arena, path, len);

        path += len;
        if (!*path) {
            *ret_last = token;
            return v;
        }
        v = child(v, token);
    }
    return NULL;
}

static struct ol_val *look_up(const struct patch *p, const char *path)
{
    const char *last = NULL;
    struct ol_val *in = *path ? holder(p, path, &last) : NULL;

    if (!*path)
        return p->doc;
    return in ? child(in, last) : NULL;
}

static void insert(struct ol_arena *a, struct ol_val *list, size_t at, struct ol_val *value)
{
    ol_val_append(a, list, value);
    memmove(&list->list.items[at + 1], &list->list.items[at],
            (list->list.n - 1 - at) * sizeof(value));
    list->list.items[at] = value;
}

static int add_value(struct patch *p, const char *path, struct ol_val *value, struct ol_err *err)
{
    const char *last = NULL;
    struct ol_val *in;
    size_t at;

    if (!*path) {
        p->doc = value;
        return 0;
    }
    in = holder(p, path, &last);
    if (ol_val_is(in, OL_VAL_MAP)) {
        ol_val_set(p->arena, in, last, value);
        return 0;
    }
    if (!ol_val_is(in, OL_VAL_LIST))
        return refuse(p, "there is no place", path, err);
    if (!strcmp(last, "-"))
        at = in->list.n;
    else if (!as_index(last, in->list.n + 1, &at))
        return refuse(p, "no such index", path, err);
    insert(p->arena, in, at, value);
    return 0;
}

static int remove_value(struct patch *p, const char *path, struct ol_err *err)
{
    const char *last = NULL;
    struct ol_val *in = holder(p, path, &last);
    size_t at;

    if (ol_val_is(in, OL_VAL_MAP) && ol_val_remove(in, last))
        return 0;
    if (!ol_val_is(in, OL_VAL_LIST) || !as_index(last, in->list.n, &at))
        return refuse(p, "there is nothing to remove at", path, err);
    memmove(&in->list.items[at], &in->list.items[at + 1],
            (in->list.n - at - 1) * sizeof(in->list.items[0]));
    in->list.n--;
    return 0;
}

static int given_value(const struct patch *p, struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *value = ol_val_get(p->op, "value");

    if (!value)
        return refuse(p, "it lacks", "value", err);
    *ret = ol_val_copy(p->arena, value);
    return 0;
}

static int op_add(struct patch *p, const char *path, struct ol_err *err)
{
    struct ol_val *value = NULL;
    int r = given_value(p, &value, err);

    return r < 0 ? r : add_value(p, path, value, err);
}

static int op_replace(struct patch *p, const char *path, struct ol_err *err)
{
    struct ol_val *value = NULL;
    const char *last = NULL;
    struct ol_val *in;
    int r = given_value(p, &value, err);
    size_t at;

    if (r == 0 && !look_up(p, path))
        r = refuse(p, "there is nothing to replace at", path, err);
    if (r < 0)
        return r;
    in = holder(p, path, &last);
    if (!ol_val_is(in, OL_VAL_LIST))
        return add_value(p, path, value, err);
    if (as_index(last, in->list.n, &at))
        in->list.items[at] = value;
    return 0;
}

static int op_test(struct patch *p, const char *path, struct ol_err *err)
{
    struct ol_val *value = NULL;
    int r = given_value(p, &value, err);

    if (r == 0 && (!look_up(p, path) || !ol_val_equal(look_up(p, path), value)))
        r = refuse(p, "another value is at", path, err);
    return r;
}

static int from_value(const struct patch *p, const char **ret_from, struct ol_val **ret,
                      struct ol_err *err)
{
    *ret_from = ol_val_str(ol_val_get(p->op, "from"));
    if (!*ret_from)
        return refuse(p, "it lacks", "from", err);
    *ret = ol_val_copy(p->arena, look_up(p, *ret_from));
    return *ret ? 0 : refuse(p, "there is nothing at", *ret_from, err);
}

static int op_copy(struct patch *p, const char *path, struct ol_err *err)
{
    struct ol_val *value = NULL;
    const char *from = NULL;
    int r = from_value(p, &from, &value, err);

    return r < 0 ? r : add_value(p, path, value, err);
}

static int op_move(struct patch *p, const char *path, struct ol_err *err)
{
    struct ol_val *value = NULL;
    const char *from = NULL;
    int r = from_value(p, &from, &value, err);

    if (r == 0)
        r = remove_value(p, from, err);
    return r < 0 ? r : add_value(p, path, value, err);
}

static const struct {
    const char *name;
    int (*run)(struct patch *p, const char *path, struct ol_err *err);
} operations[] = {
    {"add", op_add},   {"remove", remove_value}, {"replace", op_replace},
    {"move", op_move}, {"copy", op_copy},        {"test", op_test},
};

static int apply(struct patch *p, struct ol_err *err)
{
    const char *name = ol_val_str(ol_val_get(p->op, "op"));
    const char *path = ol_val_str(ol_val_get(p->op, "path"));

    if (!name || !path || (*path && *path != '/'))
        return refuse(p, "it needs", "op and path", err);
    for (size_t i = 0; i < ol_count(operations); i++)
        if (!strcmp(operations[i].name, name))
            return operations[i].run(p, path, err);
    return refuse(p, "unknown operation", name, err);
}

int ol_json_patch(const struct ol_val *patch, const struct ol_val *doc, struct ol_arena *a,
                  struct ol_val **ret, struct ol_err *err)
{
    struct patch p = {.arena = a, .doc = ol_val_copy(a, doc)};

    if (!ol_val_is(patch, OL_VAL_LIST))
        return ol_err_set_domain(err, EINVAL, "InvalidJsonPatch", 0,
                                 "a JSON patch is a list of operations");
    for (size_t i = 0; i < ol_val_count(patch); i++) {
        int r;

        p.op = ol_val_item(patch, i);
        p.number = i + 1;
        r = apply(&p, err);
        /* Each copy may double the document. */
        if (r == 0 && ol_arena_is_over(a))
            r = ol_err_set(err, EFBIG, "operation %zu: the document grows too large", p.number);
        if (r < 0)
            return r;
    }
    *ret = p.doc;
    return 0;
}
