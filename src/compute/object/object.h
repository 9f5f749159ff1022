/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/val.h"
#include "compute/object/release.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/err.h"

/*
 * Nova's versioned objects (nova.objects): a class name, a version, data, and the set of fields
 * that were changed since they were loaded. An object keeps the form in which it travels
 * ("primitive"), so that fields which we don't know come back as they were; one table per class
 * says what the fields are that we use, and checks what is put into them.
 *
 * Only changed fields are saved; setting a field to the value that it has is no change.
 */
enum nova_type {
    NOVA_STRING,
    NOVA_INTEGER,
    NOVA_FLOAT,
    NOVA_BOOLEAN,
    NOVA_UUID,
    NOVA_DATETIME, /* "2026-11-22T01:06:13Z" */
    NOVA_DICT,     /* of strings */
    NOVA_LIST,     /* of strings or integers */
    NOVA_OBJECT,   /* one of 'class' */
    NOVA_OBJECTS,  /* a list of 'class' (the field "objects" of list classes) */
    NOVA_ANY,
};

enum nova_field_flag {
    NOVA_NULLABLE = 1 << 0,
    NOVA_READ_ONLY = 1 << 1,
};

struct nova_field {
    const char *name; /* NULL ends a table */
    enum nova_type type;
    unsigned flags;    /* enum nova_field_flag */
    const char *class; /* of NOVA_OBJECT and NOVA_OBJECTS */
    const char *since; /* the class's first version that has it; NULL = all that we know */
};

struct nova_class {
    const char *name;                /* "Instance" */
    const struct nova_field *fields; /* the classes in them are those of its manifest */
};

/* NULL when it is none of ours. */
const struct nova_class *nova_class_find(const char *name);

struct nova_object {
    const struct nova_class *class;
    const char *version; /* that it came with, or that it is sent with */
    struct ol_arena *arena;
    struct ol_val *primitive; /* the object as it travels */
    struct ol_val *data;      /* of it, a map: fields as primitives; absent = not set */
};

/* An empty one in the release's version. Aborts when the class is not in the tables. */
struct nova_object *nova_object_new(struct ol_arena *a, const struct nova_release *r,
                                    const char *class);
/* From a primitive (which is copied into the arena). -EINVAL: not an object, with the JSON path;
 * -EFBIG: larger than NOVA_OBJECT_MAX, or nested too deep; NOVA_INCOMPATIBLE_OBJECT: a major
 * version that we don't know. A newer minor one is taken as it is: its unknown fields are kept.
 * NOVA_UNSUPPORTED_OBJECT: no such class. */
enum { NOVA_OBJECT_MAX = 16 << 20 };
int nova_object_load(struct ol_arena *a, const struct ol_val *primitive, struct nova_object **ret,
                     struct ol_err *err) __attribute__((warn_unused_result));
/* The same without a copy: the primitive is in the arena already, and nobody else changes it. */
int nova_object_adopt(struct ol_arena *a, const struct ol_val *primitive, struct nova_object **ret,
                      struct ol_err *err) __attribute__((warn_unused_result));
/* Its primitive, sharing its data. */
struct ol_val *nova_object_dump(const struct nova_object *o);
/* A copy in another arena. */
struct nova_object *nova_object_copy(struct ol_arena *a, const struct nova_object *o);

/* The n-th of a list class ("InstanceList"), loaded; NULL beyond its end. */
size_t nova_list_count(const struct nova_object *list);
struct nova_object *nova_list_item(const struct nova_object *list, size_t at);

/* --- reading: absent and null read as NULL, 'fallback', false --- */
bool nova_has(const struct nova_object *o, const char *field); /* set, maybe to null */
const char *nova_str(const struct nova_object *o, const char *field);
int64_t nova_int(const struct nova_object *o, const char *field, int64_t fallback);
double nova_float(const struct nova_object *o, const char *field, double fallback);
bool nova_bool(const struct nova_object *o, const char *field);
const struct ol_val *nova_val(const struct nova_object *o, const char *field);
/* A child object: shares the parent's data, so what is set in it is seen in the parent (whose field
 * is then marked by nova_set_object()). NULL when it is absent or null. */
struct nova_object *nova_child(const struct nova_object *o, const char *field);

/* --- writing: marks the field as changed when the value differs; aborts on a field that the
 * table doesn't have or a value of another type: a bug of ours. A field that came after the
 * object's version (compute_id before Instance 2.8) is left out silently. --- */
void nova_set_str(struct nova_object *o, const char *field, const char *value); /* NULL = null */
void nova_set_int(struct nova_object *o, const char *field, int64_t value);
void nova_set_float(struct nova_object *o, const char *field, double value);
void nova_set_bool(struct nova_object *o, const char *field, bool value);
void nova_set_null(struct nova_object *o, const char *field);
void nova_set_time(struct nova_object *o, const char *field, ol_time wall); /* whole seconds */
void nova_set_val(struct nova_object *o, const char *field, const struct ol_val *value);
void nova_set_object(struct nova_object *o, const char *field, const struct nova_object *child);
/* dict fields: one key. */
void nova_set_key(struct nova_object *o, const char *field, const char *key, const char *value);
void nova_unset_key(struct nova_object *o, const char *field, const char *key);

bool nova_is_changed(const struct nova_object *o, const char *field);
/* Adds the field to the changes though it may have its value: of a state that has to be saved
 * whatever another wrote meanwhile. */
void nova_mark(struct nova_object *o, const char *field);
void nova_clear_changes(struct nova_object *o);
/* Takes in the answer of object_action: changed fields as primitives and "obj_what_changed". What
 * differs is copied; a time is written over in place, so that a service that is saved again and
 * again takes no more memory. Null: nothing changed. */
int nova_object_update(struct nova_object *o, const struct ol_val *updates, struct ol_err *err)
    __attribute__((warn_unused_result));

/* "2026-11-22T01:06:13Z" as nanoseconds since the epoch; -1 when it is no such text. */
ol_time nova_time(const char *text);
enum { NOVA_TIME_SIZE = 21 };
void nova_time_format(ol_time wall, char out[NOVA_TIME_SIZE]);
/* The version manifest of a class and all below it, for object_class_action_versions. */
struct ol_val *nova_manifest(struct ol_arena *a, const struct nova_release *r, const char *class);
