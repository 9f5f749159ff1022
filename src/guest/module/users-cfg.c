/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/users-cfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/notice.h"

/* util.mergemanydict(): what 'into' has already stays, maps in maps are merged too. */
static void merge(struct ol_arena *a, struct ol_val *into, const struct ol_val *from)
{
    for (size_t i = 0; ol_val_is(from, OL_VAL_MAP) && i < ol_val_count(from); i++) {
        const struct ol_pair *pair = ol_val_pair(from, i);
        const char *key = ol_val_to_text(a, pair->key);
        struct ol_val *old = ol_val_get_mut(into, key);

        if (!old)
            ol_val_set(a, into, key, ol_val_copy(a, pair->value));
        else if (ol_val_is(old, OL_VAL_MAP))
            merge(a, old, pair->value);
    }
}

static struct ol_val *merged(struct ol_arena *a, const struct ol_val *high,
                             const struct ol_val *low)
{
    struct ol_val *map = ol_val_new_map(a);

    merge(a, map, high);
    merge(a, map, low);
    return map;
}

static void add_unique(struct ol_strv *to, const char *item)
{
    if (!ol_strv_has(to, item))
        ol_strv_add(to, item);
}

/* util.uniq_merge(): text is stripped and split at commas, a list (or a map's keys) is taken. */
static void uniq_merge(struct ol_arena *a, const struct ol_val *v, struct ol_strv *to)
{
    if (ol_val_str(v)) {
        ol_autofree char *text = ol_str_stripped(ol_val_str(v));
        ol_auto(ol_strv_done) struct ol_strv pieces = OL_STRV_INIT;

        ol_strv_split(&pieces, text, ",");
        ol_strv_each (piece, &pieces)
            add_unique(to, piece);
        return;
    }
    for (size_t i = 0; i < ol_val_count(v); i++)
        add_unique(to, ol_val_to_text(a, ol_val_is(v, OL_VAL_MAP) ? ol_val_pair(v, i)->key
                                                                  : ol_val_item(v, i)));
}

static struct ol_val *list_of(struct ol_arena *a, const struct ol_strv *items)
{
    struct ol_val *list = ol_val_new_list(a);

    ol_strv_each (item, items)
        ol_val_append(a, list, ol_val_new_str(a, item));
    return list;
}

static int group_from_map(struct ol_arena *a, const struct ol_val *item, struct ol_val *to,
                          struct ol_err *err)
{
    for (size_t i = 0; i < ol_val_count(item); i++) {
        const struct ol_pair *pair = ol_val_pair(item, i);
        const char *name = ol_val_to_text(a, pair->key);
        struct ol_val *members = ol_val_get_mut(to, name);

        if (!ol_val_str(pair->value) && !ol_val_is(pair->value, OL_VAL_LIST))
            return ol_err_set_domain(err, EINVAL, "TypeError", 0, "Bad group member type %s",
                                     ol_val_type_name(pair->value));
        if (!members) {
            members = ol_val_new_list(a);
            ol_val_set(a, to, name, members);
        }
        if (ol_val_str(pair->value))
            ol_val_append(a, members, ol_val_copy(a, pair->value));
        for (size_t m = 0; m < ol_val_count(pair->value); m++)
            ol_val_append(a, members, ol_val_copy(a, ol_val_item(pair->value, m)));
    }
    return 0;
}

/* Every form to a map name -> list, in 'to'. */
static int group_forms(struct ol_arena *a, const struct ol_val *given, struct ol_val *to,
                       struct ol_err *err)
{
    if (ol_val_str(given)) {
        ol_autofree char *text = ol_str_stripped(ol_val_str(given));
        ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

        ol_strv_split(&names, text, ",");
        ol_strv_each (name, &names) {
            ol_autofree char *stripped = ol_str_stripped(name);

            ol_val_set(a, to, stripped, ol_val_new_list(a));
        }
        return 0;
    }
    if (ol_val_is(given, OL_VAL_MAP)) {
        merge(a, to, given);
        return 0;
    }
    if (!ol_val_is(given, OL_VAL_LIST))
        return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                                 "Group config must be list, dict or string type only but found %s",
                                 ol_val_type_name(given));
    for (size_t i = 0; i < ol_val_count(given); i++) {
        const struct ol_val *item = ol_val_item(given, i);
        int r = ol_val_is(item, OL_VAL_MAP) ? group_from_map(a, item, to, err) : 0;

        if (r < 0)
            return r;
        if (ol_val_str(item) && !ol_val_get(to, ol_val_str(item)))
            ol_val_set(a, to, ol_val_str(item), ol_val_new_list(a));
        if (!ol_val_str(item) && !ol_val_is(item, OL_VAL_MAP))
            return ol_err_set_domain(err, EINVAL, "TypeError", 0, "Unknown group name type %s",
                                     ol_val_type_name(item));
    }
    return 0;
}

