/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/strv.h"

/*
 * A value as YAML, JSON and cloud-init's configuration know it: one tree type for all
 * codecs. Types are those that PyYAML's safe_load gives. Maps keep the order of insertion
 * and may have keys of any type; a key that is set again keeps its place.
 *
 * Values live in an arena and are released with it. A tree is built by its codec or by
 * the functions below and is read through const pointers afterwards; trees may share
 * subtrees (a YAML alias is the same pointer) and may even be cyclic: whoever walks
 * foreign input keeps count of depth (OL_VAL_MAX_DEPTH).
 *
 * Every reading function accepts NULL and values of another type and then says "absent",
 * so a configuration is read without a ladder of checks:
 *
 *     const char *name = ol_val_str(ol_val_get(cfg, "hostname"));
 */
enum ol_val_type {
    OL_VAL_NULL,
    OL_VAL_BOOL,
    OL_VAL_INT,
    OL_VAL_FLOAT,
    OL_VAL_STR,
    OL_VAL_BYTES, /* !!binary, decoded */
    OL_VAL_TIME,  /* date or datetime as Python's str() shows it */
    OL_VAL_LIST,
    OL_VAL_MAP,
    OL_VAL_SET, /* !!set: a map whose values are null */
};

enum { OL_VAL_MAX_DEPTH = 512 };

struct ol_val;

struct ol_pair {
    const struct ol_val *key;
    struct ol_val *value;
};

struct ol_val {
    enum ol_val_type type;
    uint32_t line, column; /* where it stood in its document, from 1; 0 = nowhere */
    union {
        bool boolean;
        struct {
            int64_t value;
            const char *text; /* decimal text when it does not fit int64, else NULL */
        } integer;
        double number;
        struct {
            const char *data; /* NUL-terminated; STR is UTF-8, BYTES anything */
            size_t len;
        } str; /* STR, BYTES, TIME */
        struct {
            struct ol_val **items;
            size_t n, cap;
        } list;
        struct {
            struct ol_pair *pairs;
            size_t n, cap;
            uint32_t *index; /* hash of keys, for larger maps; NULL = none yet */
            size_t index_size;
        } map; /* MAP, SET */
    };
};

/* --- building (values belong to the arena; input strings are copied) --- */
struct ol_val *ol_val_new_null(struct ol_arena *a);
struct ol_val *ol_val_new_bool(struct ol_arena *a, bool v);
struct ol_val *ol_val_new_int(struct ol_arena *a, int64_t v);
/* Decimal digits with an optional '-', of any length. */
struct ol_val *ol_val_new_int_text(struct ol_arena *a, const char *digits);
struct ol_val *ol_val_new_float(struct ol_arena *a, double v);
struct ol_val *ol_val_new_str(struct ol_arena *a, const char *s);
struct ol_val *ol_val_new_strn(struct ol_arena *a, const char *s, size_t len);
struct ol_val *ol_val_new_bytes(struct ol_arena *a, const void *data, size_t len);
struct ol_val *ol_val_new_time(struct ol_arena *a, const char *text);
struct ol_val *ol_val_new_list(struct ol_arena *a);
struct ol_val *ol_val_new_map(struct ol_arena *a);
struct ol_val *ol_val_new_set(struct ol_arena *a);

void ol_val_append(struct ol_arena *a, struct ol_val *list, struct ol_val *item);
/* Keys compare as in a Python dict: 1, 1.0 and True are the same key. Setting a key that is
 * there replaces its value and keeps its key and place. */
void ol_val_set_key(struct ol_arena *a, struct ol_val *map, const struct ol_val *key,
                    struct ol_val *value);
void ol_val_set(struct ol_arena *a, struct ol_val *map, const char *key, struct ol_val *value);
/* Shorthands for building maps. */
void ol_val_set_str(struct ol_arena *a, struct ol_val *map, const char *key, const char *value);
void ol_val_set_int(struct ol_arena *a, struct ol_val *map, const char *key, int64_t value);
void ol_val_set_bool(struct ol_arena *a, struct ol_val *map, const char *key, bool value);
/* True when the key was there. */
bool ol_val_remove(struct ol_val *map, const char *key);
bool ol_val_remove_key(struct ol_val *map, const struct ol_val *key);
/* A LIST, MAP or SET of the same items, so that it can be changed by itself. */
struct ol_val *ol_val_copy_top(struct ol_arena *a, const struct ol_val *v);
/* A copy that shares nothing with 'v'. What is nested too deep, or does not fit into the arena any
 * more, is null in it; ask ol_val_is_within() before foreign values are copied. NULL gives NULL. */
struct ol_val *ol_val_copy(struct ol_arena *a, const struct ol_val *v);
/* True when a copy takes about 'max' bytes at most, however much 'v' shares, and is not nested
 * deeper than OL_VAL_MAX_DEPTH: neither a cycle nor a "billion laughs". */
bool ol_val_is_within(const struct ol_val *v, size_t max);

/* --- reading (NULL and other types are "absent") --- */
bool ol_val_is(const struct ol_val *v, enum ol_val_type type);
/* Value of a string key; NULL when absent. */
const struct ol_val *ol_val_get(const struct ol_val *map, const char *key);
/* The same value, to be changed by whoever built the tree. */
struct ol_val *ol_val_get_mut(struct ol_val *map, const char *key);
const struct ol_val *ol_val_get_key(const struct ol_val *map, const struct ol_val *key);
/* "system_info/default_user/name": keys separated by '/'. */
const struct ol_val *ol_val_at(const struct ol_val *root, const char *path);
/* Text of a STR (not of other types), NULL otherwise. */
const char *ol_val_str(const struct ol_val *v);
/* 'fallback' when it is not an INT that fits (BOOL is not an INT here). */
int64_t ol_val_int(const struct ol_val *v, int64_t fallback);
/* Number of items of a LIST, MAP or SET; 0 otherwise. */
size_t ol_val_count(const struct ol_val *v);
const struct ol_val *ol_val_item(const struct ol_val *list, size_t at);
const struct ol_pair *ol_val_pair(const struct ol_val *map, size_t at);
/* Python's truth: empty and zero are false, and so is NULL. */
bool ol_val_is_truthy(const struct ol_val *v);
/* Python's ==, with 1 == 1.0 == True. */
bool ol_val_equal(const struct ol_val *a, const struct ol_val *b);
/* "str", "int", "dict" … as Python's type(v).__name__. NULL is "NoneType". */
const char *ol_val_type_name(const struct ol_val *v);
/*
 * Python's str(v) of a scalar: True, None, 1.5, text as it is. Lists and maps are shown as
 * Python's repr. Into the arena.
 */
const char *ol_val_to_text(struct ol_arena *a, const struct ol_val *v);
/* Python's repr(v): strings quoted and escaped as Python does. Into the arena. */
const char *ol_val_to_repr(struct ol_arena *a, const struct ol_val *v);
/* Shortest decimal text that reads back as the same double, in Python's repr form
 * ("1.5", "1e+16", "inf", "nan"). 'out' has room for 32 bytes. */
void ol_float_repr(double v, char out[32]);
