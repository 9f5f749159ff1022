/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "core/strv.h"
#include "volume/plugin/run-internal.h"

/*
 * A loop device on a published block volume keeps its file open: the device can't go away silently
 * while a pod has it (the kubelet's AttachFileDevice). Where there is no loop driver, or it
 * refuses, the pod gets its device without that lock.
 */

enum { TRIES = 8 };

/* "/dev/loop3" whose file is 'path'; NULL = none. Heap. */
static char *loop_of(struct ol_env *env, const char *path)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(env, "/sys/block", &names, NULL) < 0)
        return NULL;
    ol_strv_each (name, &names) {
        ol_autofree char *at = ol_xasprintf("/sys/block/%s/loop/backing_file", name);
        ol_autofree char *file = ol_str_starts(name, "loop") ? ol_file_read_line(env, at) : NULL;

        if (file && !strcmp(file, path))
            return ol_xasprintf("/dev/%s", name);
    }
    return NULL;
}

static int attach(const char *path)
{
    ol_autoclose int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    ol_autoclose int file = open(path, O_RDWR | O_CLOEXEC);

    if (control < 0 || file < 0)
        return -errno;
    for (int i = 0; i < TRIES; i++) {
        ol_autoclose int loop = -1;
        char name[32];
        int n = ioctl(control, LOOP_CTL_GET_FREE);

        if (n < 0)
            return -errno;
        snprintf(name, sizeof(name), "/dev/loop%d", n);
        loop = open(name, O_RDWR | O_CLOEXEC);
        if (loop < 0)
            return -errno;
        if (ioctl(loop, LOOP_SET_FD, file) == 0)
            return 0;
        if (errno != EBUSY)
            return -errno;
    }
    return -EBUSY;
}

int volume_run_loop_lock(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *path = VOLUME_ARG(s, 0);
    ol_autofree char *there = loop_of(r->env, path);

    if (!there && ol_change(r->env, "losetup", path))
        (void)attach(path);
    return 0;
}

int volume_run_loop_unlock(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *path = VOLUME_ARG(s, 0);
    ol_autofree char *loop = loop_of(r->env, path);
    ol_autoclose int fd = -1;

    if (!loop || !ol_change(r->env, "losetup", path))
        return 0;
    fd = open(loop, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, LOOP_CLR_FD, 0) < 0)
        return ol_err_set(err, errno, "detach %s from '%s': %s", loop, path, strerror(errno));
    return 0;
}
