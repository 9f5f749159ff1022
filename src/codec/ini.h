/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * INI files as Python's RawConfigParser(strict=False) reads them: a map of sections, each a
 * map of text. "key = value" or "key: value", keys in lower case, comments are whole lines
 * that start with '#' or ';', a line that is indented deeper than its key continues the value,
 * what comes later wins. The section DEFAULT is a section like any other here.
 *
 * -EINVAL with the line: text before the first section, a line that is neither, not UTF-8.
 * -EFBIG: the arena is full.
 */
int ol_ini_load(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                struct ol_err *err) __attribute__((warn_unused_result));
