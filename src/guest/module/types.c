/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/types.h"

#include <string.h>

#include "core/cleanup.h"

/* Bits of row.types */
enum {
    TEXT = 1 << 0,
    NUMBER = 1 << 1, /* int, float or date */
    BOOL = 1 << 2,
    LIST = 1 << 3,
    MAP = 1 << 4,
    NOTHING = 1 << 5, /* null, or an empty value of any type: the module reads it as "no" */
    ABSENT = 1 << 6,  /* null is as good as no key at all */
    SCALAR = TEXT | NUMBER | BOOL,
};

/*
 * In a path '#' is any item of a list, '@' any value of a map, '*' either, a number that item of
 * a list. A wrong item of a list goes, unless its place counts ('mounts'): then it becomes null.
 */
static const struct row {
    const struct module *teller;
    const char *path;
    unsigned types;
    const char *wanted;
} rows[] = {
    {&module_write_files, "write_files/#/path", TEXT | NOTHING, "text"},
    {&module_write_files, "write_files/#/owner", TEXT | NOTHING, "text"},
    {&module_write_files, "write_files/#/source/uri", TEXT | NOTHING, "text"},
    {&module_mounts, "mounts", LIST | NOTHING, "a list"},
    {&module_mounts, "mounts/#/0", TEXT, "text"},
    {&module_mounts, "mounts/#/1", TEXT | ABSENT, "text"},
    {&module_mounts, "mounts/#/#", SCALAR | ABSENT, "text"},
    {&module_mounts, "mount_default_fields", LIST | ABSENT, "a list"},
    {&module_mounts, "mount_default_fields/#", SCALAR | ABSENT, "text"},
    {&module_mounts, "device_aliases", MAP | NOTHING, "a dict"},
    {&module_mounts, "device_aliases/@", TEXT, "text"},
    {&module_mounts, "swap/filename", TEXT | NOTHING, "text"},
    {&module_locale, "locale", SCALAR | ABSENT, "text"},
    {&module_locale, "locale_configfile", TEXT | ABSENT, "text"},
    {&module_set_hostname, "hostname", TEXT | NUMBER | ABSENT, "text"},
    {&module_set_hostname, "fqdn", TEXT | NUMBER | ABSENT, "text"},
    {&module_users_groups, "users/#", TEXT | LIST | MAP, "a dict or text"},
    {&module_users_groups, "users/#/#", TEXT, "text"},
    {&module_users_groups, "users/@", SCALAR | MAP, "a dict"},
    {&module_users_groups, "users/#/name", TEXT | NUMBER, "text"},
    {&module_users_groups, "users/*/gecos", TEXT | NUMBER | NOTHING, "text"},
    {&module_users_groups, "users/*/homedir", TEXT | NUMBER | NOTHING, "text"},
    {&module_users_groups, "users/*/shell", TEXT | NUMBER | NOTHING, "text"},
    {&module_users_groups, "users/*/uid", TEXT | NUMBER | NOTHING, "an int"},
    {&module_users_groups, "users/*/primary_group", TEXT | NUMBER | NOTHING, "text"},
    {&module_users_groups, "users/*/expiredate", TEXT | NUMBER | NOTHING, "a date"},
    {&module_users_groups, "users/*/inactive", TEXT | NUMBER | NOTHING, "a number of days"},
    {&module_users_groups, "users/*/selinux_user", TEXT | NUMBER | NOTHING, "text"},
    {&module_users_groups, "users/*/groups", TEXT | LIST | MAP | NOTHING, "a list or text"},
    {&module_users_groups, "users/*/groups/#", TEXT | NUMBER, "text"},
    {&module_users_groups, "users/*/passwd", SCALAR | NOTHING, "text"},
    {&module_users_groups, "users/*/hashed_passwd", SCALAR | NOTHING, "text"},
    {&module_users_groups, "users/*/plain_text_passwd", SCALAR | NOTHING, "text"},
    {&module_users_groups, "users/*/sudo/#", TEXT, "text"},
    {&module_users_groups, "users/*/doas", LIST | NOTHING, "a list"},
    {&module_users_groups, "users/*/doas/#", TEXT, "text"},
    {&module_users_groups, "users/*/ssh_authorized_keys/*", TEXT, "text"},
    {&module_users_groups, "groups", TEXT | LIST | MAP | ABSENT, "a list, a dict or text"},
    {&module_users_groups, "groups/#", TEXT | MAP, "a dict or text"},
    {&module_users_groups, "groups/#/@", TEXT | LIST, "a list or text"},
    {&module_users_groups, "groups/#/@/#", TEXT, "text"},
    {&module_users_groups, "groups/@", TEXT | LIST | NOTHING, "a list or text"},
    {&module_users_groups, "groups/@/#", TEXT, "text"},
    {&module_set_passwords, "chpasswd", MAP | NOTHING, "a dict"},
    {&module_set_passwords, "chpasswd/users", LIST | NOTHING, "a list"},
    {&module_set_passwords, "chpasswd/users/#", MAP, "a dict"},
    {&module_set_passwords, "chpasswd/users/#/name", TEXT | NUMBER, "text"},
    {&module_set_passwords, "chpasswd/users/#/password", SCALAR, "text"},
    {&module_set_passwords, "chpasswd/users/#/type", TEXT, "text"},
    {&module_set_passwords, "chpasswd/list", TEXT | LIST | NOTHING, "text"},
    {&module_set_passwords, "chpasswd/list/#", TEXT, "text"},
    {&module_set_passwords, "password", SCALAR | NOTHING, "text"},
    {&module_ssh, "ssh_keys", MAP, "a dict"},
    {&module_ssh, "ssh_keys/@", TEXT, "text"},
    {&module_ssh, "ssh_genkeytypes", TEXT | LIST | ABSENT, "a list"},
    {&module_ssh, "ssh_genkeytypes/#", TEXT, "text"},
    {&module_ssh, "ssh_authorized_keys", TEXT | LIST | NOTHING, "a list"},
    {&module_ssh, "ssh_authorized_keys/#", TEXT, "text"},
    {&module_ssh, "disable_root_opts", TEXT | ABSENT, "text"},
    {&module_ssh_authkey_fingerprints, "authkey_hash", TEXT | ABSENT, "text"},
};

