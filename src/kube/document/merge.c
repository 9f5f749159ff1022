/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/document/document-internal.h"
#include "kube/document/patch.h"

struct ol_val *kube_patch_merge(struct ol_arena *a, const struct ol_val *doc,
                                const struct ol_val *patch)
{
    struct ol_val *to = NULL;

    if (!ol_val_is(patch, OL_VAL_MAP))
        return (struct ol_val *)patch;
    to = doc_map_clone(a, ol_val_is(doc, OL_VAL_MAP) ? doc : NULL, patch->map.n);
    for (size_t i = 0; i < patch->map.n; i++) {
        const struct ol_pair *pair = &patch->map.pairs[i];
        const struct ol_val *old = ol_val_get_key(doc, pair->key);

        if (!ol_val_is(pair->value, OL_VAL_NULL))
            ol_val_set_key(a, to, pair->key, kube_patch_merge(a, old, pair->value));
        else if (old)
            ol_val_set_key(a, to, pair->key, NULL);
    }
    return doc_map_compact(a, to);
}
