/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "core/queue.h"
#include "core/str.h"
#include "core/strv.h"

static const ol_time patience = 5 * OL_SECOND;
/* One that ran so long before it ended is started again at once, as if it never had failed. */
static const ol_time proven = 60 * OL_SECOND;
static const struct ol_backoff backoff = {.first = OL_SECOND, .most = 30 * OL_SECOND};

struct child {
    struct ol_loop *loop;
    struct ol_strv argv;
    uv_process_t *process; /* NULL while none runs */
    uv_pipe_t *lifeline;   /* its standard input */
    struct ol_timer timer; /* starts it again, or kills it */
    ol_time began;
    unsigned failures;
    bool is_stopping;
    void (*stopped)(void *ctx);
    void *ctx;
};

static void on_timer(void *ctx);

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_lifeline(struct child *c)
{
    if (c->lifeline)
        uv_close((uv_handle_t *)c->lifeline, on_closed);
    c->lifeline = NULL;
}

static void release(struct child *c)
{
    ol_timer_done(&c->timer);
    close_lifeline(c);
    ol_strv_done(&c->argv);
    if (c->stopped)
        c->stopped(c->ctx);
    free(c);
}

static void on_exit_of(uv_process_t *process, int64_t status, int number)
{
    struct child *c = process->data;
    struct ol_env *env = c->loop->env;

    c->process = NULL;
    uv_close((uv_handle_t *)process, on_closed);
    close_lifeline(c);
    if (c->is_stopping) {
        release(c);
        return;
    }
    ol_error(env, "%s ended with %s %d, it is started again", c->argv.v[0],
             number ? "signal" : "status", number ? number : (int)status);
    c->failures = ol_now_boot(env) - c->began > proven ? 1 : c->failures + 1;
    ol_timer_set(&c->timer, ol_backoff_delay(&backoff, c->failures));
}

static int start(struct child *c, struct ol_err *err)
{
    uv_pipe_t *lifeline = ol_xcalloc(1, sizeof(*lifeline));
    uv_stdio_container_t streams[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)lifeline},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit_of,
        .file = c->argv.v[0],
        .args = c->argv.v,
        .stdio = streams,
        .stdio_count = ol_count(streams),
    };
    int r;

    uv_pipe_init(c->loop->uv, lifeline, 0);
    c->lifeline = lifeline;
    if (!ol_change(c->loop->env, "run", c->argv.v[0]))
        return 0;
    c->process = ol_xcalloc(1, sizeof(*c->process));
    c->process->data = c;
    c->began = ol_now_boot(c->loop->env);
    r = uv_spawn(c->loop->uv, c->process, &options);
    if (r == 0)
        return 0;
    uv_close((uv_handle_t *)c->process, on_closed);
    c->process = NULL;
    close_lifeline(c);
    return ol_err_set(err, -r, "%s cannot be started: %s", c->argv.v[0], uv_strerror(r));
}

static void on_timer(void *ctx)
{
    struct child *c = ctx;
    struct ol_err err = OL_ERR_INIT;

    if (c->is_stopping) {
        if (c->process)
            uv_process_kill(c->process, SIGKILL);
        return;
    }
    if (start(c, &err) == 0)
        return;
    ol_error(c->loop->env, "%s", ol_err_text(&err));
    ol_timer_set(&c->timer, ol_backoff_delay(&backoff, ++c->failures));
}

/* The program beside ours, as in a build directory or below another prefix; else PATH's. */
static char *find_program(const char *name)
{
    ol_autofree char *self = ol_xcalloc(1, 4096);
    ol_autofree char *dir = NULL;
    char *path = NULL;
    size_t size = 4096;

    if (strchr(name, '/') || uv_exepath(self, &size) < 0)
        return ol_xstrdup(name);
    dir = ol_path_dir(self);
    path = ol_path_join(dir, name);
    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return ol_xstrdup(name);
}

int child_start(struct ol_loop *loop, const char *const *argv, struct child **ret,
                struct ol_err *err)
{
    struct child *c = ol_xcalloc(1, sizeof(*c));
    int r;

    c->loop = loop;
    ol_strv_take(&c->argv, find_program(argv[0]));
    ol_strv_add_all(&c->argv, argv + 1);
    ol_timer_init(&c->timer, loop, on_timer, c);
    r = start(c, err);
    if (r < 0) {
        release(c);
        return r;
    }
    *ret = c;
    return 0;
}

void child_stop(struct child *c, void (*stopped)(void *ctx), void *ctx)
{
    if (!c) {
        if (stopped)
            stopped(ctx);
        return;
    }
    c->is_stopping = true;
    c->stopped = stopped;
    c->ctx = ctx;
    if (!c->process) {
        release(c);
        return;
    }
    uv_process_kill(c->process, SIGTERM);
    ol_timer_set(&c->timer, patience);
}
