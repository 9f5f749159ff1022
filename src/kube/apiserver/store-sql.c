/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "kube/apiserver/store-internal.h"

enum { LAYOUT = 1 };

static const char layout[] =
    "CREATE TABLE IF NOT EXISTS resource(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS object(id INTEGER PRIMARY KEY, resource INTEGER NOT NULL,"
    " ns TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS object_key ON object(resource, ns, name);"
    "CREATE TABLE IF NOT EXISTS counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "INSERT OR IGNORE INTO counter VALUES('revision', 0);";

static const char *const texts[STORE_N_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_PUT] = "INSERT INTO object(resource, ns, name, revision, body) VALUES(?1,?2,?3,?4,?5)"
                  " ON CONFLICT(resource, ns, name) DO UPDATE SET revision=?4, body=?5",
    [STORE_DROP] = "DELETE FROM object WHERE resource=?1 AND ns=?2 AND name=?3",
    [STORE_SET_REVISION] = "UPDATE counter SET value=?1 WHERE name='revision'",
    [STORE_GET] = "SELECT revision, body FROM object WHERE resource=?1 AND ns=?2 AND name=?3",
    [STORE_LIST] = "SELECT ns, name, body FROM object WHERE resource=?1 AND (ns, name) > (?2,?3)"
                   " ORDER BY ns, name",
    [STORE_LIST_NS] = "SELECT ns, name, body FROM object WHERE resource=?1 AND ns=?2 AND name>?3"
                      " ORDER BY name",
    [STORE_COUNT] = "SELECT count(*) FROM object WHERE resource=?1 AND (ns, name) > (?2,?3)",
    [STORE_COUNT_NS] = "SELECT count(*) FROM object WHERE resource=?1 AND ns=?2 AND name>?3",
};

int store_db_error(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return 0;
    case SQLITE_FULL: return -ENOSPC;
    case SQLITE_NOMEM: return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_READONLY: return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return -EUCLEAN;
    default: return -EIO;
    }
}

static int fail(sqlite3 *db, const char *path, struct ol_err *err)
{
    int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    int r = store_db_error(code);

    return ol_err_set_domain(err, r < 0 ? -r : EIO, "SQLite", code, "open the store %s: %s", path,
                             db ? sqlite3_errmsg(db) : "out of memory");
}

static int64_t one_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int64_t value = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return value;
}

static int prepare(struct store_db *db, enum store_statement from, enum store_statement to)
{
    for (unsigned i = from; i < to; i++)
        if (sqlite3_prepare_v3(db->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i],
                               NULL)
            != SQLITE_OK)
            return -EIO;
    return 0;
}

