/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/val.h"
#include "core/buf.h"

/*
 * Writes compact JSON straight into a buffer, for documents whose shape the code knows: patches,
 * new objects, replies. Commas are its own business. Keys are ASCII without anything to escape.
 *
 *     struct ol_jw w;
 *     ol_jw_init(&w, &buf);
 *     ol_jw_map(&w, NULL);
 *     ol_jw_str(&w, "phase", "Bound");
 *     ol_jw_list(&w, "accessModes"); ol_jw_str(&w, NULL, "ReadWriteOnce"); ol_jw_end(&w);
 *     ol_jw_end(&w);
 *
 * Errors stick to the buffer (ol_buf_status). 'key' is NULL inside a list and for the root.
 */
enum { OL_JW_DEPTH = 32 };

struct ol_jw {
    struct ol_buf *to;
    unsigned depth;
    char closing[OL_JW_DEPTH];
    bool has_item[OL_JW_DEPTH + 1];
};

void ol_jw_init(struct ol_jw *w, struct ol_buf *to);
void ol_jw_map(struct ol_jw *w, const char *key);
void ol_jw_list(struct ol_jw *w, const char *key);
/* Ends the innermost map or list. */
void ol_jw_end(struct ol_jw *w);
/* NULL writes nothing at all, so that optional members need no condition. */
void ol_jw_str(struct ol_jw *w, const char *key, const char *value);
/* Key and value may be any text; both are escaped. */
void ol_jw_any(struct ol_jw *w, const char *key, const char *value);
void ol_jw_int(struct ol_jw *w, const char *key, int64_t value);
void ol_jw_bool(struct ol_jw *w, const char *key, bool value);
void ol_jw_null(struct ol_jw *w, const char *key);
/* A map member whose key is any text, with null as its value (a merge patch removes it so). */
void ol_jw_any_null(struct ol_jw *w, const char *key);
void ol_jw_val(struct ol_jw *w, const char *key, const struct ol_val *value);
/* Text that is JSON already. */
void ol_jw_raw(struct ol_jw *w, const char *key, const char *json, size_t len);
/* Adds s with JSON's quotes and escapes. */
void ol_json_add_string(struct ol_buf *to, const char *s, size_t len);
