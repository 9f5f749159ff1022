/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/template-internal.h"

static void bind(struct tmpl_run *r, const char *name, const struct tmpl_value *value)
{
    struct tmpl_binding *b = r->frame->bindings;

    while (b && strcmp(b->name, name))
        b = b->next;
    if (!b) {
        b = ol_arena_alloc(r->arena, sizeof(*b));
        b->name = name;
        b->next = r->frame->bindings;
        r->frame->bindings = b;
    }
    b->value = *value;
}

static int run_output(struct tmpl_run *r, const struct tmpl_node *n)
{
    const struct ol_val *text = NULL;
    struct tmpl_value v = {0};
    int e = tmpl_eval(r, n->a, &v);

    if (e == 0)
        e = tmpl_text(r, n->line, &v, &text);
    if (e == 0)
        ol_buf_add(r->out, text->str.data, text->str.len);
    return e;
}

static int run_if(struct tmpl_run *r, const struct tmpl_node *n)
{
    struct tmpl_value v = {0};
    int e = tmpl_eval(r, n->a, &v);

    if (e < 0)
        return e;
    return tmpl_run_all(r, tmpl_truth(&v) ? n->b : n->c);
}

static int run_set(struct tmpl_run *r, const struct tmpl_node *n)
{
    struct tmpl_value v = {0};
    int e = tmpl_eval(r, n->a, &v);

    if (e == 0)
        bind(r, n->name, &v);
    return e;
}

/* Gives an item to the loop's variable, or its parts to several. */
static int bind_targets(struct tmpl_run *r, const struct tmpl_node *n, struct ol_val *item)
{
    const struct tmpl_value whole = {.v = item};
    struct ol_val *parts = NULL;
    size_t at = 0;
    int e;

    if (!n->a->next) {
        bind(r, n->a->name, &whole);
        return 0;
    }
    e = tmpl_iterate(r, n->line, &whole, &parts);
    if (e < 0)
        return e;
    for (const struct tmpl_node *target = n->a; target; target = target->next, at++) {
        const struct tmpl_value part = {.v = ol_val_item(parts, at)};

        if (part.v)
            bind(r, target->name, &part);
    }
    if (at > parts->list.n)
        return ol_err_set_domain(r->err, EINVAL, "ValueError", 0,
                                 "not enough values to unpack (expected %zu, got %zu)", at,
                                 parts->list.n);
    if (at < parts->list.n)
        return ol_err_set_domain(r->err, EINVAL, "ValueError", 0,
                                 "too many values to unpack (expected %zu)", at);
    return 0;
}

/* The items for which the loop's own condition holds. */
static int filter_items(struct tmpl_run *r, const struct tmpl_node *n, struct ol_val **items)
{
    struct ol_val *kept = ol_val_new_list(r->arena);
    int e = 0;

    for (size_t i = 0; i < (*items)->list.n && e == 0; i++) {
        struct tmpl_frame frame = {.up = r->frame, .is_filter = true};
        struct tmpl_value v = {0};

        r->frame = &frame;
        e = bind_targets(r, n, (*items)->list.items[i]);
        if (e == 0)
            e = tmpl_eval(r, n->e, &v);
        r->frame = frame.up;
        if (e == 0 && tmpl_truth(&v))
            ol_val_append(r->arena, kept, (*items)->list.items[i]);
    }
    *items = kept;
    return e;
}

static int run_for(struct tmpl_run *r, const struct tmpl_node *n)
{
    struct tmpl_value iterable = {0};
    struct ol_val *items = NULL;
    struct tmpl_loop loop = {0};
    int e = tmpl_eval(r, n->b, &iterable);

    if (e == 0)
        e = tmpl_iterate(r, n->line, &iterable, &items);
    if (e == 0 && n->e)
        e = filter_items(r, n, &items);
    if (e < 0)
        return e;
    loop.n = items->list.n;
    for (; loop.index < loop.n && e == 0; loop.index++) {
        struct tmpl_frame frame = {.up = r->frame, .loop = &loop};

        r->frame = &frame;
        e = bind_targets(r, n, items->list.items[loop.index]);
        if (e == 0)
            e = tmpl_run_all(r, n->c);
        r->frame = frame.up;
    }
    return e == 0 && loop.n == 0 ? tmpl_run_all(r, n->d) : e;
}

static int run_one(struct tmpl_run *r, const struct tmpl_node *n)
{
    switch (n->kind) {
    case TMPL_TEXT: ol_buf_add(r->out, n->value->str.data, n->value->str.len); return 0;
    case TMPL_OUTPUT: return run_output(r, n);
    case TMPL_IF: return run_if(r, n);
    case TMPL_FOR: return run_for(r, n);
    default: return run_set(r, n);
    }
}

int tmpl_run_all(struct tmpl_run *r, const struct tmpl_node *list)
{
    for (const struct tmpl_node *n = list; n; n = n->next) {
        int e = tmpl_step(r);

        if (e == 0)
            e = run_one(r, n);
        if (e == 0 && ol_buf_status(r->out) < 0)
            e = ol_err_set(r->err, EFBIG, "template makes more than %zu bytes", r->out->max);
        if (e < 0)
            return e;
    }
    return 0;
}
