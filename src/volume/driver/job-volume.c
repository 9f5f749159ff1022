/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "volume/driver/job-internal.h"

/* Volumes and snapshots as files: made, copied, made larger, removed. */

static int open_image(struct job *j, const char *path, int flags, struct ol_err *err)
{
    int fd = ol_open(j->env, path, flags | O_NOFOLLOW, 0600);

    return fd < 0 ? ol_err_set(err, -fd, "open '%s': %s", path, strerror(-fd)) : fd;
}

static int set_size(struct job *j, int fd, struct ol_err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return ol_err_set(err, errno, "stat '%s': %s", j->data, strerror(errno));
    if (st.st_size < j->record.size && ol_change(j->env, "truncate", j->data)
        && ftruncate(fd, j->record.size) < 0)
        return ol_err_set(err, errno, "'%s': %s", j->data, strerror(errno));
    if (j->record.is_thick && ol_change(j->env, "fallocate", j->data)
        && fallocate(fd, 0, 0, j->record.size) < 0)
        return ol_err_set(err, errno, "allocate %lld bytes for '%s': %s", (long long)j->record.size,
                          j->data, strerror(errno));
    if (fsync(fd) < 0)
        return ol_err_set(err, errno, "sync '%s': %s", j->data, strerror(errno));
    return 0;
}

int job_fit_image(struct job *j, struct ol_err *err)
{
    struct stat st;
    ol_autoclose int fd = -1;

    if (ol_stat(j->env, j->data, &st) == 0 && st.st_size >= j->record.size)
        return 0;
    fd = open_image(j, j->data, O_RDWR, err);
    return fd < 0 ? fd : set_size(j, fd, err);
}

/* A copy is of the file: what the file system on it has not written yet is written first. */
static void flush_source(struct job *j, const char *source)
{
    struct job of_source = {.env = j->env, .data = (char *)(uintptr_t)source};
    ol_autofree char *at = job_mounted_at(&of_source, "", "");
    ol_autoclose int fd = at ? open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0)
        (void)syncfs(fd);
}

static int copy_source(struct job *j, int to, struct ol_err *err)
{
    ol_autofree char *source = driver_data_path(j->state_dir, j->record.source);
    ol_autoclose int from = open_image(j, source, O_RDONLY, err);

    if (from < 0)
        return from;
    flush_source(j, source);
    if (!ol_change(j->env, "clone", j->data) || ioctl(to, FICLONE, from) == 0)
        return 0;
    if (errno == EOPNOTSUPP || errno == EXDEV || errno == EINVAL || errno == ENOTTY)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "the file system of '%s' can't share blocks between files (reflink): "
                           "snapshots and copies need xfs or btrfs",
                           j->state_dir);
    return ol_err_set(err, errno, "clone '%s': %s", source, strerror(errno));
}

static int make_image(struct job *j, struct ol_err *err)
{
    ol_autoclose int fd = open_image(j, j->data, O_RDWR | O_CREAT, err);
    int r = fd < 0 ? fd : 0;

    if (r == 0 && *j->record.source)
        r = copy_source(j, fd, err);
    return r < 0 ? r : set_size(j, fd, err);
}

/* What could not be made leaves nothing, not even its record. */
static void undo(struct job *j)
{
    if (ol_unlink(j->env, j->data, NULL) == 0)
        (void)!driver_record_remove(j->env, j->state_dir, j->record.id, NULL);
}

int job_create(struct job *j, struct ol_err *err)
{
    int r;

    j->record.state = DRIVER_CREATING;
    r = job_save(j, err);
    if (r < 0)
        return r;
    if (j->record.type == DRIVER_DIRECTORY)
        r = ol_mkdir_p(j->env, j->data, 0755, err);
    else
        r = make_image(j, err);
    if (r < 0) {
        undo(j);
        return r;
    }
    j->record.state = DRIVER_READY;
    return job_save(j, err);
}

int job_delete(struct job *j, struct ol_err *err)
{
    ol_autofree char *user = job_mounted_at(j, "", "");
    int r = 0;

    if (user)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is still mounted at '%s'",
                           j->record.id, user);
    if (j->record.type == DRIVER_IMAGE)
        r = loop_detach(j, j->data, err);
    if (r == 1)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "somebody still has the loop device of volume %s open", j->record.id);
    j->record.state = DRIVER_DELETING;
    if (r == 0)
        r = job_save(j, err);
    if (r == 0)
        r = ol_remove_tree(j->env, j->data, err);
    return r < 0 ? r : driver_record_remove(j->env, j->state_dir, j->record.id, err);
}

int job_expand(struct job *j, struct ol_err *err)
{
    int64_t size = 0;
    int r = ol_parse_i64(j->args[0], 10, &size);

    if (r < 0 || size < j->record.size)
        return ol_err_set(err, EINVAL, "a volume can't become smaller");
    j->record.size = size;
    r = job_save(j, err);
    if (r == 0 && j->record.type == DRIVER_IMAGE)
        r = job_fit_image(j, err);
    return r;
}

/* What was taken stays taken: 'thin' is about what comes. The record comes first: who is killed in
 * between is asked again. */
int job_modify(struct job *j, struct ol_err *err)
{
    bool was_thick = j->record.is_thick;
    ol_autoclose int fd = -1;
    int r;

    j->record.is_thick = !strcmp(j->args[0], "thick");
    r = job_save(j, err);
    if (r < 0 || !j->record.is_thick)
        return r;
    fd = open_image(j, j->data, O_RDWR, err);
    if (fd < 0)
        return fd;
    r = set_size(j, fd, err);
    if (r < 0) {
        j->record.is_thick = was_thick;
        (void)!job_save(j, NULL);
    }
    /* Final, so that another class can be chosen. */
    return r == -ENOSPC ? driver_fail(err, OL_GRPC_OUT_OF_RANGE,
                                      "no room to take all %lld bytes of volume %s",
                                      (long long)j->record.size, j->record.id)
                        : r;
}

int job_attach(struct job *j, struct ol_err *err)
{
    if ((size_t)snprintf(j->record.attached, sizeof(j->record.attached), "%s", j->args[0])
        >= sizeof(j->record.attached))
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "node_id has more than 256 bytes");
    j->record.is_attached_read_only = !strcmp(j->args[1], "ro");
    return job_save(j, err);
}
