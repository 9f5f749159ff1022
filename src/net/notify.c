/* SPDX-License-Identifier: Apache-2.0 */
#include "net/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/cleanup.h"

/* An abstract address begins with '@', which stands for a NUL. */
static socklen_t notify_address(const char *path, struct sockaddr_un *ret)
{
    size_t len = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || len >= sizeof(ret->sun_path))
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, len);
    if (path[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void ol_notify(struct ol_env *env, const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    ol_autoclose int fd = -1;
    struct sockaddr_un to;
    socklen_t size = path ? notify_address(path, &to) : 0;

    if (!size)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
        ol_warn(env, "the service manager could not be told: %s", strerror(errno));
}
