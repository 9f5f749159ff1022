/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * YAML 1.1, typed exactly as PyYAML's safe_load types it and written exactly as its
 * safe_dump writes it: the rules, and the words of the errors, are those of PyYAML 6's own
 * parser and emitter in Python, which is what safe_load and safe_dump use.
 */

/*
 * Reads one document. An empty input gives a NULL-typed value. The tree belongs to the
 * arena; its maximum bounds what hostile input can make of it (-EFBIG).
 *
 * -EINVAL: not well-formed, or a value that PyYAML refuses. err->domain is then PyYAML's
 * exception class ("ScannerError", "ParserError", "ComposerError", "ConstructorError",
 * "ReaderError", or one of Python's own such as "ValueError" for a date that is none and
 * "RecursionError" for what is nested deeper than 490 levels), err->line and err->column the
 * place from 1 (0 where PyYAML gives none), err->msg its 'problem' text.
 */
int ol_yaml_load(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                 struct ol_err *err) __attribute__((warn_unused_result));

/* How a document is written; the names are those of yaml.dump()'s arguments. */
struct ol_yaml_style {
    int indent;          /* 2..9 */
    int width;           /* best width; 0 = PyYAML's 80 */
    bool explicit_start; /* "---" */
    bool explicit_end;   /* "..." */
    bool sort_keys;      /* safe_dump's default is true */
    bool no_alias;       /* shared subtrees are written out each time */
};

/* yaml.safe_dump(v, default_flow_style=False). */
extern const struct ol_yaml_style ol_yaml_safe_dump;
/* cloud-init's safeyaml.dumps(v): indent 4, "---" and "...". */
extern const struct ol_yaml_style ol_yaml_cloud_init;

/* Adds the document to 'to'; -EFBIG when its maximum is reached, -ELOOP when the value is
 * nested deeper than OL_VAL_MAX_DEPTH, as a cyclic one is without aliases (style->no_alias). */
int ol_yaml_dump(const struct ol_val *v, const struct ol_yaml_style *style, struct ol_buf *to)
    __attribute__((warn_unused_result));
