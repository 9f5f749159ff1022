/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/clock.h"
#include "volume/csi/csi-error.h"

/*
 * What a driver's last answer for a key was, as long as it matters: until the work is done or the
 * process ends. A key without memo has had no answer from this process, so what is under way for
 * it may be anything.
 */
struct csi_memo {
    char *key;
    bool has_final_error;
    ol_time slow_until; /* boot clock; 0 = not slow */
};

struct csi_memos {
    void *root; /* of search.h */
};

/* After an infeasible answer the same is not asked again so soon. */
#define CSI_SLOW_DELAY (300 * OL_SECOND)

/* NULL = none. */
const struct csi_memo *csi_memo_find(const struct csi_memos *all, const char *key);
/* Notes the answer; 'now' is of the boot clock. */
void csi_memo_set(struct csi_memos *all, const char *key, enum csi_outcome o, ol_time now);
void csi_memo_drop(struct csi_memos *all, const char *key);
void csi_memos_done(struct csi_memos *all);
