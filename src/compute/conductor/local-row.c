/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/conductor/local-internal.h"
#include "core/buf.h"
#include "core/cleanup.h"

enum { ROW_MAX = 16 << 20, SQL_MAX = 1 << 20 };

const struct local_table local_tables[LOCAL_N_TABLES] = {
    [LOCAL_SERVICE] = {"Service",
                       "service",
                       {"uuid", "host", "binary", "topic"},
                       "{\"report_count\":0,\"disabled\":false,\"disabled_reason\":null,"
                       "\"last_seen_up\":null,\"forced_down\":false,\"version\":0}",
                       true},
    [LOCAL_NODE] = {"ComputeNode",
                    "compute_node",
                    {"uuid", "host", "hypervisor_hostname"},
                    "{\"service_id\":null,\"free_ram_mb\":null,\"free_disk_gb\":null,"
                    "\"current_workload\":null,\"running_vms\":null,\"metrics\":null,"
                    "\"numa_topology\":null,\"host_ip\":null,\"disk_available_least\":null,"
                    "\"stats\":{},\"supported_hv_specs\":[],\"pci_device_pools\":null,"
                    "\"cpu_allocation_ratio\":0.0,\"ram_allocation_ratio\":0.0,"
                    "\"disk_allocation_ratio\":0.0,\"mapped\":0}",
                    true},
    [LOCAL_INSTANCE] =
        {"Instance",
         "instance",
         {"uuid", "host", "node", "vm_state", "task_state"},
         "{\"user_id\":null,\"project_id\":null,\"image_ref\":null,\"kernel_id\":null,"
         "\"ramdisk_id\":null,\"hostname\":null,\"launch_index\":0,\"key_name\":null,"
         "\"key_data\":null,\"power_state\":0,\"vm_state\":null,\"task_state\":null,"
         "\"memory_mb\":null,\"vcpus\":null,\"root_gb\":null,\"ephemeral_gb\":null,"
         "\"ephemeral_key_uuid\":null,\"host\":null,\"node\":null,\"instance_type_id\":null,"
         "\"user_data\":null,\"reservation_id\":null,\"launched_at\":null,"
         "\"terminated_at\":null,\"availability_zone\":null,\"display_name\":null,"
         "\"display_description\":null,\"launched_on\":null,\"locked\":false,"
         "\"locked_by\":null,\"os_type\":null,\"architecture\":null,\"vm_mode\":null,"
         "\"root_device_name\":null,\"default_ephemeral_device\":null,"
         "\"default_swap_device\":null,\"config_drive\":\"\",\"access_ip_v4\":null,"
         "\"access_ip_v6\":null,\"auto_disk_config\":false,\"progress\":0,"
         "\"shutdown_terminate\":false,\"disable_terminate\":false,\"cell_name\":null,"
         "\"cleaned\":false,\"hidden\":false}",
         true},
    [LOCAL_FAULT] = {"InstanceFault",
                     "fault",
                     {"instance_uuid"},
                     "{\"message\":null,\"details\":null,\"host\":null}",
                     false},
    [LOCAL_ACTION] = {"InstanceAction",
                      "action",
                      {"instance_uuid", "request_id"},
                      "{\"finish_time\":null,\"message\":null}",
                      false},
    [LOCAL_EVENT] = {"InstanceActionEvent",
                     "event",
                     {"action_id", "event"},
                     "{\"start_time\":null,\"finish_time\":null,\"result\":null,"
                     "\"traceback\":null,\"host\":null,\"details\":null}",
                     false},
    [LOCAL_BDM] = {"BlockDeviceMapping",
                   "block_device_mapping",
                   {"uuid", "instance_uuid", "volume_id"},
                   "{\"source_type\":null,\"destination_type\":null,\"guest_format\":null,"
                   "\"device_type\":null,\"disk_bus\":null,\"boot_index\":null,"
                   "\"device_name\":null,\"delete_on_termination\":false,\"snapshot_id\":null,"
                   "\"volume_id\":null,\"volume_size\":null,\"image_id\":null,"
                   "\"no_device\":false,\"connection_info\":null,\"tag\":null,"
                   "\"attachment_id\":null,\"volume_type\":null,\"encrypted\":false,"
                   "\"encryption_secret_uuid\":null,\"encryption_format\":null,"
                   "\"encryption_options\":null}",
                   true},
    [LOCAL_VIF] = {"VirtualInterface",
                   "virtual_interface",
                   {"uuid", "instance_uuid", "address"},
                   "{\"address\":null,\"network_id\":0,\"tag\":null}",
                   true},
};

