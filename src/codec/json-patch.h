/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/err.h"

/*
 * Applies a JSON patch (RFC 6902: add, remove, replace, move, copy, test) to 'doc' and stores
 * the result, made in the arena; 'doc' itself is not changed. -EINVAL: the patch makes no
 * sense, does not fit the document, or a test failed; the sentence names the operation's
 * number and path. Nothing is applied then.
 */
int ol_json_patch(const struct ol_val *patch, const struct ol_val *doc, struct ol_arena *a,
                  struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
