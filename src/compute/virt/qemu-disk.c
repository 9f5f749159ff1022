/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/virt/qemu-argv.h"
#include "compute/virt/qemu-host.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

/* Disks that the driver makes: each under another name first, so one that is there is whole. */

enum { TOOL_SECONDS = 60, COPY_SECONDS = 3600 };

static const char *format_name(bool is_qcow2)
{
    return is_qcow2 ? "qcow2" : "raw";
}

static int overlay(struct ol_env *env, const struct virt_disk *d, const char *path,
                   struct ol_err *err)
{
    ol_autofree char *size = ol_xasprintf("%lld", (long long)d->size);
    const char *argv[] = {"qemu-img",
                          "create",
                          "-q",
                          "-f",
                          "qcow2",
                          "-F",
                          format_name(d->is_base_qcow2),
                          "-b",
                          d->base,
                          path,
                          d->size > 0 ? size : NULL,
                          NULL};

    return qemu_tool(env, argv, TOOL_SECONDS, err);
}

/* Shares the blocks of a raw base where the file system can; -errno when it cannot. */
static int share(struct ol_env *env, const struct virt_disk *d, const char *path)
{
    ol_autoclose int from = ol_open(env, d->base, O_RDONLY, 0);
    ol_autoclose int to = -1;

    if (from < 0 || d->is_base_qcow2)
        return from < 0 ? from : -EINVAL;
    to = ol_open(env, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (to < 0)
        return to;
    return ioctl(to, FICLONE, from) < 0 ? -errno : 0;
}

static int grow(struct ol_env *env, const struct virt_disk *d, const char *path, struct ol_err *err)
{
    ol_autoclose int fd = ol_open(env, path, O_RDWR, 0);
    struct stat st;

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", path, strerror(-fd));
    if (fstat(fd, &st) == 0 && (st.st_size >= d->size || ftruncate(fd, d->size) == 0))
        return 0;
    return ol_err_set(err, errno, "grow '%s': %s", path, strerror(errno));
}

static int copy(struct ol_env *env, const struct virt_disk *d, const char *path, struct ol_err *err)
{
    const char *argv[] = {"qemu-img", "convert", "-q",    "-f", format_name(d->is_base_qcow2),
                          "-O",       "raw",     d->base, path, NULL};
    int r = 0;

    if (share(env, d, path) < 0)
        r = qemu_tool(env, argv, COPY_SECONDS, err);
    return r == 0 ? grow(env, d, path, err) : r;
}

/* Ephemeral disks and swap have what nova puts on them (imagebackend, _create_ephemeral). */
static int format(struct qemu_host *h, const struct virt_disk *d, const char *path,
                  struct ol_err *err)
{
    const char *type = h->config->default_ephemeral_format;
    ol_autofree char *label = ol_xasprintf("ephemeral%s", d->role + strlen("disk.eph"));
    ol_autofree char *mkfs = ol_xasprintf("mkfs.%s", type && *type ? type : "ext4");
    bool is_ext = !type || !*type || ol_str_starts(type, "ext");
    bool is_fat = type && !strcmp(type, "vfat");
    const char *swap[] = {"mkswap", path, NULL};
    const char *ext[] = {mkfs, "-q", "-F", "-L", label, path, NULL};
    const char *fat[] = {mkfs, "-n", label, path, NULL};
    const char *other[] = {mkfs, "-L", label, path, NULL};

    if (!strcmp(d->role, "disk.swap"))
        return qemu_tool(h->env, swap, TOOL_SECONDS, err);
    return qemu_tool(h->env, is_ext ? ext : is_fat ? fat : other, TOOL_SECONDS, err);
}

static bool has_format(const struct virt_disk *d)
{
    return ol_str_starts(d->role, "disk.eph") || !strcmp(d->role, "disk.swap");
}

/* An empty raw file, formatted when its role says so; made qcow2 at the end when it has to be. */
static int blank(struct qemu_host *h, const struct virt_disk *d, const char *path,
                 struct ol_err *err)
{
    ol_autofree char *raw = ol_xasprintf("%s.raw", path);
    const char *argv[] = {"qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", raw, path, NULL};
    struct ol_env *env = h->env;
    int r = ol_file_write(env, raw, "", 0, 0600, 0, err);

    if (r == 0)
        r = grow(env, d, raw, err);
    if (r == 0 && has_format(d))
        r = format(h, d, raw, err);
    if (r == 0 && d->format == VIRT_RAW)
        return ol_rename(env, raw, path, err);
    if (r == 0)
        r = qemu_tool(env, argv, COPY_SECONDS, err);
    return r == 0 ? ol_unlink(env, raw, err) : r;
}

int qemu_give_file(struct qemu_host *h, const char *path, struct ol_err *err)
{
    struct stat st;

    if (!h->has_user)
        return 0;
    if (ol_stat(h->env, path, &st) == 0 && st.st_uid == h->uid)
        return 0;
    return ol_chown(h->env, path, h->uid, h->gid, err);
}

/* What others may read they share; a base that is closed to QEMU's user becomes its own. */
static int give_base(struct qemu_host *h, const char *path, struct ol_err *err)
{
    struct stat st;

    if (ol_stat(h->env, path, &st) == 0 && (st.st_mode & S_IROTH))
        return 0;
    return qemu_give_file(h, path, err);
}

static int make_disk(struct qemu_host *h, const struct virt_disk *d, struct ol_err *err)
{
    ol_autofree char *part = ol_xasprintf("%s.part", d->path);
    struct ol_env *env = h->env;
    int r;

    if (d->base && d->format == VIRT_QCOW2)
        r = overlay(env, d, part, err);
    else if (d->base)
        r = copy(env, d, part, err);
    else
        r = blank(h, d, part, err);
    if (r == 0)
        r = ol_chmod(env, part, 0600, err);
    if (r == 0)
        r = qemu_give_file(h, part, err);
    if (r == 0)
        r = ol_rename(env, part, d->path, err);
    return r < 0 ? ol_err_prefix(err, r, "disk '%s'", d->role) : 0;
}

/* There, and QEMU's user may open it. A config drive is written by who knows what is in it. */
static int need_disk(struct qemu_host *h, const struct virt_disk *d, struct ol_err *err)
{
    if (qemu_is_remote(d->path))
        return 0;
    if (ol_exists(h->env, d->path))
        return qemu_give_file(h, d->path, err);
    if (d->is_ours && (d->base || d->size > 0))
        return make_disk(h, d, err);
    return ol_err_set(err, ENOENT, "disk '%s': there is no '%s'", d->role, d->path);
}

int qemu_make_disks(struct qemu_host *h, const struct qemu_def *def, struct ol_err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < def->n_disks; i++) {
        const struct virt_disk *d = &def->disks[i].d;

        r = need_disk(h, d, err);
        if (r == 0 && d->is_ours && d->base && d->format == VIRT_QCOW2)
            r = give_base(h, d->base, err);
    }
    return r;
}
