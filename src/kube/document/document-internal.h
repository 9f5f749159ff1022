/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "kube/base/field.h"

/*
 * Changing maps without touching the original: a clone shares its values with the original; a
 * member whose value was set to NULL is gone after doc_map_compact().
 */

/* A map of the same members, with room for 'extra' more. */
struct ol_val *doc_map_clone(struct ol_arena *a, const struct ol_val *map, size_t extra);
struct ol_val *doc_map_compact(struct ol_arena *a, struct ol_val *map);
/* The same tree without null members, directives of strategic merge patches and items of lists
 * that are directives: what a patch means at a place where there is nothing yet. Shares what has
 * none. */
const struct ol_val *doc_clean(struct ol_arena *a, const struct ol_val *v);
/* "$patch", "$retainKeys", "$setElementOrder/…", "$deleteFromPrimitiveList/…". */
bool doc_is_directive(const char *key);