static int normalize_groups(struct ol_arena *a, const struct ol_val *given, struct ol_val *ret,
                            struct ol_err *err)
{
    struct ol_val *forms = ol_val_new_map(a);
    int r = group_forms(a, given, forms, err);

    for (size_t i = 0; r >= 0 && i < ol_val_count(forms); i++) {
        ol_auto(ol_strv_done) struct ol_strv members = OL_STRV_INIT;
        const struct ol_pair *pair = ol_val_pair(forms, i);

        uniq_merge(a, pair->value, &members);
        ol_strv_sort(&members);
        ol_val_set_key(a, ret, pair->key, list_of(a, &members));
    }
    return r;
}

/* A copy with '-' read as '_' in every key. */
static struct ol_val *with_plain_keys(struct ol_arena *a, const struct ol_val *map)
{
    struct ol_val *copy = ol_val_new_map(a);

    for (size_t i = 0; i < ol_val_count(map); i++) {
        const struct ol_pair *pair = ol_val_pair(map, i);
        ol_autofree char *key = ol_str_stripped(ol_val_to_text(a, pair->key));

        ol_str_tr(key, '-', '_');
        if (*key)
            ol_val_set(a, copy, key, ol_val_copy(a, pair->value));
    }
    return copy;
}

/* {"joe": {…}, "ann": true} to a list of the other form. */
static int list_from_map(struct ol_arena *a, const struct ol_val *map, struct ol_val *list,
                         struct ol_err *err)
{
    for (size_t i = 0; i < ol_val_count(map); i++) {
        const struct ol_pair *pair = ol_val_pair(map, i);
        const char *name = ol_val_to_text(a, pair->key);

        if (ol_val_is(pair->value, OL_VAL_MAP)) {
            struct ol_val *user = ol_val_copy(a, pair->value);

            ol_val_set_str(a, user, "name", name);
            ol_val_append(a, list, user);
        } else if (!pair->value || pair->value->type == OL_VAL_NULL
                   || pair->value->type > OL_VAL_STR) {
            return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                                     "Unmappable user value type %s for key %s",
                                     ol_val_type_name(pair->value), name);
        } else if (cfg_is_true(pair->value)) {
            ol_val_append(a, list, ol_val_new_str(a, name));
        }
    }
    return 0;
}

static void add_named(struct ol_arena *a, const struct ol_val *names, struct ol_val *users)
{
    ol_auto(ol_strv_done) struct ol_strv unique = OL_STRV_INIT;

    uniq_merge(a, names, &unique);
    ol_strv_each (name, &unique) {
        ol_autofree char *stripped = ol_str_stripped(name);

        if (*stripped && !ol_val_get(users, stripped))
            ol_val_set(a, users, stripped, ol_val_new_map(a));
    }
}

/* Settings of one user that is named or described in a list; the same user may come again. */
static int add_user(struct ol_arena *a, const struct ol_val *item, struct ol_val *users,
                    struct ol_err *err)
{
    struct ol_val *settings;
    const char *name;

    if (ol_val_str(item) || ol_val_is(item, OL_VAL_LIST)) {
        add_named(a, item, users);
        return 0;
    }
    if (!ol_val_is(item, OL_VAL_MAP))
        return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                                 "User config must be dictionary/list or string "
                                 " types only and not %s",
                                 ol_val_type_name(item));
    settings = with_plain_keys(a, item);
    name = ol_val_get(item, "name") ? ol_val_to_text(a, ol_val_get(item, "name")) : "default";
    ol_val_remove(settings, "name");
    ol_val_set(a, users, name, merged(a, ol_val_get(users, name), settings));
    return 0;
}

