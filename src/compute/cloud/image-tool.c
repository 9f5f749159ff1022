/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/image-tool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"

enum {
    INFO_MAX = 4 << 20,
    INFO_TIMEOUT_S = 60,
    CONVERT_TIMEOUT_S = 4 * 3600,
    COPY_PIECE = 1 << 30,
};

static int read_at(int fd, uint8_t *to, size_t size, int64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, to + done, size - done, (off_t)(offset + (int64_t)done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

int image_read(struct ol_env *env, const char *path, uint8_t *room, struct image_bytes *ret,
               int64_t *ret_size, struct ol_err *err)
{
    ol_autoclose int fd = ol_open(env, path, O_RDONLY, 0);
    struct image_bytes b = {.head = room, .tail = room + IMAGE_HEAD};
    struct stat st;
    int r;

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", path, strerror(-fd));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return ol_err_set(err, EINVAL, "'%s' is not a regular file", path);
    b.head_size = st.st_size < IMAGE_HEAD ? (size_t)st.st_size : IMAGE_HEAD;
    b.tail_size = st.st_size < IMAGE_TAIL ? 0 : IMAGE_TAIL;
    r = read_at(fd, room, b.head_size, 0);
    if (r == 0)
        r = read_at(fd, room + IMAGE_HEAD, b.tail_size, st.st_size - IMAGE_TAIL);
    if (r < 0)
        return ol_err_set(err, -r, "read '%s': %s", path, strerror(-r));
    *ret = b;
    *ret_size = st.st_size;
    return 0;
}

static int run(struct ol_env *env, const char *const *argv, ol_time timeout,
               struct ol_spawn_result *done, struct ol_err *err)
{
    const struct ol_spawn spawn = {.argv = argv, .timeout = timeout, .out_max = INFO_MAX};
    int r = ol_spawn_run(env, &spawn, done, err);

    if (r < 0)
        return ol_err_prefix(err, r, "qemu-img");
    if (done->status)
        return ol_err_set(err, EIO, "qemu-img: exit status %d: %.200s", done->status,
                          done->err.data);
    return 0;
}

int image_qemu_info(struct ol_env *env, const char *path, const char *format, struct ol_err *err)
{
    /* The limits are nova's: 1 GiB of address space, 30 s of CPU. */
    const char *const argv[] = {"prlimit",  "--as=1073741824",
                                "--cpu=30", "qemu-img",
                                "info",     "--output=json",
                                "-f",       format,
                                "--",       path,
                                NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result done = OL_SPAWN_RESULT_INIT;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 * INFO_MAX);
    struct ol_val *info = NULL;
    int r = run(env, argv, INFO_TIMEOUT_S * OL_SECOND, &done, err);

    if (r == 0 && env->is_dry_run)
        return 0;
    if (r == 0)
        r = ol_json_load(done.out.data, done.out.len, &a, &info, err);
    return r < 0 ? r : image_check_info(info, format, err);
}

int image_to_raw(struct ol_env *env, const char *from, const char *format, const char *to,
                 struct ol_err *err)
{
    const char *const argv[] = {"qemu-img", "convert", "-t", "writeback", "-O", "raw",
                                "-f",       format,    from, to,          NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result done = OL_SPAWN_RESULT_INIT;

    return run(env, argv, CONVERT_TIMEOUT_S * OL_SECOND, &done, err);
}

static int send_all(int from, int to, int64_t left)
{
    while (left > 0) {
        ssize_t n = sendfile(to, from, NULL, left < COPY_PIECE ? (size_t)left : COPY_PIECE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        left -= n;
    }
    return 0;
}

int image_copy(struct ol_env *env, const char *from, int to_fd, struct ol_err *err)
{
    ol_autoclose int fd = ol_open(env, from, O_RDONLY, 0);
    struct stat st;
    int r;

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", from, strerror(-fd));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return ol_err_set(err, EINVAL, "'%s' is not a regular file", from);
    if (ioctl(to_fd, FICLONE, fd) == 0)
        return 0;
    r = send_all(fd, to_fd, st.st_size);
    return r < 0 ? ol_err_set(err, -r, "copy '%s': %s", from, strerror(-r)) : 0;
}
