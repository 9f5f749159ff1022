/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"

/* QEMU as a process: started, found again, ended. */

enum {
    N_FDS = QEMU_FD_TAP + QEMU_MAX_NICS + QEMU_MAX_DISKS,
    HIGH = 128, /* our descriptors for it are above those that it gets */
    GREETING_SECONDS = 30,
    QUIT_SECONDS = 5,
    GONE_SECONDS = 20,
    LOCK_TRIES = 5,
};

static const char *const environment[] = {
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
    "HOME=/",
    NULL,
};

/* What a new process gets. */
struct start {
    const struct qemu_host *host;
    const char *const *argv;
    int fds[N_FDS]; /* index = number there; -1 = none; 0 to 2 are its streams */
    int directory;
};

static void start_done(struct start *s)
{
    for (size_t i = 0; i < N_FDS; i++)
        ol_close_at(&s->fds[i]);
    ol_close_at(&s->directory);
}

/* In the child, on our memory: system calls only. glibc's setuid() would signal our threads. */
static int take_user(const struct qemu_host *h)
{
    if (!h->has_user)
        return 0;
    if (syscall(SYS_setgroups, h->n_groups, h->groups) < 0
        || syscall(SYS_setresgid, h->gid, h->gid, h->gid) < 0
        || syscall(SYS_setresuid, h->uid, h->uid, h->uid) < 0)
        return errno;
    return 0;
}

static void write_pid(int fd)
{
    char text[16];
    size_t at = sizeof(text);
    long pid = syscall(SYS_getpid);

    text[--at] = '\n';
    for (; pid > 0; pid /= 10)
        text[--at] = (char)('0' + pid % 10);
    (void)!write(fd, text + at, sizeof(text) - at);
}

static int child_main(const void *ctx)
{
    const struct start *s = ctx;
    int refused;

    setsid();
    for (int i = 0; i < N_FDS; i++)
        if (s->fds[i] >= 0 && dup2(s->fds[i], i) < 0)
            return errno;
    write_pid(QEMU_FD_PID);
    close(QEMU_FD_PID);
    if (fchdir(s->directory) < 0)
        return errno;
    refused = take_user(s->host);
    if (refused)
        return refused;
    execve(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)environment);
    return errno;
}

/* Puts a descriptor where it is to be, above those of the child. Takes 'fd'. */
static int give(struct start *s, int number, int fd)
{
    int high = fd < 0 ? -errno : fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

    if (fd >= 0)
        close(fd);
    s->fds[number] = high;
    return high < 0 ? -errno : 0;
}

static int give_file(struct qemu_machine *m, struct start *s, int number, const char *name,
                     int flags)
{
    ol_autofree char *path = qemu_path(m, name);
    int fd = ol_open(m->q->base.env, path, flags | O_NOFOLLOW, 0600);

    if (fd < 0)
        errno = -fd;
    return give(s, number, fd < 0 ? -1 : fd);
}

/* A path in the directory whatever its length: a socket's has 107 bytes. */
static struct sockaddr_un address(int directory, const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", directory, name);
    return sa;
}

static int give_socket(struct qemu_machine *m, struct start *s, int number, const char *name)
{
    struct sockaddr_un sa = address(s->directory, name);
    ol_autofree char *path = qemu_path(m, name);
    int fd, r = ol_unlink(m->q->base.env, path, NULL);

    if (r < 0 || !ol_change(m->q->base.env, "listen", path))
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0
        && (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(sa.sun_path, 0600) < 0
            || listen(fd, 4) < 0)) {
        r = -errno;
        close(fd);
        return r;
    }
    return give(s, number, fd);
}

static int directory_fd(struct ol_env *env, const char *directory)
{
    return ol_open(env, directory, O_PATH | O_DIRECTORY, 0);
}

/* 1 it is ours until *ret_fd is closed, 0 a QEMU has it. */
static int take_lock(struct ol_env *env, const char *directory, unsigned flags, int *ret_fd)
{
    ol_autofree char *path = ol_xasprintf("%s/" QEMU_LOCK, directory);
    ol_autoclose int fd = ol_open(env, path, (int)flags | O_NOFOLLOW, 0600);

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? 0 : -errno;
    *ret_fd = ol_take_fd(&fd);
    return 1;
}

