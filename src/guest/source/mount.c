/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/mount.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"

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
    if (!ol_env_is_host(g->env))
        return ol_err_set(err, EPERM, "%s belongs to another root and is not mounted",
                          device->path);
    if (!ol_change(g->env, "mount", device->path))
        return ol_err_set(err, EPERM, "%s is not mounted in a dry run", device->path);
    if (mount(device->path, dir, device->type, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)
        < 0)
        return ol_err_set(err, errno, "mount %s on %s: %s", device->path, dir, strerror(errno));
    return 0;
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

static int with_mount(struct guest *g, const struct source_device *device, source_files_fn with,
                      void *ctx, struct ol_err *err)
{
    const char *name = ol_arena_printf(g->arena, "tmp/drive-%ld", (long)getpid());
    const char *dir = guest_run_path(g, name);
    struct ol_err ignored = OL_ERR_INIT;
    int r = ol_mkdir_p(g->env, dir, 0700, err);

    if (r < 0)
        return r;
    r = mount_device(g, device, dir, err);
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

    if (dir)
        return with_dir(g, dir, with, ctx, err);
    return with_mount(g, device, with, ctx, err);
}
