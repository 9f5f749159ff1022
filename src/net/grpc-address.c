/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "net/grpc-internal.h"

static int parse_path(const char *path, struct grpc_address *ret, struct ol_err *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&ret->sa;
    size_t len = strlen(path);

    if (len >= sizeof(un->sun_path))
        return ol_err_set(err, ENAMETOOLONG, "socket '%s': its path has more than %zu bytes", path,
                          sizeof(un->sun_path) - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    ret->is_unix = true;
    ret->path = path;
    /* What grpc-go sends and its servers accept. */
    snprintf(ret->authority, sizeof(ret->authority), "localhost");
    return 0;
}

static int parse_tcp(const char *text, struct grpc_address *ret, struct ol_err *err)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)&ret->sa;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->sa;
    const char *colon = strrchr(text, ':');
    const char *host = text;
    char name[INET6_ADDRSTRLEN];
    size_t len = colon ? (size_t)(colon - text) : 0;
    int port;

    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (!len || len >= sizeof(name) || ol_parse_int(colon + 1, 10, 0, 65535, &port) < 0)
        return ol_err_set(err, EINVAL, "'%s' is not an address like tcp://127.0.0.1:10000", text);
    memcpy(name, host, len);
    name[len] = '\0';
    if (inet_pton(AF_INET, name, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons((uint16_t)port);
        ret->len = sizeof(*in4);
    } else if (inet_pton(AF_INET6, name, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        ret->len = sizeof(*in6);
    } else {
        return ol_err_set(err, EINVAL, "'%s' is not a literal IP address", name);
    }
    snprintf(ret->authority, sizeof(ret->authority), "%s", text);
    return 0;
}

int grpc_address_parse(const char *text, struct grpc_address *ret, struct ol_err *err)
{
    struct grpc_address a = {.len = 0};
    const char *path = ol_str_starts(text, "unix://") ? text + strlen("unix://")
                       : ol_str_starts(text, "unix:") ? text + strlen("unix:")
                                                      : text;
    int r;

    if (ol_str_starts(text, "tcp://"))
        r = parse_tcp(text + strlen("tcp://"), &a, err);
    else if (*path == '/')
        r = parse_path(path, &a, err);
    else
        return ol_err_set(err, EINVAL, "'%s' is neither unix:///path nor tcp://address:port", text);
    if (r == 0)
        *ret = a;
    return r;
}
