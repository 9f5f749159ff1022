/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/mount.h"
#include "volume/driver/job-internal.h"

/* Publishing: the staged volume is bound to the path of a workload. */

static int check_single(struct job *j, const char *staging, struct ol_err *err)
{
    ol_autofree char *other = NULL;

    if (strcmp(j->args[2], "single") != 0)
        return 0;
    other = job_mounted_at(j, staging, j->args[0]);
    if (!other)
        return 0;
    return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                       "SINGLE_NODE_SINGLE_WRITER: volume %s is published at '%s' already",
                       j->record.id, other);
}

/* It is mounted there: perhaps we were killed before it was read-only. */
static int check_published(struct job *j, bool is_read_only, const char *source, struct ol_err *err)
{
    const char *target = j->args[0];
    struct statvfs st, of_source;

    if (is_read_only)
        return ol_bind_protect(j->env, target, err);
    if (statvfs(target, &st) == 0 && statvfs(source, &of_source) == 0 && (st.f_flag & ST_RDONLY)
        && !(of_source.f_flag & ST_RDONLY))
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "'%s': published read-only", target);
    return 0;
}

static int make_target(struct job *j, bool is_block, struct ol_err *err)
{
    const char *target = j->args[0];
    ol_autoclose int fd = -1;

    if (!is_block)
        return ol_mkdir_p(j->env, target, 0750, err);
    if (ol_exists(j->env, target))
        return 0;
    fd = ol_open(j->env, target, O_WRONLY | O_CREAT | O_NOFOLLOW, 0640);
    return fd < 0 ? ol_err_set(err, -fd, "make '%s': %s", target, strerror(-fd)) : 0;
}

static int bind_target(struct job *j, const char *source, bool is_block, bool is_read_only,
                       struct ol_err *err)
{
    const char *target = j->args[0];
    int r = job_is_ours(j, target);

    if (r == 1)
        return is_block ? 0 : check_published(j, is_read_only, source, err);
    if (r == 0)
        return ol_err_set(err, EBUSY, "'%s': something else is mounted there", target);
    r = make_target(j, is_block, err);
    if (r < 0)
        return r;
    return is_read_only ? ol_bind_read_only(j->env, source, target, err)
                        : ol_bind(j->env, source, target, err);
}

int job_publish(struct job *j, struct ol_err *err)
{
    bool is_read_only = !strcmp(j->args[1], "ro");
    bool is_directory = j->record.type == DRIVER_DIRECTORY;
    const char *staging = is_directory ? "" : j->args[3];
    int r;

    if (!is_directory && job_is_ours(j, staging) != 1)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is not staged at '%s'",
                           j->record.id, staging);
    r = check_single(j, staging, err);
    return r < 0 ? r : bind_target(j, is_directory ? j->data : staging, false, is_read_only, err);
}

int job_publish_block(struct job *j, struct ol_err *err)
{
    ol_auto(loop_close) struct loop l = LOOP_INIT;
    int r = loop_find(j, j->data, &l, err);

    if (r < 0)
        return r;
    if (r == 0)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is not staged",
                           j->record.id);
    r = check_single(j, "", err);
    return r < 0 ? r : bind_target(j, l.device, true, false, err);
}

/* Only ever an empty directory, or the empty file that a device was bound to. */
static int remove_target(struct job *j, const char *target, struct ol_err *err)
{
    struct stat st;
    int r = ol_lstat(j->env, target, &st);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return ol_err_set(err, -r, "'%s': %s", target, strerror(-r));
    if (S_ISREG(st.st_mode) && st.st_size == 0)
        return ol_unlink(j->env, target, err);
    if (!S_ISDIR(st.st_mode))
        return ol_err_set(err, EEXIST, "'%s': that is not what a volume was mounted on", target);
    if (ol_change(j->env, "rmdir", target) && rmdir(target) < 0 && errno != ENOENT)
        return ol_err_set(err, errno, "remove '%s': %s", target, strerror(errno));
    return 0;
}

int job_unpublish(struct job *j, struct ol_err *err)
{
    int r = job_umount(j, j->args[0], err);

    return r < 0 ? r : remove_target(j, j->args[0], err);
}

static int need_mounted(struct job *j, const char *path, struct ol_err *err)
{
    int r = job_is_ours(j, path);

    if (r == 1)
        return 0;
    return driver_fail(err, OL_GRPC_NOT_FOUND, "volume %s is not at '%s'", j->record.id, path);
}

static int grow_fs(struct job *j, const struct loop *l, const char *path, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf words = OL_BUF_INIT(2 << 10);
    char fs[16];
    int r = job_probe(l->device, fs, err);

    if (r < 0 || !job_is_too_small(l->device, fs))
        return r;
    if (!strcmp(fs, "xfs"))
        return job_grow_xfs(j, path, err);
    if (strcmp(fs, "ext4") != 0)
        return 0;
    r = job_run(j, (const char *const[]){"resize2fs", l->device, NULL}, &words, err);
    if (r <= 0)
        return r;
    return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                       "ext4 of volume %s can't be made larger while it is mounted; that is done "
                       "when it is staged the next time: %s",
                       j->record.id, words.data);
}

int job_grow(struct job *j, struct ol_err *err)
{
    ol_auto(loop_close) struct loop l = LOOP_INIT;
    const char *path = j->args[0];
    struct stat st;
    int r = need_mounted(j, path, err);

    j->results[j->n_results++] = j->record.size;
    if (r < 0 || j->record.type == DRIVER_DIRECTORY)
        return r;
    r = job_fit_image(j, err);
    if (r == 0)
        r = loop_find(j, j->data, &l, err);
    if (r == 1)
        r = loop_grow(j, &l, err);
    if (r == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        r = grow_fs(j, &l, path, err);
    return r;
}

static void add_result(struct job *j, uint64_t value)
{
    j->results[j->n_results++] = (int64_t)value;
}

int job_stats(struct job *j, struct ol_err *err)
{
    const char *path = j->args[0];
    struct statvfs v;
    struct stat st;
    int r = need_mounted(j, path, err);

    if (r < 0)
        return r;
    if (stat(path, &st) < 0 || statvfs(path, &v) < 0)
        return ol_err_set(err, errno, "'%s': %s", path, strerror(errno));
    if (S_ISBLK(st.st_mode)) {
        add_result(j, 0);
        add_result(j, (uint64_t)j->record.size);
        add_result(j, 0);
        return 0;
    }
    add_result(j, v.f_bavail * v.f_frsize);
    add_result(j, v.f_blocks * v.f_frsize);
    add_result(j, (v.f_blocks - v.f_bfree) * v.f_frsize);
    add_result(j, v.f_favail);
    add_result(j, v.f_files);
    add_result(j, v.f_files - v.f_ffree);
    return 0;
}
