/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "core/resolve.h"
#include "core/str.h"

enum { READ_CHUNK = 16 << 10 };

static int open_in_root(const struct ol_env *env, const char *path, int flags, mode_t mode)
{
    return ol_resolve_open(env->root_fd, path, flags, mode, env->resolve);
}

int ol_open(struct ol_env *env, const char *path, int flags, mode_t mode)
{
    bool is_change = (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;

    if (is_change && !(flags & O_PATH) && !ol_change(env, "write", path)) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
    }
    return open_in_root(env, path, flags, mode);
}

/* Opens the directory that holds path; *ret_base is the last component, inside 'path'. It is never
 * "." or "..": a call that takes a directory and a name would reach out of the root with it. */
static int open_parent(const struct ol_env *env, const char *path, const char **ret_base)
{
    ol_autofree char *dir = ol_path_dir(path);

    *ret_base = ol_path_base(path);
    if (!**ret_base || !strcmp(*ret_base, ".") || !strcmp(*ret_base, ".."))
        return -EINVAL;
    return open_in_root(env, dir, O_PATH | O_DIRECTORY, 0);
}

int ol_file_read(struct ol_env *env, const char *path, struct ol_buf *into, struct ol_err *err)
{
    ol_autoclose int fd = open_in_root(env, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
    struct stat st;

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", path, strerror(-fd));
    if (fstat(fd, &st) < 0)
        return ol_err_set(err, errno, "stat '%s': %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return ol_err_set(err, EISDIR, "'%s' is a directory", path);
    if (!S_ISREG(st.st_mode))
        return ol_err_set(err, EINVAL, "'%s' is not a regular file", path);
    /* st_size is 0 below /proc and /sys and may change under us: read to the end. */
    for (;;) {
        size_t left = into->max - into->len;
        size_t want = left < READ_CHUNK ? left + 1 : READ_CHUNK;
        char chunk[READ_CHUNK];
        ssize_t n = read(fd, chunk, want < sizeof(chunk) ? want : sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ol_err_set(err, errno, "read '%s': %s", path, strerror(errno));
        if (n == 0)
            return 0;
        ol_buf_add(into, chunk, (size_t)n);
        if (into->failed == EFBIG)
            return ol_err_set(err, EFBIG, "'%s' has more than %zu bytes", path, into->max);
        if (into->failed)
            return ol_err_set(err, into->failed, "read '%s': %s", path, strerror(into->failed));
    }
}

char *ol_file_read_line(struct ol_env *env, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    if (ol_file_read(env, path, &b, NULL) < 0)
        return NULL;
    return ol_str_stripped(b.data);
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The mode comes first, so that nobody reads what is secret from now on; and once more at the end
 * where writing takes bits away. */
static int fill(int fd, const void *data, size_t size, mode_t mode, bool set_mode)
{
    int r;

    if (set_mode && fchmod(fd, mode & 07777) < 0)
        return -errno;
    r = write_all(fd, data, size);
    if (r == 0 && set_mode && (mode & 06000) && fchmod(fd, mode & 07777) < 0)
        r = -errno;
    return r;
}

/* What is there is written over and only then shortened, with room made sure of before: a full disk
 * must not cost the machine its fstab. Not every file system can say beforehand. */
static int overwrite(int fd, const void *data, size_t size, mode_t mode, bool set_mode)
{
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISREG(st.st_mode) && st.st_size && size
        && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0
        && (errno == ENOSPC || errno == EDQUOT))
        return -errno;
    r = fill(fd, data, size, mode, set_mode);
    if (r == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)size && ftruncate(fd, (off_t)size) < 0)
        r = -errno;
    return r;
}

static int write_in_place(struct ol_env *env, const char *path, const void *data, size_t size,
                          mode_t mode, unsigned flags)
{
    int how = O_WRONLY | O_CREAT | O_NOCTTY | (flags & OL_WRITE_APPEND ? O_APPEND : 0)
              | (flags & OL_WRITE_EXCL ? O_EXCL : 0);
    bool had = (flags & OL_WRITE_KEEP_MODE) && ol_exists(env, path);
    /* Never wider than asked for, not even for a moment. */
    ol_autoclose int fd = ol_open(env, path, how, mode & 0700 ? mode & 0700 : 0600);

    if (fd < 0)
        return fd;
    if (env->is_dry_run)
        return 0;
    return flags & OL_WRITE_APPEND ? fill(fd, data, size, mode, !had)
                                   : overwrite(fd, data, size, mode, !had);
}

static int write_atomic(struct ol_env *env, const char *path, const void *data, size_t size,
                        mode_t mode)
{
    const char *base;
    ol_autoclose int dir = -1, fd = -1;
    ol_autofree char *tmp = NULL;
    int r;

    if (!ol_change(env, "write", path))
        return 0;
    dir = open_parent(env, path, &base);
    if (dir < 0)
        return dir;
    tmp = ol_xasprintf(".%s.tmp", base);
    fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    r = fill(fd, data, size, mode, true);
    if (r == 0 && renameat(dir, tmp, dir, base) < 0)
        r = -errno;
    if (r < 0)
        unlinkat(dir, tmp, 0);
    return r;
}

int ol_file_write(struct ol_env *env, const char *path, const void *data, size_t size, mode_t mode,
                  unsigned flags, struct ol_err *err)
{
    int r;

    if (flags & OL_WRITE_PARENTS) {
        ol_autofree char *dir = ol_path_dir(path);

        r = ol_mkdir_p(env, dir, 0755, err);
        if (r < 0)
            return r;
    }
    r = flags & OL_WRITE_ATOMIC ? write_atomic(env, path, data, size, mode)
                                : write_in_place(env, path, data, size, mode, flags);
    if (r < 0)
        return ol_err_set(err, -r, "write '%s': %s", path, strerror(-r));
    return 0;
}

int ol_file_write_buf(struct ol_env *env, const char *path, const struct ol_buf *text, mode_t mode,
                      unsigned flags, struct ol_err *err)
{
    int r = ol_buf_status(text);

    if (r < 0)
        return ol_err_set(err, -r, "write '%s': its text is too large", path);
    return ol_file_write(env, path, text->data, text->len, mode, flags, err);
}

int ol_file_puts(struct ol_env *env, const char *path, const char *text, mode_t mode,
                 unsigned flags, struct ol_err *err)
{
    return ol_file_write(env, path, text, strlen(text), mode, flags, err);
}

int ol_stat(struct ol_env *env, const char *path, struct stat *ret)
{
    ol_autoclose int fd = open_in_root(env, path, O_PATH, 0);

    if (fd < 0)
        return fd;
    return fstat(fd, ret) < 0 ? -errno : 0;
}

int ol_lstat(struct ol_env *env, const char *path, struct stat *ret)
{
    ol_autoclose int fd = open_in_root(env, path, O_PATH | O_NOFOLLOW, 0);

    if (fd < 0)
        return fd;
    return fstat(fd, ret) < 0 ? -errno : 0;
}

bool ol_exists(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0;
}

bool ol_is_dir(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool ol_is_file(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0 && S_ISREG(st.st_mode);
}

bool ol_is_link(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_lstat(env, path, &st) == 0 && S_ISLNK(st.st_mode);
}

bool ol_is_executable(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

char *ol_readlink(struct ol_env *env, const char *path)
{
    ol_autoclose int fd = open_in_root(env, path, O_PATH | O_NOFOLLOW, 0);
    char target[4096];
    ssize_t n;

    if (fd < 0)
        return NULL;
    n = readlinkat(fd, "", target, sizeof(target));
    if (n < 0 || (size_t)n == sizeof(target))
        return NULL;
    return ol_xstrndup(target, (size_t)n);
}

int ol_list_dir(struct ol_env *env, const char *path, struct ol_strv *ret_names, struct ol_err *err)
{
    ol_autoclose int fd = open_in_root(env, path, O_RDONLY | O_DIRECTORY, 0);
    ol_autoclosedir DIR *dir = NULL;

    if (fd < 0)
        return ol_err_set(err, -fd, "open directory '%s': %s", path, strerror(-fd));
    dir = fdopendir(fd);
    if (!dir)
        return ol_err_set(err, errno, "read directory '%s': %s", path, strerror(errno));
    ol_take_fd(&fd);
    for (;;) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (!entry && errno)
            return ol_err_set(err, errno, "read directory '%s': %s", path, strerror(errno));
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            ol_strv_add(ret_names, entry->d_name);
    }
    ol_strv_sort(ret_names);
    return 0;
}

static int make_dir(struct ol_env *env, const char *path, mode_t mode)
{
    const char *base;
    ol_autoclose int dir = -1;

    /* In a dry run the parent may be one of those that are not made. */
    if (!ol_change(env, "mkdir", path))
        return 0;
    dir = open_parent(env, path, &base);
    if (dir < 0)
        return dir;
    if (mkdirat(dir, base, mode & 07777) < 0)
        return errno == EEXIST ? 0 : -errno;
    return fchmodat(dir, base, mode & 07777, 0) < 0 ? -errno : 0;
}

/* How much of the path, cut at a slash, is there already: usually all but its last name. */
static size_t existing_part(struct ol_env *env, char *path, size_t len)
{
    while (len > 1) {
        char kept;
        bool is_there;

        while (len > 1 && path[len - 1] != '/')
            len--;
        while (len > 1 && path[len - 1] == '/')
            len--;
        kept = path[len];
        path[len] = '\0';
        is_there = len > 1 && ol_is_dir(env, path);
        path[len] = kept;
        if (is_there)
            break;
    }
    return len;
}

int ol_mkdir_p(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
{
    ol_autofree char *part = ol_xstrdup(path);
    size_t len = strlen(part), start;

    if (ol_is_dir(env, path))
        return 0;
    while (len > 1 && part[len - 1] == '/')
        part[--len] = '\0';
    start = existing_part(env, part, len);
    for (char *end = part + (start > 1 ? start + 1 : 1); end <= part + len; end++) {
        char kept = *end;
        int r;

        if ((kept != '/' && kept != '\0') || end[-1] == '/')
            continue;
        *end = '\0';
        r = ol_is_dir(env, part) ? 0 : make_dir(env, part, mode);
        if (r < 0 && !env->is_dry_run)
            return ol_err_set(err, -r, "make directory '%s': %s", part, strerror(-r));
        *end = kept;
    }
    if (!env->is_dry_run && !ol_is_dir(env, path))
        return ol_err_set(err, ENOTDIR, "make directory '%s': something else is there", path);
    return 0;
}

int ol_unlink(struct ol_env *env, const char *path, struct ol_err *err)
{
    const char *base;
    ol_autoclose int dir = open_parent(env, path, &base);

    if (dir == -ENOENT || dir == -ENOTDIR)
        return 0;
    if (dir < 0)
        return ol_err_set(err, -dir, "remove '%s': %s", path, strerror(-dir));
    if (faccessat(dir, base, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    if (!ol_change(env, "remove", path))
        return 0;
    if (unlinkat(dir, base, 0) < 0 && errno != ENOENT)
        return ol_err_set(err, errno, "remove '%s': %s", path, strerror(errno));
    return 0;
}

/* Empties the directory 'name' of 'parent' and removes it; -errno. */
static int remove_dir(int parent, const char *name, dev_t dev)
{
    ol_autoclose int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    ol_autoclosedir DIR *dir = NULL;
    struct dirent *entry;
    struct stat st;
    int r = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_dev != dev)
        return -EXDEV;
    dir = fdopendir(fd);
    if (!dir)
        return -errno;
    ol_take_fd(&fd);
    while (r == 0 && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        r = errno == EISDIR ? remove_dir(dirfd(dir), entry->d_name, dev) : -errno;
    }
    if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
        r = -errno;
    return r;
}

int ol_remove_tree(struct ol_env *env, const char *path, struct ol_err *err)
{
    const char *base;
    ol_autoclose int dir = open_parent(env, path, &base);
    struct stat st;
    int r = 0;

    if (dir == -ENOENT || dir == -ENOTDIR)
        return 0;
    if (dir < 0)
        return ol_err_set(err, -dir, "remove '%s': %s", path, strerror(-dir));
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0
                               : ol_err_set(err, errno, "remove '%s': %s", path, strerror(errno));
    if (!ol_change(env, "remove", path))
        return 0;
    if (S_ISDIR(st.st_mode))
        r = remove_dir(dir, base, st.st_dev);
    else if (unlinkat(dir, base, 0) < 0)
        r = -errno;
    if (r < 0)
        return ol_err_set(err, -r, "remove '%s': %s", path, strerror(-r));
    return 0;
}

int ol_rename(struct ol_env *env, const char *from, const char *to, struct ol_err *err)
{
    const char *from_base, *to_base;
    ol_autoclose int from_dir = open_parent(env, from, &from_base);
    ol_autoclose int to_dir = open_parent(env, to, &to_base);
    int r = from_dir < 0 ? from_dir : to_dir < 0 ? to_dir : 0;

    if (!ol_change(env, "rename", to))
        return 0;
    if (r == 0 && renameat(from_dir, from_base, to_dir, to_base) < 0)
        r = -errno;
    if (r < 0)
        return ol_err_set(err, -r, "rename '%s' to '%s': %s", from, to, strerror(-r));
    return 0;
}

int ol_symlink(struct ol_env *env, const char *target, const char *path, struct ol_err *err)
{
    const char *base;
    ol_autoclose int dir = open_parent(env, path, &base);
    ol_autofree char *tmp = NULL;
    int r = dir < 0 ? dir : 0;

    if (!ol_change(env, "symlink", path))
        return 0;
    if (r == 0) {
        tmp = ol_xasprintf(".%s.tmp", base);
        unlinkat(dir, tmp, 0); /* left by a run that was killed here */
        if (symlinkat(target, dir, tmp) < 0 || renameat(dir, tmp, dir, base) < 0)
            r = -errno;
        if (r < 0)
            unlinkat(dir, tmp, 0);
    }
    if (r < 0)
        return ol_err_set(err, -r, "link '%s' to '%s': %s", path, target, strerror(-r));
    return 0;
}

/* The calls that take no O_PATH descriptor reach it through its name below /proc. */
static void fd_path(int fd, char *out, size_t size)
{
    snprintf(out, size, "/proc/self/fd/%d", fd);
}

int ol_chmod(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
{
    ol_autoclose int fd = open_in_root(env, path, O_PATH, 0);
    char name[64];
    int r = fd < 0 ? fd : 0;

    if (!ol_change(env, "chmod", path))
        return 0;
    if (r == 0) {
        fd_path(fd, name, sizeof(name));
        r = chmod(name, mode & 07777) < 0 ? -errno : 0;
    }
    if (r < 0)
        return ol_err_set(err, -r, "chmod '%s': %s", path, strerror(-r));
    return 0;
}

int ol_chown(struct ol_env *env, const char *path, uid_t uid, gid_t gid, struct ol_err *err)
{
    ol_autoclose int fd = open_in_root(env, path, O_PATH, 0);
    int r = fd < 0 ? fd : 0;

    if (!ol_change(env, "chown", path))
        return 0;
    if (r == 0 && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
        r = -errno;
    if (r < 0)
        return ol_err_set(err, -r, "chown '%s': %s", path, strerror(-r));
    return 0;
}

int ol_sync(struct ol_env *env, const char *path, struct ol_err *err)
{
    ol_autoclose int fd = -1;

    if (env->is_dry_run)
        return 0;
    fd = open_in_root(env, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return ol_err_set(err, -fd, "sync '%s': %s", path, strerror(-fd));
    if (syncfs(fd) < 0)
        return ol_err_set(err, errno, "sync '%s': %s", path, strerror(errno));
    return 0;
}

char *ol_which(struct ol_env *env, const char *name)
{
    static const char *const dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                       "/usr/bin",        "/sbin",          "/bin"};

    if (name[0] == '/')
        return ol_is_executable(env, name) ? ol_xstrdup(name) : NULL;
    for (size_t i = 0; i < ol_count(dirs); i++) {
        char *path = ol_path_join(dirs[i], name);

        if (ol_is_executable(env, path))
            return path;
        free(path);
    }
    return NULL;
}