bool qemu_is_alive(struct ol_env *env, const char *directory)
{
    ol_autoclose int fd = -1;

    return take_lock(env, directory, O_RDONLY, &fd) == 0;
}

/* Memory that QEMU reads by its name below /proc; nothing of it is in a file. */
static int secret_fd(const char *text)
{
    ol_autoclose int fd = memfd_create("secret", MFD_CLOEXEC);
    size_t size = strlen(text);

    if (fd < 0 || write(fd, text, size) != (ssize_t)size)
        return -1;
    return ol_take_fd(&fd);
}

static int give_secrets(struct qemu_machine *m, struct start *s, int number, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->def->n_disks; i++)
        if (qemu_secret_id(&a, &m->def->disks[i]))
            r = give(s, number++, secret_fd(m->def->disks[i].d.password));
    return r < 0 ? ol_err_set(err, -r, "machine %s: %s", m->uuid, strerror(-r)) : 0;
}

static int give_taps(struct qemu_machine *m, struct start *s, struct ol_err *err)
{
    int number = QEMU_FD_TAP, r = 0;

    for (size_t i = 0; r >= 0 && i < m->def->n_nics; i++) {
        int fd = -1;

        if (!qemu_nic_has_tap(&m->def->nics[i]))
            continue;
        r = qemu_open_tap(m, &m->def->nics[i], &fd, err);
        if (r >= 0)
            r = give(s, number++, fd);
    }
    return r < 0 ? r : give_secrets(m, s, number, err);
}

static int give_all(struct qemu_machine *m, struct start *s, bool is_resuming)
{
    int r = give(s, 0, open("/dev/null", O_RDONLY | O_CLOEXEC));

    if (r >= 0)
        r = give_socket(m, s, QEMU_FD_MONITOR, "monitor.sock");
    if (r >= 0)
        r = give_socket(m, s, QEMU_FD_CONSOLE, "console.sock");
    if (r >= 0)
        r = give_file(m, s, 1, QEMU_LOG, O_WRONLY | O_CREAT | O_APPEND);
    if (r >= 0)
        r = give(s, 2, fcntl(s->fds[1], F_DUPFD_CLOEXEC, HIGH));
    if (r >= 0)
        r = give_file(m, s, QEMU_FD_LOG, "console.log", O_WRONLY | O_CREAT | O_APPEND);
    if (r >= 0 && m->def->m.has_status_port)
        r = give_file(m, s, QEMU_FD_STATUS, "status.log", O_WRONLY | O_CREAT | O_APPEND);
    if (r >= 0 && is_resuming)
        r = give_file(m, s, QEMU_FD_STATE, QEMU_STATE, O_RDONLY);
    if (r >= 0)
        r = give_file(m, s, QEMU_FD_PID, QEMU_PIDFILE, O_WRONLY | O_CREAT | O_TRUNC);
    return r;
}

/* -EALREADY: one lives. */
static int prepare(struct qemu_machine *m, struct start *s, bool is_resuming, struct ol_err *err)
{
    struct ol_env *env = m->q->base.env;
    int lock = -1, r;

    s->host = &m->q->host;
    r = directory_fd(env, m->directory);
    s->directory = r < 0 ? r : fcntl(r, F_DUPFD_CLOEXEC, HIGH);
    if (r < 0 || s->directory < 0)
        return ol_err_set(err, r < 0 ? -r : errno, "open '%s': %s", m->directory,
                          strerror(r < 0 ? -r : errno));
    close(r);
    r = take_lock(env, m->directory, O_RDWR | O_CREAT, &lock);
    /* A child that another thread starts has it too, until it is another program. */
    for (int i = 0; r == 0 && i < LOCK_TRIES; i++) {
        env->clock->sleep(env->clock->ctx, 20 * OL_MS);
        r = take_lock(env, m->directory, O_RDWR | O_CREAT, &lock);
    }
    if (r == 0)
        return ol_err_set(err, EALREADY, "machine %s is running", m->uuid);
    if (r > 0)
        r = give(s, QEMU_FD_LOCK, lock);
    if (r >= 0)
        r = give_all(m, s, is_resuming);
    if (r < 0)
        return ol_err_set(err, -r, "machine %s: %s", m->uuid, strerror(-r));
    return give_taps(m, s, err);
}

