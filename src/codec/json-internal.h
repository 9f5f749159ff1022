/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/json.h"

/*
 * Reads the JSON that programs write: integers of at most 18 digits, no \u escapes, not very deep.
 * It says nothing about what is wrong: false is for everything else, right or wrong, which is left
 * to the whole reader. What it reads is the same value that the whole reader makes of it.
 */
bool ol_json_load_quick(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret)
    __attribute__((warn_unused_result));

/* A string in which nothing but quotes and backslashes is escaped, as the text of a message within
 * a message. False: it has control characters or bytes from 'least_foreign' on, or there is no
 * room. */
bool ol_json_add_plain(struct ol_buf *to, const char *s, size_t len, unsigned least_foreign);
