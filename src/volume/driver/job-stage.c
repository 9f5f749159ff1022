/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "volume/driver/job-internal.h"

/* Staging: the image gets a loop device, and its file system is mounted once for the whole node. */

/* "As if nothing had happened" for the same call again; ALREADY_EXISTS for another use. */
static int check_staged(struct job *j, const char *path, const char *fs, bool is_read_only,
                        struct ol_err *err)
{
    ol_auto(volume_mounts_done) struct volume_mounts mounts = {0};
    const struct volume_mount_point *m;
    struct statvfs st;
    int r = volume_mounts_read(j->env, &mounts, err);

    if (r < 0)
        return r;
    m = volume_mounts_at(&mounts, path);
    if (m && *fs && strcmp(m->type, fs) != 0)
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "'%s': staged with %s, not with %s", path,
                           m->type, fs);
    if (statvfs(path, &st) == 0 && !(st.f_flag & ST_RDONLY) != !is_read_only)
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "'%s': staged %s", path,
                           is_read_only ? "for writing" : "read-only");
    return 0;
}

static int mount_image(struct job *j, const struct loop *l, const char *path, bool is_read_only,
                       struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf options = OL_BUF_INIT(64 << 10);
    const char *fs = "";
    int r = job_prepare(j, l->device, j->args[1], is_read_only, &fs, err);

    if (r < 0)
        return r;
    /* A copy has its original's UUID, and xfs mounts one of a kind. */
    if (!strcmp(fs, "xfs"))
        ol_buf_adds(&options, "nouuid,");
    ol_buf_adds(&options, j->input.data);
    r = job_mount(j, l->device, path, fs, options.data, is_read_only, err);
    if (r == 0 && !strcmp(fs, "xfs") && !is_read_only && job_is_too_small(l->device, fs))
        r = job_grow_xfs(j, path, err);
    return r;
}

int job_stage(struct job *j, struct ol_err *err)
{
    ol_auto(loop_close) struct loop l = LOOP_INIT;
    bool is_read_only = !strcmp(j->args[2], "ro");
    const char *path = j->args[0];
    int r = job_is_ours(j, path);

    if (r == 1)
        return check_staged(j, path, j->args[1], is_read_only, err);
    if (r == 0)
        return ol_err_set(err, EBUSY, "'%s': something else is mounted there", path);
    if (r != -ENOENT)
        return ol_err_set(err, -r, "what is mounted at '%s': %s", path, strerror(-r));
    if (!ol_is_dir(j->env, path))
        return ol_err_set(err, ENOTDIR, "staging_target_path '%s' is no directory", path);
    r = job_fit_image(j, err);
    /* It lives as long as we have it open, and then as long as it is mounted: nothing that happens
     * to us can leave it behind. */
    if (r == 0)
        r = loop_get(j, j->data, &l, err);
    if (r == 0)
        r = mount_image(j, &l, path, is_read_only, err);
    return r;
}

int job_stage_block(struct job *j, struct ol_err *err)
{
    ol_auto(loop_close) struct loop l = LOOP_INIT;
    int r = 0;

    /* What a mkfs of ours has begun there is not to be done anew over the user's own data. */
    if (*j->record.fs && !j->record.is_formatted) {
        j->record.fs[0] = '\0';
        r = job_save(j, err);
    }
    if (r == 0)
        r = job_fit_image(j, err);
    if (r == 0)
        r = loop_get(j, j->data, &l, err);
    return r < 0 ? r : loop_keep(j, &l, true, err);
}

int job_unstage(struct job *j, struct ol_err *err)
{
    ol_autofree char *elsewhere = NULL;
    int r = job_umount(j, j->args[0], err);

    if (r < 0 || j->record.type == DRIVER_DIRECTORY)
        return r;
    elsewhere = job_mounted_at(j, "", "");
    if (elsewhere)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is still mounted at '%s'",
                           j->record.id, elsewhere);
    /* Who still has it open (a mount namespace that is about to end) has it as long as it wants. */
    r = loop_detach(j, j->data, err);
    return r < 0 ? r : 0;
}
