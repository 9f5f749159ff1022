/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/privileged-internal.h"
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

/* The last name is opened as it is, so a link that was put there is refused, not followed. */
static int run_chown(struct ol_env *env, const char *path, const char *user, struct ol_err *err)
{
    ol_autoclose int fd = -1;
    struct passwd entry;
    struct stat st;
    char text[4096];
    int r = find_user(user, &entry, text, sizeof(text), err);

    if (r < 0)
        return r;
    fd = ol_open(env, path, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return ol_err_set(err, -fd, "%s: %s", path, strerror(-fd));
    if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return ol_err_set(err, EPERM, "%s is neither a file nor a directory", path);
    if (!ol_change(env, "chown", path))
        return 0;
    if (fchownat(fd, "", entry.pw_uid, entry.pw_gid, AT_EMPTY_PATH) < 0)
        return ol_err_set(err, errno, "chown %s: %s", path, strerror(errno));
    return 0;
}

static int run_program(struct ol_env *env, const struct privileged_step *s, struct ol_err *err)
{
    const struct ol_spawn spawn = {
        .argv = ol_strv_argv(&s->argv), .timeout = OP_SECONDS * OL_SECOND, .out_max = 4096};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    int r = ol_spawn_run(env, &spawn, &result, err);

    if (r < 0 || !result.status || s->may_fail)
        return r;
    while (result.err.len && result.err.data[result.err.len - 1] == '\n')
        ol_buf_truncate(&result.err, result.err.len - 1);
    return ol_err_set(err, geteuid() ? EACCES : EIO, "%s %s: %s (status %d)", s->argv.v[0],
                      s->argv.n > 1 ? s->argv.v[1] : "", result.err.data, result.status);
}

int privileged_run_steps(struct ol_env *env, const struct privileged_steps *s, struct ol_err *err)
{
    int r = 0;

    for (size_t i = 0; i < s->n && r >= 0; i++) {
        const struct privileged_step *step = &s->v[i];

        r = step->is_chown ? run_chown(env, step->argv.v[1], step->argv.v[2], err)
                           : run_program(env, step, err);
    }
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
