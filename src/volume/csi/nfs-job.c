/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/env.h"
#include "core/file.h"
#include "core/path.h"
#include "core/strv.h"
#include "volume/csi/csi.h"
#include "volume/csi/nfs.h"

const struct ol_job_function nfs_directory_job = {.name = "nfs-directory",
                                                  .run = nfs_directory_run};

/* As the NFS provisioner gives them: whoever mounts the volume may write. */
enum { DIRECTORY_MODE = 0777 };

static int make(struct ol_env *env, const char *relative, struct ol_err *err)
{
    int r = ol_mkdir_p(env, relative, DIRECTORY_MODE, err);

    return r < 0 ? r : ol_chmod(env, relative, DIRECTORY_MODE, err);
}

static int archive(struct ol_env *env, const char *relative, struct ol_err *err)
{
    ol_autofree char *name = nfs_archived(relative);
    ol_autofree char *to = ol_path_join("/", name);

    if (!ol_exists(env, relative))
        return 0;
    return ol_rename(env, relative, to, err);
}

/* What no pod has seen goes only while nothing is in it: a pathPattern may name a directory that
 * was there before. */
static int discard(struct ol_env *env, const char *relative, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r = ol_exists(env, relative) ? ol_list_dir(env, relative, &names, err) : 0;

    if (r < 0 || names.n > 0)
        return r < 0 ? r : 0;
    return ol_remove_tree(env, relative, err);
}

static int empty(struct ol_env *env, const char *relative, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r = ol_list_dir(env, relative, &names, err);

    ol_strv_each (name, &names) {
        ol_autofree char *below = ol_path_join(relative, name);

        if (r >= 0)
            r = ol_remove_tree(env, below, err);
    }
    return r < 0 ? r : 0;
}

static int delete(struct ol_env *env, const char *relative, struct ol_err *err)
{
    return ol_remove_tree(env, relative, err);
}

static const struct verb {
    const char *name;
    int (*run)(struct ol_env *env, const char *relative, struct ol_err *err);
} verbs[] = {
    {"make", make},       {"delete", delete}, {"archive", archive},
    {"discard", discard}, {"empty", empty},
};

/* The export is the root of this environment, so no link in it leads out. */
int nfs_local_run(const char *verb, const char *root, const char *relative, struct ol_err *err)
{
    ol_autofree char *path = ol_path_join("/", relative);
    const struct verb *v = NULL;
    struct ol_env env;
    int r;

    for (size_t i = 0; i < ol_count(verbs); i++)
        if (!strcmp(verbs[i].name, verb))
            v = &verbs[i];
    if (!v)
        return ol_err_set(err, EINVAL, "nfs-directory: no such verb '%s'", verb);
    r = ol_env_init(&env, root, err);
    if (r < 0)
        return r;
    r = v->run(&env, path, err);
    ol_env_done(&env);
    return r;
}

int nfs_directory_run(int argc, char **argv)
{
    struct ol_err err = OL_ERR_INIT;
    int r = -EINVAL;

    if (argc != 5) {
        fputs("nfs-directory: make|delete|archive|discard|empty SERVER ROOT PATH\n", stderr);
        return 1;
    }
    if (*argv[2])
        r = nfs_remote_run(argv[1], argv[2], argv[3], argv[4], &err);
    else
        r = nfs_local_run(argv[1], argv[3], argv[4], &err);
    if (r < 0)
        fprintf(stderr, "%s\n", ol_err_text(&err));
    return r < 0 ? 1 : 0;
}
