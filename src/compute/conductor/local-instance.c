/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/conductor/local-internal.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/table.h"

/* --- fields that are loaded on demand --- */

/* What an instance has of them when nothing is stored: "{}", an empty list of a class, or null. */
static const struct part {
    const char *field, *list;
    bool is_dict;
} parts[] = {
    {"device_metadata"},
    {"ec2_ids"},
    {"fault"},
    {"flavor"},
    {"info_cache"},
    {"keypairs", "KeyPairList"},
    {"metadata", NULL, true},
    {"migration_context"},
    {"new_flavor"},
    {"numa_topology"},
    {"old_flavor"},
    {"pci_devices", "PciDeviceList"},
    {"pci_requests"},
    {"resources"},
    {"security_groups", "SecurityGroupList"},
    {"services"},
    {"system_metadata", NULL, true},
    {"tags", "TagList"},
    {"trusted_certs"},
    {"vcpu_model"},
};

static const struct part *find_part(const char *field)
{
    for (size_t i = 0; i < ol_count(parts); i++)
        if (!strcmp(parts[i].field, field))
            return &parts[i];
    return NULL;
}

bool local_is_optional(const char *field)
{
    return find_part(field) != NULL;
}

/* Instances have these numbers for EC2's interface; an image's only has to stay the same. */
static struct ol_val *ec2_ids(struct local_call *q, const struct ol_val *data)
{
    struct ol_val *ids = ol_val_new_map(q->a);
    const char *image = local_text(data, "image_ref");
    unsigned hash = ol_hash_str(OL_HASH_SEED, image ? image : "");

    ol_val_set_str(q->a, ids, "instance_id",
                   ol_arena_printf(q->a, "i-%08llx",
                                   (unsigned long long)ol_val_int(ol_val_get(data, "id"), 0)));
    ol_val_set(q->a, ids, "ami_id",
               local_str(q, image && *image ? ol_arena_printf(q->a, "ami-%08x", hash) : NULL));
    ol_val_set(q->a, ids, "kernel_id", ol_val_new_null(q->a));
    ol_val_set(q->a, ids, "ramdisk_id", ol_val_new_null(q->a));
    return local_object(q, "EC2Ids", ids);
}

static int latest_fault(struct local_call *q, const struct ol_val *data, struct ol_val **ret)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_FAULT, LOCAL_KEYS({"instance_uuid", local_field(data, "uuid")}),
                       local_read_deleted(q), &rows);
    size_t n = ol_val_count(rows);

    if (r == 0)
        *ret =
            local_object(q, "InstanceFault", n ? (struct ol_val *)ol_val_item(rows, n - 1) : NULL);
    return r;
}

static int services(struct local_call *q, const struct ol_val *data, struct ol_val **ret)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_SERVICE, LOCAL_KEYS({"host", local_field(data, "host")}),
                       LOCAL_LIVE, &rows);

    if (r == 0)
        *ret = local_list(q, "ServiceList", LOCAL_SERVICE, rows);
    return r;
}

static struct ol_val *pci_requests(struct local_call *q, const struct ol_val *data)
{
    struct ol_val *v = ol_val_new_map(q->a);

    ol_val_set(q->a, v, "instance_uuid", local_str(q, local_text(data, "uuid")));
    ol_val_set(q->a, v, "requests", ol_val_new_list(q->a));
    return local_object(q, "InstancePCIRequests", v);
}

int local_instance_part(struct local_call *q, const struct ol_val *data, const char *field,
                        struct ol_val **ret)
{
    const struct ol_val *stored = local_field(data, field);
    const struct part *p = find_part(field);

    if (!strcmp(field, "fault"))
        return latest_fault(q, data, ret);
    if (!strcmp(field, "services"))
        return services(q, data, ret);
    if (stored)
        *ret = (struct ol_val *)stored;
    else if (!strcmp(field, "ec2_ids"))
        *ret = ec2_ids(q, data);
    else if (!strcmp(field, "pci_requests"))
        *ret = pci_requests(q, data);
    else if (p && p->list)
        *ret = local_list(q, p->list, LOCAL_INSTANCE, NULL);
    else
        *ret = p && p->is_dict ? ol_val_new_map(q->a) : ol_val_new_null(q->a);
    return 0;
}

/* --- what is given --- */

static int add_part(struct local_call *q, const struct ol_val *data, const char *field,
                    struct ol_val *to)
{
    struct ol_val *v = NULL;
    int r = local_instance_part(q, data, field, &v);

    if (r == 0)
        ol_val_set(q->a, to, field, v);
    return r;
}

/* The row without its optional fields, but those in 'attrs' (names). */
static int shape(struct local_call *q, const struct ol_val *data, const struct ol_val *attrs,
                 struct ol_val **ret)
{
    struct ol_val *to = ol_val_new_map(q->a);
    int r = 0;

