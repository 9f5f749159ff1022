/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * JSON, read by jansson's parser and written by ours: numbers as Python writes them, and
 * integers of any size keep their digits.
 */

/* Reads one value of any type. -EINVAL with line and column when it is not JSON; -EFBIG when
 * the arena is full. Duplicate keys: the last wins, as in Python. NaN, Infinity and numbers of
 * any size are read as Python reads them; lone surrogates and NUL in a key are refused. */
int ol_json_load(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                 struct ol_err *err) __attribute__((warn_unused_result));

/* The names are those of Python's json.dumps() arguments. */
struct ol_json_style {
    int indent;                 /* -1 = one line */
    bool sort_keys;             /* by code point */
    const char *item_separator; /* ", " or "," */
    const char *key_separator;  /* ": " or ":" */
    bool escape_non_ascii;      /* \u00e9 for é, as Python's default */
    bool b64_bytes;             /* bytes as "ci-b64:…" (cloud-init); else they fail */
};

/* json.dumps(v). */
extern const struct ol_json_style ol_json_python;
/* cloud-init's atomic_helper.json_dumps(): indent 1, sorted, bytes as ci-b64, dates and sets
 * as "Warning: redacted unserializable type …". */
extern const struct ol_json_style ol_json_cloud_init;
/* Shortest: no blanks. */
extern const struct ol_json_style ol_json_compact;

/* Adds the value to 'to'. -EINVAL: a value that JSON cannot hold (bytes, times and sets without
 * b64_bytes); -ELOOP: nested deeper than OL_VAL_MAX_DEPTH, or cyclic; -EFBIG: 'to' is full. Keys
 * that are not strings are written as Python does ("1", "true", "null"). */
int ol_json_dump(const struct ol_val *v, const struct ol_json_style *style, struct ol_buf *to)
    __attribute__((warn_unused_result));
