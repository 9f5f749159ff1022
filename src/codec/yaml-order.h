/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/arena.h"

/*
 * The pairs of a map or set in the order in which Python's sorted() puts its items, as an
 * array in the arena. When keys cannot be compared with one another ("a" < 1), Python
 * raises TypeError and PyYAML keeps the order of insertion; so does this.
 */
const struct ol_pair **yaml_sorted_pairs(struct ol_arena *a, const struct ol_val *map);
/* The same in the order of insertion. */
const struct ol_pair **yaml_unsorted_pairs(struct ol_arena *a, const struct ol_val *map);
