/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "compute/conductor/local-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

/* In the file's header, so that another program's database is told from an empty one of ours. */
#define APPLICATION_ID 0x6f726c70

/* Step N brings a database of layout N to N + 1. What stands here once is never changed. */
static const char *const steps[] = {
    "CREATE TABLE service(id INTEGER PRIMARY KEY AUTOINCREMENT, deleted INTEGER NOT NULL,"
    " uuid TEXT, host TEXT, binary TEXT, topic TEXT, data TEXT NOT NULL);"
    "CREATE TABLE compute_node(id INTEGER PRIMARY KEY AUTOINCREMENT, deleted INTEGER NOT NULL,"
    " uuid TEXT, host TEXT, hypervisor_hostname TEXT, data TEXT NOT NULL);"
    "CREATE TABLE instance(id INTEGER PRIMARY KEY AUTOINCREMENT, deleted INTEGER NOT NULL,"
    " uuid TEXT, host TEXT, node TEXT, vm_state TEXT, task_state TEXT, data TEXT NOT NULL);"
    "CREATE UNIQUE INDEX instance_uuid ON instance(uuid);"
    "CREATE INDEX instance_host ON instance(deleted, host);"
    "CREATE TABLE fault(id INTEGER PRIMARY KEY AUTOINCREMENT, deleted INTEGER NOT NULL,"
    " instance_uuid TEXT, data TEXT NOT NULL);"
    "CREATE INDEX fault_instance ON fault(instance_uuid);"
    "CREATE TABLE action(id INTEGER PRIMARY KEY AUTOINCREMENT, deleted INTEGER NOT NULL,"
    " instance_uuid TEXT, request_id TEXT, data TEXT NOT NULL);"
    "CREATE INDEX action_instance ON action(instance_uuid);"
    "CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, deleted INTEGER NOT NULL,"
    " action_id INTEGER, event TEXT, data TEXT NOT NULL);"
    "CREATE INDEX event_action ON event(action_id);"
    "CREATE TABLE block_device_mapping(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " deleted INTEGER NOT NULL, uuid TEXT, instance_uuid TEXT, volume_id TEXT,"
    " data TEXT NOT NULL);"
    "CREATE INDEX block_device_mapping_instance ON block_device_mapping(instance_uuid);"
    "CREATE TABLE virtual_interface(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " deleted INTEGER NOT NULL, uuid TEXT, instance_uuid TEXT, address TEXT,"
    " data TEXT NOT NULL);"
    "CREATE INDEX virtual_interface_instance ON virtual_interface(instance_uuid);",
};

static int code_of(int sqlite)
{
    switch (sqlite & 0xff) {
    case SQLITE_FULL: return ENOSPC;
    case SQLITE_NOMEM: return ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return EBUSY;
    case SQLITE_READONLY: return EROFS;
    case SQLITE_CANTOPEN: return ENOENT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return EUCLEAN;
    default: return EIO;
    }
}

int local_db_fail(struct local *l, const char *what, struct ol_err *err)
{
    int sqlite = l->db ? sqlite3_extended_errcode(l->db) : SQLITE_NOMEM, code = code_of(sqlite);
    const char *text = l->db ? sqlite3_errmsg(l->db) : "out of memory";

    if (code == EUCLEAN)
        return ol_err_set_domain(err, code, "SQLite", sqlite,
                                 "the database %s is damaged (%s): put a copy in its place, or "
                                 "move it away to begin anew",
                                 l->path, text);
    return ol_err_set_domain(err, code, "SQLite", sqlite, "%s the database %s: %s", what, l->path,
                             text);
}

int local_db_exec(struct local *l, const char *sql, struct ol_err *err)
{
    return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                   : local_db_fail(l, "use", err);
}

static int ask_number(struct local *l, const char *sql, int64_t *ret, struct ol_err *err)
{
    sqlite3_stmt *st = NULL;
    int r = 0;

    if (sqlite3_prepare_v2(l->db, sql, -1, &st, NULL) == SQLITE_OK
        && sqlite3_step(st) == SQLITE_ROW)
        *ret = sqlite3_column_int64(st, 0);
    else
        r = local_db_fail(l, "open", err);
    sqlite3_finalize(st);
    return r;
}

