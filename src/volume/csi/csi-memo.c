/* SPDX-License-Identifier: Apache-2.0 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "volume/csi/csi-memo-internal.h"

static int memo_cmp(const void *a, const void *b)
{
    return strcmp(((const struct csi_memo *)a)->key, ((const struct csi_memo *)b)->key);
}

static struct csi_memo *find(const struct csi_memos *all, const char *key)
{
    struct csi_memo sought = {.key = (char *)key};
    void *at = tfind(&sought, &all->root, memo_cmp);

    return at ? *(struct csi_memo **)at : NULL;
}

const struct csi_memo *csi_memo_find(const struct csi_memos *all, const char *key)
{
    return find(all, key);
}

static void memo_free(void *at)
{
    free(((struct csi_memo *)at)->key);
    free(at);
}

void csi_memo_drop(struct csi_memos *all, const char *key)
{
    struct csi_memo *m = find(all, key);

    if (!m)
        return;
    tdelete(m, &all->root, memo_cmp);
    memo_free(m);
}

void csi_memo_set(struct csi_memos *all, const char *key, enum csi_outcome o, ol_time now)
{
    struct csi_memo *m = find(all, key);

    if (!m) {
        m = ol_xcalloc(1, sizeof(*m));
        m->key = ol_xstrdup(key);
        if (!tsearch(m, &all->root, memo_cmp))
            abort(); /* out of memory */
    }
    m->has_final_error = o == CSI_OUTCOME_FINAL || o == CSI_OUTCOME_INFEASIBLE;
    m->slow_until = o == CSI_OUTCOME_INFEASIBLE ? now + CSI_SLOW_DELAY : 0;
}

void csi_memos_done(struct csi_memos *all)
{
    tdestroy(all->root, memo_free);
    all->root = NULL;
}
