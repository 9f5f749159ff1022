/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/object/object.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/object/object-internal.h"
#include "core/num.h"

int nova_version_major(const char *version)
{
    char digits[8] = "";
    size_t len = version ? strcspn(version, ".") : 0;
    int major;

    if (!len || len >= sizeof(digits))
        return -1;
    memcpy(digits, version, len);
    return ol_parse_int(digits, 10, 0, 9999, &major) < 0 ? -1 : major;
}

int nova_version_compare(const char *a, const char *b)
{
    const char *dot_a = strchr(a, '.'), *dot_b = strchr(b, '.');
    int major = nova_version_major(a) - nova_version_major(b);

    if (major || !dot_a || !dot_b)
        return major;
    return nova_version_major(dot_a + 1) - nova_version_major(dot_b + 1);
}

static bool is_object(const struct ol_val *v)
{
    return ol_val_str(ol_val_get(v, NOVA_KEY_NAME)) != NULL;
}

static struct nova_object *wrap(struct ol_arena *a, const struct nova_class *c,
                                struct ol_val *primitive)
{
    struct nova_object *o = ol_arena_alloc(a, sizeof(*o));

    o->class = c;
    o->version = ol_val_str(ol_val_get(primitive, NOVA_KEY_VERSION));
    o->arena = a;
    o->primitive = primitive;
    o->data = ol_val_get_mut(primitive, NOVA_KEY_DATA);
    return o;
}

struct nova_object *nova_object_new(struct ol_arena *a, const struct nova_release *r,
                                    const char *class)
{
    const struct nova_class *c = nova_class_find(class);
    const char *version = c ? nova_release_version(r, class) : NULL;
    struct ol_val *p = ol_val_new_map(a);

    assert(version);
    ol_val_set_str(a, p, NOVA_KEY_NAME, class);
    ol_val_set_str(a, p, NOVA_KEY_SPACE, "nova");
    ol_val_set_str(a, p, NOVA_KEY_VERSION, version);
    ol_val_set(a, p, NOVA_KEY_DATA, ol_val_new_map(a));
    return wrap(a, c, p);
}

/* --- what came from outside --- */

/* Where in a primitive the check is: names of fields, innermost first. */
struct place {
    const struct place *above;
    const char *name;
    size_t at; /* of a list, from 1; 0 = none */
};

static void write_path(const struct place *p, char *out, size_t size)
{
    size_t len;

    out[0] = '\0';
    if (p->above)
        write_path(p->above, out, size);
    len = strlen(out);
    if (p->at)
        snprintf(out + len, size - len, "/%s[%zu]", p->name, p->at - 1);
    else
        snprintf(out + len, size - len, "%s%s", p->above ? "/" : "", p->name);
}

static int bad(const struct place *p, const char *what, struct ol_err *err)
{
    char path[256];

    write_path(p, path, sizeof(path));
    return ol_err_set(err, EINVAL, "%s: %s", path, what);
}

static int check_parts(const struct ol_val *v, const struct place *p, struct ol_err *err)
{
    const struct ol_val *changes = ol_val_get(v, NOVA_KEY_CHANGES);
    const struct ol_val *space = ol_val_get(v, NOVA_KEY_SPACE);

    if (nova_version_major(ol_val_str(ol_val_get(v, NOVA_KEY_VERSION))) < 0)
        return bad(p, "the object has no version", err);
    if (!ol_val_is(ol_val_get(v, NOVA_KEY_DATA), OL_VAL_MAP))
        return bad(p, "the object's data is not a map", err);
    if (changes && !ol_val_is(changes, OL_VAL_LIST))
        return bad(p, "the object's changes are not a list", err);
    for (size_t i = 0; i < ol_val_count(changes); i++)
        if (!ol_val_str(ol_val_item(changes, i)))
            return bad(p, "the object's changes are not names", err);
    if (space && (!ol_val_str(space) || strcmp(ol_val_str(space), "nova") != 0))
        return nova_fail(err, NOVA_UNSUPPORTED_OBJECT, "Unsupported object type %s.%s",
                         ol_val_str(space) ? ol_val_str(space) : "?",
                         ol_val_str(ol_val_get(v, NOVA_KEY_NAME)));
    return 0;
}

static int check(const struct ol_val *v, const struct place *p, struct ol_err *err);

static int check_field(const struct nova_field *f, const struct ol_val *v, const struct place *p,
                       struct ol_err *err)
{
    int r = 0;