enum local_deleted local_read_deleted(const struct local_call *q)
{
    const char *text = q->ctx ? ol_val_str(ol_val_get(q->ctx->values, "read_deleted")) : NULL;

    if (text && !strcmp(text, "yes"))
        return LOCAL_ANY;
    return text && !strcmp(text, "only") ? LOCAL_ONLY_DELETED : LOCAL_LIVE;
}

/* --- looking for rows --- */

static bool has_null(const struct ol_val *list)
{
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (ol_val_is(ol_val_item(list, i), OL_VAL_NULL))
            return true;
    return false;
}

/* Columns are our own words; values are bound. */
static void add_condition(struct ol_buf *sql, const struct local_key *k)
{
    if (!k->value || k->value->type == OL_VAL_NULL) {
        ol_buf_printf(sql, " AND %s IS NULL", k->column);
    } else if (k->value->type == OL_VAL_LIST) {
        ol_buf_printf(sql, " AND (%s IN (", k->column);
        for (size_t i = 0; i < ol_val_count(k->value); i++)
            ol_buf_adds(sql, i ? ",?" : "?");
        ol_buf_printf(sql, ")%s%s%s)", has_null(k->value) ? " OR " : "",
                      has_null(k->value) ? k->column : "", has_null(k->value) ? " IS NULL" : "");
    } else {
        ol_buf_printf(sql, " AND %s=?", k->column);
    }
}

static void bind(sqlite3_stmt *st, int at, const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_STR))
        sqlite3_bind_text(st, at, v->str.data, (int)v->str.len, SQLITE_STATIC);
    else if (ol_val_is(v, OL_VAL_INT) && !v->integer.text)
        sqlite3_bind_int64(st, at, v->integer.value);
    else if (ol_val_is(v, OL_VAL_BOOL))
        sqlite3_bind_int(st, at, v->boolean);
    else
        sqlite3_bind_null(st, at);
}

static void bind_keys(sqlite3_stmt *st, const struct local_key *keys)
{
    int at = 1;

    for (; keys->column; keys++) {
        if (!keys->value || keys->value->type == OL_VAL_NULL)
            continue;
        if (keys->value->type != OL_VAL_LIST)
            bind(st, at++, keys->value);
        else
            for (size_t i = 0; i < ol_val_count(keys->value); i++)
                bind(st, at++, ol_val_item(keys->value, i));
    }
}

static int prepare(struct local_call *q, const char *sql, sqlite3_stmt **ret)
{
    return sqlite3_prepare_v2(q->local->db, sql, -1, ret, NULL) == SQLITE_OK
               ? 0
               : local_db_fail(q->local, "read", q->err);
}

static int read_row(struct local_call *q, sqlite3_stmt *st, struct ol_val **ret)
{
    int r = ol_json_load((const char *)sqlite3_column_text(st, 0),
                         (size_t)sqlite3_column_bytes(st, 0), q->a, ret, NULL);

    if (ol_arena_is_over(q->a))
        return ol_err_set(q->err, EFBIG, "the database %s: too many rows are asked for",
                          q->local->path);
    if (r < 0 || !ol_val_is(*ret, OL_VAL_MAP))
        return ol_err_set(q->err, EUCLEAN, "the database %s is damaged: a row is not JSON",
                          q->local->path);
    return 0;
}

static int find(struct local_call *q, const char *sql, const struct local_key *keys,
                struct ol_val *to)
{
    sqlite3_stmt *st = NULL;
    int code = SQLITE_DONE, r = prepare(q, sql, &st);

    if (r == 0) {
        bind_keys(st, keys);
        code = sqlite3_step(st);
    }
    while (r == 0 && code == SQLITE_ROW) {
        struct ol_val *row = NULL;

        r = read_row(q, st, &row);
        if (r == 0) {
            ol_val_append(q->a, to, row);
            code = sqlite3_step(st);
        }
    }
    if (r == 0 && code != SQLITE_DONE)
        r = local_db_fail(q->local, "read", q->err);
    sqlite3_finalize(st);
    return r;
}

int local_find(struct local_call *q, enum local_table_id t, const struct local_key *keys,
               enum local_deleted which, struct ol_val **ret)
{
    static const char *const conditions[] = {"deleted=0", "1", "deleted=1"};
    ol_auto(ol_buf_done) struct ol_buf sql = OL_BUF_INIT(SQL_MAX);
    struct ol_val *rows = ol_val_new_list(q->a);
    int r;

    ol_buf_printf(&sql, "SELECT data FROM %s WHERE %s", local_tables[t].name, conditions[which]);
    for (const struct local_key *k = keys; k->column; k++)
        add_condition(&sql, k);
    ol_buf_adds(&sql, " ORDER BY id");
    r = ol_buf_status(&sql);
    if (r == 0)
        r = find(q, sql.data, keys, rows);
    if (r == 0)
        *ret = rows;
    return r;
}