/* Its layout; -EPROTONOSUPPORT, -EEXIST when it is not ours. */
static int look(struct local *l, int64_t *ret_layout, struct ol_err *err)
{
    int64_t layout = 0, id = 0, tables = 0;
    int r = ask_number(l, "PRAGMA user_version", &layout, err);

    if (r == 0)
        r = ask_number(l, "PRAGMA application_id", &id, err);
    if (r == 0)
        r = ask_number(l, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (r < 0)
        return r;
    if (id != APPLICATION_ID && (tables > 0 || layout != 0))
        return ol_err_set(err, EEXIST, "the database %s belongs to another program", l->path);
    if (layout > (int64_t)ol_count(steps))
        return ol_err_set(err, EPROTONOSUPPORT,
                          "the database %s was written by a newer version (layout %lld, this "
                          "one knows %zu)",
                          l->path, (long long)layout, ol_count(steps));
    *ret_layout = layout;
    return 0;
}

/* All steps in one transaction: a crash leaves the old layout. */
static int migrate(struct local *l, struct ol_err *err)
{
    ol_autofree char *end = ol_xasprintf("PRAGMA application_id=%d; PRAGMA user_version=%zu",
                                         APPLICATION_ID, ol_count(steps));
    int64_t layout = 0;
    int r = look(l, &layout, err);

    if (r < 0 || layout == (int64_t)ol_count(steps))
        return r;
    (void)!ol_change(l->base.env, "write", l->path); /* a dry run's is in memory */
    r = local_db_exec(l, "BEGIN IMMEDIATE", err);
    for (size_t i = (size_t)layout; i < ol_count(steps) && r == 0; i++)
        r = local_db_exec(l, steps[i], err);
    if (r == 0)
        r = local_db_exec(l, end, err);
    return r < 0 ? r : local_db_exec(l, "COMMIT", err);
}

/* Made by us, so that it is never readable by others: SQLite gives its journals the same mode. */
static int make_file(struct local *l, struct ol_err *err)
{
    struct ol_env *env = l->base.env;
    ol_autoclose int fd = -1;
    struct stat st;
    int r = ol_stat(env, l->path, &st);

    if (r == 0)
        return st.st_mode & 077 && !l->is_reader ? ol_chmod(env, l->path, 0600, err) : 0;
    if (r != -ENOENT || l->is_reader)
        return ol_err_set(err, -r, "open the database %s: %s", l->path, strerror(-r));
    fd = ol_open(env, l->path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return ol_err_set(err, -fd, "make the database %s: %s", l->path, strerror(-fd));
    return 0;
}

static int open_reader(struct local *l, struct ol_err *err)
{
    int64_t layout;
    int r = look(l, &layout, err);

    if (r == 0 && layout != (int64_t)ol_count(steps))
        return ol_err_set(err, EPROTONOSUPPORT,
                          "the database %s is of an older version: start the agent once", l->path);
    return r < 0 ? r : local_db_exec(l, "PRAGMA query_only=1", err);
}

static int open_writer(struct local *l, struct ol_err *err)
{
    int64_t layout;
    int r = look(l, &layout, err);

    /* FULL: who was told that an instance is active must find it so after a power cut. */
    if (r == 0)
        r = local_db_exec(l,
                          "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                          "PRAGMA journal_size_limit=4194304; PRAGMA cache_size=-1024;",
                          err);
    return r < 0 ? r : migrate(l, err);
}

int local_db_open(struct local *l, struct ol_err *err)
{
    struct ol_env *env = l->base.env;
    ol_autofree char *real = ol_xasprintf("%s%s", ol_env_is_host(env) ? "" : env->root, l->path);
    /* A dry run works on an empty one in memory. */
    bool is_in_memory = env->is_dry_run && !l->is_reader;
    int r = is_in_memory ? 0 : make_file(l, err);

    if (r < 0)
        return r;
    if (sqlite3_open_v2(is_in_memory ? ":memory:" : real, &l->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
        != SQLITE_OK)
        return local_db_fail(l, "open", err);
    sqlite3_busy_timeout(l->db, 5000);
    return l->is_reader ? open_reader(l, err) : open_writer(l, err);
}
