/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/privileged-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"

enum { OP_SECONDS = 120 };

static int find_user(const char *name, struct passwd *ret, char *text, size_t size,
                     struct ol_err *err)
{
    struct passwd *found = NULL;
    int r = getpwnam_r(name, ret, text, size, &found);

    if (r || !found)
        return ol_err_set(err, ENOENT, "there is no user '%s'", name);
    return 0;
}

/* The innermost root that 'path' lies in; NULL when any place will do. */
static const struct privileged_root *root_of(const struct privileged_root *roots, const char *path)
{
    const struct privileged_root *best = NULL;

    for (; roots && roots->path; roots++) {
        size_t n = strlen(roots->path);

        if (!strncmp(path, roots->path, n) && path[n] == '/' && (!best || n > strlen(best->path)))
            best = roots;
    }
    return best;
}

static int open_root(struct ol_env *env, const struct privileged_root *root)
{
    int fd =
        root ? fcntl(root->fd, F_DUPFD_CLOEXEC, 0) : ol_open(env, "/", O_PATH | O_DIRECTORY, 0);

    return fd < 0 && root ? -errno : fd;
}

/* O_PATH of what 'path' names, or, with 'ret_leaf', of the directory that has it (the last name is
 * stored there). fd or -errno. */
static int open_below(struct ol_env *env, const struct privileged_root *roots, const char *path,
                      const char **ret_leaf)
{
    const struct privileged_root *root = root_of(roots, path);
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    size_t n;
    int fd;

    /* It was made after the helper had begun: every name from "/" on, and no link among them. */
    if (root && root->fd < 0)
        root = NULL;
    fd = open_root(env, root);

    ol_strv_split(&names, path + (root ? strlen(root->path) : 0), "/");
    n = ret_leaf ? names.n - 1 : names.n;
    for (size_t i = 0; i < n && fd >= 0; i++) {
        int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC | (i + 1 < names.n ? O_DIRECTORY : 0);
        int next = openat(fd, names.v[i], flags), code = errno;

        close(fd);
        fd = next < 0 ? -code : next;
    }
    if (ret_leaf)
        *ret_leaf = strrchr(path, '/') + 1;
    return fd;
}

static int run_chown(struct ol_env *env, const struct privileged_root *roots,
                     const struct ol_strv *argv, struct ol_err *err)
{
    const char *path = argv->v[1];
    ol_autoclose int fd = -1;
    struct passwd entry;
    struct stat st;
    char text[4096];
    int r = find_user(argv->v[2], &entry, text, sizeof(text), err);

    if (r < 0)
        return r;
    fd = open_below(env, roots, path, NULL);
    if (fd < 0)
        return ol_err_set(err, -fd, "%s: %s", path, strerror(-fd));
    if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        || (S_ISREG(st.st_mode) && st.st_nlink > 1))
        return ol_err_set(err, EPERM, "%s is neither a file of one name nor a directory", path);
    if (!ol_change(env, "chown", path))
        return 0;
    if (fchownat(fd, "", entry.pw_uid, entry.pw_gid, AT_EMPTY_PATH) < 0)
        return ol_err_set(err, errno, "chown %s: %s", path, strerror(errno));
    return 0;
}

static int run_umount(struct ol_env *env, const struct privileged_root *roots,
                      const struct ol_strv *argv, struct ol_err *err)
{
    const char *leaf, *path = argv->v[1];
    ol_autoclose int fd = open_below(env, roots, path, &leaf);
    ol_autofree char *through = NULL;

    if (fd < 0)
        return fd == -ENOENT ? 0 : ol_err_set(err, -fd, "%s: %s", path, strerror(-fd));
    if (!ol_change(env, "umount", path))
        return 0;
    through = ol_xasprintf("/proc/self/fd/%d/%s", fd, leaf);
    /* EINVAL: nothing is mounted there. */
    if (umount2(through, UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return ol_err_set(err, errno, "umount %s: %s", path, strerror(errno));
    return 0;
}

static int run_program(struct ol_env *env, const struct ol_strv *argv, struct ol_err *err)
{
    const struct ol_spawn spawn = {
        .argv = ol_strv_argv(argv), .timeout = OP_SECONDS * OL_SECOND, .out_max = 4096};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    int r = ol_spawn_run(env, &spawn, &result, err);

    if (r < 0 || !result.status)
        return r;
    while (result.err.len && result.err.data[result.err.len - 1] == '\n')
        ol_buf_truncate(&result.err, result.err.len - 1);
    return ol_err_set(err, geteuid() ? EACCES : EIO, "%s %s: %s (status %d)", argv->v[0],
                      argv->n > 1 ? argv->v[1] : "", result.err.data, result.status);
}

/* The directory is named by our descriptor of it, which nobody can put another one under. */
static int run_mount(struct ol_env *env, const struct privileged_root *roots,
                     const struct ol_strv *argv, struct ol_err *err)
{
    const char *path = argv->v[argv->n - 1];
    ol_autoclose int fd = open_below(env, roots, path, NULL);
    ol_auto(ol_strv_done) struct ol_strv real = OL_STRV_INIT;

    if (fd < 0)
        return ol_err_set(err, -fd, "%s: %s", path, strerror(-fd));
    ol_strv_add_all(&real, ol_strv_argv(argv));
    ol_strv_remove(&real, real.n - 1);
    ol_strv_addf(&real, "/proc/%d/fd/%d", (int)getpid(), fd);
    return run_program(env, &real, err);
}

static int run_step(struct ol_env *env, const struct privileged_root *roots,
                    const struct privileged_step *s, struct ol_err *err)
{
    switch (s->kind) {
    case PRIVILEGED_RUN: return run_program(env, &s->argv, err);
    case PRIVILEGED_MOUNT: return run_mount(env, roots, &s->argv, err);
    case PRIVILEGED_CHOWN: return run_chown(env, roots, &s->argv, err);
    case PRIVILEGED_UMOUNT: return run_umount(env, roots, &s->argv, err);
    }
    return 0;
}

int privileged_run_steps(struct ol_env *env, const struct privileged_root *roots,
                         const struct privileged_steps *s, struct ol_err *err)
{
    int r = 0;

    for (size_t i = 0; i < s->n && r >= 0; i++)
        r = run_step(env, roots, &s->v[i], err);
    return r;
}

int privileged_drop(const char *user, struct ol_err *err)
{
    struct passwd entry;
    char text[4096];
    int r = find_user(user, &entry, text, sizeof(text), err);

    if (r < 0)
        return r;
    if (initgroups(user, entry.pw_gid) < 0 || setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        || setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid))
        return ol_err_set(err, errno, "to become user '%s': %s", user, strerror(errno));
    return 0;
}
