/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/plugin/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/path.h"
#include "core/spawn.h"
#include "volume/plugin/run-internal.h"

typedef int (*step_fn)(struct volume_run *r, const struct volume_step *s, struct ol_err *err);

static const struct step {
    step_fn run;
    size_t n_args; /* at least */
} steps[VOLUME_N_VERBS] = {
    [VOLUME_MKDIR] = {volume_run_mkdir, 2},
    [VOLUME_UNLESS_MOUNTED] = {volume_run_unless_mounted, 1},
    [VOLUME_MOUNT] = {volume_run_mount, 4},
    [VOLUME_BIND] = {volume_run_bind, 3},
    [VOLUME_BIND_DEVICE] = {volume_run_bind_device, 2},
    [VOLUME_BIND_LOCAL] = {volume_run_bind_local, 4},
    [VOLUME_LOCAL_DEVICE] = {volume_run_local_device, 4},
    [VOLUME_FORMAT_MOUNT] = {volume_run_format_mount, 4},
    [VOLUME_UMOUNT] = {volume_run_umount, 2},
    [VOLUME_UMOUNT_BELOW] = {volume_run_umount_below, 1},
    [VOLUME_RMDIR] = {volume_run_rmdir, 1},
    [VOLUME_REMOVE_TREE] = {volume_run_remove_tree, 1},
    [VOLUME_HOST_PATH] = {volume_run_host_path, 2},
    [VOLUME_RUN] = {volume_run_program, 1},
    [VOLUME_TRY] = {volume_run_program, 1},
    [VOLUME_WAIT_DEVICE] = {volume_run_wait, 2},
    [VOLUME_ISCSI_AUTH] = {volume_run_iscsi_auth, 3},
    [VOLUME_ISCSI_DISCOVER] = {volume_run_iscsi_discover, 2},
    [VOLUME_ISCSI_LOGIN] = {volume_run_iscsi_login, 3},
    [VOLUME_ISCSI_LOGOUT] = {volume_run_iscsi_logout, 3},
    [VOLUME_OWN] = {volume_run_own, 4},
    [VOLUME_PAYLOAD] = {volume_run_payload, 1},
    [VOLUME_FILE] = {volume_run_file, 3},
    [VOLUME_COMMIT] = {volume_run_commit, 1},
    [VOLUME_LINK] = {volume_run_link, 2},
    [VOLUME_UNLINK] = {volume_run_unlink, 1},
    [VOLUME_LOOP_LOCK] = {volume_run_loop_lock, 1},
    [VOLUME_LOOP_UNLOCK] = {volume_run_loop_unlock, 1},
    [VOLUME_SUBPATH] = {volume_run_subpath, 4},
};

int volume_plan_run(struct ol_env *env, struct ol_buf *wire, struct ol_err *err)
{
    struct volume_run run = {.env = env};
    struct volume_step step;
    size_t at = 0;
    int r;

    while ((r = volume_plan_next(wire->data, wire->len, &at, &step)) > 0) {
        if (step.n < steps[step.verb].n_args) {
            r = ol_err_set(err, EBADMSG, "%s: arguments lack", volume_verb_name(step.verb));
            break;
        }
        r = steps[step.verb].run(&run, &step, err);
        if (r < 0 && step.verb == VOLUME_TRY)
            r = 0;
        if (r != 0)
            break;
    }
    free(run.payload);
    if (r == -EBADMSG && err && !err->code)
        return ol_err_set(err, EBADMSG, "the plan can't be read");
    return r < 0 ? r : 0;
}

int volume_job(int argc, char **argv)
{
    ol_auto(ol_buf_done) struct ol_buf wire = OL_BUF_INIT(VOLUME_PLAN_MAX);
    ol_auto(ol_env_done) struct ol_env env = {.root_fd = -1};
    struct ol_err err = OL_ERR_INIT;
    char chunk[16 << 10];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
        ol_buf_add(&wire, chunk, n);
    umask(022);
    if (ol_env_init(&env, "/", &err) == 0 && ol_buf_status(&wire) == 0
        && volume_plan_run(&env, &wire, &err) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "%s\n", ol_err_text(&err));
    return EXIT_FAILURE;
}

char *volume_machine_path(struct ol_env *env, const char *path)
{
    return ol_env_is_host(env) ? ol_xstrdup(path) : ol_xasprintf("%s%s", env->root, path);
}

int volume_tool(struct ol_env *env, const char *const *argv, struct ol_err *err)
{
    struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = argv, .flags = OL_SPAWN_MERGE_ERR | OL_SPAWN_BOUND};
    int r = ol_spawn_run(env, &spawn, &result, err);

    if (r == 0 && result.status != 0)
        r = ol_err_set(err, EIO, "%s failed: exit status %d, output: %s", argv[0], result.status,
                       result.out.data);
    ol_spawn_result_done(&result);
    return r;
}

int volume_run_program(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *argv[VOLUME_STEP_ARGS + 1] = {NULL};

    for (size_t i = 0; i < s->n; i++)
        argv[i] = VOLUME_ARG(s, i);
    return volume_tool(r->env, argv, err);
}

int volume_make_dir(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
{
    ol_autofree char *parent = ol_path_dir(path);
    int r = ol_mkdir_p(env, parent, 0750, err);

    return r < 0 ? r : ol_mkdir_p(env, path, mode, err);
}

int volume_run_mkdir(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    int mode;

    if (ol_parse_int(VOLUME_ARG(s, 1), 8, 0, 07777, &mode) < 0)
        return ol_err_set(err, EBADMSG, "mkdir: '%s' is no mode", VOLUME_ARG(s, 1));
    return volume_make_dir(r->env, VOLUME_ARG(s, 0), (mode_t)mode, err);
}
