/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/userdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/str.h"

enum {
    DB_MAX = 16 << 20, /* bytes of etc/passwd or etc/group */
    MAX_FIELDS = 7,
};

bool userdb_name_is_sound(const char *name)
{
    enum { LONGEST = 256 };
    size_t len = strcspn(name, ":,/ \t\r\n\v\f");

    return len && !name[len] && len <= LONGEST && !strchr("-+~", *name);
}

/* Splits one line at colons in place; returns the number of fields. */
static int split_fields(char *line, char *fields[MAX_FIELDS])
{
    int n = 0;

    while (n < MAX_FIELDS) {
        fields[n++] = line;
        line = strchr(line, ':');
        if (!line)
            break;
        *line++ = '\0';
    }
    return n;
}

/* The line whose field 'at' is 'want', split; its text is in 'db' afterwards. */
static bool find_line(char *db, int at, const char *want, int least, char *fields[MAX_FIELDS])
{
    char *save = NULL;

    for (char *line = strtok_r(db, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        int n = split_fields(line, fields);

        if (n >= least && !strcmp(fields[at], want))
            return true;
    }
    return false;
}

/* Looks 'want' up by name, then by number. The caller frees *ret_db, which holds the fields. */
static int look_up(struct ol_env *env, const char *path, const char *want, int least, char **ret_db,
                   char *fields[MAX_FIELDS])
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(DB_MAX);
    ol_autofree char *db = NULL;
    uint64_t number;
    bool is_found;

    if (ol_file_read(env, path, &b, NULL) < 0)
        return -ENOENT;
    db = ol_xstrdup(b.data);
    is_found = find_line(db, 0, want, least, fields);
    if (!is_found && ol_parse_u64(want, 10, &number) == 0) {
        free(db);
        db = ol_xstrdup(b.data);
        is_found = find_line(db, 2, want, least, fields);
    }
    if (!is_found)
        return -ENOENT;
    *ret_db = ol_take_ptr(db);
    return 0;
}

int userdb_user(struct ol_env *env, const char *name, struct userdb_user *ret)
{
    ol_autofree char *db = NULL;
    char *f[MAX_FIELDS] = {0};
    uint64_t uid, gid;

    if (!*name || look_up(env, "/etc/passwd", name, MAX_FIELDS, &db, f) < 0)
        return -ENOENT;
    if (ol_parse_u64(f[2], 10, &uid) < 0 || ol_parse_u64(f[3], 10, &gid) < 0)
        return -ENOENT;
    *ret = (struct userdb_user){.uid = (uid_t)uid, .gid = (gid_t)gid};
    snprintf(ret->name, sizeof(ret->name), "%s", f[0]);
    snprintf(ret->home, sizeof(ret->home), "%s", f[5]);
    snprintf(ret->shell, sizeof(ret->shell), "%s", f[6]);
    return 0;
}

int userdb_group(struct ol_env *env, const char *name, gid_t *ret)
{
    ol_autofree char *db = NULL;
    char *f[MAX_FIELDS] = {0};
    uint64_t gid;

    if (!*name || look_up(env, "/etc/group", name, 3, &db, f) < 0
        || ol_parse_u64(f[2], 10, &gid) < 0)
        return -ENOENT;
    *ret = (gid_t)gid;
    return 0;
}

static bool lists_member(const char *members, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = members; (at = strstr(at, name)); at++)
        if ((at == members || at[-1] == ',') && (!at[len] || at[len] == ','))
            return true;
    return false;
}

bool userdb_is_member(struct ol_env *env, const struct userdb_user *user, gid_t gid)
{
    ol_auto(ol_buf_done) struct ol_buf db = OL_BUF_INIT(DB_MAX);
    char *f[MAX_FIELDS] = {0};
    char *save = NULL;
    uint64_t number;

    if (user->gid == gid)
        return true;
    if (ol_file_read(env, "/etc/group", &db, NULL) < 0)
        return false;
    for (char *line = strtok_r(db.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (split_fields(line, f) < 4 || ol_parse_u64(f[2], 10, &number) < 0 || number != gid)
            continue;
        if (lists_member(f[3], user->name))
            return true;
    }
    return false;
}

static bool is_given(const char *name)
{
    return *name && strcmp(name, "-1") && !ol_str_eq_nocase(name, "none");
}

int userdb_owner(struct ol_env *env, const char *spec, uid_t *ret_uid, gid_t *ret_gid,
                 struct ol_err *err)
{
    const char *colon = strchrnul(spec, ':');
    ol_autofree char *user_part = ol_xstrndup(spec, (size_t)(colon - spec));
    ol_autofree char *user = ol_str_stripped(user_part);
    ol_autofree char *group = *colon ? ol_str_stripped(colon + 1) : NULL;
    struct userdb_user found = {.uid = (uid_t)-1};
    gid_t gid = (gid_t)-1;

    if (is_given(user) && userdb_user(env, user, &found) < 0)
        return ol_err_set_domain(err, ENOENT, "OSError", 0,
                                 "Unknown user or group: \"getpwnam(): name not found: '%s'\"",
                                 user);
    if (group && is_given(group) && userdb_group(env, group, &gid) < 0)
        return ol_err_set_domain(err, ENOENT, "OSError", 0,
                                 "Unknown user or group: \"getgrnam(): name not found: '%s'\"",
                                 group);
    *ret_uid = found.uid;
    *ret_gid = gid;
    return 0;
}
