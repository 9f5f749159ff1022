/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "volume/plugin/run-internal.h"

/*
 * A pod's fsGroup owns the files of a volume: group, rw for it, and new files inherit it
 * (pkg/volume SetVolumeOwnership). The walk goes by descriptors, follows no link and leaves no file
 * system.
 */

enum { MOST_DEPTH = 256 };

struct own {
    gid_t gid;
    dev_t device;
    mode_t mask;
};

static mode_t wanted_mode(const struct own *o, const struct stat *st)
{
    return (st->st_mode & 07777) | o->mask | (S_ISDIR(st->st_mode) ? S_ISGID | 0110 : 0);
}

static bool is_owned(const struct own *o, const struct stat *st)
{
    return st->st_gid == o->gid && wanted_mode(o, st) == (st->st_mode & 07777);
}

static int own_one(const struct own *o, int dir, const char *name, const struct stat *st)
{
    if (st->st_gid != o->gid && fchownat(dir, name, (uid_t)-1, o->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISLNK(st->st_mode))
        return 0;
    /* chown(2) takes the setgid bit away: the mode is set in any case. */
    if (fchmodat(dir, name, wanted_mode(o, st), 0) < 0)
        return -errno;
    return 0;
}

static int own_tree(const struct own *o, int fd, int depth);

static int own_entry(const struct own *o, int fd, const char *name, int depth)
{
    ol_autoclose int child = -1;
    struct stat st;
    int r;

    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return 0;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != o->device)
        return 0;
    r = own_one(o, fd, name, &st);
    if (r < 0 || !S_ISDIR(st.st_mode))
        return r;
    child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return child < 0 ? -errno : own_tree(o, child, depth + 1);
}

static int own_tree(const struct own *o, int fd, int depth)
{
    ol_autoclosedir DIR *dir = NULL;
    const struct dirent *d;
    int copy = depth > MOST_DEPTH ? -1 : dup(fd), r;

    if (depth > MOST_DEPTH)
        return -ELOOP;
    dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        return -errno;
    while ((d = readdir(dir))) {
        r = own_entry(o, fd, d->d_name, depth);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* The root comes last: it says that all below it was done (OnRootMismatch). */
static int own_all(const struct own *o, int fd, const struct stat *st)
{
    int r = S_ISDIR(st->st_mode) ? own_tree(o, fd, 0) : 0;

    if (r < 0)
        return r;
    if (st->st_gid != o->gid && fchown(fd, (uid_t)-1, o->gid) < 0)
        return -errno;
    return fchmod(fd, wanted_mode(o, st)) < 0 ? -errno : 0;
}

int volume_run_own(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_autofree char *path = volume_machine_path(r->env, VOLUME_ARG(s, 0));
    ol_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct own o = {.mask = !strcmp(VOLUME_ARG(s, 3), "ro") ? 0440 : 0660};
    struct stat st;
    int64_t gid;
    int result;

    if (ol_parse_i64(VOLUME_ARG(s, 1), 10, &gid) < 0 || gid < 0 || gid >= UINT32_MAX)
        return ol_err_set(err, EINVAL, "'%s' is no group", VOLUME_ARG(s, 1));
    if (fd < 0 || fstat(fd, &st) < 0)
        return ol_err_set(err, errno, "open '%s': %s", path, strerror(errno));
    o.gid = (gid_t)gid;
    o.device = st.st_dev;
    if ((!strcmp(VOLUME_ARG(s, 2), "OnRootMismatch") && is_owned(&o, &st))
        || !ol_change(r->env, "chown", path))
        return 0;
    result = own_all(&o, fd, &st);
    if (result < 0)
        return ol_err_set(err, -result, "applyFSGroup failed for '%s': %s", path,
                          strerror(-result));
    return 0;
}