/* One row on its way through a document. */
struct walk {
    struct guest *g;
    const struct row *row;
    bool is_telling;
};

static unsigned type_bit(const struct ol_val *v)
{
    static const unsigned bits[] = {
        [OL_VAL_NULL] = 0,   [OL_VAL_BOOL] = BOOL,  [OL_VAL_INT] = NUMBER,  [OL_VAL_FLOAT] = NUMBER,
        [OL_VAL_STR] = TEXT, [OL_VAL_BYTES] = TEXT, [OL_VAL_TIME] = NUMBER, [OL_VAL_LIST] = LIST,
        [OL_VAL_MAP] = MAP,  [OL_VAL_SET] = MAP,
    };

    return bits[v->type];
}

static bool is_fine(const struct ol_val *v, unsigned types)
{
    return type_bit(v) & types || (types & NOTHING && !ol_val_is_truthy(v))
           || (types & ABSENT && v->type == OL_VAL_NULL);
}

/* Never the value: it may be a secret. */
static void tell(const struct walk *w, const char *place, const struct ol_val *v)
{
    if (w->is_telling)
        ol_warn(w->g->env, "%s is of type %s and is ignored: write %s", place, ol_val_type_name(v),
                w->row->wanted);
}

static bool is_list_step(const char *step, size_t len, size_t at)
{
    return len == 1 && (strchr("#*", *step) || (at < 10 && *step == (char)('0' + at)));
}

static bool is_map_step(const char *step, size_t len, const struct ol_val *key)
{
    const char *name = ol_val_str(key);

    if (len == 1 && strchr("@*", *step))
        return true;
    return name && strlen(name) == len && !strncmp(name, step, len);
}

static const struct ol_val *typed(const struct walk *w, const struct ol_val *v, const char *path,
                                  const char *place);

/* typed() of the child that 'path' begins with. */
static const struct ol_val *typed_child(const struct walk *w, const struct ol_val *child,
                                        const char *path, const char *place)
{
    path += strcspn(path, "/");
    return typed(w, child, path + (*path == '/'), place);
}

static const struct ol_val *typed_list(const struct walk *w, const struct ol_val *list,
                                       const char *path, const char *place)
{
    /* A mount's fields are known by their places. */
    bool is_fixed = w->row->teller == &module_mounts;
    struct ol_val *copy = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < ol_val_count(list); i++) {
        struct ol_val *item = list->list.items[i];
        const struct ol_val *now = item;

        if (is_list_step(path, strcspn(path, "/"), i))
            now = typed_child(w, item, path, ol_arena_printf(w->g->arena, "%s/%zu", place, i));
        if (now != item && !copy)
            copy = ol_val_copy_top(w->g->arena, list);
        if (!now && is_fixed)
            now = ol_val_new_null(w->g->arena);
        if (now && copy)
            copy->list.items[kept] = (struct ol_val *)now;
        kept += now != NULL;
    }
    if (copy)
        copy->list.n = kept;
    return copy ? copy : list;
}

static const struct ol_val *typed_map(const struct walk *w, const struct ol_val *map,
                                      const char *path, const char *place)
{
    struct ol_val *copy = NULL;

    for (size_t i = 0; i < ol_val_count(map); i++) {
        const struct ol_pair *pair = ol_val_pair(map, i);
        const struct ol_val *now;
        const char *name;

        if (!is_map_step(path, strcspn(path, "/"), pair->key))
            continue;
        name = ol_val_to_text(w->g->arena, pair->key);
        now = typed_child(w, pair->value, path,
                          *place ? ol_arena_printf(w->g->arena, "%s/%s", place, name) : name);
        if (now != pair->value && !copy)
            copy = ol_val_copy_top(w->g->arena, map);
        if (!now)
            ol_val_remove_key(copy, pair->key);
        else if (copy && now != pair->value)
            ol_val_set_key(w->g->arena, copy, pair->key, (struct ol_val *)now);
    }
    return copy ? copy : map;
}

/* 'v' without what the rest of the path finds wrong in it; NULL = 'v' itself is wrong. */
static const struct ol_val *typed(const struct walk *w, const struct ol_val *v, const char *path,
                                  const char *place)
{
    if (!*path) {
        if (is_fine(v, w->row->types))
            return v;
        tell(w, place, v);
        return NULL;
    }
    if (ol_val_is(v, OL_VAL_LIST))
        return typed_list(w, v, path, place);
    return ol_val_is(v, OL_VAL_MAP) ? typed_map(w, v, path, place) : v;
}

const struct ol_val *module_typed_config(struct guest *g, const struct module *module,
                                         const struct ol_val *cfg)
{
    for (size_t i = 0; i < ol_count(rows); i++)
        cfg = typed(
            &(const struct walk){.g = g, .row = &rows[i], .is_telling = rows[i].teller == module},
            cfg, rows[i].path, "");
    return cfg;
}
