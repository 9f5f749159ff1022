/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/console.h"
#include "guest/base/notice.h"
#include "guest/base/userdb.h"
#include "guest/distro/distro.h"
#include "guest/module/module.h"
#include "guest/module/passwords.h"
#include "guest/module/sshd-config.h"
#include "guest/module/users-cfg.h"

enum { RANDOM_LENGTH = 20, CONSOLE_TEXT_MAX = 1 << 20 };

/* What is to be set, sorted by how. */
struct plan {
    struct password_list text, hashed;
    struct password_list random; /* also in 'text': shown on the console */
};

/* A number below n, each as likely as the others. */
static unsigned random_below(unsigned n)
{
    uint8_t byte;

    do {
        while (getrandom(&byte, 1, 0) != 1)
            continue;
    } while (byte >= 256 / n * n);
    return byte % n;
}

/* At least one of each class of characters, then any; shuffled. */
static void random_password(char ret[RANDOM_LENGTH + 1])
{
    static const char *const classes[] = {"0123456789", "abcdefghijklmnopqrstuvwxyz",
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                          "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"};
    char all[128] = "";

    for (size_t i = 0; i < ol_count(classes); i++)
        strncat(all, classes[i], sizeof(all) - strlen(all) - 1);
    for (unsigned i = 0; i < RANDOM_LENGTH; i++) {
        const char *from = i < ol_count(classes) ? classes[i] : all;

        ret[i] = from[random_below((unsigned)strlen(from))];
    }
    for (unsigned i = RANDOM_LENGTH - 1; i > 0; i--) {
        unsigned j = random_below(i + 1);
        char c = ret[i];

        ret[i] = ret[j];
        ret[j] = c;
    }
    ret[RANDOM_LENGTH] = '\0';
}

static void plan_random(struct guest *g, const char *user, struct plan *plan)
{
    char secret[RANDOM_LENGTH + 1];

    random_password(secret);
    passwords_add(g->arena, &plan->text, user, secret);
    passwords_add(g->arena, &plan->random, user, secret);
    explicit_bzero(secret, sizeof(secret));
}

static const char *const types[] = {"text", "hash", "RANDOM", NULL};

/* An entry of chpasswd.users. */
static void plan_user(struct guest *g, const struct ol_val *item, const char *wanted,
                      struct plan *plan)
{
    const char *type = cfg_str(g->arena, item, "type", "hash");
    const char *name = cfg_str(g->arena, item, "name", NULL);
    const char *secret = cfg_str(g->arena, item, "password", NULL);

    if (!ol_str_in(type, types) && wanted == types[0])
        ol_warn(g->env, "chpasswd: the type '%s' of user '%s' is none of text, hash, RANDOM", type,
                name ? name : "");
    if (strcmp(type, wanted) != 0)
        return;
    if (!name || (!secret && strcmp(type, "RANDOM") != 0))
        ol_warn(g->env, "chpasswd: an entry of 'users' has no %s: add it",
                name ? "password" : "name");
    else if (!strcmp(type, "RANDOM"))
        plan_random(g, name, plan);
    else
        passwords_add(g->arena, !strcmp(type, "hash") ? &plan->hashed : &plan->text, name, secret);
}

static void plan_users(struct guest *g, const struct ol_val *users, struct plan *plan)
{
    for (size_t t = 0; types[t]; t++)
        for (size_t i = 0; ol_val_is(users, OL_VAL_LIST) && i < ol_val_count(users); i++)
            plan_user(g, ol_val_item(users, i), types[t], plan);
}

/* "USER:SECRET", where the secret may be a hash, or R or RANDOM. */
static void plan_line(struct guest *g, const char *line, struct plan *plan)
{
    const char *colon = strchr(line, ':');
    const char *user, *secret;

    if (!*line)
        return;
    if (!colon) {
        ol_warn(g->env, "chpasswd: an entry of 'list' is not 'user:password'");
        return;
    }
    user = ol_arena_memdup(g->arena, line, (size_t)(colon - line));
    secret = colon + 1;
    if (!strcmp(secret, "R") || !strcmp(secret, "RANDOM"))
        plan_random(g, user, plan);
    else
        passwords_add(g->arena, password_is_hash(secret) ? &plan->hashed : &plan->text, user,
                      secret);
}

