/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "compute/object/object-internal.h"

/* --- reading --- */

bool nova_has(const struct nova_object *o, const char *field)
{
    return o && ol_val_get(o->data, field);
}

const struct ol_val *nova_val(const struct nova_object *o, const char *field)
{
    const struct ol_val *v = o ? ol_val_get(o->data, field) : NULL;

    return v && v->type != OL_VAL_NULL ? v : NULL;
}

const char *nova_str(const struct nova_object *o, const char *field)
{
    return ol_val_str(nova_val(o, field));
}

int64_t nova_int(const struct nova_object *o, const char *field, int64_t fallback)
{
    return ol_val_int(nova_val(o, field), fallback);
}

double nova_float(const struct nova_object *o, const char *field, double fallback)
{
    const struct ol_val *v = nova_val(o, field);

    if (ol_val_is(v, OL_VAL_FLOAT))
        return v->number;
    return ol_val_is(v, OL_VAL_INT) && !v->integer.text ? (double)v->integer.value : fallback;
}

bool nova_bool(const struct nova_object *o, const char *field)
{
    const struct ol_val *v = nova_val(o, field);

    return ol_val_is(v, OL_VAL_BOOL) && v->boolean;
}

/* --- changes --- */

static bool is_text(const struct ol_val *v, const char *text)
{
    return ol_val_str(v) && !strcmp(ol_val_str(v), text);
}

static bool has_name(const struct ol_val *list, const char *name)
{
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (is_text(ol_val_item(list, i), name))
            return true;
    return false;
}

void nova_mark(struct nova_object *o, const char *field)
{
    struct ol_val *changes = ol_val_get_mut(o->primitive, NOVA_KEY_CHANGES);

    if (!ol_val_is(changes, OL_VAL_LIST)) {
        changes = ol_val_new_list(o->arena);
        ol_val_set(o->arena, o->primitive, NOVA_KEY_CHANGES, changes);
    }
    if (has_name(changes, field))
        return;
    if (changes->list.n < changes->list.cap && is_text(changes->list.items[changes->list.n], field))
        changes->list.n++; /* the name that stood there before it was cleared */
    else
        ol_val_append(o->arena, changes, ol_val_new_str(o->arena, field));
}

/* As obj_what_changed() looks: into child objects and the objects of a list class, not into fields
 * that are plain lists. The form was checked when it was loaded, so it ends. */
static bool has_changes(const struct ol_val *primitive)
{
    const struct ol_val *data = ol_val_get(primitive, NOVA_KEY_DATA);
    const struct ol_val *objects = ol_val_get(data, "objects");

    if (ol_val_count(ol_val_get(primitive, NOVA_KEY_CHANGES)))
        return true;
    for (size_t i = 0; i < ol_val_count(data); i++)
        if (has_changes(ol_val_pair(data, i)->value))
            return true;
    for (size_t i = 0; i < ol_val_count(objects); i++)
        if (has_changes(ol_val_item(objects, i)))
            return true;
    return false;
}

bool nova_is_changed(const struct nova_object *o, const char *field)
{
    return has_name(ol_val_get(o->primitive, NOVA_KEY_CHANGES), field)
           || has_changes(ol_val_get(o->data, field));
}

void nova_clear_changes(struct nova_object *o)
{
    struct ol_val *changes = ol_val_get_mut(o->primitive, NOVA_KEY_CHANGES);

    if (ol_val_is(changes, OL_VAL_LIST))
        changes->list.n = 0; /* the list stays, so that the next changes need no memory */
}

/* --- writing --- */

/* NULL when the object's version has no such field yet. */
static const struct nova_field *to_write(const struct nova_object *o, const char *name)
{
    const struct nova_field *f = nova_field_find(o->class, name);

    assert(f && "a field that the class has");
    return f->since && nova_version_compare(o->version, f->since) < 0 ? NULL : f;
}

/* A read-only field is set once, as nova raises ReadOnlyFieldError. */
static void put(struct nova_object *o, const struct nova_field *f, struct ol_val *value)
{
    assert(!(f->flags & NOVA_READ_ONLY) || !ol_val_get(o->data, f->name));
    ol_val_set(o->arena, o->data, f->name, value);
    nova_mark(o, f->name);
}