static int number_resources(struct store *s)
{
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int r;

    while (s->options.resources[n])
        n++;
    s->resource_ids = ol_xcalloc(n + 1, sizeof(*s->resource_ids));
    r = sqlite3_prepare_v2(s->writer.db,
                           "INSERT INTO resource(name) VALUES(?1)"
                           " ON CONFLICT(name) DO UPDATE SET name=?1 RETURNING id",
                           -1, &st, NULL);
    for (size_t i = 0; i < n && r == SQLITE_OK; i++) {
        sqlite3_bind_text(st, 1, s->options.resources[i], -1, SQLITE_STATIC);
        r = sqlite3_step(st);
        s->resource_ids[i] = r == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
        r = sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    return r == SQLITE_OK ? 0 : -EIO;
}

static int open_writer(struct store *s, const char *real, const char *path, struct ol_err *err)
{
    struct store_db *w = &s->writer;
    int64_t version;

    if (sqlite3_open_v2(real, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
            != SQLITE_OK
        || sqlite3_exec(w->db,
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                        "PRAGMA wal_autocheckpoint=2000; PRAGMA journal_size_limit=16777216;",
                        NULL, NULL, NULL)
               != SQLITE_OK)
        return fail(w->db, path, err);
    version = one_number(w->db, "PRAGMA user_version");
    if (version > LAYOUT)
        return ol_err_set(err, EPROTONOSUPPORT, "open the store %s: a newer version wrote it",
                          path);
    if (sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK
        || sqlite3_exec(w->db, layout, NULL, NULL, NULL) != SQLITE_OK || number_resources(s) < 0
        || sqlite3_exec(w->db, "PRAGMA user_version=1; COMMIT", NULL, NULL, NULL) != SQLITE_OK
        || prepare(w, STORE_BEGIN, STORE_N_WRITES) < 0)
        return fail(w->db, path, err);
    return 0;
}

int store_db_open(struct store *s, const char *path, struct ol_err *err)
{
    ol_autofree char *real =
        ol_xasprintf("%s%s", ol_env_is_host(s->loop->env) ? "" : s->loop->env->root, path);
    int64_t revision;
    int r = open_writer(s, real, path, err);

    if (r < 0)
        return r;
    if (sqlite3_open_v2(real, &s->reader.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
            != SQLITE_OK
        || sqlite3_exec(s->reader.db, "PRAGMA query_only=1", NULL, NULL, NULL) != SQLITE_OK
        || prepare(&s->reader, STORE_GET, STORE_N_STATEMENTS) < 0)
        return fail(s->reader.db, path, err);
    revision = one_number(s->reader.db, "SELECT value FROM counter WHERE name='revision'");
    if (revision < 0)
        return fail(s->reader.db, path, err);
    s->revision = s->next = (uint64_t)revision;
    return 0;
}

void store_db_close(struct store_db *db)
{
    for (size_t i = 0; i < STORE_N_STATEMENTS; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->db);
    *db = (struct store_db){0};
}

static void bind_key(const struct store *s, sqlite3_stmt *st, const struct store_key *key)
{
    sqlite3_bind_int64(st, 1, s->resource_ids[key->resource]);
    sqlite3_bind_text(st, 2, key->ns, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, key->name, -1, SQLITE_STATIC);
}

int store_db_get(struct store *s, const struct store_key *key, struct store_text **ret)
{
    sqlite3_stmt *st = s->reader.statements[STORE_GET];
    int code, r = -ENOENT;

    bind_key(s, st, key);
    code = sqlite3_step(st);
    if (code == SQLITE_ROW) {
        *ret = store_text_new((uint64_t)sqlite3_column_int64(st, 0),
                              (const char *)sqlite3_column_text(st, 1),
                              (size_t)sqlite3_column_bytes(st, 1));
        r = 0;
    } else if (code != SQLITE_DONE) {
        r = store_db_error(code);
    }
    sqlite3_reset(st);
    return r;
}

static int step(sqlite3_stmt *st)
{
    int code = sqlite3_step(st);

    sqlite3_reset(st);
    return code == SQLITE_DONE ? 0 : store_db_error(code);
}

static int write_op(struct store *s, const struct store_op *op)
{
    const struct store_event *e = &op->event;
    sqlite3_stmt *st = s->writer.statements[e->change == STORE_DELETED ? STORE_DROP : STORE_PUT];

    bind_key(s, st, &e->key);
    if (e->change != STORE_DELETED) {
        sqlite3_bind_int64(st, 4, (int64_t)e->revision);
        sqlite3_bind_text(st, 5, e->now->data, (int)e->now->len, SQLITE_STATIC);
    }
    return step(st);
}

int store_db_commit(struct store *s)
{
    struct store_db *w = &s->writer;
    const struct store_op *op;
    uint64_t revision = 0;
    ol_time start;
    int r = step(w->statements[STORE_BEGIN]);

    STAILQ_FOREACH(op, &s->flying, link)
    {
        if (r < 0 || op->is_wait)
            continue;
        r = write_op(s, op);
        revision = op->event.revision;
    }
    if (r == 0) {
        sqlite3_bind_int64(w->statements[STORE_SET_REVISION], 1, (int64_t)revision);
        r = step(w->statements[STORE_SET_REVISION]);
    }
    start = ol_clock_real.boot(NULL);
    if (r == 0)
        r = step(w->statements[STORE_COMMIT]);
    s->work_time = ol_clock_real.boot(NULL) - start;
    if (r < 0 && !sqlite3_get_autocommit(w->db))
        (void)step(w->statements[STORE_ROLLBACK]);
    return r;
}
