/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/path.h"
#include "core/str.h"
#include "core/strv.h"
#include "volume/plugin/run-internal.h"

/*
 * Files of a ConfigMap or Secret, changed all at once: the kubelet's atomic writer. A directory
 * "..2026_01_02_03_04_05.1234" has the files, "..data" is a link to it, and each name in the
 * volume a link through "..data".
 */

enum { FILE_MAX = 4 << 20, MOST_DEPTH = 8 };

#define DATA "..data"

int volume_run_payload(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_time now = ol_now_wall(r->env);
    time_t seconds = (time_t)(now / OL_SECOND);
    struct tm tm;
    char name[64];

    gmtime_r(&seconds, &tm);
    if (!strftime(name, sizeof(name), "..%Y_%m_%d_%H_%M_%S", &tm))
        return ol_err_set(err, EINVAL, "the clock is out of range");
    free(r->payload);
    r->payload = ol_xasprintf("%s/%s.%09lld", VOLUME_ARG(s, 0), name, (long long)(now % OL_SECOND));
    return ol_mkdir_p(r->env, r->payload, 0755, err);
}

int volume_run_file(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_autofree char *path = NULL;
    int mode;

    if (!r->payload)
        return ol_err_set(err, EBADMSG, "file: no set of files was begun");
    if (ol_parse_int(VOLUME_ARG(s, 1), 8, 0, 0777, &mode) < 0)
        return ol_err_set(err, EINVAL, "'%s' is no mode of a file", VOLUME_ARG(s, 1));
    path = ol_xasprintf("%s/%s", r->payload, VOLUME_ARG(s, 0));
    return ol_file_write(r->env, path, VOLUME_ARG(s, 2), s->args[2].size, (mode_t)mode,
                         OL_WRITE_PARENTS, err);
}

static bool is_same_file(struct ol_env *env, const char *a, const char *b, const struct stat *x,
                         const struct stat *y)
{
    ol_auto(ol_buf_done) struct ol_buf left = OL_BUF_INIT(FILE_MAX);
    ol_auto(ol_buf_done) struct ol_buf right = OL_BUF_INIT(FILE_MAX);

    if (x->st_size != y->st_size || (x->st_mode & 0444) != (y->st_mode & 0444)
        || ol_file_read(env, a, &left, NULL) < 0 || ol_file_read(env, b, &right, NULL) < 0)
        return false;
    return left.len == right.len && !memcmp(left.data, right.data, left.len);
}

/* Both trees hold the same names and bytes. */
static bool is_same_tree(struct ol_env *env, const char *a, const char *b, int depth)
{
    ol_auto(ol_strv_done) struct ol_strv left = OL_STRV_INIT, right = OL_STRV_INIT;

    if (depth > MOST_DEPTH || ol_list_dir(env, a, &left, NULL) < 0
        || ol_list_dir(env, b, &right, NULL) < 0 || left.n != right.n)
        return false;
    for (size_t i = 0; i < left.n; i++) {
        ol_autofree char *x = ol_xasprintf("%s/%s", a, left.v[i]);
        ol_autofree char *y = ol_xasprintf("%s/%s", b, left.v[i]);
        struct stat sx, sy;

        if (strcmp(left.v[i], right.v[i]) != 0 || ol_stat(env, x, &sx) < 0
            || ol_stat(env, y, &sy) < 0 || (sx.st_mode & S_IFMT) != (sy.st_mode & S_IFMT))
            return false;
        if (S_ISDIR(sx.st_mode) ? !is_same_tree(env, x, y, depth + 1)
                                : !is_same_file(env, x, y, &sx, &sy))
            return false;
    }
    return true;
}

