/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * Values with their types spelled out, so that they survive JSON: each is a map of one
 * key that names the type, and numbers, bytes and times are text.
 *
 *     {"null": true}  {"bool": true}  {"int": "420"}  {"float": "1.5"}  {"str": "x"}
 *     {"bytes": "aGVsbG8="}  {"timestamp": "2001-12-14"}  {"list": [value…]}
 *     {"map": [[key, value]…]}  {"set": [value…]}
 */

/*
 * The tagged form of 'v'. NULL when v is nested deeper than OL_VAL_MAX_DEPTH (it may be
 * cyclic) or its tagged form does not fit the arena. It shares strings with 'v'.
 */
struct ol_val *ol_tagged_from(struct ol_arena *a, const struct ol_val *v)
    __attribute__((warn_unused_result));

/* The value that a tagged form stands for. -EINVAL: it is none; -ELOOP: nested too deeply. */
int ol_tagged_to(struct ol_arena *a, const struct ol_val *tagged, struct ol_val **ret,
                 struct ol_err *err) __attribute__((warn_unused_result));
