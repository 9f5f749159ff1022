/* SPDX-License-Identifier: Apache-2.0 */
#include "core/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/alloc.h"
#include "core/cleanup.h"

enum {
    MAX_LINKS = 40, /* in one path, as the kernel has it */
    DIR_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
};

/* openat2() refuses modes with no O_CREAT, and reports races with renames as EAGAIN. */
static int open_at_once(int root_fd, const char *path, int flags, mode_t mode, uint64_t also)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode & 07777 : 0,
        .resolve = RESOLVE_IN_ROOT | also,
    };

    for (int tries = 0; tries < 8; tries++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return -errno;
}

struct walk {
    int root_fd;
    int dir;    /* where it has come to */
    char *rest; /* what is still to go, heap */
    int n_links;
    unsigned how;
};

static void walk_done(struct walk *w)
{
    ol_close_at(&w->dir);
    free(w->rest);
}

/* Makes 'fd' (or -1, with errno) the place it has come to. */
static int enter(struct walk *w, int fd)
{
    if (fd < 0)
        return -errno;
    ol_close_at(&w->dir);
    w->dir = fd;
    return 0;
}

static int enter_root(struct walk *w)
{
    return enter(w, openat(w->root_fd, ".", DIR_FLAGS));
}

/* ".." of the root is the root. */
static int enter_parent(struct walk *w)
{
    struct stat root, here;

    if (fstat(w->root_fd, &root) < 0 || fstat(w->dir, &here) < 0)
        return -errno;
    if (root.st_dev == here.st_dev && root.st_ino == here.st_ino)
        return 0;
    return enter(w, openat(w->dir, "..", DIR_FLAGS));
}

/* Puts the target of the link 'name' in front of what is still to go: 1; 0 when it is no link. */
static int follow(struct walk *w, const char *name)
{
    ol_autofree char *rest = w->rest;
    char target[4096];
    struct stat st;
    ssize_t n;

    if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(st.st_mode)) {
        ol_take_ptr(rest);
        return 0; /* whoever opens it is told what is wrong */
    }
    w->rest = NULL;
    if (++w->n_links > MAX_LINKS || ((w->how & OL_RESOLVE_ROOT_LINKS) && st.st_uid))
        return -ELOOP;
    n = readlinkat(w->dir, name, target, sizeof(target));
    if (n < 0)
        return -errno;
    if ((size_t)n == sizeof(target))
        return -ENAMETOOLONG;
    w->rest = ol_xasprintf("%.*s%s", (int)n, target, rest);
    return target[0] == '/' && enter_root(w) < 0 ? -errno : 1;
}

/* Cuts the next name off what is still to go; heap, NULL = there is none. The slash behind it
 * stays, so that "link/" is what the link leads to. */
static char *next_name(struct walk *w)
{
    const char *start = w->rest + strspn(w->rest, "/");
    size_t len = strcspn(start, "/");
    char *name = len ? ol_xstrndup(start, len) : NULL;

    memmove(w->rest, start + len, strlen(start + len) + 1);
    return name;
}

/* One name further: 1 = there is more to go, 0 = this name is what is to be opened, -errno. */
static int walk_step(struct walk *w, const char *name, bool takes_link)
{
    bool is_last = !w->rest[0];
    int r;

    if (!strcmp(name, "."))
        return 1;
    if (!strcmp(name, ".."))
        r = enter_parent(w);
    else if (is_last && takes_link)
        return 0;
    else
        r = follow(w, name);
    if (r != 0 || !strcmp(name, ".."))
        return r < 0 ? r : 1;
    if (is_last)
        return 0;
    r = enter(w, openat(w->dir, name, DIR_FLAGS));
    return r < 0 ? r : 1;
}

static int open_by_walk(int root_fd, const char *path, int flags, mode_t mode, unsigned how)
{
    bool takes_link = (flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    ol_auto(walk_done) struct walk w = {.root_fd = root_fd, .dir = -1, .how = how};
    int r = enter_root(&w);

    w.rest = ol_xstrdup(path);
    while (r >= 0) {
        ol_autofree char *name = next_name(&w);
        int fd;

        r = name ? walk_step(&w, name, takes_link) : 0;
        if (r != 0)
            continue;
        /* It is no link, or was none a moment ago: then this is refused. */
        fd = openat(w.dir, name ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC, mode & 07777);
        return fd < 0 ? -errno : fd;
    }
    return r;
}

int ol_resolve_open(int root_fd, const char *path, int flags, mode_t mode, unsigned how)
{
    int r = -ENOSYS;

    path = path[0] ? path : "/";
    if (!how)
        r = open_at_once(root_fd, path, flags, mode, 0);
    else if (how == OL_RESOLVE_ROOT_LINKS) /* most paths have no link at all */
        r = open_at_once(root_fd, path, flags, mode, RESOLVE_NO_SYMLINKS);
    /* -EPERM is what seccomp filters say; the kernel's own is said again by the walk, which also
     * sees whose a link is. -EAGAIN is a path with ".." while mounts come and go all the time. */
    if (r == -ENOSYS || r == -EPERM || r == -EAGAIN || (how && r == -ELOOP))
        r = open_by_walk(root_fd, path, flags, mode, how);
    return r;
}