static int launch(struct qemu_machine *m, bool is_resuming, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    ol_auto(start_done) struct start s = {.directory = -1};
    struct qemu_run run = qemu_run_of(m->q);
    pid_t pid = -1;
    int r;

    memset(s.fds, -1, sizeof(s.fds));
    run.is_resuming = is_resuming;
    qemu_argv(m->def, &run, &argv);
    s.argv = ol_strv_argv(&argv);
    r = prepare(m, &s, is_resuming, err);
    if (r < 0)
        return r;
    if (!ol_change(m->q->base.env, "start", m->uuid))
        return 0;
    r = ol_vfork_exec(child_main, &s, &pid);
    if (r < 0)
        return ol_err_set(err, -r, "start '%s': %s", run.binary, strerror(-r));
    pthread_mutex_lock(&m->q->lock);
    m->pid = pid;
    m->is_child = true;
    m->is_shut_down = m->is_panicked = false;
    pthread_mutex_unlock(&m->q->lock);
    return 0;
}

/* Its connection, the caller's to unref; NULL when it does not run. */
static struct qmp *connection(struct qemu_machine *m)
{
    struct qmp *qmp;

    pthread_mutex_lock(&m->q->lock);
    qmp = qmp_ref(m->qmp);
    pthread_mutex_unlock(&m->q->lock);
    return qmp;
}

int qemu_ask(struct qemu_machine *m, const struct qmp_ask *ask, struct ol_arena *a,
             const struct ol_val **ret, struct ol_err *err)
{
    struct qmp *qmp = connection(m);
    int r;

    if (!qmp)
        return nova_fail(err, NOVA_INSTANCE_NOT_RUNNING, "Instance %s is not running.", m->uuid);
    r = qmp_call(qmp, ask, a, ret, err);
    qmp_unref(qmp);
    return r;
}

int qemu_command(struct qemu_machine *m, const char *command, const struct ol_val *arguments,
                 struct ol_err *err)
{
    const struct qmp_ask ask = {.command = command, .arguments = arguments};

    if (!ol_change(m->q->base.env, command, m->uuid))
        return 0;
    return qemu_ask(m, &ask, NULL, NULL, err);
}

int qemu_send_fd(struct qemu_machine *m, const struct ol_val *arguments, int fd, struct ol_err *err)
{
    const struct qmp_ask ask = {
        .command = "getfd", .arguments = arguments, .fd = fd, .has_fd = true};

    return qemu_ask(m, &ask, NULL, NULL, err);
}

int qemu_status(struct qemu_machine *m, struct ol_arena *a, const char **ret, struct ol_err *err)
{
    const struct qmp_ask ask = {.command = "query-status"};
    const struct ol_val *answer = NULL;
    int r = qemu_ask(m, &ask, a, &answer, err);

    *ret = ol_val_str(ol_val_get(answer, "status"));
    if (r == 0 && !*ret)
        r = ol_err_set(err, EPROTO, "QMP: no status");
    return r;
}

