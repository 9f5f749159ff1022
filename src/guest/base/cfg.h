/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "codec/val.h"
#include "core/err.h"
#include "core/strv.h"

/* Reading configuration the way cloud-init's util.py does: lenient in exactly its ways. */

/* util.is_true(): the bool true, or "true", "1", "on", "yes" in any case, blanks around. */
bool cfg_is_true(const struct ol_val *v);
/* util.is_false(): the bool false, or "off", "0", "no", "false". */
bool cfg_is_false(const struct ol_val *v);
/* util.get_cfg_option_bool(): translate_bool() of the value; 'fallback' when the key is absent. */
bool cfg_bool(const struct ol_val *cfg, const char *key, bool fallback);
/* util.get_cfg_option_str(): Python's str() of a value that is not a string (in the arena);
 * 'fallback' when absent. */
const char *cfg_str(struct ol_arena *a, const struct ol_val *cfg, const char *key,
                    const char *fallback);
/* util.get_cfg_option_list(): a list's items as text; a string is a list of one; null is none. */
void cfg_list(struct ol_arena *a, const struct ol_val *cfg, const char *key,
              struct ol_strv *ret_items);
/* What ol_yaml_load() said, in the words that util.load_yaml() logs: "Invalid format at line 3
 * column 1: …", without the place when the document has none for it. In the arena. */
const char *cfg_yaml_error(struct ol_arena *a, const struct ol_err *err);
