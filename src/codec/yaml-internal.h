/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/val.h"
#include "codec/yaml.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * What the parts of the YAML codec share. Loading goes text -> tokens (yaml-scan*.c) ->
 * events (yaml-parse.c) -> nodes (yaml-load.c) -> values (yaml-construct.c, yaml-scalar.c);
 * dumping goes values -> anchors and structure (yaml-represent.c) -> text (yaml-emit.c).
 */

/* Tags that SafeLoader knows, in the order of yaml_tag_names. */
enum yaml_tag {
    YAML_TAG_NULL,
    YAML_TAG_BOOL,
    YAML_TAG_INT,
    YAML_TAG_FLOAT,
    YAML_TAG_BINARY,
    YAML_TAG_TIMESTAMP,
    YAML_TAG_OMAP,
    YAML_TAG_PAIRS,
    YAML_TAG_SET,
    YAML_TAG_STR,
    YAML_TAG_SEQ,
    YAML_TAG_MAP,
    YAML_TAG_MERGE, /* from here on: no constructor of their own */
    YAML_TAG_VALUE,
    YAML_TAG_YAML,
    YAML_TAG_OTHER, /* anything else, spelled out in the node */
};

/* "tag:yaml.org,2002:" */
extern const char yaml_tag_prefix[];
/* What follows the prefix, by enum yaml_tag; none for YAML_TAG_OTHER. */
extern const char *const yaml_tag_names[YAML_TAG_OTHER];

enum yaml_kind { YAML_KIND_SCALAR, YAML_KIND_SEQUENCE, YAML_KIND_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_tag tag;
    const char *tag_text;  /* of YAML_TAG_OTHER */
    uint32_t line, column; /* from 1 */
    uint32_t n, cap;       /* of items; a mapping has two per pair: key, value */
    struct yaml_node **items;
    const char *text; /* of a scalar, NUL-terminated */
    size_t len;
    struct ol_val *val;     /* what was made of it; NULL = nothing yet */
    struct yaml_node *next; /* in the queue of containers that are to be filled */
};

struct yaml_load {
    struct ol_arena *a;      /* the caller's: values */
    struct ol_arena scratch; /* nodes, released after loading */
    struct ol_err *err;
};

/* Records a failure as PyYAML's exception 'type' and returns -EINVAL; 'at' NULL = no place. */
int yaml_fail(struct yaml_load *l, const char *type, const struct yaml_node *at, const char *fmt,
              ...) __attribute__((format(printf, 4, 5), warn_unused_result));
/* 0, or -EFBIG when the tree has outgrown its arena. */
int yaml_check_size(struct yaml_load *l) __attribute__((warn_unused_result));
void yaml_node_add(struct yaml_load *l, struct yaml_node *to, struct yaml_node *item);

/* The tag that a plain scalar gets from its text alone. */
enum yaml_tag yaml_resolve(const char *s, size_t len);

/* Builds the value of a whole document. */
int yaml_construct(struct yaml_load *l, struct yaml_node *root, struct ol_val **ret)
    __attribute__((warn_unused_result));
/* Builds the value of a scalar whose tag is one of YAML_TAG_NULL … YAML_TAG_TIMESTAMP or STR. */
int yaml_construct_scalar(struct yaml_load *l, const struct yaml_node *node, struct ol_val **ret)
    __attribute__((warn_unused_result));

/* Reads one code point; the number of its bytes, 0 when they are not UTF-8. len > 0. */
size_t yaml_utf8_next(const char *s, size_t len, uint32_t *ret);
