/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/mount.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/source/image.h"

/* Where the device is mounted already; NULL when it is not. */
static const char *mounted_at(struct guest *g, const char *device)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    if (!ol_env_is_host(g->env) || ol_file_read(g->env, "/proc/mounts", &text, NULL) < 0)
        return NULL;
    ol_strv_split(&lines, text.data, "\n");
    ol_strv_each (line, &lines) {
        ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

        ol_strv_split(&words, line, " ");
        /* A mount point with blanks is written with escapes: it is mounted anew. */
        if (words.n > 1 && !strcmp(words.v[0], device) && !strchr(words.v[1], '\\'))
            return ol_arena_strdup(g->arena, words.v[1]);
    }
    return NULL;
}

static int mount_device(struct guest *g, const struct source_device *device, const char *dir,
                        struct ol_err *err)
{
    if (!ol_change(g->env, "mount", device->path))
        return ol_err_set(err, EPERM, "%s is not mounted in a dry run", device->path);
    if (mount(device->path, dir, device->type, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)
        == 0)
        return 0;
    if (errno == ENODEV)
        return ol_err_set(err, ENODEV, "mount %s: the kernel cannot read %s", device->path,
                          device->type);
    return ol_err_set(err, errno, "mount %s on %s: %s", device->path, dir, strerror(errno));
}

static void unmount_device(struct guest *g, const char *dir)
{
    if (!ol_change(g->env, "unmount", dir))
        return;
    if (umount2(dir, 0) < 0 && umount2(dir, MNT_DETACH) < 0)
        ol_warn(g->env, "unmount %s: %s", dir, strerror(errno));
}

static int with_dir(struct guest *g, const char *dir, source_files_fn with, void *ctx,
                    struct ol_err *err)
{
    struct source_files files = source_files_dir(g->env, dir);

    return with(g, &files, ctx, err);
}

static int with_image(struct guest *g, const struct source_device *device, source_files_fn with,
                      void *ctx, struct ol_err *err)
{
    ol_auto(source_image_done) struct source_image image = {.fd = -1};
    int r = source_image_open(g, device->path, &image, err);

    return r < 0 ? r : with(g, &image.files, ctx, err);
}

/* *ret_is_mounted: 'with' was called. */
static int with_mount(struct guest *g, const struct source_device *device, source_files_fn with,
                      void *ctx, bool *ret_is_mounted, struct ol_err *err)
{
    const char *name = ol_arena_printf(g->arena, "tmp/drive-%ld", (long)getpid());
    const char *dir = guest_run_path(g, name);
    struct ol_err ignored = OL_ERR_INIT;
    int r = ol_mkdir_p(g->env, dir, 0700, err);

    if (r < 0)
        return r;
    r = mount_device(g, device, dir, err);
    *ret_is_mounted = r >= 0;
    if (r >= 0) {
        r = with_dir(g, dir, with, ctx, err);
        unmount_device(g, dir);
    }
    if (ol_remove_tree(g->env, dir, &ignored) < 0)
        ol_warn(g->env, "%s", ol_err_text(&ignored));
    return r;
}

int source_with_device(struct guest *g, const struct source_device *device, source_files_fn with,
                       void *ctx, struct ol_err *err)
{
    const char *dir = mounted_at(g, device->path);
    bool is_iso = !strcmp(device->type, "iso9660"), is_mounted = false;
    int r;

    if (dir)
        return with_dir(g, dir, with, ctx, err);
    if (ol_env_is_host(g->env) && !(is_iso && g->env->is_dry_run)) {
        r = with_mount(g, device, with, ctx, &is_mounted, err);
        if (is_mounted || !is_iso)
            return r;
        ol_debug(g->env, "%s is read without mounting it: %s", device->path, ol_err_text(err));
    }
    if (!is_iso)
        return ol_err_set(err, EOPNOTSUPP,
                          "%s holds %s, which can only be read by mounting it on the machine's own "
                          "root",
                          device->path, device->type);
    return with_image(g, device, with, ctx, err);
}
