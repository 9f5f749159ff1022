/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "compute/cloud/config-drive.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/spawn.h"
#include "core/version.h"

enum {
    MAX_DRIVE = 64 << 20, /* of an image, and of what is put into it */
    VFAT_SIZE = 64 << 20, /* nova 26 virt/configdrive.py CONFIGDRIVESIZE_BYTES */
    TOOL_TIMEOUT_S = 60,
};

static int make_iso(const struct config_drive *d, const struct config_drive_files *files,
                    struct ol_buf *ret, struct ol_err *err)
{
    const struct ol_iso9660_image image = {
        .label = "config-2",
        .publisher = "orlop " ORLOP_VERSION,
        .mtime = d->created,
        .files = files->files,
        .n_files = files->n,
    };

    return ol_iso9660_write(&image, ret, err);
}

int config_drive_iso(const struct config_drive *d, struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(2 * MAX_DRIVE);
    struct config_drive_files files;
    int r = config_drive_files(d, &a, &files, err);

    return r < 0 ? r : make_iso(d, &files, ret, err);
}

static int write_iso(struct ol_env *env, const struct config_drive *d,
                     const struct config_drive_files *files, const char *path, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(MAX_DRIVE);
    int r = make_iso(d, files, &image, err);

    return r < 0 ? r : ol_file_write_buf(env, path, &image, 0600, OL_WRITE_ATOMIC, err);
}

static int run_tool(struct ol_env *env, const char *const *argv, struct ol_err *err)
{
    /* mtools look at the system's drives unless they are told not to. */
    static const char *const vars[] = {"MTOOLS_SKIP_CHECK=1", "MTOOLSRC=/dev/null", NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result done = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {
        .argv = argv, .env = vars, .timeout = TOOL_TIMEOUT_S * OL_SECOND, .out_max = 4096};
    int r = ol_spawn_run(env, &spawn, &done, err);

    if (r < 0)
        return r;
    if (done.status)
        return ol_err_set(err, EIO, "config drive: %s: exit status %d: %.200s", argv[0],
                          done.status, done.err.data);
    return 0;
}

/* The files below 'dir', for mcopy: names in argv, contents never. */
static int write_tree(struct ol_env *env, const struct config_drive_files *files, const char *dir,
                      struct ol_err *err)
{
    int r = ol_mkdir_p(env, dir, 0700, err);

    for (size_t i = 0; i < files->n && r == 0; i++) {
        const struct ol_iso9660_file *f = &files->files[i];
        ol_autofree char *path = ol_path_join(dir, f->path);

        r = ol_file_write(env, path, f->data, f->size, 0600, OL_WRITE_PARENTS, err);
    }
    return r;
}

static int make_empty(struct ol_env *env, const char *path, struct ol_err *err)
{
    ol_autoclose int fd = ol_open(env, path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", path, strerror(-fd));
    if (!env->is_dry_run && ftruncate(fd, VFAT_SIZE) < 0)
        return ol_err_set(err, errno, "'%s': %s", path, strerror(errno));
    return 0;
}

static int fill_vfat(struct ol_env *env, const struct config_drive_files *files, const char *image,
                     const char *dir, struct ol_err *err)
{
    ol_autofree char *openstack = ol_path_join(dir, "openstack");
    ol_autofree char *ec2 = ol_path_join(dir, "ec2");
    const char *const mkfs[] = {"mkfs.vfat", "-n", "config-2", image, NULL};
    const char *const copy[] = {"mcopy", "-s", "-Q", "-i", image, ec2, openstack, "::", NULL};
    int r = write_tree(env, files, dir, err);

    if (r == 0)
        r = make_empty(env, image, err);
    if (r == 0)
        r = run_tool(env, mkfs, err);
    if (r == 0)
        r = run_tool(env, copy, err);
    return r;
}

static int write_vfat(struct ol_env *env, const struct config_drive_files *files, const char *path,
                      struct ol_err *err)
{
    ol_autofree char *dir = ol_xasprintf("%s.files", path);
    ol_autofree char *image = ol_xasprintf("%s.part", path);
    struct ol_err after = OL_ERR_INIT;
    int r = ol_remove_tree(env, dir, err), removed;

    if (r == 0)
        r = fill_vfat(env, files, image, dir, err);
    if (r == 0)
        r = ol_rename(env, image, path, err);
    if (r < 0)
        (void)!ol_unlink(env, image, NULL);
    removed = ol_remove_tree(env, dir, &after);
    if (r == 0 && removed < 0) {
        r = removed;
        if (err)
            *err = after;
    }
    return r;
}

int config_drive_write(struct ol_env *env, const struct config_drive *d, const char *format,
                       const char *path, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(2 * MAX_DRIVE);
    struct config_drive_files files;
    int r = config_drive_files(d, &a, &files, err);

    if (r < 0)
        return r;
    if (!format || !strcmp(format, "iso9660"))
        return write_iso(env, d, &files, path, err);
    if (!strcmp(format, "vfat"))
        return write_vfat(env, &files, path, err);
    return ol_err_set(err, EINVAL, "config_drive_format '%s' is neither iso9660 nor vfat", format);
}
