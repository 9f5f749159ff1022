/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/strv.h"
#include "volume/driver/job-internal.h"

enum { MOST_LAYERS = 16 };

/* mount(8)'s options that are no business of the file system. */
static const struct {
    const char *name;
    unsigned long set, clear;
} options_of_all[] = {
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"defaults", 0, 0},
    {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, 0},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME, 0},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME, 0},
    {"nolazytime", 0, MS_LAZYTIME},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
};

static bool take_option(const char *option, unsigned long *flags)
{
    for (size_t i = 0; i < ol_count(options_of_all); i++) {
        if (strcmp(options_of_all[i].name, option) != 0)
            continue;
        *flags = (*flags | options_of_all[i].set) & ~options_of_all[i].clear;
        return true;
    }
    return false;
}

int job_mount(struct job *j, const char *device, const char *path, const char *fs,
              const char *options, bool is_read_only, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv all = OL_STRV_INIT, rest = OL_STRV_INIT;
    ol_autofree char *data = NULL;
    unsigned long flags = is_read_only ? MS_RDONLY : 0;

    ol_strv_split(&all, options, ",");
    ol_strv_each (option, &all) {
        if (!take_option(option, &flags))
            ol_strv_add(&rest, option);
    }
    data = ol_strv_join(&rest, ",");
    if (!ol_change(j->env, "mount", path))
        return 0;
    if (mount(device, path, fs, flags, data) == 0)
        return 0;
    /* The options may be secret: they are not in the sentence. */
    if (errno == EINVAL && rest.n)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                           "mount %s on '%s': %s does not take these mount flags", device, path,
                           fs);
    return ol_err_set(err, errno, "mount %s on '%s': %s", device, path, strerror(errno));
}

/* The mount is this volume's: its file system is on the loop device of our image, or it is the loop
 * device itself, or our directory. An id is in no path by chance. */
static bool is_of_volume(const struct job *j, const struct volume_mount_point *m,
                         const struct loop *l)
{
    const char *name = l->fd >= 0 ? l->device + strlen("/dev") : NULL;

    if (j->record.type == DRIVER_DIRECTORY)
        return strstr(m->root, j->record.id) != NULL;
    if (!name)
        return false;
    return !strcmp(m->device, l->number)
           || (!strcmp(m->type, "devtmpfs") && !strcmp(m->root, name));
}

/* Whether a bind of the device node that is in a tmpfs /dev: what is seen there tells. */
static bool is_node_of(const char *path, const struct loop *l)
{
    struct stat st, device;

    return l->fd >= 0 && stat(path, &st) == 0 && S_ISBLK(st.st_mode) && fstat(l->fd, &device) == 0
           && st.st_rdev == device.st_rdev;
}

int job_is_ours(struct job *j, const char *path)
{
    ol_auto(volume_mounts_done) struct volume_mounts mounts = {0};
    ol_auto(loop_close) struct loop l = LOOP_INIT;
    const struct volume_mount_point *m;
    int r = volume_mounts_read(j->env, &mounts, NULL);

    if (r < 0)
        return r;
    m = volume_mounts_at(&mounts, path);
    if (!m)
        return -ENOENT;
    if (j->record.type == DRIVER_IMAGE)
        r = loop_find(j, j->data, &l, NULL);
    if (r < 0)
        return r;
    return is_of_volume(j, m, &l) || is_node_of(path, &l);
}

int job_umount(struct job *j, const char *path, struct ol_err *err)
{
    for (int i = 0; i < MOST_LAYERS; i++) {
        int r = job_is_ours(j, path);

        if (r == -ENOENT)
            return 0;
        if (r < 0)
            return ol_err_set(err, -r, "what is mounted at '%s': %s", path, strerror(-r));
        if (r == 0)
            return ol_err_set(err, EBUSY, "'%s': what is mounted there is not volume %s", path,
                              j->record.id);
        if (ol_change(j->env, "umount", path) && umount2(path, UMOUNT_NOFOLLOW) < 0)
            return ol_err_set(err, errno, "unmount '%s': %s", path, strerror(errno));
    }
    return ol_err_set(err, EBUSY, "'%s': mounted more than %d times", path, MOST_LAYERS);
}

char *job_mounted_at(struct job *j, const char *but, const char *nor)
{
    ol_auto(volume_mounts_done) struct volume_mounts mounts = {0};
    ol_auto(loop_close) struct loop l = LOOP_INIT;

    if (volume_mounts_read(j->env, &mounts, NULL) < 0)
        return NULL;
    if (j->record.type == DRIVER_IMAGE && loop_find(j, j->data, &l, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < mounts.n; i++) {
        const struct volume_mount_point *m = &mounts.v[i];

        if (is_of_volume(j, m, &l) && strcmp(m->path, but) != 0 && strcmp(m->path, nor) != 0)
            return ol_xstrdup(m->path);
    }
    return NULL;
}
