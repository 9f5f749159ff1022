/* SPDX-License-Identifier: Apache-2.0 */
#include "core/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"

extern char **environ;

enum { CHUNK = 8192, LOOK_MS = 20 };

struct ol_child {
    pid_t pid;
    int pidfd;        /* -1 = the kernel has none: it is looked at again and again */
    int in, out, err; /* our ends, -1 = none */
    char *input;
    size_t input_size, input_sent;
    size_t out_max;
    ol_time deadline; /* on the boot clock; 0 = none */
    char *name;
    bool is_planned; /* a dry run: there is no process */
};

void ol_spawn_result_done(struct ol_spawn_result *r)
{
    ol_buf_done(&r->out);
    ol_buf_done(&r->err);
}

static void child_free(struct ol_child *c)
{
    ol_close_at(&c->pidfd);
    ol_close_at(&c->in);
    ol_close_at(&c->out);
    ol_close_at(&c->err);
    if (c->input)
        explicit_bzero(c->input, c->input_size);
    free(c->input);
    free(c->name);
    free(c);
}

/* Descriptors between us and the child: [0] is the child's end. */
struct wiring {
    int in[2], out[2], err[2];
};

static void wiring_done(struct wiring *w)
{
    int *ends[] = {w->in, w->out, w->err};

    for (size_t i = 0; i < ol_count(ends); i++) {
        ol_close_at(&ends[i][0]);
        ol_close_at(&ends[i][1]);
    }
}

static int make_pipe(int *ret_read, int *ret_write)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *ret_read = ends[0];
    *ret_write = ends[1];
    return 0;
}

