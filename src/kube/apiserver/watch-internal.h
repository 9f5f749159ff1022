/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/apiserver/api-internal.h"

/* One watch. Its strings and selectors are in its arena. */
struct api_watcher {
    TAILQ_ENTRY(api_watcher) link;
    struct apiserver *server;
    struct ol_arena arena;
    const struct kube_kind *kind;
    unsigned resource;
    const char *ns; /* "" = all */
    struct api_selector labels, fields;
    enum api_form form;
    int include;   /* enum kube_include */
    uint64_t from; /* what happened until then is known to it */
    bool want_bookmarks, has_columns, is_ended;
    ol_time deadline, bookmarked; /* boot clock */
    const struct api_sink *sink;
    void *stream;
};

/* The first three as enum store_change. */
enum watch_type {
    WATCH_ADDED = STORE_ADDED,
    WATCH_MODIFIED = STORE_MODIFIED,
    WATCH_DELETED = STORE_DELETED,
    WATCH_LEFT, /* DELETED to those whose selectors it has left: as it was, at the new revision */
    WATCH_N_TYPES,
};

enum {
    WATCH_AS_JSON,
    WATCH_AS_PARTIAL,
    WATCH_AS_TABLE, /* by include, version and whether columns are wanted: 12 of them */
    WATCH_N_SHAPES = WATCH_AS_TABLE + 12,
};

/* One change while it is told: parsed once, written once for each form that somebody wants. */
struct watch_event {
    const struct store_event *e;
    struct ol_arena arena;
    struct ol_val *now, *old;
    struct ol_buf lines[WATCH_N_SHAPES][WATCH_N_TYPES];
};
void watch_event_init(struct watch_event *v, const struct store_event *e);
void watch_event_done(struct watch_event *v);
/* Trees; NULL when there is none. */
const struct ol_val *watch_event_now(struct watch_event *v);
const struct ol_val *watch_event_old(struct watch_event *v);
/* The line for this watcher; NULL when the object can't be shown. */
const struct ol_buf *watch_event_line(struct watch_event *v, const struct api_watcher *w,
                                      enum watch_type type);
void watch_bookmark_line(const struct api_watcher *w, uint64_t revision, bool is_initial_end,
                         struct ol_buf *to);
