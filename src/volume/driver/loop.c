/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "core/strv.h"
#include "volume/driver/job-internal.h"

/* Free numbers are handed out to whoever asks: others may be quicker to take one, or the device may
 * not be there yet. */
enum { TRIES = 500, TRY_PAUSE_MS = 10, GONE_TRIES = 100, GONE_PAUSE_MS = 10 };

static void pause_ms(struct job *j, int ms)
{
    j->env->clock->sleep(j->env->clock->ctx, ms * OL_MS);
}

void loop_close(struct loop *l)
{
    ol_close_at(&l->fd);
    l->fd = -1;
}

/* The file by its inode: a path may have been reached through another mount, or the file have been
 * replaced. */
static bool is_backed_by(int fd, const struct stat *file)
{
    struct loop_info64 info;

    return ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == file->st_ino
           && info.lo_device == file->st_dev;
}

/* No symbolic link on the way, as /sys/block has: where ".." is followed, openat2() gives up while
 * many mounts come and go. */
static const char sysfs[] = "/sys/devices/virtual/block";

static int describe(struct job *j, const char *name, struct loop *l)
{
    ol_autofree char *at = ol_xasprintf("%s/%s/dev", sysfs, name);
    ol_autofree char *number = ol_file_read_line(j->env, at);

    snprintf(l->device, sizeof(l->device), "/dev/%s", name);
    snprintf(l->number, sizeof(l->number), "%s", number ? number : "");
    return number ? 0 : -ENODEV;
}

/* 1 when the loop device 'name' has this file, 0 when it has not. Not to find one that is there
 * would give the file a second device, so a doubt is an error. */
static int look_at(struct job *j, const char *name, const char *path, const struct stat *file,
                   struct loop *ret, struct ol_err *err)
{
    ol_autofree char *at = ol_xasprintf("%s/%s/loop/backing_file", sysfs, name);
    ol_autofree char *backing = ol_file_read_line(j->env, at);
    ol_auto(loop_close) struct loop l = LOOP_INIT;

    if (!backing || describe(j, name, &l) < 0)
        return 0; /* it has no file, or has lost it just now */
    /* Others' devices are not opened for writing: udev would look at each of them anew. */
    l.fd = open(l.device, O_RDONLY | O_CLOEXEC);
    if (l.fd < 0 && errno != ENXIO && !strcmp(backing, path))
        return ol_err_set(err, errno, "open %s: %s", l.device, strerror(errno));
    if (l.fd < 0 || !is_backed_by(l.fd, file))
        return 0;
    *ret = l;
    l.fd = -1;
    return 1;
}

int loop_find(struct job *j, const char *path, struct loop *ret, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct stat file;
    int r;

    if (stat(path, &file) < 0)
        return errno == ENOENT ? 0 : ol_err_set(err, errno, "stat '%s': %s", path, strerror(errno));
    r = ol_list_dir(j->env, sysfs, &names, err);
    ol_strv_each (name, &names) {
        if (r == 0 && ol_str_starts(name, "loop"))
            r = look_at(j, name, path, &file, ret, err);
    }
    return r;
}

static int configure(int fd, int file, const char *path)
{
    struct loop_config config = {
        .fd = (uint32_t)file,
        .info = {.lo_flags = LO_FLAGS_AUTOCLEAR},
    };
    struct loop_info64 info = config.info;

    snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", path);
    if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOTTY)
        return -errno;
    /* Before Linux 5.8. */
    if (ioctl(fd, LOOP_SET_FD, file) < 0)
        return -errno;
    memcpy(info.lo_file_name, config.info.lo_file_name, sizeof(info.lo_file_name));
    if (ioctl(fd, LOOP_SET_STATUS64, &info) == 0)
        return 0;
    (void)ioctl(fd, LOOP_CLR_FD, 0);
    return -errno;
}

static int try_attach(struct job *j, int control, int file, const char *path, struct loop *ret)
{
    ol_auto(loop_close) struct loop l = LOOP_INIT;
    char name[LOOP_NAME];
    int r, n = ioctl(control, LOOP_CTL_GET_FREE);

    if (n < 0)
        return -errno;
    snprintf(name, sizeof(name), "loop%d", n);
    r = describe(j, name, &l);
    if (r < 0)
        return r;
    l.fd = open(l.device, O_RDWR | O_CLOEXEC);
    if (l.fd < 0)
        return -errno;
    r = configure(l.fd, file, path);
    if (r == 0) {
        *ret = l;
        l.fd = -1;
    }
    return r;
}

static bool is_passing(int error)
{
    return error == -EBUSY || error == -ENODEV || error == -ENXIO || error == -ENOENT;
}

static int attach(struct job *j, const char *path, struct loop *ret, struct ol_err *err)
{
    ol_autoclose int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    ol_autoclose int file = open(path, O_RDWR | O_CLOEXEC);
    int r = -EBUSY;

    if (control < 0)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "no loop devices here: /dev/loop-control: %s", strerror(errno));
    if (file < 0)
        return ol_err_set(err, errno, "open '%s': %s", path, strerror(errno));
    if (!ol_change(j->env, "losetup", path))
        return 0;
    for (int i = 0; i < TRIES && is_passing(r); i++) {
        if (i > 4)
            pause_ms(j, TRY_PAUSE_MS);
        r = try_attach(j, control, file, path, ret);
    }
    if (r < 0)
        return ol_err_set(err, -r, "no loop device for '%s': %s", path, strerror(-r));
    return 0;
}

int loop_get(struct job *j, const char *path, struct loop *ret, struct ol_err *err)
{
    int r = loop_find(j, path, ret, err);

    if (r == 1)
        r = loop_keep(j, ret, false, err);
    else if (r == 0)
        r = attach(j, path, ret, err);
    return r;
}

int loop_keep(struct job *j, const struct loop *l, bool is_kept, struct ol_err *err)
{
    struct loop_info64 info;

    if (ioctl(l->fd, LOOP_GET_STATUS64, &info) < 0)
        return ol_err_set(err, errno, "%s: %s", l->device, strerror(errno));
    if (!(info.lo_flags & LO_FLAGS_AUTOCLEAR) == is_kept)
        return 0;
    info.lo_flags ^= LO_FLAGS_AUTOCLEAR;
    if (ol_change(j->env, "losetup", l->device) && ioctl(l->fd, LOOP_SET_STATUS64, &info) < 0)
        return ol_err_set(err, errno, "%s: %s", l->device, strerror(errno));
    return 0;
}

int loop_detach(struct job *j, const char *path, struct ol_err *err)
{
    for (int i = 0; i < GONE_TRIES; i++) {
        ol_auto(loop_close) struct loop l = LOOP_INIT;
        int r = loop_find(j, path, &l, err);

        if (r <= 0)
            return r;
        if (i == 0 && !ol_change(j->env, "losetup", l.device))
            return 0;
        if (i == 0 && ioctl(l.fd, LOOP_CLR_FD, 0) < 0 && errno != ENXIO)
            return ol_err_set(err, errno, "detach %s: %s", l.device, strerror(errno));
        loop_close(&l);
        pause_ms(j, i ? GONE_PAUSE_MS : 0);
    }
    return 1;
}

int loop_grow(struct job *j, const struct loop *l, struct ol_err *err)
{
    if (ol_change(j->env, "losetup", l->device) && ioctl(l->fd, LOOP_SET_CAPACITY, 0) < 0)
        return ol_err_set(err, errno, "%s: %s", l->device, strerror(errno));
    return 0;
}