void nova_set_null(struct nova_object *o, const char *field)
{
    const struct nova_field *f = to_write(o, field);

    if (!f)
        return;
    assert(f->flags & NOVA_NULLABLE);
    if (!ol_val_is(ol_val_get(o->data, field), OL_VAL_NULL))
        put(o, f, ol_val_new_null(o->arena));
}

void nova_set_str(struct nova_object *o, const char *field, const char *value)
{
    const struct nova_field *f = to_write(o, field);
    const char *old = nova_str(o, field);

    if (!f)
        return;
    if (!value) {
        nova_set_null(o, field);
        return;
    }
    assert(f->type == NOVA_STRING || f->type == NOVA_UUID || f->type == NOVA_DATETIME
           || f->type == NOVA_ANY);
    if (!old || strcmp(old, value) != 0)
        put(o, f, ol_val_new_str(o->arena, value));
}

/* A number takes the place of the old one, so that a counter needs no more memory. */
void nova_set_int(struct nova_object *o, const char *field, int64_t value)
{
    const struct nova_field *f = to_write(o, field);
    struct ol_val *old = ol_val_get_mut(o->data, field);

    if (!f)
        return;
    assert(f->type == NOVA_INTEGER || f->type == NOVA_ANY);
    if (!ol_val_is(old, OL_VAL_INT) || (f->flags & NOVA_READ_ONLY)) {
        if (!ol_val_is(old, OL_VAL_INT) || old->integer.value != value)
            put(o, f, ol_val_new_int(o->arena, value));
    } else if (old->integer.text || old->integer.value != value) {
        old->integer.value = value;
        old->integer.text = NULL;
        nova_mark(o, field);
    }
}

void nova_set_float(struct nova_object *o, const char *field, double value)
{
    const struct nova_field *f = to_write(o, field);
    const struct ol_val *old = ol_val_get(o->data, field);

    if (!f)
        return;
    assert(f->type == NOVA_FLOAT || f->type == NOVA_ANY);
    if (!ol_val_is(old, OL_VAL_FLOAT) || old->number < value || old->number > value)
        put(o, f, ol_val_new_float(o->arena, value));
}

void nova_set_bool(struct nova_object *o, const char *field, bool value)
{
    const struct nova_field *f = to_write(o, field);
    const struct ol_val *old = ol_val_get(o->data, field);

    if (!f)
        return;
    assert(f->type == NOVA_BOOLEAN || f->type == NOVA_ANY);
    if (!ol_val_is(old, OL_VAL_BOOL) || old->boolean != value)
        put(o, f, ol_val_new_bool(o->arena, value));
}

void nova_set_time(struct nova_object *o, const char *field, ol_time wall)
{
    const struct nova_field *f = nova_field_find(o->class, field);
    char text[NOVA_TIME_SIZE];

    assert(f && f->type == NOVA_DATETIME);
    nova_time_format(wall, text);
    nova_set_str(o, field, text);
}

static bool is_of_type(const struct nova_field *f, const struct ol_val *v)
{
    static const enum ol_val_type types[] = {
        [NOVA_STRING] = OL_VAL_STR,   [NOVA_INTEGER] = OL_VAL_INT, [NOVA_FLOAT] = OL_VAL_FLOAT,
        [NOVA_BOOLEAN] = OL_VAL_BOOL, [NOVA_UUID] = OL_VAL_STR,    [NOVA_DATETIME] = OL_VAL_STR,
        [NOVA_DICT] = OL_VAL_MAP,     [NOVA_LIST] = OL_VAL_LIST,   [NOVA_OBJECT] = OL_VAL_MAP,
        [NOVA_OBJECTS] = OL_VAL_LIST, [NOVA_ANY] = OL_VAL_NULL,
    };

    return f->type == NOVA_ANY || ol_val_is(v, types[f->type]);
}

void nova_set_val(struct nova_object *o, const char *field, const struct ol_val *value)
{
    const struct nova_field *f = to_write(o, field);

    if (!f)
        return;
    if (!value || value->type == OL_VAL_NULL) {
        nova_set_null(o, field);
        return;
    }
    assert(is_of_type(f, value));
    if (!ol_val_equal(ol_val_get(o->data, field), value))
        put(o, f, ol_val_copy(o->arena, value));
}