static int open_monitor(struct qemu_machine *m, struct ol_err *err)
{
    ol_autoclose int directory = directory_fd(m->q->base.env, m->directory);
    ol_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = address(directory, "monitor.sock");

    if (directory < 0 || fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        /* EAGAIN: those who asked before us still wait in its queue. */
        return errno == EAGAIN
                   ? ol_err_set(err, ETIMEDOUT, "machine %s takes no connection", m->uuid)
                   : ol_err_set(err, errno, "machine %s: its monitor: %s", m->uuid,
                                strerror(errno));
    pthread_mutex_lock(&m->q->lock);
    m->refs++; /* until its end is heard */
    m->qmp = qmp_new(m->q->hub, ol_take_fd(&fd), m);
    pthread_mutex_unlock(&m->q->lock);
    return 0;
}

/* The process that holds the lock; 0 when it cannot be told for sure. */
static pid_t process_of(struct qemu_machine *m)
{
    ol_auto(ol_buf_done) struct ol_buf argv = OL_BUF_INIT(1 << 20);
    ol_autofree char *pid_file = qemu_path(m, QEMU_PIDFILE);
    ol_autofree char *text = ol_file_read_line(m->q->base.env, pid_file);
    ol_autofree char *path = NULL;
    int pid = 0;

    if (!text || ol_parse_int(text, 10, 2, INT32_MAX, &pid) < 0)
        return 0;
    path = ol_xasprintf("/proc/%d/cmdline", pid);
    if (ol_file_read(m->q->base.env, path, &argv, NULL) < 0
        || !memmem(argv.data, argv.len, m->uuid, strlen(m->uuid)))
        return 0;
    return pid;
}

int qemu_connect(struct qemu_machine *m, ol_time patience, struct ol_err *err)
{
    struct qmp_ask ask = {.command = "qmp_capabilities", .timeout = patience};
    pid_t pid = m->pid > 0 ? 0 : process_of(m);
    int r = open_monitor(m, err);

    if (r < 0)
        return r;
    pthread_mutex_lock(&m->q->lock);
    m->pid = m->pid > 0 ? m->pid : pid;
    pthread_mutex_unlock(&m->q->lock);
    r = qemu_ask(m, &ask, NULL, NULL, err);
    /* It ended before it could be asked. */
    return nova_is(err, NOVA_INSTANCE_NOT_RUNNING) ? -EPIPE : r;
}

int qemu_start(struct qemu_machine *m, bool is_resuming, struct ol_err *err)
{
    int r = launch(m, is_resuming, err);

    return r < 0 ? r : qemu_connect(m, GREETING_SECONDS * OL_SECOND, err);
}

static bool wait_gone(struct qemu_machine *m, int seconds)
{
    struct ol_env *env = m->q->base.env;
    ol_time until = ol_now_boot(env) + seconds * OL_SECOND;

    while (qemu_is_alive(env, m->directory)) {
        if (ol_now_boot(env) > until)
            return false;
        env->clock->sleep(env->clock->ctx, 2 * OL_MS);
    }
    return true;
}

static int kill_process(struct qemu_machine *m, struct ol_err *err)
{
    pid_t pid = process_of(m);

    if (!qemu_is_alive(m->q->base.env, m->directory))
        return 0;
    if (pid && ol_change(m->q->base.env, "kill", m->uuid))
        kill(pid, SIGKILL);
    if (!wait_gone(m, GONE_SECONDS))
        return ol_err_set(err, ETIME, "machine %s: its process does not end", m->uuid);
    return 0;
}

/* By its own doing, so that what it has not written yet is not lost. */
static bool quit(struct qemu_machine *m)
{
    const struct qmp_ask ask = {.command = "quit", .timeout = QUIT_SECONDS * OL_SECOND};

    return ol_change(m->q->base.env, "quit", m->uuid) && qemu_ask(m, &ask, NULL, NULL, NULL) == 0
           && wait_gone(m, QUIT_SECONDS);
}

/* A switch that does not answer is no reason to keep a machine. */
static void release_taps(struct qemu_machine *m)
{
    for (size_t i = 0; m->def && i < m->def->n_nics; i++) {
        struct ol_err err = OL_ERR_INIT;

        if (qemu_release_tap(m, &m->def->nics[i], &err) < 0)
            ol_warn(m->q->base.env, "machine %s: %s", m->uuid, ol_err_text(&err));
    }
}

int qemu_stop(struct qemu_machine *m, struct ol_err *err)
{
    ol_autofree char *pid_file = qemu_path(m, QEMU_PIDFILE);
    int r = 0;

    if (qemu_is_alive(m->q->base.env, m->directory)) {
        if (!quit(m))
            r = kill_process(m, err);
        if (r < 0)
            return r;
    }
    /* Its end is heard after the lock was free. */
    (void)!qemu_wait_ended(m, GONE_SECONDS * OL_SECOND);
    r = ol_exists(m->q->base.env, pid_file) ? ol_unlink(m->q->base.env, pid_file, err) : 0;
    release_taps(m);
    qemu_set_power(m, VIRT_SHUTDOWN);
    return r;
}
