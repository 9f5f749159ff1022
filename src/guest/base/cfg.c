/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/cfg.h"

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

static bool is_word(const struct ol_val *v, const char *const *words)
{
    ol_auto(ol_arena_done) struct ol_arena scratch = OL_ARENA_INIT(64 << 10);
    ol_autofree char *word = NULL;

    if (!v || ol_val_count(v))
        return false;
    word = ol_str_lower(ol_str_stripped(ol_val_to_text(&scratch, v)));
    return ol_str_in(word, words);
}

bool cfg_is_true(const struct ol_val *v)
{
    static const char *const words[] = {"true", "1", "on", "yes", NULL};

    return ol_val_is(v, OL_VAL_BOOL) ? v->boolean : is_word(v, words);
}

bool cfg_is_false(const struct ol_val *v)
{
    static const char *const words[] = {"off", "0", "no", "false", NULL};

    return ol_val_is(v, OL_VAL_BOOL) ? !v->boolean : is_word(v, words);
}

bool cfg_bool(const struct ol_val *cfg, const char *key, bool fallback)
{
    const struct ol_val *v = ol_val_get(cfg, key);

    if (!v)
        return fallback;
    return ol_val_is_truthy(v) && cfg_is_true(v);
}

const char *cfg_str(struct ol_arena *a, const struct ol_val *cfg, const char *key,
                    const char *fallback)
{
    const struct ol_val *v = ol_val_get(cfg, key);

    if (!v)
        return fallback;
    return ol_val_str(v) ? ol_val_str(v) : ol_val_to_text(a, v);
}

void cfg_list(struct ol_arena *a, const struct ol_val *cfg, const char *key,
              struct ol_strv *ret_items)
{
    const struct ol_val *v = ol_val_get(cfg, key);

    if (!v || ol_val_is(v, OL_VAL_NULL))
        return;
    if (!ol_val_is(v, OL_VAL_LIST)) {
        ol_strv_add(ret_items, ol_val_to_text(a, v));
        return;
    }
    for (size_t i = 0; i < ol_val_count(v); i++)
        ol_strv_add(ret_items, ol_val_to_text(a, ol_val_item(v, i)));
}

const char *cfg_yaml_error(struct ol_arena *a, const struct ol_err *err)
{
    if (!err)
        return "It is no YAML";
    if (!err->line)
        return ol_arena_strdup(a, ol_err_text(err));
    return ol_arena_printf(a, "Invalid format at line %d column %d: \"%s\"", err->line, err->column,
                           ol_err_text(err));
}
