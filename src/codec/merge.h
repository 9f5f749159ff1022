/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * How cloud-init puts configurations together (cloud-init 26.2 cloudinit/mergers). A merger
 * says what happens to dicts, lists and strings that are on both sides; it is spelled
 * "list(append)+dict(recurse_array)+str()" or as a list of {name, settings}.
 *
 *     struct ol_merger m = OL_MERGER_INIT(arena);
 *     r = ol_merger_take(&m, part, &part, err);                   merge_how of the part
 *     r = ol_merger_add_text(&m, header, err);                    its Merge-Type header
 *     if (ol_merger_is_empty(&m))
 *         r = ol_merger_add_text(&m, ol_merge_parts_default, err);
 *     r = ol_merge(&m, config, part, &config, err);
 *
 * Inputs are never changed. The result lives in the arena and shares what stayed as it was
 * with both of them, as the result of cloud-init's mergers does.
 */
enum ol_merge_bit {
    OL_MERGE_IS_SET = 1 << 0, /* values of this kind are merged; else the base stays */
    OL_MERGE_REPLACE = 1 << 1,
    OL_MERGE_APPEND = 1 << 2,
    OL_MERGE_PREPEND = 1 << 3,
    OL_MERGE_NO_REPLACE = 1 << 4,
    OL_MERGE_RECURSE_STR = 1 << 5,
    OL_MERGE_RECURSE_LIST = 1 << 6,
    OL_MERGE_RECURSE_DICT = 1 << 7,
    OL_MERGE_ALLOW_DELETE = 1 << 8,
};

struct ol_merger {
    struct ol_arena *arena;   /* where results are made */
    unsigned dict, list, str; /* enum ol_merge_bit */
};

#define OL_MERGER_INIT(in_arena)                                                                   \
    {                                                                                              \
        .arena = (in_arena)                                                                        \
    }

/* What holds between parts of user-data that say nothing: "dict(replace)+list()+str()". */
extern const char ol_merge_parts_default[];

/* Adds the mergers that 'how' names; of two for one kind the first counts. -EINVAL: not the
 * form "name(option,option)+name()", or a name other than dict, list and str. */
int ol_merger_add_text(struct ol_merger *m, const char *how, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The same for a value: text, or a list of {name, settings} or [name, option, …]. */
int ol_merger_add(struct ol_merger *m, const struct ol_val *how, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Adds what 'cfg' says in merge_how, or else in merge_type, and stores cfg without that key.
 * -EINVAL also when cfg is not a map. */
int ol_merger_take(struct ol_merger *m, const struct ol_val *cfg, struct ol_val **ret_cfg,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* True when nothing was added, so that the caller's default applies. */
bool ol_merger_is_empty(const struct ol_merger *m);

/* 'with' merged into 'base'. -EINVAL: the two cannot be put together (a number appended to a
 * list); -ELOOP: nested deeper than OL_VAL_MAX_DEPTH, or cyclic; -EFBIG: the arena is full. */
int ol_merge(const struct ol_merger *m, const struct ol_val *base, const struct ol_val *with,
             struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));

/*
 * The configuration of the system from n sources, the one with the highest priority first
 * (cloud-init's util.mergemanydict). A value that is there already stays; only maps are
 * completed. A source may say otherwise for itself with merge_how or merge_type. Empty and
 * NULL sources are skipped. Errors as ol_merger_take() and ol_merge().
 */
int ol_merge_system(struct ol_arena *a, const struct ol_val *const *sources, size_t n,
                    struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
