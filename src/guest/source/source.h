/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "guest/base/guest.h"

/* Bits of source.needs and of what a stage has */
enum source_need {
    SOURCE_NEEDS_DISK = 1 << 0, /* block devices have settled (DEP_FILESYSTEM) */
    SOURCE_NEEDS_NET = 1 << 1,  /* an address and a route (DEP_NETWORK) */
};

/*
 * One place that instance data can come from. Implementations are const, live in
 * guest/source/<name>.c and hold no state of their own.
 */
struct source {
    const char *name; /* as in datasource_list: "NoCloud", "ConfigDrive", "None" */

    /* Stages that may try it: a row per combination that upstream lists in 'datasources'.
     * Each set is tried when it equals what the stage has. Ends with 0. */
    const unsigned *needs;
    /* Upstream's class of each of those rows ("DataSourceNoCloudNet"): log, status, description. */
    const char *const *classes;

    /* Fills 'doc' (base/guest.h lists its keys). -ENODATA: not ours, try the next, with a
     * sentence in err that 'explain' shows; another error: logged, try the next. */
    int (*fetch)(struct guest *g, unsigned have, struct ol_val *doc, struct ol_err *err);

    /* check_instance_id(): true when a cheap look (DMI, command line, seed directories; no
     * mount, no network) shows that the cached 'doc' is of this very instance. */
    bool (*is_same_instance)(struct guest *g, const struct ol_val *doc);
};

/* Order is upstream's order of trial; NULL-terminated. */
extern const struct source *const sources[];
const struct source *source_find(const char *name);

/* What became of one candidate, for 'explain' and the log. */
struct source_trial {
    const char *name;
    const char *outcome; /* one sentence: why it was not taken, or "taken" */
};

struct source_trials {
    struct source_trial *items; /* in the guest's arena */
    size_t n, cap;
};

/*
 * Tries the configuration's datasource_list in order with the sources whose needs equal
 * 'have' and fills g->ds with the first that has data. A list of one entry (or [X, None])
 * is taken without asking whether it is there. -ENODATA: none found.
 */
int source_find_first(struct guest *g, unsigned have, struct source_trials *trials,
                      struct ol_err *err) __attribute__((warn_unused_result));