    for (size_t i = 0; i < ol_val_count(data); i++) {
        const struct ol_pair *p = ol_val_pair(data, i);

        if (!local_is_optional(ol_val_str(p->key)))
            ol_val_set_key(q->a, to, p->key, p->value);
    }
    for (size_t i = 0; i < ol_val_count(attrs) && r == 0; i++) {
        const char *name = ol_val_str(ol_val_item(attrs, i));

        if (name && local_is_optional(name))
            r = add_part(q, data, name, to);
        if (r == 0 && name && !strcmp(name, "flavor")) {
            r = add_part(q, data, "old_flavor", to);
            if (r == 0)
                r = add_part(q, data, "new_flavor", to);
        }
    }
    *ret = to;
    return r;
}

static int give_list(struct local_call *q, const struct ol_val *rows, const struct ol_val *attrs)
{
    struct ol_val *shaped = ol_val_new_list(q->a);
    int r = 0;

    for (size_t i = 0; i < ol_val_count(rows) && r == 0; i++) {
        struct ol_val *one = NULL;

        r = shape(q, ol_val_item(rows, i), attrs, &one);
        ol_val_append(q->a, shaped, one);
    }
    if (r == 0)
        q->result = local_list(q, "InstanceList", LOCAL_INSTANCE, shaped);
    return r;
}

int local_instance(struct local_call *q, const char *uuid, struct ol_val **ret)
{
    struct ol_val *data = NULL;
    int r = local_find_one(q, LOCAL_INSTANCE, LOCAL_KEYS({"uuid", local_str(q, uuid)}),
                           local_read_deleted(q), &data);

    if (r == 0 && !data)
        return nova_fail(q->err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.",
                         uuid ? uuid : "None");
    *ret = data;
    return r;
}

static int give_one(struct local_call *q, const struct ol_val *data)
{
    const struct ol_val *attrs = local_arg(q, 1);
    struct ol_val *usual = ol_val_new_list(q->a), *shaped = NULL;
    int r;

    ol_val_append(q->a, usual, local_str(q, "info_cache"));
    ol_val_append(q->a, usual, local_str(q, "security_groups"));
    r = shape(q, data, attrs ? attrs : usual, &shaped);
    if (r == 0)
        q->result = local_object(q, "Instance", shaped);
    return r;
}

static int get_by_uuid(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = local_instance(q, local_arg_str(q, 0), &data);

    return r < 0 ? r : give_one(q, data);
}

static int get_by_id(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = local_find_one(q, LOCAL_INSTANCE, LOCAL_KEYS({"id", local_arg(q, 0)}),
                           local_read_deleted(q), &data);

    if (r == 0 && !data)
        return nova_fail(q->err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.",
                         ol_val_to_text(q->a, local_arg(q, 0)));
    return r < 0 ? r : give_one(q, data);
}

/* --- lists --- */

static int list(struct local_call *q, const struct local_key *keys, size_t attrs)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_INSTANCE, keys, local_read_deleted(q), &rows);

    return r < 0 ? r : give_list(q, rows, local_arg(q, attrs));
}

static int get_by_host(struct local_call *q)
{
    return list(q, LOCAL_KEYS({"host", local_arg(q, 0)}), 1);
}

static int get_by_host_and_node(struct local_call *q)
{
    return list(q, LOCAL_KEYS({"host", local_arg(q, 0)}, {"node", local_arg(q, 1)}), 2);
}

static int get_all(struct local_call *q)
{
    return list(q, LOCAL_KEYS({NULL}), 0);
}

static int get_uuids_by_host(struct local_call *q)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_INSTANCE, LOCAL_KEYS({"host", local_arg(q, 0)}), LOCAL_LIVE, &rows);

    q->result = ol_val_new_list(q->a);
    for (size_t i = 0; i < ol_val_count(rows); i++)
        ol_val_append(q->a, q->result, local_str(q, local_text(ol_val_item(rows, i), "uuid")));
    return r;
}

/* --- filters: nova/db/main/api.py instance_get_all_by_filters_sort() --- */

static bool is_flag(const struct ol_val *filters, const char *name, bool usual)
{
    const struct ol_val *v = ol_val_get(filters, name);

    return v ? ol_val_is_truthy(v) : usual;
}

static bool matches(const struct ol_val *have, const struct ol_val *want)
{
    if (want->type != OL_VAL_LIST)
        return ol_val_equal(have, want);
    for (size_t i = 0; i < ol_val_count(want); i++)
        if (ol_val_equal(have, ol_val_item(want, i)))
            return true;
    return false;
}

/* "Soft deleted" is a state that waits to be reclaimed; "deleted" is a row that stays. */
static bool is_wanted_by_deletion(const struct ol_val *data, const struct ol_val *filters)
{
    const char *state = local_text(data, "vm_state");
    bool is_deleted = ol_val_is_truthy(ol_val_get(data, "deleted"));
    bool is_soft = state && !strcmp(state, "soft-delete");

    if (!ol_val_get(filters, "deleted"))
        return true;
    if (is_flag(filters, "deleted", false))
        return is_deleted || (is_soft && is_flag(filters, "soft_deleted", true));
    return !is_deleted && (!is_soft || is_flag(filters, "soft_deleted", false));
}

