/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/arena.h"
#include "core/err.h"

/*
 * oslo.config's dialect of INI files (oslo_config 9.0 iniparser.py and cfg.ConfigParser), which is
 * neither Python's nor ours in codec/: "key = value" or "key: value", whichever sign comes first;
 * one pair of quotes around a value is dropped; a line that begins with a blank goes on with the
 * value after a newline, until an empty line; "#" and ";" only in the first column are comments. A
 * key may come again: all are kept.
 */
struct oslo_entry {
    const char *group; /* lower case, but for "DEFAULT" */
    const char *key;
    const char *value;
    int line; /* of its key, from 1 */
};

struct oslo_ini {
    const char *file; /* for messages */
    struct oslo_entry *entries;
    size_t n, cap;
};

/* Reads text into 'ret', everything copied into the arena. -EINVAL "FILE:LINE: what is wrong",
 * without the line's text, which may hold a password. */
int oslo_ini_parse(struct ol_arena *a, const char *file, const char *text, size_t len,
                   struct oslo_ini *ret, struct ol_err *err) __attribute__((warn_unused_result));
/* The last entry of that key; NULL when there is none. 'group' is lower case or "DEFAULT". */
const struct oslo_entry *oslo_ini_find(const struct oslo_ini *ini, const char *group,
                                       const char *key);
