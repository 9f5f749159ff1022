/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/answer.h"

#include "core/cleanup.h"

/* {"error": {"message"}}, {"errors": [{"detail"}]}, {"NeutronError": {"message"}},
 * {"badRequest": {"message"}}: the first text of such a name. */
const char *cloud_message(const struct ol_val *body)
{
    const struct ol_pair *p = ol_val_pair(body, 0);
    const struct ol_val *v = p ? p->value : NULL;
    static const char *const names[] = {"detail", "message", "title"};

    if (ol_val_is(v, OL_VAL_LIST))
        v = ol_val_item(v, 0);
    for (size_t i = 0; i < ol_count(names); i++) {
        const char *text = ol_val_str(ol_val_get(v, names[i]));

        if (text && *text)
            return text;
    }
    return ol_val_is(v, OL_VAL_STR) ? ol_val_str(v) : NULL;
}