static int wire(const struct ol_spawn *s, struct wiring *w)
{
    int r = 0;

    if (s->in)
        r = make_pipe(&w->in[0], &w->in[1]);
    if (r == 0 && !s->in && (w->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        r = -errno;
    if (r < 0 || (s->flags & OL_SPAWN_INHERIT))
        return r;
    r = make_pipe(&w->out[1], &w->out[0]);
    if (r == 0 && !(s->flags & OL_SPAWN_MERGE_ERR))
        r = make_pipe(&w->err[1], &w->err[0]);
    return r;
}

static bool has_variable(const char *const *list, const char *variable)
{
    size_t len = strcspn(variable, "=");

    for (; list && *list; list++)
        if (!strncmp(*list, variable, len) && (*list)[len] == '=')
            return true;
    return false;
}

/* The environment of the child: its own variables and those of ours that it does not have, since
 * shells take the last of two and getenv() the first. The array is the caller's to free; the
 * strings are borrowed. */
static char **child_environment(const struct ol_spawn *s)
{
    size_t n = 0, at = 0;
    char **all;

    for (char **e = environ; e && *e; e++)
        n++;
    for (const char *const *e = s->env; e && *e; e++)
        n++;
    all = ol_xcalloc(n + 1, sizeof(*all));
    for (const char *const *e = s->env; e && *e; e++)
        all[at++] = (char *)(uintptr_t)*e;
    for (char **e = environ; e && *e; e++)
        if (!has_variable(s->env, *e))
            all[at++] = *e;
    return all;
}

/* In the child: what we catch would run our handler on our memory until it is the program. */
static void reset_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM};
    struct sigaction now;
    sigset_t none;

    for (size_t i = 0; i < ol_count(caught); i++)
        if (sigaction(caught[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            signal(caught[i], SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int ol_vfork_exec(int (*child)(const void *ctx), const void *ctx, pid_t *ret_pid)
{
    volatile int failed = 0;
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = vfork();
    if (pid == 0) {
        reset_signals();
        failed = child(ctx);
        _exit(127);
    }
    if (pid < 0)
        failed = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid >= 0 && failed)
        waitpid(pid, NULL, 0);
    if (failed)
        return -failed;
    *ret_pid = pid;
    return 0;
}

struct start {
    const struct ol_env *env;
    const struct ol_spawn *spawn;
    const struct wiring *wiring;
    char **environment;
    pid_t parent;
};

/* execvpe() hands a file without "#!" to a shell: upstream calls that an Exec format error, and
 * so do we where a path names the file. */
static void exec_program(char *const *argv, char *const *environment)
{
    if (strchr(argv[0], '/'))
        execve(argv[0], argv, environment);
    else
        execvpe(argv[0], argv, environment);
}

/* In the child: 0, or the errno that says why it shall not be. */
static int take_group(const struct start *start)
{
    if (!(start->spawn->flags & OL_SPAWN_BOUND)) {
        setpgid(0, 0);
        return 0;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return errno;
    return getppid() == start->parent ? 0 : ECANCELED;
}

static bool take_streams(const struct wiring *w)
{
    int out = w->out[0] >= 0 ? w->out[0] : STDOUT_FILENO;
    int err = w->err[0] >= 0 ? w->err[0] : w->out[0] >= 0 ? out : STDERR_FILENO;

    return dup2(w->in[0], STDIN_FILENO) >= 0
           && (err == STDERR_FILENO || dup2(err, STDERR_FILENO) >= 0)
           && (out == STDOUT_FILENO || dup2(out, STDOUT_FILENO) >= 0);
}

static int child_main(const void *ctx)
{
    const struct start *start = ctx;
    int refused = take_group(start);

    if (refused)
        return refused;
    if (take_streams(start->wiring)
        && (ol_env_is_host(start->env)
            || (fchdir(start->env->root_fd) == 0 && chroot(".") == 0 && chdir("/") == 0)))
        exec_program((char *const *)(uintptr_t)start->spawn->argv, start->environment);
    return errno;
}

static struct ol_child *child_new(struct ol_env *env, const struct ol_spawn *s)
{
    struct ol_child *c = ol_xcalloc(1, sizeof(*c));

    c->pidfd = c->in = c->out = c->err = -1;
    c->name = ol_xstrdup(s->argv[0]);
    c->out_max = s->out_max ? s->out_max : 1 << 20;
    c->deadline = s->timeout ? ol_now_boot(env) + s->timeout : 0;
    return c;
}

static void child_adopt(struct ol_child *c, const struct ol_spawn *s, struct wiring *w)
{
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    c->in = ol_take_fd(&w->in[1]);
    c->out = ol_take_fd(&w->out[1]);
    c->err = ol_take_fd(&w->err[1]);
    if (s->in) {
        c->input = ol_xcalloc(1, s->in_size + 1);
        memcpy(c->input, s->in, s->in_size);
        c->input_size = s->in_size;
    }
}

static int real_start(struct ol_env *env, const struct ol_spawn *s, struct ol_child **ret,
                      struct ol_err *err)
{
    ol_auto(wiring_done) struct wiring w = {{-1, -1}, {-1, -1}, {-1, -1}};
    ol_autofree char **environment = NULL;
    struct ol_child *c;
    int r = wire(s, &w);

    if (r < 0)
        return ol_err_set(err, -r, "start '%s': %s", s->argv[0], strerror(-r));
    c = child_new(env, s);
    if (!ol_change(env, "run", s->argv[0])) {
        c->is_planned = true;
        *ret = c;
        return 0;
    }
    environment = child_environment(s);
    r = ol_vfork_exec(child_main, &(struct start){env, s, &w, environment, getpid()}, &c->pid);
    if (r < 0) {
        child_free(c);
        return ol_err_set(err, -r, "start '%s': %s", s->argv[0], strerror(-r));
    }
    child_adopt(c, s, &w);
    *ret = c;
    return 0;
}

/* Sends what the child's standard input takes now; closes it when done or when nobody reads. */
static void feed(struct ol_child *c)
{
    ssize_t n = write(c->in, c->input + c->input_sent, c->input_size - c->input_sent);

    if (n > 0)
        c->input_sent += (size_t)n;
    if ((n < 0 && errno != EINTR && errno != EAGAIN) || c->input_sent == c->input_size) {
        close(c->in);
        c->in = -1;
    }
}

/* Reads what is there; false at the end of the stream. What exceeds 'max' is dropped. */
static bool drain(int fd, struct ol_buf *into, size_t max)
{
    char chunk[CHUNK];
    ssize_t n = read(fd, chunk, sizeof(chunk));
    size_t room = into->len < max ? max - into->len : 0;

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    ol_buf_add(into, chunk, (size_t)n < room ? (size_t)n : room);
    return n > 0;
}

static void set_nonblocking(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* After the child's end: what is in the pipe now. Neither a grandchild that keeps it open is waited
 * for nor one that goes on writing. */
static void drain_rest(int *fd, struct ol_buf *into, size_t max)
{
    int left = 0;

    if (*fd < 0)
        return;
    if (ioctl(*fd, FIONREAD, &left) < 0)
        left = 0;
    for (; left > 0; left -= CHUNK)
        if (!drain(*fd, into, max))
            break;
    close(*fd);
    *fd = -1;
}

static int poll_ms(struct ol_env *env, const struct ol_child *c)
{
    ol_time left = INT64_MAX;

    if (c->deadline)
        left = c->deadline - ol_now_boot(env);
    if (c->pidfd < 0 && left > LOOK_MS * OL_MS)
        return LOOK_MS;
    if (!c->deadline)
        return -1;
    return left <= 0 ? 0 : left / OL_MS < INT_MAX ? (int)(left / OL_MS) + 1 : INT_MAX;
}

/* Without a pidfd (before Linux 5.3, or a seccomp filter); it stays to be waited for. */
static bool has_ended(const struct ol_child *c)
{
    siginfo_t info = {.si_pid = 0};

    return c->pidfd < 0 && waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
           && info.si_pid;
}

/* Reads one of its streams; closed at its end. */
static void drain_stream(int *fd, struct ol_buf *into, size_t max)
{
    if (drain(*fd, into, max))
        return;
    close(*fd);
    *fd = -1;
}

static bool is_over_time(struct ol_env *env, const struct ol_child *c)
{
    return c->deadline && ol_now_boot(env) >= c->deadline;
}

/* Serves the pipes until the child has ended (0) or its time is up (-ETIMEDOUT), which it also is
 * for one that writes without end. */
static int serve(struct ol_env *env, struct ol_child *c, struct ol_spawn_result *ret)
{
    for (;;) {
        struct pollfd p[] = {
            {.fd = c->pidfd, .events = POLLIN},
            {.fd = c->out, .events = POLLIN},
            {.fd = c->err, .events = POLLIN},
            {.fd = c->in, .events = POLLOUT},
        };
        int n = poll(p, ol_count(p), poll_ms(env, c));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (p[3].revents)
            feed(c);
        if (p[1].revents)
            drain_stream(&c->out, &ret->out, c->out_max);
        if (p[2].revents)
            drain_stream(&c->err, &ret->err, c->out_max);
        if (p[0].revents || has_ended(c))
            return 0;
        if (is_over_time(env, c))
            return -ETIMEDOUT;
    }
}

static int real_wait(struct ol_env *env, struct ol_child *c, struct ol_spawn_result *ret,
                     struct ol_err *err)
{
    int r = 0, status = 0;

    if (c->is_planned) {
        child_free(c);
        return 0;
    }
    set_nonblocking(c->in);
    if (c->in >= 0 && !c->input_size)
        feed(c);
    r = serve(env, c, ret);
    if (r < 0) {
        kill(-c->pid, SIGKILL);
        kill(c->pid, SIGKILL); /* one that is bound has no group of its own */
    }
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    drain_rest(&c->out, &ret->out, c->out_max);
    drain_rest(&c->err, &ret->err, c->out_max);
    ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ret->status = ret->signal ? 128 + ret->signal : WEXITSTATUS(status);
    if (r < 0)
        r = ol_err_set(err, -r, "'%s' was killed: %s", c->name,
                       r == -ETIMEDOUT ? "it took too long" : strerror(-r));
    child_free(c);
    return r;
}

/* Runs in the process that is left behind. */
static void afterwards_main(struct ol_env *env, int life, ol_time patience,
                            const struct ol_afterwards *then) __attribute__((noreturn));

static void afterwards_main(struct ol_env *env, int life, ol_time patience,
                            const struct ol_afterwards *then)
{
    const ol_time deadline = ol_now_boot(env) + patience;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    ol_time left;

    setsid();
    reset_signals();
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0
        || dup2(null, STDERR_FILENO) < 0)
        _exit(126);
    while ((left = deadline - ol_now_boot(env)) > 0) {
        struct pollfd p = {.fd = life, .events = POLLIN};

        if (poll(&p, 1, left / OL_MS < INT_MAX ? (int)(left / OL_MS) + 1 : INT_MAX) > 0)
            break;
    }
    _exit(then->run(env, then->ctx));
}

/* The end of our life is the end of a pipe that only we hold: so our end of it is never closed. */
static int real_after_exit(struct ol_env *env, ol_time patience, const struct ol_afterwards *then,
                           struct ol_err *err)
{
    ol_autoclose int life = -1;
    int ours = -1, r;
    pid_t pid;

    if (!ol_env_is_host(env) || !ol_change(env, "leave behind", "a process"))
        return 0;
    r = make_pipe(&life, &ours);
    if (r < 0)
        return ol_err_set(err, -r, "process to leave behind: %s", strerror(-r));
    pid = fork();
    if (pid == 0) {
        close(ours);
        afterwards_main(env, life, patience, then);
    }
    if (pid < 0) {
        r = -errno;
        close(ours);
        return ol_err_set(err, -r, "process to leave behind: %s", strerror(-r));
    }
    return 0;
}

const struct ol_exec ol_exec_real = {
    .start = real_start,
    .wait = real_wait,
    .after_exit = real_after_exit,
};

static void log_start(struct ol_env *env, const struct ol_spawn *s)
{
    struct ol_strv words = OL_STRV_INIT;
    ol_autofree char *line = NULL;

    if (!env->log)
        return;
    ol_strv_add_all(&words, s->argv);
    line = s->flags & OL_SPAWN_SECRET ? ol_xstrdup(s->argv[0]) : ol_strv_join(&words, "', '");
    ol_debug(env, "Running command ['%s'] (capture=%s)", line,
             s->flags & OL_SPAWN_INHERIT ? "False" : "True");
    ol_strv_done(&words);
}

int ol_spawn_start(struct ol_env *env, const struct ol_spawn *spawn, struct ol_child **ret,
                   struct ol_err *err)
{
    log_start(env, spawn);
    return env->exec->start(env, spawn, ret, err);
}

int ol_spawn_wait(struct ol_env *env, struct ol_child *child, struct ol_spawn_result *ret,
                  struct ol_err *err)
{
    return env->exec->wait(env, child, ret, err);
}

int ol_spawn_run(struct ol_env *env, const struct ol_spawn *spawn, struct ol_spawn_result *ret,
                 struct ol_err *err)
{
    struct ol_child *child = NULL;
    int r = ol_spawn_start(env, spawn, &child, err);

    if (r < 0)
        return r;
    return ol_spawn_wait(env, child, ret, err);
}

/* How much of a program's last words goes into a sentence. */
static int without_line_end(const struct ol_buf *said)
{
    size_t len = said->len;

    while (len && (said->data[len - 1] == '\n' || said->data[len - 1] == '\r'))
        len--;
    return len > 300 ? 300 : (int)len;
}

static int run_checked(struct ol_env *env, const struct ol_spawn *spawn, struct ol_buf *ret_out,
                       struct ol_err *err)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    int r = ol_spawn_run(env, spawn, &result, err);

    if (r < 0)
        return r;
    if (result.status) {
        const struct ol_buf *said = result.err.len ? &result.err : &result.out;

        return ol_err_set_domain(err, EIO, "ProcessExecutionError", result.status,
                                 "'%s' ended with status %d: %.*s", spawn->argv[0], result.status,
                                 without_line_end(said), said->data);
    }
    if (ret_out)
        ol_buf_add(ret_out, result.out.data, result.out.len);
    return 0;
}

int ol_run(struct ol_env *env, const char *const *argv, struct ol_buf *ret_out, struct ol_err *err)
{
    return run_checked(env, &(struct ol_spawn){.argv = argv}, ret_out, err);
}

int ol_run_input(struct ol_env *env, const char *const *argv, const void *in, size_t in_size,
                 struct ol_err *err)
{
    return run_checked(env, &(struct ol_spawn){.argv = argv, .in = in, .in_size = in_size}, NULL,
                       err);
}

int ol_after_exit(struct ol_env *env, ol_time patience, const struct ol_afterwards *then,
                  struct ol_err *err)
{
    return env->exec->after_exit(env, patience, then, err);
}
