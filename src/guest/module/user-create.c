/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/user-create.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/notice.h"
#include "guest/base/userdb.h"
#include "guest/module/ssh-keys.h"
#include "guest/module/sudoers.h"

/* Settings that become options of useradd, in the order in which it is given them. */
static const struct {
    const char *key;
    const char *option;
    bool is_flag;
} useradd_options[] = {
    {"expiredate", "--expiredate", false},
    {"gecos", "--comment", false},
    {"groups", "--groups", false},
    {"homedir", "--home", false},
    {"inactive", "--inactive", false},
    {"no_log_init", "--no-log-init", true},
    {"no_user_group", "--no-user-group", true},
    {"primary_group", "--gid", false},
    {"selinux_user", "--selinux-user", false},
    {"shell", "--shell", false},
    {"system", "--system", true},
    {"uid", "--uid", false},
};

static bool is_user(struct guest *g, const char *name)
{
    struct userdb_user user;

    return userdb_user(g->env, name, &user) == 0 && !strcmp(user.name, name);
}

static bool is_group(struct guest *g, const char *name)
{
    gid_t gid;

    return userdb_group(g->env, name, &gid) == 0;
}

static void make_group(struct guest *g, const char *name)
{
    const char *const argv[] = {"groupadd", name, NULL};
    struct ol_err err = OL_ERR_INIT;

    if (ol_run(g->env, argv, NULL, &err) < 0)
        ol_warn(g->env, "Failed to create group %s: %s", name, ol_err_text(&err));
    else
        ol_info(g->env, "Created new group %s", name);
}

static void add_member(struct guest *g, const char *group, const char *user)
{
    const char *const argv[] = {"usermod", "-a", "-G", group, user, NULL};
    struct ol_err err = OL_ERR_INIT;

    if (!is_user(g, user))
        ol_warn(g->env, "Unable to add group member '%s' to group '%s'; user does not exist.", user,
                group);
    else if (ol_run(g->env, argv, NULL, &err) < 0)
        ol_warn(g->env, "Failed to add user '%s' to group '%s': %s", user, group,
                ol_err_text(&err));
    else
        ol_info(g->env, "Added user '%s' to group '%s'", user, group);
}

void group_create(struct guest *g, const char *name, const struct ol_val *members)
{
    if (!userdb_name_is_sound(name)) {
        ol_warn(g->env,
                "Failed to create group '%s': such a name is not possible; use letters and digits",
                name);
        return;
    }
    if (is_group(g, name))
        ol_warn(g->env, "Skipping creation of existing group '%s'", name);
    else
        make_group(g, name);
    for (size_t i = 0; i < ol_val_count(members); i++)
        add_member(g, name, ol_val_to_text(g->arena, ol_val_item(members, i)));
}

/* The setting 'groups' in any of its forms. */
static void collect_groups(struct guest *g, const char *user, const struct ol_val *given,
                           struct ol_strv *to)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_val_is(given, OL_VAL_MAP))
        guest_deprecated(
            g,
            ol_arena_printf(g->arena, "The user %s has a 'groups' config value of type dict", user),
            22, 3, "Use a comma-delimited string or array instead: group1,group2.");
    if (ol_val_str(given))
        ol_strv_split(&names, ol_val_str(given), ",");
    for (size_t i = 0; i < ol_val_count(given); i++)
        ol_strv_add(&names, ol_val_to_text(g->arena, ol_val_is(given, OL_VAL_LIST)
                                                         ? ol_val_item(given, i)
                                                         : ol_val_pair(given, i)->key));
    ol_strv_each (name, &names)
        ol_strv_take(to, ol_str_stripped(name));
}

static void ensure_groups(struct guest *g, const char *user, const struct ol_val *cfg,
                          const struct ol_strv *groups)
{
    const struct ol_val *wanted = ol_val_get(cfg, "create_groups");
    const char *primary = ol_val_str(ol_val_get(cfg, "primary_group"));

    if (!groups->n || (wanted && !ol_val_is_truthy(wanted)))
        return;
    for (size_t i = 0; i <= groups->n; i++) {
        const char *name = i < groups->n ? groups->v[i] : primary;

        if (!name || !*name || is_group(g, name))
            continue;
        group_create(g, name, NULL);
        ol_debug(g->env, "created group '%s' for user '%s'", name, user);
    }
}

