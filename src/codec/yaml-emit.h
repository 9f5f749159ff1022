/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/*
 * The writer below ol_yaml_dump(): where PyYAML's emitter.py puts blanks, line breaks and
 * quotes. It knows text and columns only, no values. Everything it writes is ASCII.
 */
struct yaml_emit {
    struct ol_buf *to;
    int best_indent, best_width;
    int indent; /* of what is being written; -1 = outside everything */
    size_t column;
    bool is_whitespace; /* the last thing written separates */
    bool is_indention;  /* only indentation and "- ", "? " so far in this line */
    bool is_open_ended; /* a plain scalar at the root: the document needs an end mark */
};

/* What can be said about a scalar's text before it is written. */
struct yaml_analysis {
    size_t n_chars;
    bool is_multiline;
    bool can_plain; /* in block context */
    bool can_single;
};

struct yaml_analysis yaml_analyze(const char *s, size_t len);

void yaml_emit_indicator(struct yaml_emit *e, const char *indicator, bool needs_whitespace);
/* "-", "?" and ":" that start a line: after them the line still counts as indentation. */
void yaml_emit_line_indicator(struct yaml_emit *e, const char *indicator);
void yaml_emit_indent(struct yaml_emit *e);
/* 'can_split': lines longer than the best width may be folded. */
void yaml_emit_plain(struct yaml_emit *e, const char *s, size_t len, bool can_split);
void yaml_emit_single(struct yaml_emit *e, const char *s, size_t len, bool can_split);
void yaml_emit_double(struct yaml_emit *e, const char *s, size_t len, bool can_split);
/* Lines that each end with \n, none of them empty: a '|' block. */
void yaml_emit_literal(struct yaml_emit *e, const char *s, size_t len);
