/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/masked.h"

#include "core/str.h"

enum { MAX_DEPTH = 32 };

static const char *const secret_keys[] = {
    "password", "client-key-password", "key", "private", "shared", "wpa-psk", NULL,
};

static struct ol_val *masked(struct ol_arena *a, const struct ol_val *v, int depth);

static struct ol_val *masked_map(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *copy = ol_val_new_map(a);

    for (size_t i = 0; i < ol_val_count(v); i++) {
        const struct ol_pair *pair = ol_val_pair(v, i);
        const char *key = ol_val_str(pair->key);
        bool is_secret = key && ol_str_in(key, secret_keys);

        ol_val_set_key(a, copy, pair->key,
                       is_secret ? ol_val_new_str(a, "hidden") : masked(a, pair->value, depth));
    }
    return copy;
}

static struct ol_val *masked(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *copy;

    if (depth > MAX_DEPTH)
        return ol_val_new_str(a, "…");
    if (ol_val_is(v, OL_VAL_MAP))
        return masked_map(a, v, depth + 1);
    if (!ol_val_is(v, OL_VAL_LIST))
        return ol_val_copy(a, v);
    copy = ol_val_new_list(a);
    for (size_t i = 0; i < ol_val_count(v); i++)
        ol_val_append(a, copy, masked(a, ol_val_item(v, i), depth + 1));
    return copy;
}

const char *net_masked_repr(struct ol_arena *a, const struct ol_val *config)
{
    return ol_val_to_repr(a, masked(a, config, 0));
}
