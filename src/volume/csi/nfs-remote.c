/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <nfsc/libnfs.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"
#include "volume/csi/nfs.h"

/* Depth of a tree that is removed; deeper ones are an error instead of a stack that runs out. */
enum { DEPTH_MAX = 128, DIRECTORY_MODE = 0777 };

static int failed(struct nfs_context *nfs, int r, const char *what, const char *path,
                  struct ol_err *err)
{
    const char *why = nfs_get_error(nfs);

    return ol_err_set(err, r < 0 ? -r : EIO, "%s '%s': %s", what, path, why ? why : strerror(-r));
}

static int make(struct nfs_context *nfs, const char *path, struct ol_err *err)
{
    ol_autofree char *copy = ol_xstrdup(path);
    int r = 0;

    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        r = nfs_mkdir2(nfs, copy, DIRECTORY_MODE);
        if (r < 0 && r != -EEXIST)
            return failed(nfs, r, "mkdir", copy, err);
        *slash = '/';
    }
    r = nfs_mkdir2(nfs, copy, DIRECTORY_MODE);
    if (r < 0 && r != -EEXIST)
        return failed(nfs, r, "mkdir", copy, err);
    /* The server may apply a umask. libnfs 4 opens what it is to change, which fails for
     * directories of version 4; there a new one has its mode, and an old one keeps it. */
    r = nfs_chmod(nfs, copy, DIRECTORY_MODE);
    return r < 0 && r != -EISDIR ? failed(nfs, r, "chmod", copy, err) : 0;
}

static int remove_tree(struct nfs_context *nfs, const char *path, int depth, struct ol_err *err);

static int remove_entry(struct nfs_context *nfs, const char *path, int depth, struct ol_err *err)
{
    struct nfs_stat_64 st;
    int r = nfs_lstat64(nfs, path, &st);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return failed(nfs, r, "stat", path, err);
    if (S_ISDIR(st.nfs_mode))
        return remove_tree(nfs, path, depth + 1, err);
    r = nfs_unlink(nfs, path);
    return r < 0 && r != -ENOENT ? failed(nfs, r, "unlink", path, err) : 0;
}

/* Names first: removing changes what a directory's cursor points to. */
static int names_of(struct nfs_context *nfs, const char *path, struct ol_strv *names,
                    struct ol_err *err)
{
    struct nfsdir *dir = NULL;
    struct nfsdirent *e;
    int r = nfs_opendir(nfs, path, &dir);

    if (r < 0)
        return failed(nfs, r, "open", path, err);
    while ((e = nfs_readdir(nfs, dir)))
        if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0)
            ol_strv_add(names, e->name);
    nfs_closedir(nfs, dir);
    return 0;
}

static int empty_tree(struct nfs_context *nfs, const char *path, int depth, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r;

    if (depth > DEPTH_MAX)
        return ol_err_set(err, ELOOP, "'%s' is nested more than %d deep", path, DEPTH_MAX);
    r = names_of(nfs, path, &names, err);
    if (r < 0)
        return r;
    ol_strv_each (name, &names) {
        ol_autofree char *below = ol_xasprintf("%s/%s", path, name);

        r = remove_entry(nfs, below, depth, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int remove_tree(struct nfs_context *nfs, const char *path, int depth, struct ol_err *err)
{
    int r = empty_tree(nfs, path, depth, err);

    if (r < 0)
        return r;
    r = nfs_rmdir(nfs, path);
    return r < 0 && r != -ENOENT ? failed(nfs, r, "rmdir", path, err) : 0;
}

static int archive(struct nfs_context *nfs, const char *path, struct ol_err *err)
{
    ol_autofree char *name = nfs_archived(path);
    ol_autofree char *to = ol_xasprintf("/%s", name);
    int r = nfs_rename(nfs, path, to);

    return r < 0 && r != -ENOENT ? failed(nfs, r, "rename", path, err) : 0;
}

static int discard(struct nfs_context *nfs, const char *path, struct ol_err *err)
{
    int r = nfs_rmdir(nfs, path);

    if (r == -ENOENT || r == -ENOTEMPTY || r == -EEXIST)
        return 0;
    return r < 0 ? failed(nfs, r, "rmdir", path, err) : 0;
}

static int delete(struct nfs_context *nfs, const char *path, struct ol_err *err)
{
    return remove_entry(nfs, path, 0, err);
}

static int empty(struct nfs_context *nfs, const char *path, struct ol_err *err)
{
    return empty_tree(nfs, path, 0, err);
}

static const struct verb {
    const char *name;
    int (*run)(struct nfs_context *nfs, const char *path, struct ol_err *err);
} verbs[] = {
    {"make", make},       {"delete", delete}, {"archive", archive},
    {"discard", discard}, {"empty", empty},
};

static int run(struct nfs_context *nfs, const char *verb, const char *path, struct ol_err *err)
{
    for (size_t i = 0; i < ol_count(verbs); i++)
        if (!strcmp(verbs[i].name, verb))
            return verbs[i].run(nfs, path, err);
    return ol_err_set(err, EINVAL, "nfs-directory: no such verb '%s'", verb);
}

/* A context with the export, or NULL with the sentence. */
static struct nfs_context *mount_as(const char *server, const char *root, int version,
                                    struct ol_err *err)
{
    struct nfs_context *nfs = nfs_init_context();
    int r = nfs ? nfs_set_version(nfs, version) : -ENOMEM;

    if (!nfs) {
        r = ol_err_set(err, ENOMEM, "libnfs: out of memory");
        return NULL;
    }
    if (r == 0)
        r = nfs_mount(nfs, server, root);
    if (r == 0)
        return nfs;
    r = failed(nfs, r, version == 4 ? "mount with NFSv4" : "mount with NFSv3", root, err);
    nfs_destroy_context(nfs);
    return NULL;
}

int nfs_remote_run(const char *verb, const char *server, const char *root, const char *relative,
                   struct ol_err *err)
{
    ol_autofree char *path = ol_xasprintf("/%s", relative);
    struct ol_err first = OL_ERR_INIT;
    /* An export for version 4 alone has no mount protocol; one for 3 alone no version 4. */
    struct nfs_context *nfs = mount_as(server, root, 4, &first);
    int r;

    if (!nfs)
        nfs = mount_as(server, root, 3, err);
    if (!nfs)
        return ol_err_prefix(err, -EIO, "%s; then", ol_err_text(&first));
    r = run(nfs, verb, path, err);
    nfs_destroy_context(nfs);
    return r;
}
