/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/buf.h"

/* How the command shows what it got: rows as a table, JSON or YAML. */
struct output_column {
    const char *title; /* NULL ends a table's columns */
    const char *path;  /* in a row, '/'-separated */
};

/* 'format' "json", "yaml", else a table of the columns with two blanks between. -EFBIG. */
int output_rows(const struct ol_val *rows, const struct output_column *columns, const char *format,
                struct ol_buf *to) __attribute__((warn_unused_result));
/* One thing: all its fields, a line each, or as JSON or YAML. */
int output_one(const struct ol_val *row, const char *format, struct ol_buf *to)
    __attribute__((warn_unused_result));
