/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/check.h"

#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/check-internal.h"

/* --- unknown members --- */
static void unknown_in(const struct kube_schema *schema, const struct ol_val *object,
                       const struct kube_path *at, struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(object) && ol_val_is(object, OL_VAL_MAP); i++) {
        const struct ol_pair *pair = ol_val_pair(object, i);
        const char *name = ol_val_str(pair->key);
        const struct kube_field *f = name ? kube_field_find(schema, name) : NULL;
        struct kube_path path = {.up = at, .name = name ? name : ""};
        char text[KUBE_PATH_MAX];

        if (!f) {
            kube_path_text(&path, text);
            kube_find(to, "FieldValueInvalid", text, "unknown field \"%s\"", text);
        } else if (f->type == KUBE_OBJECT) {
            unknown_in(f->of, pair->value, &path, to);
        } else if (f->type == KUBE_LIST) {
            for (size_t k = 0; ol_val_item(pair->value, k); k++)
                unknown_in(f->of, ol_val_item(pair->value, k), ITEM(&path, k), to);
        }
    }
}

void kube_check_unknown(const struct kube_kind *kind, const struct ol_val *object,
                        struct kube_findings *to)
{
    unknown_in(kind->schema, object, NULL, to);
}

/* --- defaults --- */
/* Fallbacks are short JSON texts. */
static struct ol_val *parse_fallback(struct ol_arena *a, const char *text)
{
    struct ol_val *v = NULL;

    if (ol_json_load(text, strlen(text), a, &v, NULL) < 0)
        return ol_val_new_null(a);
    return v;
}

static bool is_absent(const struct kube_field *f, const struct ol_val *v)
{
    if (!v || v->type == OL_VAL_NULL)
        return true;
    switch (f->type) {
    case KUBE_STR:
    case KUBE_ENUM: return !(f->flags & KUBE_KEEP) && !ol_val_is_truthy(v);
    case KUBE_INT:
    case KUBE_BOOL: return !(f->flags & KUBE_KEEP) && !ol_val_is_truthy(v);
    case KUBE_STRS: return ol_val_count(v) == 0;
    default: return false;
    }
}

static void default_in(const struct kube_schema *schema, struct ol_val *object, struct ol_arena *a)
{
    if (!ol_val_is(object, OL_VAL_MAP))
        return;
    for (const struct kube_field *f = schema->fields; f->name; f++) {
        struct ol_val *v = ol_val_get_mut(object, f->name);

        if (f->fallback && is_absent(f, v)) {
            v = parse_fallback(a, f->fallback);
            ol_val_set(a, object, f->name, v);
        }
        if (f->type == KUBE_OBJECT)
            default_in(f->of, v, a);
        for (size_t i = 0; f->type == KUBE_LIST && i < ol_val_count(v); i++)
            default_in(f->of, v->list.items[i], a);
    }
}

void kube_default(const struct kube_kind *kind, struct ol_val *object, const struct ol_val *old,
                  struct ol_arena *a)
{
    default_in(kind->schema, object, a);
    if (kind->prepare)
        kind->prepare(object, old, a);
}

/* --- what the table says --- */
static bool is_form_own(const struct kube_field *f)
{
    /* Operators have a sentence of their own, see check-parts.c. */
    return !strcmp(f->name, "operator");
}

static void check_names(const struct kube_field *f, const struct ol_val *v,
                        const struct kube_path *at, struct kube_findings *to)
{
    size_t n = f->type == KUBE_STRS || f->type == KUBE_ENUM_SET ? ol_val_count(v) : 1;

    if (!f->names || is_form_own(f))
        return;
    for (size_t i = 0; i < n; i++) {
        const char *s = ol_val_str(v->type == OL_VAL_LIST ? ol_val_item(v, i) : v);
        bool is_known = false;

        for (size_t k = 0; s && f->names[k]; k++)
            is_known |= !strcmp(s, f->names[k]);
        if (s && *s && !is_known)
            check_unsupported(to, at, s, f->names);
    }
}

static void check_one_of(const struct kube_schema *schema, const struct ol_val *object,
                         const struct kube_path *at, struct kube_findings *to)
{
    size_t n_known = 0, n = 0;

    for (const struct kube_field *f = schema->fields; f->name; f++) {
        if (!(f->flags & KUBE_ONE_OF))
            continue;
        n_known++;
        if (ol_val_get(object, f->name) && n++ > 0)
            check_forbidden(to, CHILD(at, f->name), "may not specify more than 1 volume type");
    }
    if (n_known && n == 0)
        check_required(to, at, "must specify a volume type");
}

struct validator {
    const struct ol_val *old; /* NULL on create */
    struct kube_findings *to;
};

static void validate_in(const struct validator *c, const struct kube_schema *schema,
                        const struct ol_val *object, const struct kube_path *at);

static bool is_optional_string(const struct kube_field *f)
{
    return !(f->flags & KUBE_REQUIRED) || (f->flags & KUBE_MAY_BE_EMPTY)
           || (f->type != KUBE_STR && f->type != KUBE_ENUM);
}

static void validate_field(const struct validator *c, const struct kube_field *f,
                           const struct ol_val *v, const struct kube_path *at)
{
    if (!v || (v->type == OL_VAL_STR && v->str.len == 0)) {
        if (!is_optional_string(f))
            check_required(c->to, at, NULL);
        return;
    }
    check_names(f, v, at, c->to);
    if ((f->flags & KUBE_NON_NEGATIVE) && ol_val_int(v, 0) < 0)
        check_invalid_int(c->to, at, ol_val_int(v, 0), "must be greater than or equal to 0");
    if (f->type == KUBE_OBJECT)
        validate_in(c, f->of, v, at);
    for (size_t i = 0; f->type == KUBE_LIST && i < ol_val_count(v); i++)
        validate_in(c, f->of, ol_val_item(v, i), ITEM(at, i));
}

/* Immutable members are members of the root, or of an object of it: that is as far as 'old'
 * goes. */
static void validate_in(const struct validator *c, const struct kube_schema *schema,
                        const struct ol_val *object, const struct kube_path *at)
{
    const struct ol_val *old = at ? NULL : c->old;

    if (at && !at->up && at->name)
        old = ol_val_get(c->old, at->name);
    check_one_of(schema, object, at, c->to);
    for (const struct kube_field *f = schema->fields; f->name; f++) {
        struct kube_path path = {.up = at, .name = f->name};
        const struct ol_val *v = ol_val_get(object, f->name);

        if (!at && (!strcmp(f->name, "metadata") || !strcmp(f->name, "status")))
            continue; /* has rules of its own; is not looked at */
        validate_field(c, f, v, &path);
        if ((f->flags & KUBE_IMMUTABLE) && c->old)
            check_immutable(v, ol_val_get(old, f->name), &path, c->to);
    }
}

void kube_validate(const struct kube_kind *kind, const struct ol_val *object,
                   const struct ol_val *old, bool is_status, struct kube_findings *to)
{
    const struct validator c = {.old = old, .to = to};

    check_meta(kind, object, old, to);
    if (is_status)
        return;
    validate_in(&c, kind->schema, object, NULL);
    if (kind->validate)
        kind->validate(object, old, to);
}