/* The user "default" becomes the one that 'defaults' describes and moves to the end. */
static const char *name_default_user(struct ol_arena *a, struct ol_val *users,
                                     const struct ol_val *defaults)
{
    const struct ol_val *asked = ol_val_get(users, "default");
    const char *name = ol_val_str(ol_val_get(defaults, "name"));
    ol_auto(ol_strv_done) struct ol_strv groups = OL_STRV_INIT;
    ol_autofree char *joined = NULL;
    struct ol_val *named, *low;

    if (!asked)
        return NULL;
    ol_val_remove(users, "default");
    if (!name)
        return NULL;
    named = ol_val_copy(a, ol_val_get(users, name));
    ol_val_remove(users, name);
    uniq_merge(a, ol_val_get(named, "groups"), &groups);
    uniq_merge(a, ol_val_get(defaults, "groups"), &groups);
    ol_strv_sort(&groups);
    joined = ol_strv_join(&groups, ",");
    named = named ? named : ol_val_new_map(a);
    ol_val_set_str(a, named, "groups", joined);
    low = with_plain_keys(a, defaults);
    ol_val_remove(low, "name");
    ol_val_set(a, users, name, merged(a, named, merged(a, asked, low)));
    return name;
}

static int normalize_users(struct ol_arena *a, const struct ol_val *given, struct ol_val *users,
                           struct ol_err *err)
{
    struct ol_val *list = ol_val_new_list(a);
    int r = 0;

    if (ol_val_str(given)) {
        ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

        uniq_merge(a, given, &names);
        ol_strv_sort(&names);
        list = list_of(a, &names);
    } else if (ol_val_is(given, OL_VAL_MAP)) {
        r = list_from_map(a, given, list, err);
    } else if (ol_val_is(given, OL_VAL_LIST)) {
        list = ol_val_copy(a, given);
    }
    for (size_t i = 0; r >= 0 && i < ol_val_count(list); i++)
        r = add_user(a, ol_val_item(list, i), users, err);
    return r;
}

/* The old key 'user': it describes the default user. NULL when it is not there. */
static struct ol_val *old_user(struct guest *g, const struct ol_val *cfg, bool is_quiet)
{
    const struct ol_val *user = ol_val_get(cfg, "user");
    struct ol_val *map;

    if (!ol_val_is_truthy(user))
        return NULL;
    if (ol_val_is(user, OL_VAL_MAP))
        return ol_val_copy(g->arena, user);
    if (!ol_val_str(user)) {
        if (!is_quiet)
            ol_warn(g->env, "Format for 'user' key must be a string or dictionary and not %s",
                    ol_val_type_name(user));
        return NULL;
    }
    if (!is_quiet)
        guest_deprecated(g, "'user' of type string", 22, 2, "Use 'users' list instead.");
    map = ol_val_new_map(g->arena);
    ol_val_set_str(g->arena, map, "name", ol_val_str(user));
    return map;
}

static void judge_form(struct guest *g, const struct ol_val *users)
{
    const char *type = ol_val_type_name(users);

    if (!users || ol_val_is(users, OL_VAL_LIST))
        return;
    if (ol_val_str(users) || ol_val_is(users, OL_VAL_MAP))
        guest_deprecated(g, ol_arena_printf(g->arena, "'users' of type <class '%s'>", type), 22, 2,
                         "Use 'users' as a list.");
    else
        ol_warn(g->env,
                "Format for 'users' key must be a comma-separated string"
                " or a dictionary or a list but found %s",
                type);
}

int users_cfg_parse(struct guest *g, const struct ol_val *cfg, unsigned flags,
                    struct users_cfg *ret, struct ol_err *err)
{
    bool is_quiet = flags & USERS_CFG_QUIET;
    const struct ol_val *old = old_user(g, cfg, is_quiet);
    const struct ol_val *distros = ol_val_at(g->cfg, "system_info/default_user");
    struct ol_val *users = ol_val_new_map(g->arena);
    struct ol_val *groups = ol_val_new_map(g->arena);
    const char *default_user;
    int r;

    if (!is_quiet)
        judge_form(g, ol_val_get(cfg, "users"));
    r = normalize_users(g->arena, ol_val_get(cfg, "users"), users, err);
    if (r >= 0 && ol_val_get(cfg, "groups") && !ol_val_is(ol_val_get(cfg, "groups"), OL_VAL_NULL))
        r = normalize_groups(g->arena, ol_val_get(cfg, "groups"), groups, err);
    if (r < 0)
        return r;
    if (old && !ol_val_get(users, "default"))
        ol_val_set(g->arena, users, "default", ol_val_new_map(g->arena));
    default_user = name_default_user(g->arena, users, merged(g->arena, old, distros));
    *ret = (struct users_cfg){.users = users, .groups = groups, .default_user = default_user};
    return 0;
}