/* Text of a setting that useradd gets; NULL for what is empty or makes no sense there. */
static const char *option_value(struct guest *g, const struct ol_val *v)
{
    bool is_scalar = ol_val_is(v, OL_VAL_STR) || ol_val_is(v, OL_VAL_INT)
                     || ol_val_is(v, OL_VAL_FLOAT) || ol_val_is(v, OL_VAL_TIME);
    const char *text = is_scalar ? ol_val_to_text(g->arena, v) : NULL;

    return text && *text ? text : NULL;
}

static void add_option(struct guest *g, size_t at, const struct ol_val *cfg, const char *groups,
                       struct ol_strv *argv)
{
    const struct ol_val *v = ol_val_get(cfg, useradd_options[at].key);
    const char *value = strcmp(useradd_options[at].key, "groups") ? option_value(g, v) : groups;

    if (useradd_options[at].is_flag) {
        if (ol_val_is_truthy(v))
            ol_strv_add(argv, useradd_options[at].option);
    } else if (value && *value) {
        ol_strv_add(argv, useradd_options[at].option);
        ol_strv_add(argv, value);
    }
}

static int run_useradd(struct guest *g, const char *name, const struct ol_val *cfg,
                       struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    ol_auto(ol_strv_done) struct ol_strv groups = OL_STRV_INIT;
    ol_autofree char *joined = NULL;
    int r;

    collect_groups(g, name, ol_val_get(cfg, "groups"), &groups);
    ensure_groups(g, name, cfg, &groups);
    joined = ol_strv_join(&groups, ",");
    ol_strv_add(&argv, "useradd");
    ol_strv_add(&argv, name);
    for (size_t i = 0; i < ol_count(useradd_options); i++)
        add_option(g, i, cfg, joined, &argv);
    ol_strv_add(&argv, ol_val_is_truthy(ol_val_get(cfg, "no_create_home"))
                               || ol_val_is_truthy(ol_val_get(cfg, "system"))
                           ? "-M"
                           : "-m");
    ol_debug(g->env, "Adding user %s", name);
    r = ol_run(g->env, ol_strv_argv(&argv), NULL, err);
    return r < 0 ? ol_err_prefix(err, r, "Failed to create user %s", name) : 0;
}

/* The second field of the user's line in etc/shadow, into the arena; NULL = no such line. */
static const char *shadow_field(struct guest *g, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf shadow = OL_BUF_INIT(16 << 20);
    const char *start = ol_arena_printf(g->arena, "%s:", name);
    const char *field = NULL;

    if (ol_file_read(g->env, "/etc/shadow", &shadow, NULL) >= 0) {
        for (const char *line = shadow.data; *line && !field;) {
            if (ol_str_starts(line, start))
                field = ol_arena_memdup(g->arena, line + strlen(start),
                                        strcspn(line + strlen(start), ":\n"));
            line += strcspn(line, "\n");
            line += *line == '\n';
        }
    }
    explicit_bzero(shadow.data, shadow.len);
    return field;
}

/* What the configuration says about one user's password. */
struct wish {
    const char *secret;    /* NULL = none */
    bool is_hash;          /* of 'secret' */
    const char *blank_key; /* the setting that is there but empty */
    bool is_locked;
};

/* Later settings win: passwd (new users only), plain_text_passwd, hashed_passwd. */
static struct wish read_wish(struct guest *g, const struct ol_val *cfg, bool is_new)
{
    static const char *const keys[] = {"passwd", "plain_text_passwd", "hashed_passwd"};
    const struct ol_val *lock = ol_val_get(cfg, "lock_passwd");
    struct wish wish = {.is_locked = !lock || ol_val_is_truthy(lock)};

