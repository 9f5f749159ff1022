/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/mount.h"
#include "core/spawn.h"
#include "core/str.h"
#include "core/strv.h"
#include "volume/plugin/run-internal.h"

/* Mounting and unmounting. Whether something is mounted is read from mountinfo. */

enum { MOST_LAYERS = 16 };

bool volume_is_mounted(struct ol_env *env, const char *path)
{
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};

    return volume_mounts_read(env, &m, NULL) == 0 && volume_mounts_at(&m, path);
}

int volume_run_unless_mounted(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    return volume_is_mounted(r->env, VOLUME_ARG(s, 0)) ? VOLUME_RUN_ENOUGH : 0;
}

/* mount-utils' own sentence: people search for it. */
static int mount_error(const struct ol_strv *argv, const struct ol_spawn_result *result,
                       struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv rest = OL_STRV_INIT;
    ol_autofree char *words = NULL;

    for (size_t i = 1; i < argv->n; i++)
        ol_strv_add(&rest, argv->v[i]);
    words = ol_strv_join(&rest, " ");
    return ol_err_set(err, EIO,
                      "mount failed: exit status %d\nMounting command: %s\nMounting arguments: "
                      "%s\nOutput: %s",
                      result->status, argv->v[0], words, result->out.data);
}

static int run_mount(struct ol_env *env, const struct ol_strv *argv, struct ol_err *err)
{
    struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = ol_strv_argv(argv),
                                   .flags = OL_SPAWN_MERGE_ERR | OL_SPAWN_BOUND};
    int r = ol_spawn_run(env, &spawn, &result, err);

    if (r == 0 && result.status != 0)
        r = mount_error(argv, &result, err);
    ol_spawn_result_done(&result);
    return r;
}

/* The helper itself where there is one in PATH: mount(8) looks in /sbin alone. */
static int mount_nfs(struct ol_env *env, const char *source, const char *target,
                     const char *options, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;

    ol_strv_add(&argv, "mount.nfs");
    ol_strv_add(&argv, source);
    ol_strv_add(&argv, target);
    if (*options) {
        ol_strv_add(&argv, "-o");
        ol_strv_add(&argv, options);
    }
    return run_mount(env, &argv, err);
}

int volume_mount_by(struct ol_env *env, const char *type, const char *source, const char *target,
                    const char *options, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    int r = -ENOENT;

    if (volume_is_mounted(env, target))
        return 0;
    if (!strcmp(type, "nfs"))
        r = mount_nfs(env, source, target, options, err);
    if (r != -ENOENT)
        return r;
    ol_strv_add(&argv, "mount");
    ol_strv_add(&argv, "-t");
    ol_strv_add(&argv, type);
    if (*options) {
        ol_strv_add(&argv, "-o");
        ol_strv_add(&argv, options);
    }
    ol_strv_add(&argv, source);
    ol_strv_add(&argv, target);
    return run_mount(env, &argv, err);
}

int volume_run_mount(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    int result = volume_mount_by(r->env, VOLUME_ARG(s, 0), VOLUME_ARG(s, 1), VOLUME_ARG(s, 2),
                                 VOLUME_ARG(s, 3), err);

    /* Nothing is left of a mount that failed; a directory that holds something stays. */
    if (result < 0 && ol_change(r->env, "rmdir", VOLUME_ARG(s, 2)))
        (void)rmdir(VOLUME_ARG(s, 2));
    return result;
}

int volume_bind(struct ol_env *env, const char *source, const char *target, const char *mode,
                struct ol_err *err)
{
    bool is_read_only = !strcmp(mode, "ro");

    if (volume_is_mounted(env, target))
        return is_read_only ? ol_bind_protect(env, target, err) : 0;
    return is_read_only ? ol_bind_read_only(env, source, target, err)
                        : ol_bind(env, source, target, err);
}

int volume_run_bind(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *target = VOLUME_ARG(s, 1);
    int result = 0;

    if (!volume_is_mounted(r->env, target))
        result = volume_make_dir(r->env, target, 0750, err);
    if (result == 0)
        result = volume_bind(r->env, VOLUME_ARG(s, 0), target, VOLUME_ARG(s, 2), err);
    if (result < 0)
        (void)rmdir(target);
    return result;
}