    if (!v || v->type == OL_VAL_NULL)
        return 0;
    if (f->type == NOVA_OBJECT)
        return check(v, p, err);
    if (v->type != OL_VAL_LIST)
        return bad(p, "not a list", err);
    for (size_t i = 0; i < ol_val_count(v) && r == 0; i++) {
        const struct place item = {p->above, p->name, i + 1};

        r = check(ol_val_item(v, i), &item, err);
    }
    return r;
}

/* The form of an object and of those in it whose classes we know. */
static int check(const struct ol_val *v, const struct place *p, struct ol_err *err)
{
    const struct nova_class *c;
    int r;

    if (!is_object(v))
        return bad(p, "not an object", err);
    r = check_parts(v, p, err);
    if (r < 0)
        return r;
    c = nova_class_find(ol_val_str(ol_val_get(v, NOVA_KEY_NAME)));
    for (const struct nova_field *f = c ? c->fields : NULL; f && f->name && r == 0; f++) {
        const struct place below = {p, f->name, 0};

        if (f->type == NOVA_OBJECT || f->type == NOVA_OBJECTS)
            r = check_field(f, ol_val_get(ol_val_get(v, NOVA_KEY_DATA), f->name), &below, err);
    }
    return r;
}

static int examine(const struct ol_val *v, const struct nova_class **ret, struct ol_err *err)
{
    const char *name = ol_val_str(ol_val_get(v, NOVA_KEY_NAME));
    const char *version = ol_val_str(ol_val_get(v, NOVA_KEY_VERSION));
    const struct place top = {NULL, name ? name : "$", 0};
    const struct nova_class *c;
    int r;

    if (!ol_val_is_within(v, NOVA_OBJECT_MAX))
        return ol_err_set(err, EFBIG, "%s: the object is too large or nested too deep", top.name);
    r = check(v, &top, err);
    if (r < 0)
        return r;
    c = nova_class_find(name);
    if (!c)
        return nova_fail(err, NOVA_UNSUPPORTED_OBJECT, "Unsupported object type %s", name);
    if (nova_version_major(version)
        != nova_version_major(nova_release_version(&nova_releases[0], name)))
        return nova_fail(err, NOVA_INCOMPATIBLE_OBJECT,
                         "Version %s of %s is not supported, supported version is %s", version,
                         name, nova_release_version(&nova_releases[0], name));
    *ret = c;
    return 0;
}

int nova_object_adopt(struct ol_arena *a, const struct ol_val *primitive, struct nova_object **ret,
                      struct ol_err *err)
{
    const struct nova_class *c;
    int r = examine(primitive, &c, err);

    if (r == 0)
        *ret = wrap(a, c, (struct ol_val *)primitive);
    return r;
}

int nova_object_load(struct ol_arena *a, const struct ol_val *primitive, struct nova_object **ret,
                     struct ol_err *err)
{
    const struct nova_class *c;
    struct ol_val *copy;
    int r = examine(primitive, &c, err);

    if (r < 0)
        return r;
    copy = ol_val_copy(a, primitive);
    if (ol_arena_is_over(a)) /* then part of the copy is null */
        return ol_err_set(err, EFBIG, "%s: there is no room for the object", c->name);
    *ret = wrap(a, c, copy);
    return 0;
}

/* --- objects as values --- */

struct ol_val *nova_object_dump(const struct nova_object *o)
{
    return o->primitive;
}

struct nova_object *nova_object_copy(struct ol_arena *a, const struct nova_object *o)
{
    return wrap(a, o->class, ol_val_copy(a, o->primitive));
}

/* One that is part of another, whose form was checked with it; NULL for classes not of ours. */
static struct nova_object *part(struct ol_arena *a, struct ol_val *v)
{
    const char *name = ol_val_str(ol_val_get(v, NOVA_KEY_NAME));
    const struct nova_class *c = name ? nova_class_find(name) : NULL;

    return c && ol_val_is(ol_val_get(v, NOVA_KEY_DATA), OL_VAL_MAP) ? wrap(a, c, v) : NULL;
}

size_t nova_list_count(const struct nova_object *list)
{
    return list ? ol_val_count(ol_val_get(list->data, "objects")) : 0;
}

struct nova_object *nova_list_item(const struct nova_object *list, size_t at)
{
    const struct ol_val *items = list ? ol_val_get(list->data, "objects") : NULL;

    return part(list ? list->arena : NULL, (struct ol_val *)ol_val_item(items, at));
}

struct nova_object *nova_child(const struct nova_object *o, const char *field)
{
    return o ? part(o->arena, ol_val_get_mut(o->data, field)) : NULL;
}