    for (size_t i = is_new ? 0 : 1; i < ol_count(keys); i++) {
        const struct ol_val *v = ol_val_get(cfg, keys[i]);

        if (v && !ol_val_is_truthy(v))
            wish.blank_key = keys[i];
        if (!ol_val_is_truthy(v))
            continue;
        wish.secret = ol_val_to_text(g->arena, v);
        wish.is_hash = strcmp(keys[i], "plain_text_passwd") != 0;
    }
    return wish;
}

/* A locked password is the hash behind '!', which is what "passwd -l" makes of it. */
static void plan_secret(struct guest *g, const char *name, const struct wish *wish,
                        struct user_work *work)
{
    bool has_lock = wish->secret[0] == '!';

    if (!wish->is_hash) {
        passwords_add(g->arena, &work->text, name, wish->secret);
        if (wish->is_locked)
            ol_strv_add(&work->lock, name);
        return;
    }
    passwords_add(g->arena, &work->hashed, name,
                  wish->is_locked && !has_lock ? ol_arena_printf(g->arena, "!%s", wish->secret)
                                               : wish->secret);
    if (!wish->is_locked && has_lock)
        ol_strv_add(&work->unlock, name);
}

static void refuse_unlock(struct guest *g, const char *name, bool is_new)
{
    if (is_new)
        ol_warn(g->env,
                "Not unlocking password for user %s. 'lock_passwd: false' present in user-data but"
                " no 'passwd'/'plain_text_passwd'/'hashed_passwd' provided in user-data",
                name);
    else
        ol_warn(g->env,
                "Not unlocking blank password for existing user %s. 'lock_passwd: false' present in"
                " user-data but no existing password set and no 'plain_text_passwd'/'hashed_passwd'"
                " provided in user-data",
                name);
}

/* A user that gets no password: a new one is locked by its making. */
static void plan_lock(struct guest *g, const char *name, const struct wish *wish, bool is_new,
                      struct user_work *work)
{
    const char *field = is_new ? "!" : shadow_field(g, name);
    bool has_lock = field && field[0] == '!';
    bool is_empty = field && (!field[0] || !strcmp(field, "!"));

    if (wish->is_locked) {
        if (!has_lock)
            ol_strv_add(&work->lock, name);
        return;
    }
    if (is_empty && !wish->blank_key) {
        refuse_unlock(g, name, is_new);
        return;
    }
    if (wish->blank_key)
        ol_debug(g->env,
                 "Allowing unlocking empty password for %s based on empty '%s' in user-data", name,
                 wish->blank_key);
    if (is_empty)
        ol_strv_add(&work->blank, name);
    else if (has_lock)
        ol_strv_add(&work->unlock, name);
}

static void plan_password(struct guest *g, const char *name, const struct ol_val *cfg, bool is_new,
                          struct user_work *work)
{
    struct wish wish = read_wish(g, cfg, is_new);

    if (!is_new && ol_val_get(cfg, "passwd") && !ol_val_get(cfg, "plain_text_passwd")
        && !ol_val_get(cfg, "hashed_passwd"))
        ol_warn(g->env, "'passwd' in user-data is ignored for existing user %s", name);
    if (wish.secret)
        plan_secret(g, name, &wish, work);
    else
        plan_lock(g, name, &wish, is_new, work);
}

static int add_rules(struct guest *g, const char *name, const struct ol_val *cfg,
                     struct ol_err *err)
{
    const struct ol_val *doas = ol_val_get(cfg, "doas");
    const struct ol_val *sudo = ol_val_get(cfg, "sudo");
    int r = ol_val_is_truthy(doas) ? doas_add_user(g, name, doas, err) : 0;

    if (r >= 0 && ol_val_is_truthy(sudo))
        r = sudoers_add_user(g, name, sudo, err);
    if (ol_val_is(sudo, OL_VAL_BOOL) && !sudo->boolean)
        guest_deprecated(
            g, ol_arena_printf(g->arena, "The value of 'false' in user %s's 'sudo' config", name),
            22, 2, "Use 'null' instead.");
    return r;
}