int volume_run_bind_device(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *target = VOLUME_ARG(s, 1);
    int result;

    if (volume_is_mounted(r->env, target))
        return 0;
    result = ol_file_puts(r->env, target, "", 0640, OL_WRITE_PARENTS, err);
    return result < 0 ? result : volume_bind(r->env, VOLUME_ARG(s, 0), target, "rw", err);
}

int volume_run_bind_local(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    bool is_device = volume_is_mounted(r->env, VOLUME_ARG(s, 1));
    struct volume_step bind = {
        .verb = VOLUME_BIND,
        .args = {s->args[is_device ? 1 : 0], s->args[2], s->args[3]},
        .n = 3,
    };

    return volume_run_bind(r, &bind, err);
}

/* All layers: what was mounted twice has to be unmounted twice. */
static int umount_all(struct ol_env *env, const char *path, int flags, struct ol_err *err)
{
    for (int i = 0; i < MOST_LAYERS && volume_is_mounted(env, path); i++) {
        if (!ol_change(env, "umount", path))
            return 0;
        if (umount2(path, UMOUNT_NOFOLLOW | flags) < 0)
            return ol_err_set(err, errno, "unmount failed: '%s': %s", path, strerror(errno));
    }
    return 0;
}

int volume_run_umount(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    bool is_forced = !strcmp(VOLUME_ARG(s, 1), "force");

    return umount_all(r->env, VOLUME_ARG(s, 0), is_forced ? MNT_FORCE : 0, err);
}

int volume_run_rmdir(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *path = VOLUME_ARG(s, 0);
    ol_autofree char *real = volume_machine_path(r->env, path);

    if (volume_is_mounted(r->env, path))
        return ol_err_set(err, EBUSY, "'%s' is still a mount point", path);
    if (ol_change(r->env, "rmdir", path) && rmdir(real) < 0 && errno != ENOENT)
        return ol_err_set(err, errno, "remove directory '%s': %s", path, strerror(errno));
    return 0;
}

int volume_run_remove_tree(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};
    const char *path = VOLUME_ARG(s, 0);
    int result = volume_mounts_read(r->env, &m, err);

    if (result < 0)
        return result;
    if (volume_mounts_at(&m, path) || volume_mounts_has_below(&m, path))
        return ol_err_set(err, EBUSY, "'%s': something is still mounted there", path);
    return ol_remove_tree(r->env, path, err);
}

/* Removes what our own mounts stood on: directories, and empty files. */
static int remove_stand(struct ol_env *env, const char *dir, int depth, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r = ol_list_dir(env, dir, &names, err);

    if (r < 0 || depth > 4)
        return r == -ENOENT ? 0 : r;
    ol_strv_each (name, &names) {
        ol_auto(ol_buf_done) struct ol_buf path = OL_BUF_INIT(8192);
        ol_autofree char *real = NULL;
        struct stat st;

        ol_buf_printf(&path, "%s/%s", dir, name);
        real = volume_machine_path(env, path.data);
        if (ol_lstat(env, path.data, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            r = remove_stand(env, path.data, depth + 1, err);
        else if (S_ISREG(st.st_mode) && st.st_size == 0)
            r = ol_unlink(env, path.data, err);
        if (r < 0)
            return r;
    }
    {
        ol_autofree char *real = volume_machine_path(env, dir);

        if (ol_change(env, "rmdir", dir) && rmdir(real) < 0 && errno != ENOENT)
            return ol_err_set(err, errno, "remove directory '%s': %s", dir, strerror(errno));
    }
    return 0;
}

int volume_run_umount_below(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};
    const char *dir = VOLUME_ARG(s, 0);
    int result = volume_mounts_read(r->env, &m, err);

    for (size_t i = m.n; result == 0 && i-- > 0;) {
        if (volume_path_is_below(m.v[i].path, dir))
            result = umount_all(r->env, m.v[i].path, 0, err);
    }
    return result < 0 ? result : remove_stand(r->env, dir, 0, err);
}
