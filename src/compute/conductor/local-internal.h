/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "compute/base/exception.h"
#include "compute/conductor/conductor.h"
#include "compute/conductor/local.h"

/*
 * The conductor on SQLite. A call is one row of the table of methods, run under one lock in one
 * transaction. An object is kept as the JSON text of its data, beside the columns by which it is
 * looked for.
 */
enum local_table_id {
    LOCAL_SERVICE,
    LOCAL_NODE,
    LOCAL_INSTANCE,
    LOCAL_FAULT,
    LOCAL_ACTION,
    LOCAL_EVENT,
    LOCAL_BDM,
    LOCAL_VIF,
    LOCAL_N_TABLES,
};

struct local_table {
    const char *class, *name;
    const char *columns[6]; /* fields that have a column of their own; NULL-terminated */
    const char *defaults;   /* JSON of what a new one has when it is not given */
    bool has_uuid;          /* made when it is not given */
};
extern const struct local_table local_tables[LOCAL_N_TABLES];

struct local {
    struct conductor base;
    pthread_mutex_t lock;
    sqlite3 *db;
    char *path;
    bool is_reader;
};

struct local_method;

/* A call under way. Values are in the caller's arena. */
struct local_call {
    struct local *local;
    const struct nova_context *ctx;
    const struct local_method *method;
    struct ol_arena *a;
    const struct ol_val *args, *kwargs;
    const struct nova_object *o; /* of an object's method; else NULL */
    struct ol_val *updates;      /* of an object's method: to be filled */
    struct ol_val *result;       /* NULL = null */
    struct ol_err *err;
};

enum local_flag {
    LOCAL_WRITES = 1 << 0,
    LOCAL_OBJECT = 1 << 1, /* a method of an object, not of its class */
};

struct local_method {
    const char *class, *name; /* NULL ends a table */
    unsigned flags;
    int (*run)(struct local_call *q);
    const char *params[7]; /* names, in order */
};
extern const struct local_method local_service_methods[], local_node_methods[],
    local_instance_methods[], local_save_methods[], local_part_methods[], local_action_methods[],
    local_device_methods[];

/* --- local-db.c --- */
int local_db_open(struct local *l, struct ol_err *err);
int local_db_exec(struct local *l, const char *sql, struct ol_err *err);
int local_db_fail(struct local *l, const char *what, struct ol_err *err);

/* --- local-row.c: rows as maps of fields --- */

/* A column and what it must be: a scalar, null (NULL, too), or a list of which it is one. */
struct local_key {
    const char *column;
    const struct ol_val *value;
};
#define LOCAL_KEYS(...)                                                                            \
    (const struct local_key[])                                                                     \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

enum local_deleted { LOCAL_LIVE, LOCAL_ANY, LOCAL_ONLY_DELETED };
/* What the context asks for by read_deleted. */
enum local_deleted local_read_deleted(const struct local_call *q);

/* *ret: a list of data maps by id. */
int local_find(struct local_call *q, enum local_table_id t, const struct local_key *keys,
               enum local_deleted which, struct ol_val **ret);
/* *ret NULL when there is none. */
int local_find_one(struct local_call *q, enum local_table_id t, const struct local_key *keys,
                   enum local_deleted which, struct ol_val **ret);
/* Gives 'data' its id, its uuid, its times and defaults. */
int local_insert(struct local_call *q, enum local_table_id t, struct ol_val *data);
/* The row of data's id as it is now in 'data'. */
int local_write(struct local_call *q, enum local_table_id t, const struct ol_val *data);
/* The same with updated_at = now. */
int local_update(struct local_call *q, enum local_table_id t, struct ol_val *data);
/* Soft: deleted_at and deleted are set in 'data' and in its row. */
int local_delete(struct local_call *q, enum local_table_id t, struct ol_val *data);
int local_delete_all(struct local_call *q, enum local_table_id t, const struct local_key *keys);

/* --- local-value.c --- */
/* The n-th argument, by place or by name; NULL when absent or null. */
const struct ol_val *local_arg(const struct local_call *q, size_t n);
const char *local_arg_str(const struct local_call *q, size_t n);
struct ol_val *local_str(struct local_call *q, const char *text);
struct ol_val *local_now(struct local_call *q);
/* Of a row: NULL when absent or null. */
const struct ol_val *local_field(const struct ol_val *data, const char *name);
const char *local_text(const struct ol_val *data, const char *name);
/* The primitive of an object of the class with this data; null for NULL. */
struct ol_val *local_object(struct local_call *q, const char *class, struct ol_val *data);
/* The primitive of a list class with objects of these data. */
struct ol_val *local_list(struct local_call *q, const char *class, enum local_table_id t,
                          const struct ol_val *rows);
/* A copy without "nova_object.changes" anywhere. */
struct ol_val *local_clean(struct ol_arena *a, const struct ol_val *v);
/* Puts the object's changed fields into 'data'; how many. */
size_t local_take_changes(struct local_call *q, struct ol_val *data);
/* Fills q->updates with the fields of 'data' that the caller's object has not or otherwise. */
void local_answer(struct local_call *q, const struct ol_val *data);
/* What create() and save() of a plain class do. */
int local_create_row(struct local_call *q, enum local_table_id t);
int local_save_row(struct local_call *q, enum local_table_id t, struct ol_val *data);
/* *ret NULL when the object has no row. */
int local_own_row(struct local_call *q, enum local_table_id t, struct ol_val **ret);

/* --- local-instance.c --- */
/* NOVA_INSTANCE_NOT_FOUND. */
int local_instance(struct local_call *q, const char *uuid, struct ol_val **ret);
/* The fields that are loaded on demand. */
bool local_is_optional(const char *field);
/* local_answer() with the optional fields that the caller's object has. */
int local_instance_answer(struct local_call *q, const struct ol_val *data);
/* An optional field as nova has it: stored, computed or empty. */
int local_instance_part(struct local_call *q, const struct ol_val *data, const char *field,
                        struct ol_val **ret);