void nova_set_object(struct nova_object *o, const char *field, const struct nova_object *child)
{
    const struct nova_field *f = to_write(o, field);
    const struct ol_val *old = ol_val_get(o->data, field);

    if (!f)
        return;
    if (!child) {
        nova_set_null(o, field);
        return;
    }
    assert(f->type == NOVA_OBJECT);
    if (old == child->primitive)
        nova_mark(o, field);
    else if (!ol_val_equal(old, child->primitive))
        put(o, f,
            child->arena == o->arena ? child->primitive : ol_val_copy(o->arena, child->primitive));
}

void nova_set_key(struct nova_object *o, const char *field, const char *key, const char *value)
{
    const struct nova_field *f = to_write(o, field);
    struct ol_val *dict = ol_val_get_mut(o->data, field);
    const struct ol_val *old = ol_val_get(dict, key);
    struct ol_val *item;

    if (!f)
        return;
    assert(f->type == NOVA_DICT);
    item = value ? ol_val_new_str(o->arena, value) : ol_val_new_null(o->arena);
    if (old && ol_val_equal(old, item))
        return;
    if (!ol_val_is(dict, OL_VAL_MAP)) {
        dict = ol_val_new_map(o->arena);
        put(o, f, dict);
    }
    ol_val_set(o->arena, dict, key, item);
    nova_mark(o, field);
}

void nova_unset_key(struct nova_object *o, const char *field, const char *key)
{
    const struct nova_field *f = to_write(o, field);

    if (f && ol_val_remove(ol_val_get_mut(o->data, field), key))
        nova_mark(o, field);
}

/* --- the answer of an action --- */

/* A time of the same length is written over: nobody keeps the old one. */
static void take_field(struct nova_object *o, const char *name, const struct ol_val *value)
{
    const struct nova_field *f = nova_field_find(o->class, name);
    struct ol_val *old = ol_val_get_mut(o->data, name);

    if (old && ol_val_equal(old, value) && old->type == value->type)
        return;
    if (f && f->type == NOVA_DATETIME && ol_val_is(old, OL_VAL_STR) && ol_val_is(value, OL_VAL_STR)
        && old->str.len == value->str.len)
        memcpy((char *)old->str.data, value->str.data, value->str.len);
    else
        ol_val_set(o->arena, o->data, name, ol_val_copy(o->arena, value));
}

int nova_object_update(struct nova_object *o, const struct ol_val *updates, struct ol_err *err)
{
    const struct ol_val *changed = ol_val_get(updates, "obj_what_changed");

    if (!updates || updates->type == OL_VAL_NULL)
        return 0;
    if (!ol_val_is(updates, OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "%s: what an action changed is not a map", o->class->name);
    if (!ol_val_is_within(updates, NOVA_OBJECT_MAX))
        return ol_err_set(err, EFBIG, "%s: what an action changed is too large", o->class->name);
    for (size_t i = 0; i < ol_val_count(updates); i++) {
        const struct ol_pair *p = ol_val_pair(updates, i);
        const char *name = ol_val_str(p->key);

        if (name && p->value != changed)
            take_field(o, name, p->value);
    }
    nova_clear_changes(o);
    for (size_t i = 0; i < ol_val_count(changed); i++)
        if (ol_val_str(ol_val_item(changed, i)))
            nova_mark(o, ol_val_str(ol_val_item(changed, i)));
    return 0;
}

/* --- times --- */

ol_time nova_time(const char *text)
{
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    time_t seconds;

    if (!rest || tm.tm_year < 0 || tm.tm_year > 360)
        return -1;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (*rest && strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0)
        return -1;
    seconds = timegm(&tm);
    return seconds < 0 ? -1 : (ol_time)seconds * OL_SECOND;
}

void nova_time_format(ol_time wall, char out[NOVA_TIME_SIZE])
{
    time_t seconds = (time_t)(wall / OL_SECOND);
    struct tm tm = {0};

    if (!gmtime_r(&seconds, &tm) || !strftime(out, NOVA_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
        out[0] = '\0';
}
