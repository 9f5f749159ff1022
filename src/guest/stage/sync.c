/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/sync.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"

static const char *const names[SYNC_N_STAGES] = {"local", "network", "config", "final"};

void stage_notify(struct ol_env *env, const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    ol_autoclose int fd = -1;

    if (!len || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0
        || sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len))
               < 0)
        ol_debug(env, "Failed to notify systemd: %s", strerror(errno));
}

/* A listening socket; its path is below the root, so that tests have their own. */
static int listen_at(struct ol_env *env, const char *dir, const char *name, struct ol_err *err)
{
    ol_autofree char *path = ol_xasprintf("%s/%s.sock", dir, name);
    ol_autofree char *full = ol_path_join(env->root, path + 1);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    ol_autoclose int fd = -1;

    if (strlen(full) >= sizeof(at.sun_path))
        return ol_err_set(err, ENAMETOOLONG, "socket '%s': the path is too long", full);
    memcpy(at.sun_path, full, strlen(full));
    if (ol_unlink(env, path, err) < 0)
        return -err->code;
    if (!ol_change(env, "bind", path))
        return ol_err_set(err, EROFS, "socket '%s': nothing is bound in a dry run", full);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4) < 0)
        return ol_err_set(err, errno, "socket '%s': %s", full, strerror(errno));
    return ol_take_fd(&fd);
}

int stage_sync_open(struct stage_sync *s, struct ol_env *env, const char *run_dir,
                    struct ol_err *err)
{
    ol_autofree char *dir = ol_xasprintf("%s/share", run_dir);
    int r = ol_mkdir_p(env, dir, 0700, err);

    *s = (struct stage_sync){.env = env, .listening = {-1, -1, -1, -1}, .connection = -1};
    for (int i = 0; r == 0 && i < SYNC_N_STAGES; i++) {
        s->listening[i] = listen_at(env, dir, names[i], err);
        r = s->listening[i] < 0 ? s->listening[i] : 0;
    }
    if (r < 0) {
        stage_sync_close(s);
        return r;
    }
    stage_notify(env, "READY=1");
    return 0;
}

void stage_sync_close(struct stage_sync *s)
{
    for (int i = 0; i < SYNC_N_STAGES; i++) {
        ol_close_at(&s->listening[i]);
        s->listening[i] = -1;
    }
    ol_close_at(&s->connection);
    s->connection = -1;
}

static void notify_stage(struct stage_sync *s, const char *fmt, enum sync_stage stage)
{
    char text[160];

    snprintf(text, sizeof(text), fmt, names[stage]);
    stage_notify(s->env, text);
}

int stage_sync_await(struct stage_sync *s, enum sync_stage stage, struct ol_err *err)
{
    char word[6] = "";
    ssize_t n;

    notify_stage(s, "STATUS=Waiting on external services to complete before starting the %s stage.",
                 stage);
    do {
        s->connection = accept4(s->listening[stage], NULL, NULL, SOCK_CLOEXEC);
    } while (s->connection < 0 && errno == EINTR);
    if (s->connection < 0)
        return ol_err_set(err, errno, "stage %s: %s", names[stage], strerror(errno));
    n = recv(s->connection, word, 5, MSG_WAITALL);
    if (n != 5 || strcmp(word, "start")) {
        stage_sync_answer(s, stage, 1);
        return ol_err_set(err, EPROTO, "stage %s: received an invalid message", names[stage]);
    }
    notify_stage(s, "STATUS=Running (%s stage)", stage);
    return 0;
}

void stage_sync_answer(struct stage_sync *s, enum sync_stage stage, int status)
{
    char text[160];
    int n = snprintf(text, sizeof(text),
                     "echo 'Completed socket interaction for boot stage %s'; exit %d;",
                     names[stage], status);

    if (s->connection >= 0 && send(s->connection, text, (size_t)n, MSG_NOSIGNAL) != n)
        ol_debug(s->env, "stage %s: the answer was not taken", names[stage]);
    ol_close_at(&s->connection);
    s->connection = -1;
}
