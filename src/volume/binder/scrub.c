/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "volume/binder/in-tree.h"

static int empty(struct ol_env *env, const char *path, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r = ol_list_dir(env, path, &names, err);

    ol_strv_each (name, &names) {
        ol_autofree char *below = ol_path_join(path, name);

        if (r < 0)
            break;
        r = ol_remove_tree(env, below, err);
    }
    return r < 0 ? r : 0;
}

static bool has_dots(const char *path)
{
    size_t len = strlen(path);

    return strstr(path, "/../") || (len >= 3 && strcmp(path + len - 3, "/..") == 0);
}

int binder_scrub(struct ol_env *env, const char *verb, const char *path, struct ol_err *err)
{
    if (path[0] != '/' || strspn(path, "/.") == strlen(path) || has_dots(path))
        return ol_err_set(err, EINVAL, "'%s' is not emptied: it is no volume's directory", path);
    if (strcmp(verb, "empty") == 0)
        return empty(env, path, err);
    if (strcmp(verb, "remove") != 0)
        return ol_err_set(err, EINVAL, "volume-scrub: no such verb '%s'", verb);
    if (!ol_str_starts(path, "/tmp/") || !path[strlen("/tmp/")])
        return ol_err_set(err, EPERM,
                          "host_path deleter only supports /tmp/.+ but received provided %s", path);
    return ol_remove_tree(env, path, err);
}

static int run_job(int argc, char **argv)
{
    ol_auto(ol_env_done) struct ol_env env = {.root_fd = -1};
    struct ol_err err = OL_ERR_INIT;

    if (argc == 3 && ol_env_init(&env, "/", &err) == 0
        && binder_scrub(&env, argv[1], argv[2], &err) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "%s\n", ol_err_text(&err));
    return EXIT_FAILURE;
}

const struct ol_job_function binder_scrub_job = {.name = "volume-scrub", .run = run_job};
