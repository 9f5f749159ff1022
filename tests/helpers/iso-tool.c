/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/iso9660.h"
#include "core/cleanup.h"

/*
 * The ISO 9660 codec as a program, for tests/contract/test_iso9660.py:
 *   iso-tool label IMAGE             both labels, a line each
 *   iso-tool ls IMAGE                every file and directory with size, recursively
 *   iso-tool cat IMAGE PATH          a file's content
 *   iso-tool make IMAGE LABEL {PATH FILE}...
 */

enum { FILE_MAX = 64 << 20 };

static int read_fd(void *ctx, uint64_t offset, void *buf, size_t size)
{
    ssize_t n = pread(*(int *)ctx, buf, size, (off_t)offset);

    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EIO;
}

static int list_below(struct ol_iso9660 *iso, const char *path, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct ol_iso9660_list list;
    int r = ol_iso9660_list(iso, &a, path, &list, err);

    for (size_t i = 0; r >= 0 && i < list.n; i++) {
        const struct ol_iso9660_entry *e = &list.entries[i];
        const char *below = ol_arena_printf(&a, "%s%s%s", path, *path ? "/" : "", e->name);

        if (e->is_dir)
            printf("%s/\n", below);
        else
            printf("%s %" PRIu64 "\n", below, e->size);
        if (e->is_dir)
            r = list_below(iso, below, err);
    }
    return r;
}

static int show(struct ol_iso9660 *iso, int argc, char **argv, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(FILE_MAX);
    const char *joliet = ol_iso9660_joliet_label(iso);
    int r;

    if (!strcmp(argv[1], "label")) {
        printf("%s\n%s\n", ol_iso9660_label(iso), joliet ? joliet : "");
        return 0;
    }
    if (!strcmp(argv[1], "ls"))
        return list_below(iso, "", err);
    if (strcmp(argv[1], "cat") != 0 || argc < 4)
        return ol_err_set(err, EINVAL, "usage: iso-tool label|ls|cat|make IMAGE ...");
    r = ol_iso9660_read(iso, argv[3], &data, err);
    if (r >= 0)
        fwrite(data.data, 1, data.len, stdout);
    return r;
}

static int read_image(int argc, char **argv, struct ol_err *err)
{
    ol_auto(ol_free_at) struct ol_iso9660 *iso = NULL;
    ol_autoclose int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    struct ol_iso9660_source source = {.read_at = read_fd, .ctx = &fd, .size = (uint64_t)size};
    int r;

    if (size < 0)
        return ol_err_set(err, errno, "open '%s': %s", argv[2], strerror(errno));
    r = ol_iso9660_open(&source, &iso, err);
    return r < 0 ? r : show(iso, argc, argv, err);
}

static int load(const char *path, struct ol_iso9660_file *ret, struct ol_err *err)
{
    ol_autofclose FILE *f = fopen(path, "re");
    struct ol_buf data = OL_BUF_INIT(FILE_MAX);
    char *at;
    size_t n = 1;

    if (!f)
        return ol_err_set(err, errno, "open '%s': %s", path, strerror(errno));
    while (n && (at = ol_buf_reserve(&data, 65536))) {
        n = fread(at, 1, 65536, f);
        ol_buf_commit(&data, n);
    }
    ret->size = data.len;
    ret->data = ol_buf_take(&data);
    return 0;
}

static int make_image(int argc, char **argv, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(FILE_MAX);
    size_t n = (size_t)(argc - 4) / 2;
    ol_autofree struct ol_iso9660_file *files = calloc(n + 1, sizeof(*files));
    struct ol_iso9660_image in = {
        .label = argv[3], .publisher = "orlop", .mtime = 1700000000, .files = files, .n_files = n};
    ol_autofclose FILE *f = NULL;
    int r = 0;

    for (size_t i = 0; files && r >= 0 && i < n; i++) {
        files[i].path = argv[4 + 2 * i];
        r = load(argv[5 + 2 * i], &files[i], err);
    }
    if (r >= 0)
        r = ol_iso9660_write(&in, &image, err);
    for (size_t i = 0; files && i < n; i++)
        free((void *)files[i].data);
    if (r < 0)
        return r;
    f = fopen(argv[2], "we");
    if (!f || fwrite(image.data, 1, image.len, f) != image.len)
        return ol_err_set(err, EIO, "write '%s': %s", argv[2], strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (argc < 3)
        r = ol_err_set(&err, EINVAL, "usage: iso-tool label|ls|cat|make IMAGE ...");
    else if (!strcmp(argv[1], "make") && argc >= 4)
        r = make_image(argc, argv, &err);
    else
        r = read_image(argc, argv, &err);
    if (r < 0)
        fprintf(stderr, "iso-tool: %s\n", err.msg);
    return r < 0;
}