int local_find_one(struct local_call *q, enum local_table_id t, const struct local_key *keys,
                   enum local_deleted which, struct ol_val **ret)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, t, keys, which, &rows);

    if (r == 0)
        *ret = (struct ol_val *)ol_val_item(rows, 0);
    return r;
}

/* --- writing them --- */

static int step(struct local_call *q, sqlite3_stmt *st)
{
    int r = sqlite3_step(st) == SQLITE_DONE ? 0 : local_db_fail(q->local, "write", q->err);

    sqlite3_finalize(st);
    return r;
}

/* The columns and the text of the row that has data's id. */
int local_write(struct local_call *q, enum local_table_id t, const struct ol_val *data)
{
    const struct local_table *table = &local_tables[t];
    ol_auto(ol_buf_done) struct ol_buf sql = OL_BUF_INIT(SQL_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(ROW_MAX);
    const struct ol_val *deleted = ol_val_get(data, "deleted");
    sqlite3_stmt *st = NULL;
    int n = 0, r = ol_json_dump(data, &ol_json_compact, &text);

    if (r < 0)
        return ol_err_set(q->err, -r, "%s: its text can't be written", table->class);
    ol_buf_printf(&sql, "UPDATE %s SET deleted=?1,data=?2,id=?3", table->name);
    for (; table->columns[n]; n++)
        ol_buf_printf(&sql, ",%s=?%d", table->columns[n], n + 4);
    ol_buf_adds(&sql, " WHERE id=?3");
    r = prepare(q, sql.data, &st);
    if (r < 0)
        return r;
    sqlite3_bind_int(st, 1, ol_val_is(deleted, OL_VAL_BOOL) && deleted->boolean);
    sqlite3_bind_text(st, 2, text.data, (int)text.len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, ol_val_int(ol_val_get(data, "id"), 0));
    for (int i = 0; i < n; i++)
        bind(st, i + 4, ol_val_get(data, table->columns[i]));
    return step(q, st);
}

static int take_defaults(struct local_call *q, const struct local_table *table, struct ol_val *data)
{
    struct ol_val *defaults = NULL;
    int r = ol_json_load(table->defaults, strlen(table->defaults), q->a, &defaults, q->err);

    for (size_t i = 0; r == 0 && i < ol_val_count(defaults); i++) {
        const struct ol_pair *p = ol_val_pair(defaults, i);

        if (!ol_val_get_key(data, p->key))
            ol_val_set_key(q->a, data, p->key, p->value);
    }
    return r;
}

int local_insert(struct local_call *q, enum local_table_id t, struct ol_val *data)
{
    const struct local_table *table = &local_tables[t];
    const char *sql =
        ol_arena_printf(q->a, "INSERT INTO %s(deleted, data) VALUES(0, '{}')", table->name);
    sqlite3_stmt *st = NULL;
    char uuid[37];
    int r = take_defaults(q, table, data);

    if (r == 0)
        r = prepare(q, sql, &st);
    if (r == 0)
        r = step(q, st);
    if (r < 0)
        return r;
    nova_uuid(uuid);
    ol_val_set_int(q->a, data, "id", sqlite3_last_insert_rowid(q->local->db));
    if (table->has_uuid && !local_text(data, "uuid"))
        ol_val_set_str(q->a, data, "uuid", uuid);
    ol_val_set(q->a, data, "created_at", local_now(q));
    ol_val_set(q->a, data, "updated_at", ol_val_new_null(q->a));
    ol_val_set(q->a, data, "deleted_at", ol_val_new_null(q->a));
    ol_val_set_bool(q->a, data, "deleted", false);
    return local_write(q, t, data);
}

int local_update(struct local_call *q, enum local_table_id t, struct ol_val *data)
{
    ol_val_set(q->a, data, "updated_at", local_now(q));
    return local_write(q, t, data);
}

int local_delete(struct local_call *q, enum local_table_id t, struct ol_val *data)
{
    ol_val_set(q->a, data, "deleted_at", local_now(q));
    ol_val_set_bool(q->a, data, "deleted", true);
    return local_write(q, t, data);
}

int local_delete_all(struct local_call *q, enum local_table_id t, const struct local_key *keys)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, t, keys, LOCAL_LIVE, &rows);

    for (size_t i = 0; r == 0 && i < ol_val_count(rows); i++)
        r = local_delete(q, t, (struct ol_val *)ol_val_item(rows, i));
    return r;
}
