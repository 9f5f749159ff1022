/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire between daemon and helper: a SOCK_SEQPACKET pair; a request is the arguments, each with
 * its NUL; an answer is the errno as an int and a sentence.
 */
#include "compute/base/privileged.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/base/privileged-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"

#define HELPER "orlop-compute-helper"

struct privileged {
    int fd;
    pthread_mutex_t lock; /* one question at a time */
};

struct answer {
    int code; /* positive errno, 0 = done */
    char msg[sizeof(((struct ol_err *)0)->msg)];
};

static ssize_t pack(const char *const *argv, char out[PRIVILEGED_BYTES])
{
    size_t used = 0;

    for (; *argv; argv++) {
        size_t n = strlen(*argv) + 1;

        if (used + n > PRIVILEGED_BYTES)
            return -E2BIG;
        memcpy(out + used, *argv, n);
        used += n;
    }
    return (ssize_t)used;
}

static bool unpack(const char *in, size_t size, const char *argv[PRIVILEGED_ARGS + 2])
{
    size_t n = 0;

    if (!size || in[size - 1])
        return false;
    for (const char *p = in; p < in + size; p += strlen(p) + 1) {
        if (n == PRIVILEGED_ARGS + 1)
            return false;
        argv[n++] = p;
    }
    argv[n] = NULL;
    return true;
}

static int ask(struct privileged *p, const char *const *argv, struct ol_err *err)
{
    char request[PRIVILEGED_BYTES];
    struct answer answer = {.code = 0};
    ssize_t n = pack(argv, request);

    if (n < 0)
        return ol_err_set(err, EPERM, "%s: the arguments are too long", argv[0]);
    pthread_mutex_lock(&p->lock);
    if (send(p->fd, request, (size_t)n, MSG_NOSIGNAL) == n) {
        do
            n = recv(p->fd, &answer, sizeof(answer), 0);
        while (n < 0 && errno == EINTR);
    } else {
        n = -1;
    }
    pthread_mutex_unlock(&p->lock);
    if (n != (ssize_t)sizeof(answer))
        return ol_err_set(err, EPIPE, "the privileged helper has ended; a restart brings it back");
    answer.msg[sizeof(answer.msg) - 1] = '\0';
    return answer.code ? ol_err_set(err, answer.code, "%s", answer.msg) : 0;
}

static int run_here(struct ol_env *env, const char *const *roots,
                    const struct privileged_root *opened, const char *const *argv,
                    struct ol_err *err)
{
    ol_auto(privileged_steps_done) struct privileged_steps steps = {.n = 0};
    int r = privileged_steps(roots, argv, &steps, err);

    return r < 0 ? r : privileged_run_steps(env, opened, &steps, err);
}

int privileged_run(struct privileged *p, struct ol_env *env, const char *const *argv,
                   struct ol_err *err)
{
    int r;

    if (p)
        return ol_change(env, "privileged", argv[0]) ? ask(p, argv, err) : 0;
    r = run_here(env, NULL, NULL, argv, err);
    if (r == -EACCES && geteuid())
        return ol_err_prefix(err, r, "this needs root, and the daemon was not started as root");
    return r;
}

static void answer_one(struct ol_env *env, const char *const *roots,
                       const struct privileged_root *opened, const char *in, size_t size,
                       struct answer *ret)
{
    const char *argv[PRIVILEGED_ARGS + 2];
    struct ol_err err = OL_ERR_INIT;
    int r = -EPERM;

    if (unpack(in, size, argv))
        r = run_here(env, roots, opened, argv, &err);
    *ret = (struct answer){.code = r < 0 ? -r : 0};
    snprintf(ret->msg, sizeof(ret->msg), "%s", r < 0 ? ol_err_text(&err) : "");
}

static void open_roots(struct ol_env *env, const char *const *roots,
                       struct privileged_root opened[PRIVILEGED_ROOTS])
{
    size_t n = 0;

    for (; *roots && n + 1 < PRIVILEGED_ROOTS; roots++, n++)
        opened[n] = (struct privileged_root){.path = *roots,
                                             .fd = ol_open(env, *roots, O_PATH | O_DIRECTORY, 0)};
    opened[n] = (struct privileged_root){.path = NULL, .fd = -1};
}

static int serve(int fd, const char *const *roots)
{
    struct privileged_root opened[PRIVILEGED_ROOTS];
    struct ol_env env;
    char in[PRIVILEGED_BYTES + 1];

    /* What we run must not hold it: the daemon would not see our end. */
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || ol_env_init(&env, "/", NULL) < 0)
        return 1;
    open_roots(&env, roots, opened);
    for (;;) {
        ssize_t n = recv(fd, in, sizeof(in), 0);
        struct answer answer;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        answer_one(&env, roots, opened, in, (size_t)n, &answer);
        if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
            break;
    }
    for (const struct privileged_root *root = opened; root->path; root++)
        if (root->fd >= 0)
            close(root->fd);
    ol_env_done(&env);
    return 0;
}

void privileged_main(int argc, char **argv)
{
    int fd;

    if (argc < 3 || strcmp(argv[0], HELPER) || ol_parse_int(argv[1], 10, 3, 1 << 20, &fd) < 0)
        return;
    /* A terminal's ^C and systemd's SIGTERM mean the daemon, which still needs us to tidy up. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_NAME, "compute-helper");
    _exit(serve(fd, (const char *const *)argv + 2));
}

struct start {
    int fd;
    char *const *argv;
};

static int exec_helper(const void *ctx)
{
    const struct start *s = ctx;
    extern char **environ;

    /* The kernel keeps the descriptor number, so it must not close at exec. */
    if (fcntl(s->fd, F_SETFD, 0) < 0)
        return errno;
    execve("/proc/self/exe", s->argv, environ);
    return errno;
}

int privileged_start(const char *const *roots, struct privileged **ret, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    struct start start = {.fd = -1};
    int pair[2], r;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return ol_err_set(err, errno, "socketpair: %s", strerror(errno));
    ol_strv_add(&argv, HELPER);
    ol_strv_addf(&argv, "%d", pair[1]);
    ol_strv_add_all(&argv, roots);
    start.fd = pair[1];
    start.argv = argv.v;
    r = ol_vfork_exec(exec_helper, &start, &pid);
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        return ol_err_set(err, -r, "the privileged helper does not start: %s", strerror(-r));
    }
    *ret = ol_xcalloc(1, sizeof(**ret));
    (*ret)->fd = pair[0];
    pthread_mutex_init(&(*ret)->lock, NULL);
    return 0;
}

void privileged_free(struct privileged *p)
{
    if (!p)
        return;
    close(p->fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
