/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/resolve.h"
#include "core/strv.h"
#include "volume/plugin/run-internal.h"

/*
 * A part of a volume for one container (volumeMounts[].subPath). What is in a volume belongs to the
 * pod: it may be exchanged for a link to the machine's files at any moment (CVE-2017-1002101). So
 * the part is opened by a call that can't leave the volume, and that descriptor is what is bound.
 */

/* Links within the volume are followed, those that lead out give -EXDEV. An old kernel resolves all
 * of them within the volume. */
static int open_inside(int volume, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, volume, path, &how, sizeof(how));

    if (fd >= 0)
        return fd;
    if (errno != ENOSYS && errno != EPERM)
        return -errno;
    return ol_resolve_open(volume, path, O_PATH, 0, 0);
}

/* Makes the directories that lack, each below a descriptor of the one before it. */
static int make_inside(int volume, const char *path, mode_t mode)
{
    ol_auto(ol_strv_done) struct ol_strv parts = OL_STRV_INIT;
    ol_auto(ol_buf_done) struct ol_buf so_far = OL_BUF_INIT(8192);
    ol_autoclose int dir = open_inside(volume, ".");

    if (dir < 0)
        return dir;
    ol_strv_split(&parts, path, "/");
    ol_strv_each (part, &parts) {
        int next;

        if (!strcmp(part, "..") || !strcmp(part, "."))
            return -EXDEV;
        ol_buf_printf(&so_far, "%s%s", so_far.len ? "/" : "", part);
        next = open_inside(volume, so_far.data);
        if (next == -ENOENT) {
            if (mkdirat(dir, part, 0700) < 0 && errno != EEXIST)
                return -errno;
            if (fchmodat(dir, part, mode, 0) < 0)
                return -errno;
            next = open_inside(volume, so_far.data);
        }
        if (next < 0)
            return next;
        close(dir);
        dir = next;
    }
    return ol_take_fd(&dir);
}

static int stand_for(struct ol_env *env, int part, const char *target, struct ol_err *err)
{
    struct stat st;

    if (fstat(part, &st) < 0)
        return ol_err_set(err, errno, "stat subPath: %s", strerror(errno));
    if (S_ISDIR(st.st_mode))
        return volume_make_dir(env, target, 0750, err);
    return ol_file_puts(env, target, "", 0640, OL_WRITE_PARENTS, err);
}

int volume_run_subpath(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *path = VOLUME_ARG(s, 1), *target = VOLUME_ARG(s, 2);
    ol_autofree char *root = volume_machine_path(r->env, VOLUME_ARG(s, 0));
    ol_autoclose int volume = open(root, O_PATH | O_CLOEXEC), part = -1;
    char source[64];
    struct stat st;
    int result;

    if (volume < 0 || fstat(volume, &st) < 0)
        return ol_err_set(err, errno, "open '%s': %s", root, strerror(errno));
    part = open_inside(volume, path);
    if (part == -ENOENT && ol_change(r->env, "mkdir", path))
        part = make_inside(volume, path, st.st_mode & 07777);
    if (part == -EXDEV || part == -ELOOP)
        return ol_err_set(err, EXDEV, "subpath \"%s\" not within volume path \"%s\"", path, root);
    if (part < 0)
        return ol_err_set(err, -part, "error preparing subpath \"%s\": %s", path, strerror(-part));
    result = volume_is_mounted(r->env, target) ? 0 : stand_for(r->env, part, target, err);
    if (result < 0)
        return result;
    snprintf(source, sizeof(source), "/proc/self/fd/%d", part);
    return volume_bind(r->env, source, target, VOLUME_ARG(s, 3), err);
}