/* A link in the volume for each name of the set, and none for what is no more in it. */
static int link_names(struct ol_env *env, const char *dir, const char *set, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv now = OL_STRV_INIT, there = OL_STRV_INIT;
    int r = ol_list_dir(env, set, &now, err);

    if (r == 0)
        r = ol_list_dir(env, dir, &there, err);
    for (size_t i = 0; r == 0 && i < now.n; i++) {
        ol_autofree char *path = ol_xasprintf("%s/%s", dir, now.v[i]);
        ol_autofree char *target = ol_xasprintf(DATA "/%s", now.v[i]);

        if (!ol_is_link(env, path))
            r = ol_symlink(env, target, path, err);
    }
    for (size_t i = 0; r == 0 && i < there.n; i++) {
        ol_autofree char *path = ol_xasprintf("%s/%s", dir, there.v[i]);

        if (!ol_str_starts(there.v[i], "..") && !ol_strv_has(&now, there.v[i]))
            r = ol_unlink(env, path, err);
    }
    return r;
}

int volume_run_commit(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *dir = VOLUME_ARG(s, 0);
    ol_autofree char *data = ol_xasprintf("%s/" DATA, dir);
    ol_autofree char *old = ol_readlink(r->env, data);
    ol_autofree char *old_set = old ? ol_xasprintf("%s/%s", dir, old) : NULL;
    int result;

    if (!r->payload)
        return ol_err_set(err, EBADMSG, "commit: no set of files was begun");
    if (old_set && is_same_tree(r->env, old_set, r->payload, 0)) {
        result = link_names(r->env, dir, old_set, err);
        return result < 0 ? result : ol_remove_tree(r->env, r->payload, err);
    }
    result = ol_symlink(r->env, ol_path_base(r->payload), data, err);
    if (result == 0)
        result = link_names(r->env, dir, r->payload, err);
    if (result == 0 && old_set && ol_str_starts(old, ".."))
        result = ol_remove_tree(r->env, old_set, err);
    return result;
}

int volume_run_link(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_autofree char *dir = ol_path_dir(VOLUME_ARG(s, 1));
    int result = ol_mkdir_p(r->env, dir, 0750, err);

    return result < 0 ? result : ol_symlink(r->env, VOLUME_ARG(s, 0), VOLUME_ARG(s, 1), err);
}

int volume_run_unlink(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    return ol_unlink(r->env, VOLUME_ARG(s, 0), err);
}

/* The words are those of the kubelet's host_path.go. */
static const struct host_path_type {
    const char *name;
    mode_t type;
    mode_t mode; /* it is made with this when it is missing; 0 = never */
    const char *words;
} host_path_types[] = {
    {"Directory", S_IFDIR, 0, "a directory"},
    {"DirectoryOrCreate", S_IFDIR, 0755, "a directory"},
    {"File", S_IFREG, 0, "a file"},
    {"FileOrCreate", S_IFREG, 0644, "a file"},
    {"Socket", S_IFSOCK, 0, "a socket file"},
    {"CharDevice", S_IFCHR, 0, "a character device"},
    {"BlockDevice", S_IFBLK, 0, "a block device"},
};

int volume_run_host_path(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *path = VOLUME_ARG(s, 1);
    const struct host_path_type *t = NULL;
    struct stat st;
    int result;

    for (size_t i = 0; i < ol_count(host_path_types); i++) {
        if (!strcmp(host_path_types[i].name, VOLUME_ARG(s, 0)))
            t = &host_path_types[i];
    }
    if (!t)
        return ol_err_set(err, EINVAL, "hostPath type check failed: unknown type %s",
                          VOLUME_ARG(s, 0));
    result = ol_stat(r->env, path, &st);
    if (result == -ENOENT && t->mode && t->type == S_IFDIR)
        return ol_mkdir_p(r->env, path, t->mode, err);
    if (result == -ENOENT && t->mode)
        return ol_file_puts(r->env, path, "", t->mode, OL_WRITE_EXCL, err);
    if (result < 0 || (st.st_mode & S_IFMT) != t->type)
        return ol_err_set(err, EINVAL, "hostPath type check failed: %s is not %s", path, t->words);
    return 0;
}
