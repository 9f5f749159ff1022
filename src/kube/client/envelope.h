/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/err.h"

/*
 * What lists and watches put around objects, read without a tree of values: objects are handed on
 * as the text they are.
 */

enum envelope_type {
    ENVELOPE_OTHER,
    ENVELOPE_ADDED,
    ENVELOPE_MODIFIED,
    ENVELOPE_DELETED,
    ENVELOPE_BOOKMARK,
    ENVELOPE_ERROR,
};

struct envelope_event {
    enum envelope_type type;
    const char *object; /* within the line; "null" when there is none */
    size_t len;
};
/* One line of a watch: {"type": "ADDED", "object": {...}}. -EINVAL. */
int envelope_read_event(const char *line, size_t len, struct envelope_event *ret,
                        struct ol_err *err) __attribute__((warn_unused_result));

struct envelope_list {
    void (*item)(void *ctx, const char *object, size_t len);
    void *ctx;
    char version[128]; /* metadata.resourceVersion; "" = none */
    char *token;       /* metadata.continue, heap; NULL = this was the last page */
};
/* One page of a list; 'list' has item and ctx, the rest is filled. -EINVAL, and items may have been
 * given then. */
int envelope_read_list(const char *text, size_t len, struct envelope_list *list, struct ol_err *err)
    __attribute__((warn_unused_result));