static void plan_list(struct guest *g, const struct ol_val *list, struct plan *plan)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    if (!ol_val_is_truthy(list))
        return;
    guest_deprecated(g, "Config key 'lists'", 22, 3, "Use 'users' instead.");
    if (ol_val_is(list, OL_VAL_LIST)) {
        ol_debug(g->env, "Handling input for chpasswd as list.");
        for (size_t i = 0; i < ol_val_count(list); i++)
            ol_strv_add(&lines, ol_val_to_text(g->arena, ol_val_item(list, i)));
    } else {
        guest_deprecated(g, "The chpasswd multiline string", 22, 2, "Use string type instead.");
        ol_debug(g->env, "Handling input for chpasswd as multiline string.");
        ol_strv_split(&lines, ol_val_to_text(g->arena, list), "\r\n");
    }
    ol_strv_each (line, &lines)
        plan_line(g, line, plan);
}

/* The key 'password' (or the module's argument) is for the default user. */
static int plan_default_user(struct guest *g, const struct ol_val *cfg, const char *secret,
                             struct plan *plan, struct ol_err *err)
{
    struct users_cfg users;
    int r = users_cfg_parse(g, cfg, USERS_CFG_QUIET, &users, err);

    if (r < 0)
        return r;
    if (users.default_user)
        plan_line(g, ol_arena_printf(g->arena, "%s:%s", users.default_user, secret), plan);
    else
        ol_warn(g->env, "No default or defined user to change password for.");
    return 0;
}

static int make_plan(struct guest *g, const struct module_call *call, struct plan *plan,
                     struct ol_err *err)
{
    const struct ol_val *chpasswd = ol_val_get(call->cfg, "chpasswd");
    const char *secret = cfg_str(g->arena, call->cfg, "password", NULL);
    bool has_args = ol_val_count(call->args) > 0;

    if (has_args)
        secret = ol_val_to_text(g->arena, ol_val_item(call->args, 0));
    plan_users(g, ol_val_get(chpasswd, "users"), plan);
    if (!has_args)
        plan_list(g, ol_val_get(chpasswd, "list"), plan);
    if (plan->text.n || plan->hashed.n || !secret || !*secret
        || ol_val_is(ol_val_get(call->cfg, "password"), OL_VAL_NULL))
        return 0;
    return plan_default_user(g, call->cfg, secret, plan, err);
}

/* "['root', 'debian']" */
static const char *names_of(struct guest *g, const struct password_list *list)
{
    struct ol_val *names = ol_val_new_list(g->arena);

    for (size_t i = 0; i < list->n; i++)
        ol_val_append(g->arena, names, ol_val_new_str(g->arena, list->items[i].user));
    return ol_val_to_repr(g->arena, names);
}

/* Keeps the last error in 'ret' and logs it, as all the others. */
static void note(struct guest *g, const char *what, const struct ol_err *one, struct ol_err *ret)
{
    ol_warn(g->env, "%s: %s", what, ol_err_text(one));
    *ret = *one;
}

static void set(struct guest *g, const struct password_list *list, unsigned flags,
                struct ol_err *ret)
{
    const char *kind = flags & PASSWORD_HASHED ? "hashed passwords" : "passwords";
    struct ol_err one = OL_ERR_INIT;

    if (!list->n)
        return;
    ol_debug(g->env,
             flags & PASSWORD_HASHED ? "Setting hashed password for %s:"
                                     : "Changing password for %s:",
             names_of(g, list));
    if (passwords_set(g, list, flags, &one) < 0)
        note(g,
             ol_arena_printf(g->arena, "Failed to set %s with chpasswd for %s", kind,
                             names_of(g, list)),
             &one, ret);
}

static void show_random(struct guest *g, const struct password_list *list)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CONSOLE_TEXT_MAX);

    if (!list->n)
        return;
    ol_buf_adds(&text, "Set the following 'random' passwords\n\n");
    for (size_t i = 0; i < list->n; i++)
        ol_buf_printf(&text, "%s:%s\n", list->items[i].user, list->items[i].secret);
    console_write(g, text.data, CONSOLE_ONLY, 0);
    explicit_bzero(text.data, text.len);
}

static void expire(struct guest *g, const struct password_list *list, struct ol_strv *ret_expired,
                   struct ol_err *ret)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *user = list->items[i].user;
        const char *const argv[] = {"passwd", "--expire", user, NULL};
        struct ol_err one = OL_ERR_INIT;

        if (!userdb_name_is_sound(user)) /* passwd would take it for an option */
            continue;
        if (ol_run(g->env, argv, NULL, &one) < 0)
            note(g, ol_arena_printf(g->arena, "Failed to set 'expire' for %s", user), &one, ret);
        else
            ol_strv_add(ret_expired, user);
    }
}

