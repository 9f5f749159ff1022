/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/str.h"
#include "net/http-server-internal.h"

static int split_address(const char *spec, char host[64], int *ret_port, struct ol_err *err)
{
    const char *colon = strrchr(spec, ':');
    size_t len = colon ? (size_t)(colon - spec) : 0;

    if (!colon || len >= 64 || ol_parse_int(colon + 1, 10, 0, 65535, ret_port) < 0)
        return ol_err_set(err, EINVAL, "'%s' is no address to listen on: say 127.0.0.1:6443", spec);
    if (len >= 2 && spec[0] == '[' && colon[-1] == ']') {
        spec++;
        len -= 2;
    }
    memcpy(host, spec, len);
    host[len] = '\0';
    return 0;
}

static char *address_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);
    char host[64] = "";

    if (getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        return ol_xstrdup("");
    if (at.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&at;

        uv_ip6_name(in6, host, sizeof(host));
        return ol_xasprintf("[%s]:%u", host, ntohs(in6->sin6_port));
    }
    uv_ip4_name((const struct sockaddr_in *)(const void *)&at, host, sizeof(host));
    return ol_xasprintf("%s:%u", host, ntohs(((struct sockaddr_in *)(void *)&at)->sin_port));
}

static int listen_inet(const char *spec, char **ret_address, int *ret_fd, struct ol_err *err)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    ol_autoclose int fd = -1;
    char host[64];
    int port, yes = 1, r;

    r = split_address(spec, host, &port, err);
    if (r < 0)
        return r;
    if (uv_ip4_addr(ol_str_eq_nocase(host, "localhost") ? "127.0.0.1" : host, port, &in) == 0)
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    else if (uv_ip6_addr(host, port, &in6) == 0)
        fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    else
        return ol_err_set(err, EINVAL, "'%s' is no address to listen on: '%s' is no IP address",
                          spec, host);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
        return ol_err_set(err, errno, "listen on %s: %s", spec, strerror(errno));
    if (strchr(host, ':'))
        r = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
    else
        r = bind(fd, (struct sockaddr *)&in, sizeof(in));
    if (r < 0 || listen(fd, SOMAXCONN) < 0)
        return ol_err_set(err, errno, "listen on %s: %s", spec, strerror(errno));
    *ret_address = address_of(fd);
    *ret_fd = ol_take_fd(&fd);
    return 0;
}

/* A socket that nobody listens on any more is left over from a crash and goes. */
static int remove_stale(const struct sockaddr_un *at, const char *path, struct ol_err *err)
{
    ol_autoclose int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat st;

    if (lstat(at->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return ol_err_set(err, EEXIST, "listen on unix:%s: there is a file that is no socket",
                          path);
    if (probe >= 0 && connect(probe, (const struct sockaddr *)at, sizeof(*at)) == 0)
        return ol_err_set(err, EADDRINUSE, "listen on unix:%s: somebody listens there", path);
    return unlink(at->sun_path) < 0 ? ol_err_set(err, errno, "remove %s: %s", path, strerror(errno))
                                    : 0;
}

static int listen_unix(struct ol_env *env, const char *path, int *ret_fd, struct ol_err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    ol_autofree char *real =
        ol_xasprintf("%s%s", strcmp(env->root, "/") == 0 ? "" : env->root, path);
    ol_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old;
    int r;

    if (strlen(real) >= sizeof(at.sun_path))
        return ol_err_set(err, ENAMETOOLONG, "listen on unix:%s: longer than %zu bytes", path,
                          sizeof(at.sun_path) - 1);
    memcpy(at.sun_path, real, strlen(real) + 1);
    r = remove_stale(&at, path, err);
    if (r < 0)
        return r;
    /* The mode has to be right from the first moment. */
    old = umask(0177);
    r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&at, sizeof(at));
    (void)umask(old);
    if (r < 0 || listen(fd, SOMAXCONN) < 0)
        return ol_err_set(err, errno, "listen on unix:%s: %s", path, strerror(errno));
    *ret_fd = ol_take_fd(&fd);
    return 0;
}

int http_listen(struct ol_env *env, const char *spec, char **ret_address, char **ret_unix_path,
                int *ret_fd, struct ol_err *err)
{
    int r;

    if (!ol_change(env, "listen", spec))
        return ol_err_set(err, ECANCELED, "listen on %s: this is a dry run", spec);
    if (!ol_str_starts(spec, "unix:"))
        return listen_inet(spec, ret_address, ret_fd, err);
    r = listen_unix(env, spec + 5, ret_fd, err);
    if (r < 0)
        return r;
    *ret_address = ol_xstrdup(spec);
    *ret_unix_path = ol_xstrdup(spec + 5);
    return 0;
}
