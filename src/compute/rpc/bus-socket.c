/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "compute/rpc/bus-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"

void bus_listener_done(struct bus_listener *l)
{
    if (l->fd >= 0) {
        if (ol_change(l->env, "unlink", l->name))
            unlinkat(l->dir_fd, l->name, 0);
        close(l->fd);
    }
    if (l->dir_fd >= 0)
        close(l->dir_fd);
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    free(l->name);
    *l = BUS_LISTENER_INIT;
}

int bus_check_peer(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return -errno;
    return peer.uid == geteuid() || peer.uid == 0 ? 0 : -EACCES;
}

/* Through the descriptor of its directory: below the root, and of any length. */
static int address_of(int dir_fd, const char *name, struct sockaddr_un *ret)
{
    int n;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
    return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

static int connect_to(const struct sockaddr_un *at)
{
    ol_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r;

    if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
        return -errno;
    r = bus_check_peer(fd);
    return r < 0 ? r : ol_take_fd(&fd);
}

/* The mode is that of the socket before it is bound: there is no moment at which others could
 * connect. The lock is ours, so a socket that is there is left over from a crash. */
static int listen_at(struct ol_env *env, const struct sockaddr_un *at, const char *path,
                     const struct bus_listener *l)
{
    ol_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (!ol_change(env, "bind", path))
        return -ECANCELED;
    if (unlinkat(l->dir_fd, l->name, 0) < 0 && errno != ENOENT)
        return -errno;
    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0
        || listen(fd, SOMAXCONN) < 0)
        return -errno;
    return ol_take_fd(&fd);
}

/* A socket, or nothing: another file is not ours to remove. */
static int check_place(int dir_fd, const char *name)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    return S_ISSOCK(st.st_mode) ? 0 : -EEXIST;
}

static int serve_at(struct ol_env *env, const struct sockaddr_un *at, const char *path,
                    struct bus_listener *l)
{
    ol_autofree char *lock = ol_xasprintf("%s.lock", path);
    int r = check_place(l->dir_fd, l->name);

    if (r < 0)
        return r;
    l->lock_fd = ol_open(env, lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (l->lock_fd < 0)
        return l->lock_fd;
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    l->fd = listen_at(env, at, path, l);
    return l->fd < 0 ? l->fd : 0;
}

int bus_find(struct ol_env *env, const char *path, struct bus_listener *ret_listener,
             struct ol_err *err)
{
    ol_auto(bus_listener_done) struct bus_listener l = BUS_LISTENER_INIT;
    ol_autofree char *dir = ol_path_dir(path);
    struct sockaddr_un at;
    int r;

    l.env = env;
    l.name = ol_xstrdup(ol_path_base(path));
    l.dir_fd = ol_open(env, dir, O_PATH | O_DIRECTORY, 0);
    r = l.dir_fd < 0 ? l.dir_fd : address_of(l.dir_fd, l.name, &at);
    if (r >= 0)
        r = connect_to(&at);
    if ((r == -ENOENT || r == -ECONNREFUSED) && l.dir_fd >= 0)
        r = ret_listener ? serve_at(env, &at, path, &l) : -EAGAIN;
    if (r < 0)
        return ol_err_set(err, -r, "message bus at %s: %s", path,
                          r == -EAGAIN ? "nobody answers yet" : strerror(-r));
    if (r > 0)
        return r;
    *ret_listener = l;
    l = BUS_LISTENER_INIT;
    return 0;
}
