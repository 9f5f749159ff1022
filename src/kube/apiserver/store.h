/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "net/loop.h"

/*
 * Objects as JSON text in SQLite, with one counter of revisions for all of them and a bounded ring
 * of the newest changes for watches.
 *
 * Writes of one turn of the loop, and those that come while an earlier commit is under way, share a
 * transaction and an fsync in a worker thread. Readers and watches see what is durable and nothing
 * else; whoever decides about a write asks store_current(), which also knows the writes under way.
 * When a commit fails, all writes that it held and those that build upon them fail with it.
 */
struct store;

/* The text of one object at one revision; never changed, shared by counting. */
struct store_text {
    unsigned refs;
    uint64_t revision;
    size_t len;
    char data[]; /* NUL-terminated */
};
struct store_text *store_text_new(uint64_t revision, const char *json, size_t len)
    __attribute__((warn_unused_result));
struct store_text *store_text_ref(struct store_text *t);
void store_text_unref(struct store_text *t); /* NULL is fine */
void store_text_unref_at(struct store_text **t);

struct store_key {
    unsigned resource;     /* index into store_options.resources */
    const char *ns, *name; /* ns "" = cluster */
};

enum store_change { STORE_ADDED, STORE_MODIFIED, STORE_DELETED };

struct store_event {
    uint64_t revision;
    enum store_change change;
    struct store_key key;
    struct store_text *now; /* of DELETED: the last state, at the revision of the deletion */
    struct store_text *old; /* NULL of ADDED */
};

struct store_options {
    const char *path;             /* of the database, below the loop's root */
    const char *const *resources; /* "persistentvolumes", … NULL-terminated; lives on */
    size_t ring_bytes;            /* texts kept for watches; 0 = 16 MiB */
    unsigned ring_events;         /* 0 = 32768 */
    void (*changed)(void *ctx, const struct store_event *e); /* durable now; in order */
    void *ctx;
};

/* -EBUSY: another process uses it. */
int store_open(struct ol_loop *loop, const struct store_options *options, struct store **ret,
               struct ol_err *err) __attribute__((warn_unused_result));
/* Commits what is under way, then calls 'closed', perhaps at once. */
void store_close(struct store *s, void (*closed)(void *ctx), void *ctx);

/* --- reading: what is durable --- */
uint64_t store_revision(const struct store *s);
/* -ENOENT; the text gets a reference of the caller's. */
int store_get(struct store *s, const struct store_key *key, struct store_text **ret)
    __attribute__((warn_unused_result));
/* The same with writes under way: what the next write has to build upon. */
int store_current(struct store *s, const struct store_key *key, struct store_text **ret)
    __attribute__((warn_unused_result));

struct store_range {
    unsigned resource;
    const char *ns;                    /* NULL or "" = of all namespaces */
    const char *after_ns, *after_name; /* begins behind this key; NULL = at the start */
    uint64_t at;                       /* as it was at this revision; 0 = now */
};
struct store_row {
    struct store_key key;
    const char *json;
    size_t len;
};
/* Rows by namespace and name. 'each' returns false to stop. 0, -ESTALE: so old a revision is not
 * known any more, or -EIO. */
int store_list(struct store *s, const struct store_range *range,
               bool (*each)(void *ctx, const struct store_row *row), void *ctx,
               uint64_t *ret_revision) __attribute__((warn_unused_result));
size_t store_count(struct store *s, const struct store_range *range);
/* Changes after 'revision', oldest first; -ESTALE when the ring doesn't reach back so far. */
int store_replay(struct store *s, uint64_t revision,
                 void (*each)(void *ctx, const struct store_event *e), void *ctx)
    __attribute__((warn_unused_result));

/* --- writing --- */
/* To be written into the text and used by the next store_write(). */
uint64_t store_next_revision(struct store *s);
/* r: 0, -ENOSPC no room on the disk, -EIO. Called from a later turn. */
typedef void (*store_done_fn)(void *ctx, int r);
/* 'old' is what store_current() gave, NULL = there was none; 'is_delete' ends the object, 'now'
 * being its last words. Both are borrowed. */
struct store_write {
    struct store_key key;
    struct store_text *now, *old;
    bool is_delete;
    store_done_fn done; /* may be NULL */
    void *ctx;
};
void store_write(struct store *s, const struct store_write *w);
/* 'done' as soon as everything written so far is durable, from a later turn: for answers that
 * change nothing but tell of what may be under way. */
void store_wait(struct store *s, store_done_fn done, void *ctx);

struct store_stats {
    uint64_t n_commits, n_writes, n_failed;
    ol_time commit_time; /* in COMMIT, which is the fsync */
};
struct store_stats store_stats(const struct store *s);
