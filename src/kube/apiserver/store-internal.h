/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>
#include <sys/queue.h>

#include "core/table.h"
#include "kube/apiserver/store.h"

/* One write, or a wait when it has no texts. */
struct store_op {
    STAILQ_ENTRY(store_op) link;
    struct store_event event; /* its key's strings follow the struct */
    bool is_wait;
    store_done_fn done;
    void *ctx;
};
STAILQ_HEAD(store_ops, store_op);

/* What writes under way make of a key. */
struct store_pending {
    struct store_key key;
    struct store_text *text; /* NULL = deleted */
    unsigned n_ops;
};

struct store_ring {
    struct store_event *v; /* 'cap' of them, a power of two */
    size_t cap, first, n;
    size_t bytes, max_bytes, max_events;
    uint64_t floor; /* changes after this revision are known */
};

enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_PUT,
    STORE_DROP,
    STORE_SET_REVISION,
    STORE_N_WRITES,
    STORE_GET = STORE_N_WRITES,
    STORE_LIST,
    STORE_LIST_NS,
    STORE_COUNT,
    STORE_COUNT_NS,
    STORE_N_STATEMENTS,
};

struct store_db {
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_N_STATEMENTS];
};

struct store {
    struct ol_loop *loop;
    struct store_options options;
    struct store_db reader; /* the loop's */
    struct store_db writer; /* the worker's while 'is_flying' */
    int64_t *resource_ids;  /* by index of options.resources */
    int lock_fd;
    uint64_t revision, next; /* visible; the last one given away */
    struct store_ring ring;
    struct ol_table pending; /* struct store_pending by key */
    struct store_ops waiting, flying;
    size_t n_waiting;
    bool is_flying, is_landing;
    uv_work_t work;
    int work_result;
    ol_time work_time;
    uv_check_t *check; /* end of the turn */
    uv_idle_t *idle;   /* the turn doesn't sleep before it */
    struct store_stats stats;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- store-sql.c --- */
int store_db_open(struct store *s, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
void store_db_close(struct store_db *db);
int store_db_get(struct store *s, const struct store_key *key, struct store_text **ret)
    __attribute__((warn_unused_result));
/* In the worker: all of s->flying in one transaction. */
int store_db_commit(struct store *s);
/* 0 or -errno for a code of SQLite. */
int store_db_error(int code);

/* --- store-ring.c --- */
void store_ring_init(struct store_ring *r, size_t max_bytes, size_t max_events, uint64_t floor);
void store_ring_done(struct store_ring *r);
/* Takes references. */
void store_ring_add(struct store_ring *r, const struct store_event *e);
const struct store_event *store_ring_at(const struct store_ring *r, size_t i);
/* Index of the first change after 'revision'. */
size_t store_ring_after(const struct store_ring *r, uint64_t revision);

/* --- store-pending.c --- */
extern const struct ol_table_type store_pending_type;
struct store_pending *store_pending_find(struct store *s, const struct store_key *key);
/* Notes what an op makes of its key. */
void store_pending_add(struct store *s, const struct store_op *op);
/* The op has ended. */
void store_pending_end(struct store *s, const struct store_op *op);
int store_key_cmp(const struct store_key *a, const struct store_key *b);
