/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/resolve.h"
#include "core/str.h"
#include "guest/base/userdb.h"
#include "guest/module/ssh-keys.h"
#include "guest/module/sshd-config.h"

/* A search for one user's key file. */
struct search {
    struct guest *g;
    struct userdb_user user;
    bool is_strict;   /* StrictModes */
    const char *file; /* the candidate */
};

/* What sshd asks of every directory on the way and of the file (its misc.c, safe_path()). */
static bool is_permitted(const struct search *s, const char *path, mode_t least)
{
    struct stat st;

    if (ol_stat(s->g->env, path, &st) < 0)
        return false;
    if (s->is_strict && st.st_uid != s->user.uid && st.st_uid != 0) {
        ol_debug(s->g->env,
                 "Path %s in %s must be own by user %s or by root, but instead is own by uid %u."
                 " Ignoring key.",
                 path, s->file, s->user.name, st.st_uid);
        return false;
    }
    if (st.st_uid == s->user.uid)
        least &= 0700;
    else
        least &= userdb_is_member(s->g->env, &s->user, st.st_gid) ? 0070 : 0007;
    if (!(st.st_mode & least)) {
        ol_debug(s->g->env, "Path %s in %s must be accessible by user %s, check its permissions",
                 path, s->file, s->user.name);
        return false;
    }
    if (s->is_strict && (st.st_mode & 0022)) {
        ol_debug(s->g->env,
                 "Path %s in %s must not give write permission to group or world users."
                 " Ignoring key.",
                 path, s->file);
        return false;
    }
    return true;
}

static int make_directory(const struct search *s, const char *path, struct ol_err *err)
{
    bool is_home = ol_str_starts(path, s->user.home);
    int r = ol_mkdir_p(s->g->env, path, is_home ? 0700 : 0755, err);

    if (r < 0)
        return r;
    return ol_chown(s->g->env, path, is_home ? s->user.uid : 0, is_home ? s->user.gid : 0, err);
}

/* Made by us for the user, but killed before it was given away: root's, and nothing in it. */
static bool is_half_made(const struct search *s, const char *path)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct stat st;

    if (!s->user.uid || !ol_str_starts(path, s->user.home) || ol_stat(s->g->env, path, &st) < 0
        || st.st_uid)
        return false;
    if (!S_ISDIR(st.st_mode))
        return S_ISREG(st.st_mode) && st.st_size == 0;
    return ol_list_dir(s->g->env, path, &names, NULL) == 0 && !names.n;
}

/* One directory on the way: made when missing. False = sshd would not go through it. */
static bool check_directory(const struct search *s, const char *path)
{
    ol_autofree char *above_home = ol_path_dir(s->user.home);
    struct ol_err err = OL_ERR_INIT;

    if (ol_is_link(s->g->env, path)) {
        ol_debug(s->g->env, "Invalid directory. Symlink exists in path: %s", path);
        return false;
    }
    if (ol_is_file(s->g->env, path)) {
        ol_debug(s->g->env, "Invalid directory. File exists in path: %s", path);
        return false;
    }
    if (ol_str_starts(above_home, path) || !strcmp(path, s->user.home))
        return true;
    if ((!ol_exists(s->g->env, path) || is_half_made(s, path))
        && make_directory(s, path, &err) < 0) {
        ol_warn(s->g->env, "%s", ol_err_text(&err));
        return false;
    }
    return is_permitted(s, path, 0711);
}

static bool check_file(const struct search *s)
{
    struct ol_err err = OL_ERR_INIT;

    if (ol_is_link(s->g->env, s->file) || ol_is_dir(s->g->env, s->file)) {
        ol_debug(s->g->env, "%s is not a file!", s->file);
        return false;
    }
    if ((!ol_exists(s->g->env, s->file) || is_half_made(s, s->file))
        && (ol_file_puts(s->g->env, s->file, "", 0600, OL_WRITE_PARENTS, &err) < 0
            || ol_chown(s->g->env, s->file, s->user.uid, s->user.gid, &err) < 0)) {
        ol_warn(s->g->env, "%s", ol_err_text(&err));
        return false;
    }
    return is_permitted(s, s->file, 0644);
}

/* ssh_util.check_create_path() */
static bool is_usable(const struct search *s)
{
    for (const char *at = strchr(s->file + 1, '/'); at; at = strchr(at + 1, '/')) {
        ol_autofree char *dir = ol_xstrndup(s->file, (size_t)(at - s->file));

        if (!check_directory(s, dir))
            return false;
    }
    return check_file(s);
}

static bool is_of_one_user(const struct search *s, const char *pattern, const char *path)
{
    size_t len = strlen(s->user.home);

    return strstr(pattern, "%u") || strstr(pattern, "%h")
           || (ol_str_starts(path, s->user.home) && path[len] == '/');
}

static int find(struct guest *g, const char *user, const char **ret, struct ol_err *err)
{
    const char *value = sshd_config_value(g, "authorizedkeysfile");
    const char *strict = sshd_config_value(g, "strictmodes");
    struct search s = {.g = g, .is_strict = !strict || !strcmp(strict, "yes")};
    ol_auto(ol_strv_done) struct ol_strv patterns = OL_STRV_INIT;
    ol_auto(ol_strv_done) struct ol_strv paths = OL_STRV_INIT;

    if (userdb_user(g->env, user, &s.user) < 0)
        return ol_err_set_domain(err, ENOENT, "KeyError", 0, "getpwnam(): name not found: '%s'",
                                 user);
    if (!*s.user.home)
        return ol_err_set_domain(err, ENOENT, "RuntimeError", 0,
                                 "Unable to get SSH info for user '%s'", user);
    value = value && *value ? value : "%h/.ssh/authorized_keys";
    ol_strv_split(&patterns, value, " \t");
    ssh_key_paths(value, s.user.home, s.user.name, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        s.file = paths.v[i];
        if (!is_of_one_user(&s, patterns.v[i], s.file) || !is_usable(&s))
            continue;
        *ret = ol_arena_strdup(g->arena, s.file);
        return 0;
    }
    *ret = ol_arena_printf(g->arena, "%s/.ssh/authorized_keys", s.user.home);
    return 0;
}

int ssh_user_key_file(struct guest *g, const char *user, const char **ret, struct ol_err *err)
{
    unsigned before = g->env->resolve;
    int r;

    /* What is made and given away on the way must not be where a link of the user leads. */
    g->env->resolve |= OL_RESOLVE_ROOT_LINKS;
    r = find(g, user, ret, err);
    g->env->resolve = before;
    return r;
}