static bool is_wanted(const struct ol_val *data, const struct ol_val *filters)
{
    if (!is_wanted_by_deletion(data, filters))
        return false;
    for (size_t i = 0; i < ol_val_count(filters); i++) {
        const struct ol_pair *p = ol_val_pair(filters, i);
        const char *name = ol_val_str(p->key);

        if (strcmp(name, "deleted") != 0 && strcmp(name, "soft_deleted") != 0
            && !matches(ol_val_get_key(data, p->key), p->value))
            return false;
    }
    return true;
}

/* A filter that we have not must not be taken for one that lets all pass. */
static int check_filters(struct local_call *q, const struct ol_val *filters)
{
    const struct nova_class *c = nova_class_find("Instance");

    for (size_t i = 0; i < ol_val_count(filters); i++) {
        const char *name = ol_val_str(ol_val_pair(filters, i)->key);
        const struct nova_field *f = c->fields;

        while (f->name && name && strcmp(f->name, name) != 0)
            f++;
        if (!name || (strcmp(name, "soft_deleted") != 0 && (!f->name || local_is_optional(name))))
            return nova_fail(q->err, NOVA_NOT_IMPLEMENTED,
                             "InstanceList.get_by_filters: no filter '%s' here", name ? name : "");
    }
    return 0;
}

enum { N_COLUMNS = 5, LONG_LIST = 500 }; /* SQLite takes so many parameters, and not many more */

/* What SQLite can look for; is_wanted() asks all of it again. */
static void column_keys(const struct ol_val *filters, struct local_key keys[N_COLUMNS + 1])
{
    const char *const *columns = local_tables[LOCAL_INSTANCE].columns;
    size_t n = 0;

    for (size_t i = 0; i < N_COLUMNS && columns[i]; i++) {
        const struct ol_val *v = ol_val_get(filters, columns[i]);

        if (v && ol_val_count(v) <= LONG_LIST)
            keys[n++] = (struct local_key){columns[i], v};
    }
    keys[n] = (struct local_key){NULL};
}

static int get_by_filters(struct local_call *q)
{
    const struct ol_val *filters = local_arg(q, 0);
    struct local_key keys[N_COLUMNS + 1];
    const char *direction = local_arg_str(q, 2);
    bool is_up = direction && !strcmp(direction, "asc");
    int64_t limit = ol_val_int(local_arg(q, 3), INT64_MAX);
    struct ol_val *rows = NULL, *wanted = ol_val_new_list(q->a);
    int r = check_filters(q, filters);

    column_keys(filters, keys);
    if (r == 0)
        r = local_find(q, LOCAL_INSTANCE, keys,
                       ol_val_get(filters, "deleted") ? LOCAL_ANY : local_read_deleted(q), &rows);
    if (r < 0)
        return r;
    for (size_t n = ol_val_count(rows), i = 0; i < n && (int64_t)ol_val_count(wanted) < limit;
         i++) {
        const struct ol_val *row = ol_val_item(rows, is_up ? i : n - 1 - i);

        if (is_wanted(row, filters))
            ol_val_append(q->a, wanted, (struct ol_val *)row);
    }
    return give_list(q, wanted, local_arg(q, 5));
}

/* --- objects --- */

static int refresh(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = local_instance(q, nova_str(q->o, "uuid"), &data);

    return r < 0 ? r : local_instance_answer(q, data);
}

int local_instance_answer(struct local_call *q, const struct ol_val *data)
{
    struct ol_val *attrs = ol_val_new_list(q->a), *shaped = NULL;
    int r;

    for (size_t i = 0; i < ol_count(parts); i++)
        if (nova_has(q->o, parts[i].field))
            ol_val_append(q->a, attrs, local_str(q, parts[i].field));
    r = shape(q, data, attrs, &shaped);
    if (r == 0)
        local_answer(q, shaped);
    return r;
}

const struct local_method local_instance_methods[] = {
    {"Instance", "get_by_uuid", 0, get_by_uuid, {"uuid", "expected_attrs", "use_slave"}},
    {"Instance", "get_by_id", 0, get_by_id, {"inst_id", "expected_attrs"}},
    {"Instance", "refresh", LOCAL_OBJECT, refresh, {"use_slave"}},
    {"InstanceList", "get_by_host", 0, get_by_host, {"host", "expected_attrs", "use_slave"}},
    {"InstanceList",
     "get_by_host_and_node",
     0,
     get_by_host_and_node,
     {"host", "node", "expected_attrs"}},
    {"InstanceList",
     "get_by_filters",
     0,
     get_by_filters,
     {"filters", "sort_key", "sort_dir", "limit", "marker", "expected_attrs"}},
    {"InstanceList", "get_uuids_by_host", 0, get_uuids_by_host, {"host"}},
    {"InstanceList", "get_all", 0, get_all, {"expected_attrs"}},
    {NULL},
};
