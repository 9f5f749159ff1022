/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "codec/iso9660.h"
#include "core/cleanup.h"
#include "core/file.h"

enum { DIR_MAX = 16 << 20 };

static int read_fd(void *ctx, uint64_t offset, void *buf, size_t size)
{
    const int *fd = ctx;
    size_t used = 0;

    while (used < size) {
        ssize_t n = pread(*fd, (char *)buf + used, size - used, (off_t)(offset + used));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        used += (size_t)n;
    }
    return 0;
}

static struct ol_iso9660 *iso_of(const struct source_files *f)
{
    return ((struct source_image *)f->state)->iso;
}

static int image_read(const struct source_files *f, const char *path, struct ol_buf *into,
                      struct ol_err *err)
{
    int r = ol_iso9660_read(iso_of(f), path, into, err);

    return r < 0 ? ol_err_prefix(err, r, "%s", f->base) : 0;
}

static bool image_exists(const struct source_files *f, const char *path)
{
    ol_auto(ol_arena_done) struct ol_arena scratch = OL_ARENA_INIT(DIR_MAX);
    struct ol_iso9660_entry entry;

    return ol_iso9660_lookup(iso_of(f), &scratch, path, &entry, NULL) >= 0;
}

static int image_list(const struct source_files *f, const char *path, struct ol_strv *ret,
                      struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena scratch = OL_ARENA_INIT(DIR_MAX);
    struct ol_iso9660_list list = {0};
    int r = ol_iso9660_list(iso_of(f), &scratch, path, &list, err);

    if (r < 0)
        return ol_err_prefix(err, r, "%s", f->base);
    for (size_t i = 0; i < list.n; i++)
        ol_strv_add(ret, list.entries[i].name);
    ol_strv_sort(ret);
    return 0;
}

static const struct source_files_driver image_driver = {
    .read = image_read,
    .exists = image_exists,
    .list = image_list,
};

int source_image_open(struct guest *g, const char *path, struct source_image *ret,
                      struct ol_err *err)
{
    ol_autoclose int fd = ol_open(g->env, path, O_RDONLY, 0);
    struct ol_iso9660_source device = {.read_at = read_fd, .ctx = &ret->fd};
    off_t size;
    int r;

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", path, strerror(-fd));
    /* Also tells the size of a block device, which fstat() does not. */
    size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return ol_err_set(err, errno, "size of '%s': %s", path, strerror(errno));
    *ret = (struct source_image){.fd = fd};
    device.size = (uint64_t)size;
    r = ol_iso9660_open(&device, &ret->iso, err);
    if (r < 0) {
        ret->fd = -1;
        return ol_err_prefix(err, r, "%s", path);
    }
    ret->fd = ol_take_fd(&fd);
    ret->files =
        (struct source_files){.driver = &image_driver, .env = g->env, .base = path, .state = ret};
    return 0;
}

void source_image_done(struct source_image *image)
{
    if (!image->iso)
        return;
    ol_iso9660_free(image->iso);
    close(image->fd);
    *image = (struct source_image){.fd = -1};
}
