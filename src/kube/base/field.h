/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/quantity.h"
#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * What the members of an API kind are, once: one table per kind drives decoding into C structs,
 * strict-field errors, defaulting, validation, immutability, strategic merge, managed fields and
 * OpenAPI. A table is a tree of schemas; field names and types are those of k8s.io/api.
 */
enum kube_type {
    KUBE_STR,        /* const char *: "" when absent; with KUBE_NULLABLE NULL */
    KUBE_INT,        /* int64_t (int32 and int64); with KUBE_TRISTATE -1 when absent */
    KUBE_BOOL,       /* bool; with KUBE_TRISTATE int8_t: -1 absent, 0, 1 */
    KUBE_QUANTITY,   /* struct ol_quantity; with KUBE_NULLABLE a pointer to one, NULL = absent */
    KUBE_TIME,       /* ol_time of RFC 3339, wall clock; 0 = absent. Also MicroTime */
    KUBE_INT_OR_STR, /* const char *, in decimal */
    KUBE_BYTES,      /* struct kube_bytes, from base64 */
    KUBE_ENUM,       /* uint8_t: 1 + index into 'names'; 0 = absent or a value unknown to us. With
                      * KUBE_WITH_TEXT a const char * follows, with the text itself */
    KUBE_ENUM_SET,   /* unsigned: bit 1 << index for each name of a list */
    KUBE_STRS,       /* struct kube_strs */
    KUBE_STR_MAP,    /* struct kube_map */
    KUBE_RESOURCES,  /* struct kube_resources: quantities by name (capacity, requests …) */
    KUBE_OBJECT,    /* pointer to 'of's struct, NULL = absent; with KUBE_INLINE the struct itself */
    KUBE_LIST,      /* struct kube_list of 'of's struct */
    KUBE_INTS,      /* struct kube_list of int64_t */
    KUBE_BYTES_MAP, /* struct kube_list of struct kube_datum, sorted by key; values in base64 */
    KUBE_ANY,       /* any JSON: never decoded */
};

/* Bits of kube_field.flags */
enum kube_field_flag {
    KUBE_REQUIRED = 1 << 0,  /* OpenAPI's; strings: "Required value" when absent or "" */
    KUBE_IMMUTABLE = 1 << 1, /* "field is immutable" */
    KUBE_INLINE = 1 << 2,
    KUBE_TRISTATE = 1 << 3,
    KUBE_READ_ONLY = 1 << 4, /* the server alone sets it: metadata.uid … */
    KUBE_ATOMIC = 1 << 5,    /* a list or map that is replaced as a whole (listType atomic) */
    KUBE_MERGE_SET = 1 << 6, /* a list of scalars that merges (finalizers) */
    KUBE_ONE_OF = 1 << 7,    /* a volume source: exactly one of the siblings with this flag */
    KUBE_NON_NEGATIVE = 1 << 8,
    KUBE_NULLABLE = 1 << 9,
    KUBE_WITH_TEXT = 1 << 10,
    KUBE_INT32 = 1 << 11,       /* OpenAPI's format, and the range */
    KUBE_MICRO = 1 << 12,       /* a MicroTime: six decimals */
    KUBE_RETAIN_KEYS = 1 << 13, /* patch strategy "merge,retainKeys" */
    KUBE_APPLY_ONLY = 1 << 14,  /* merges in server-side apply; a strategic patch replaces it */
    /* "", 0, false and empty lists and maps are values of their own (Go has a pointer there, or
     * writes them always). Without it they are the same as absent, and are left out. */
    KUBE_KEEP = 1 << 15,
    KUBE_MAY_BE_EMPTY = 1 << 16, /* REQUIRED by OpenAPI alone, or with rules of its own */
};

enum { KUBE_NO_MEMBER = 0 };

struct kube_schema;

struct kube_field {
    const char *name; /* NULL ends a table */
    enum kube_type type;
    unsigned flags;               /* enum kube_field_flag */
    uint32_t member;              /* 1 + offset in the C struct; KUBE_NO_MEMBER = not decoded */
    const struct kube_schema *of; /* OBJECT, LIST */
    /* STR, STRS, ENUM, ENUM_SET: allowed values, NULL-terminated; "" keeps a place. NULL = any. */
    const char *const *names;
    const char *fallback; /* default as JSON text; NULL = none */
    /* LIST that merges: "name" or "containerPort,protocol". The first is the key of a strategic
     * merge; with KUBE_ATOMIC server-side apply replaces the list all the same. */
    const char *merge_keys;
    const char *doc; /* one sentence for kubectl explain; or NULL */
};

struct kube_schema {
    const char *name; /* "io.k8s.api.core.v1.PersistentVolumeSpec", as in OpenAPI */
    const char *doc;
    const struct kube_field *fields;
    size_t size;         /* of the C struct; 0 = never decoded */
    const void *initial; /* a struct before decoding; NULL = zeros */
};

struct kube_strs {
    const char **v;
    uint32_t n;
};
struct kube_pair {
    const char *key, *value;
};
struct kube_map {
    struct kube_pair *v; /* sorted by key */
    uint32_t n;
};
struct kube_bytes {
    const uint8_t *data;
    uint32_t size;
};
struct kube_resource {
    const char *name;
    struct ol_quantity amount;
};
struct kube_resources {
    struct kube_resource *v;
    uint32_t n;
};
struct kube_list {
    void *v; /* n structs of the field's schema, one after the other */
    uint32_t n;
};

/* Value of a key, NULL when it is absent. */
const char *kube_map_get(const struct kube_map *m, const char *key);
bool kube_strs_has(const struct kube_strs *s, const char *what);
/* NULL when there is none of this name. */
const struct ol_quantity *kube_resource_get(const struct kube_resources *r, const char *name);
/* The row of a name, NULL when the schema has none. */
const struct kube_field *kube_field_find(const struct kube_schema *s, const char *name);
