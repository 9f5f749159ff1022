/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"

/* The JSON value of tests/golden/compute/NAME; fails the test when it cannot be read. */
struct ol_val *golden_load(struct ol_arena *a, const char *name);
/* JSON as Python writes it, in the arena; NULL for NULL. */
const char *golden_text(struct ol_arena *a, const struct ol_val *v);
