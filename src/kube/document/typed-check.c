/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/document/typed-internal.h"

enum { LONGEST_PATH = 64 << 10 };

struct checking {
    struct ol_arena *arena;
    struct ol_buf path;
    struct ol_err *err;
};

static int check(struct checking *c, const struct typed *t, const struct ol_val *v);

static int check_below(struct checking *c, const char *element, const struct typed *t,
                       const struct ol_val *v)
{
    size_t len = c->path.len;
    int r;

    fset_add_path(c->arena, element, &c->path);
    r = check(c, t, v);
    ol_buf_truncate(&c->path, len);
    return r;
}

static int check_members(struct checking *c, const struct typed *t, const struct ol_val *v)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < v->map.n; i++) {
        const char *name = ol_val_str(v->map.pairs[i].key);
        bool is_known = false;
        struct typed child;

        if (!name)
            return ol_err_set(c->err, EINVAL, "%s: a key is not a string", c->path.data);
        child = typed_member(t, name, &is_known);
        if (t->schema && !is_known)
            return ol_err_set(c->err, EINVAL, "%s.%s: field not declared in schema", c->path.data,
                              name);
        r = check_below(c, typed_field_element(c->arena, name), &child, v->map.pairs[i].value);
    }
    return r;
}

static int check_items(struct checking *c, const struct typed *t, const struct ol_val *v)
{
    const struct typed item = typed_item(t);
    struct ol_val *seen = ol_val_new_map(c->arena);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < v->list.n; i++) {
        const char *element = typed_item_element(c->arena, t, v->list.items[i]);

        if (!element)
            return ol_err_set(c->err, EINVAL,
                              "%s: element %zu: associative list with keys has an "
                              "element that omits all key fields \"%s\"",
                              c->path.data, i, t->keys ? t->keys : "");
        if (ol_val_get(seen, element)) {
            ol_auto(ol_buf_done) struct ol_buf key = OL_BUF_INIT(LONGEST_PATH);

            fset_add_path(c->arena, element, &key);
            return ol_err_set(c->err, EINVAL, "%s: duplicate entries for key %s", c->path.data,
                              key.data);
        }
        ol_val_set(c->arena, seen, element, v->list.items[i]);
        r = check_below(c, element, &item, v->list.items[i]);
    }
    return r;
}

static int check(struct checking *c, const struct typed *t, const struct ol_val *v)
{
    if (t->shape == TYPED_LEAF || !v || v->type == OL_VAL_NULL)
        return 0;
    if (t->shape == TYPED_LIST && v->type != OL_VAL_LIST)
        return ol_err_set(c->err, EINVAL, "%s: expected list", c->path.data);
    if (t->shape == TYPED_LIST)
        return check_items(c, t, v);
    if (v->type == OL_VAL_MAP)
        return check_members(c, t, v);
    /* Members that no table knows may be anything. */
    return t->schema ? ol_err_set(c->err, EINVAL, "%s: expected map", c->path.data) : 0;
}

int typed_check(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                struct ol_err *err)
{
    struct checking c = {.arena = a, .path = OL_BUF_INIT(LONGEST_PATH), .err = err};
    int r = check(&c, t, v);

    ol_buf_done(&c.path);
    return r;
}