static void apply(struct guest *g, const struct plan *plan, bool is_expiring, struct ol_err *ret)
{
    ol_auto(ol_strv_done) struct ol_strv expired = OL_STRV_INIT;
    ol_autofree char *names = NULL;

    set(g, &plan->text, 0, ret);
    set(g, &plan->hashed, PASSWORD_HASHED, ret);
    show_random(g, &plan->random);
    if (!is_expiring)
        return;
    expire(g, &plan->text, &expired, ret);
    expire(g, &plan->hashed, &expired, ret);
    names = ol_strv_join(&expired, "', '");
    if (expired.n)
        ol_debug(g->env, "Expired passwords for: ['%s'] users", names);
}

static bool is_active(struct guest *g, const char *service)
{
    const char *const argv[] = {"systemctl", "show",  "--property", "ActiveState",
                                "--value",   service, NULL};
    static const char *const states[] = {"active", "activating", "reloading", NULL};
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(4096);
    ol_autofree char *state = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (ol_run(g->env, argv, &out, &err) < 0) {
        ol_debug(g->env, "%s", ol_err_text(&err));
        return false;
    }
    state = ol_str_lower(ol_str_stripped(out.data));
    return ol_str_in(state, states);
}

/* sshd reads its configuration anew if it runs already, which it does not on most boots. */
static void restart_sshd(struct guest *g)
{
    const char *service = cfg_str(g->arena, ol_val_get(g->cfg, "system_info"), "ssh_svcname", NULL);
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (!g->env->is_live)
        return;
    if (!service)
        service = g->distro ? g->distro->ssh_service : "ssh";
    if (ol_is_dir(g->env, "/run/systemd/system")) {
        const char *const argv[] = {"systemctl", "restart", service,
                                    "--job-mode=ignore-dependencies", NULL};

        if (!is_active(g, service))
            return;
        r = ol_run(g->env, argv, NULL, &err);
    } else {
        const char *const argv[] = {"service", service, "restart", NULL};

        r = ol_run(g->env, argv, NULL, &err);
    }
    if (r < 0)
        ol_warn(g->env,
                "'ssh_pwauth' configuration may not be applied. Cloud-init was"
                " unable to restart SSH daemon due to error: '%s'",
                ol_err_text(&err));
    else
        ol_debug(g->env, "Restarted the SSH daemon.");
}

static const char *pwauth_value(struct guest *g, const struct ol_val *given)
{
    static const char unchanged[] = "Leaving SSH config 'PasswordAuthentication' unchanged.";
    const char *text = given ? ol_val_to_text(g->arena, given) : "None";

    if (ol_val_str(given))
        guest_deprecated(g, "Using a string value for the 'ssh_pwauth' key", 22, 2,
                         "Use a boolean value with 'ssh_pwauth'.");
    if (cfg_is_true(given))
        return "yes";
    if (cfg_is_false(given))
        return "no";
    if (!given || ol_val_is(given, OL_VAL_NULL) || ol_str_eq_nocase(text, "unchanged"))
        ol_debug(g->env, "%s ssh_pwauth=%s", unchanged, text);
    else
        ol_warn(g->env, "%s Unrecognized value: ssh_pwauth=%s", unchanged, text);
    return NULL;
}

static int handle_pwauth(struct guest *g, const struct ol_val *given, struct ol_err *err)
{
    const char *value = pwauth_value(g, given);
    int r;

    if (!value)
        return 0;
    r = sshd_config_update(g, "PasswordAuthentication", value, err);
    if (r > 0)
        restart_sshd(g);
    else if (r == 0)
        ol_debug(g->env, "No need to restart SSH service, PasswordAuthentication not updated.");
    return r < 0 ? r : 0;
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    bool is_expiring = cfg_bool(ol_val_get(call->cfg, "chpasswd"), "expire", true);
    struct ol_err last = OL_ERR_INIT;
    struct plan plan = {0};
    int r = make_plan(g, call, &plan, err);

    if (r < 0)
        return r;
    apply(g, &plan, is_expiring, &last);
    r = handle_pwauth(g, ol_val_get(call->cfg, "ssh_pwauth"), err);
    if (r < 0 || !last.code)
        return r;
    *err = last;
    return -last.code;
}

const struct module module_set_passwords = {
    .name = "set_passwords",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