static void collect_keys(struct guest *g, const struct ol_val *given, struct ol_strv *to)
{
    if (ol_val_str(given))
        ol_strv_add(to, ol_val_str(given));
    else if (!ol_val_is(given, OL_VAL_LIST) && !ol_val_is(given, OL_VAL_MAP)
             && !ol_val_is(given, OL_VAL_SET))
        ol_warn(g->env,
                "Invalid type '<class '%s'>' detected for 'ssh_authorized_keys', expected list,"
                " string, dict, or set.",
                ol_val_type_name(given));
    for (size_t i = 0; i < ol_val_count(given); i++)
        ol_strv_add(to, ol_val_to_text(
                            g->arena, ol_val_is(given, OL_VAL_LIST)  ? ol_val_item(given, i)
                                      : ol_val_is(given, OL_VAL_MAP) ? ol_val_pair(given, i)->value
                                                                     : ol_val_pair(given, i)->key));
}

/* Whoever comes with one of the instance's keys is told to log in as the default user. */
static int redirect(struct guest *g, const char *name, const char *to, struct ol_err *err)
{
    const struct ol_val *instance_keys = guest_public_keys(g);
    ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;

    if (!ol_val_count(instance_keys)) {
        ol_warn(g->env,
                "Unable to disable SSH logins for %s. ssh_redirect_user was set to redirect logins"
                " to %s, but no cloud public-keys are present.",
                name, to);
        return 0;
    }
    collect_keys(g, instance_keys, &keys);
    return ssh_setup_user_keys(g, &keys, name, ssh_disable_options(g->arena, NULL, name, to), err);
}

static int add_keys(struct guest *g, const char *name, const struct ol_val *cfg, struct ol_err *err)
{
    const struct ol_val *given = ol_val_get(cfg, "ssh_authorized_keys");
    const char *redirected = ol_val_str(ol_val_get(cfg, "ssh_redirect_user"));
    ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;
    int r = 0;

    if (given && !ol_val_is(given, OL_VAL_NULL)) {
        collect_keys(g, given, &keys);
        r = ssh_setup_user_keys(g, &keys, name, NULL, err);
    }
    if (ol_val_is_truthy(ol_val_get(cfg, "ssh_import_id")))
        ol_warn(g->env, "ssh_import_id of user %s is ignored: keys cannot be imported", name);
    return r >= 0 && redirected ? redirect(g, name, redirected, err) : r;
}

static int create_snap_user(struct guest *g, const char *name, const struct ol_val *cfg,
                            struct ol_err *err)
{
    const char *account = ol_val_str(ol_val_get(cfg, "snapuser"));
    bool is_known = ol_val_is_truthy(ol_val_get(cfg, "known"));
    const char *const argv[] = {"snap",
                                "create-user",
                                "--sudoer",
                                "--json",
                                is_known ? "--known" : account,
                                is_known ? account : NULL,
                                NULL};
    int r;

    if (!account || !*account || account[0] == '-')
        return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                                 "invalid snap user of user '%s': 'snapuser' has to be an address",
                                 name);
    ol_debug(g->env, "Adding snap user %s", name);
    r = ol_run(g->env, argv, NULL, err);
    return r < 0 ? ol_err_prefix(err, r, "Failed to create snap user %s", name) : 0;
}

int user_create(struct guest *g, const char *name, const struct ol_val *cfg, struct user_work *work,
                struct ol_err *err)
{
    bool is_new = !is_user(g, name);
    int r = 0;

    if (is_new && !userdb_name_is_sound(name))
        return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                                 "Failed to create user '%.100s': such a name is not possible; use"
                                 " letters and digits in 'name'",
                                 name);
    if (ol_val_get(cfg, "snapuser"))
        return create_snap_user(g, name, cfg, err);
    if (is_new)
        r = run_useradd(g, name, cfg, err);
    else
        ol_info(g->env, "User %s already exists, skipping.", name);
    if (r < 0)
        return r;
    plan_password(g, name, cfg, is_new, work);
    r = add_rules(g, name, cfg, err);
    return r < 0 ? r : add_keys(g, name, cfg, err);
}
