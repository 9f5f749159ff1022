/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/module/module.h"
#include "guest/module/user-create.h"
#include "guest/module/users-cfg.h"

/* Names of the settings among 'keys' that are there and not empty: "a, b"; "" = none. */
static const char *set_keys(struct guest *g, const struct ol_val *cfg, const char *const *keys)
{
    ol_auto(ol_strv_done) struct ol_strv found = OL_STRV_INIT;
    ol_autofree char *joined = NULL;

    for (; *keys; keys++)
        if (ol_val_is_truthy(ol_val_get(cfg, *keys)))
            ol_strv_add(&found, *keys);
    joined = ol_strv_join(&found, ", ");
    return ol_arena_strdup(g->arena, joined);
}

static int check_home(struct guest *g, const char *user, const struct ol_val *cfg,
                      struct ol_err *err)
{
    static const char *const no_home_keys[] = {"no_create_home", "system", NULL};
    static const char *const need_home_keys[] = {"ssh_authorized_keys", "ssh_import_id",
                                                 "ssh_redirect_user", NULL};
    const char *no_home = set_keys(g, cfg, no_home_keys);
    const char *need_home = set_keys(g, cfg, need_home_keys);

    if (!*no_home || !*need_home)
        return 0;
    return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                             "Not creating user %s. Key(s) %s cannot be provided with %s", user,
                             need_home, no_home);
}

/* ssh_redirect_user becomes the name of the user that it leads to, or goes. */
static int resolve_redirect(struct guest *g, const char *user, const char *default_user,
                            struct ol_val *cfg, struct ol_err *err)
{
    const struct ol_val *given = ol_val_get(cfg, "ssh_redirect_user");
    const char *text = given ? ol_val_to_text(g->arena, given) : "";
    bool is_wanted = ol_val_is_truthy(given);

    ol_val_remove(cfg, "ssh_redirect_user");
    if (!is_wanted)
        return 0;
    if (ol_val_get(cfg, "ssh_authorized_keys") || ol_val_get(cfg, "ssh_import_id"))
        return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                                 "Not creating user %s. ssh_redirect_user cannot be provided with"
                                 " ssh_import_id or ssh_authorized_keys",
                                 user);
    if (strcmp(text, "True") != 0 && strcmp(text, "default") != 0)
        return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                                 "Not creating user %s. Invalid value of ssh_redirect_user: %s."
                                 " Expected values: true, default or false.",
                                 user, text);
    if (default_user)
        ol_val_set_str(g->arena, cfg, "ssh_redirect_user", default_user);
    else
        ol_warn(g->env,
                "Ignoring ssh_redirect_user: %s for %s. No default_user defined."
                " Perhaps missing cloud configuration users:  [default, ..].",
                text, user);
    return 0;
}

static int create(struct guest *g, const struct ol_pair *pair, const char *default_user,
                  struct user_work *work, struct ol_err *err)
{
    const char *user = ol_val_to_text(g->arena, pair->key);
    struct ol_val *cfg = ol_val_copy(g->arena, pair->value);
    int r = check_home(g, user, cfg, err);

    if (r >= 0)
        r = resolve_redirect(g, user, default_user, cfg, err);
    return r < 0 ? r : user_create(g, user, cfg, work, err);
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    ol_auto(user_work_done) struct user_work work = {0};
    struct ol_err last = OL_ERR_INIT;
    struct users_cfg parsed;
    int r = users_cfg_parse(g, call->cfg, 0, &parsed, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ol_val_count(parsed.groups); i++) {
        const struct ol_pair *pair = ol_val_pair(parsed.groups, i);

        group_create(g, ol_val_to_text(g->arena, pair->key), pair->value);
    }
    for (size_t i = 0; i < ol_val_count(parsed.users); i++) {
        struct ol_err one = OL_ERR_INIT;

        if (create(g, ol_val_pair(parsed.users, i), parsed.default_user, &work, &one) >= 0)
            continue;
        ol_warn(g->env, "%s", ol_err_text(&one));
        last = one;
    }
    r = user_finish(g, &work, err);
    if (r < 0 || !last.code)
        return r;
    *err = last;
    return -last.code;
}

const struct module module_users_groups = {
    .name = "users_groups",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
