/* SPDX-License-Identifier: Apache-2.0 */
#include "net/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/spawn.h"
#include "core/strv.h"

/* argv[0] of our own binary when it is started to run one of its functions. */
static const char marker[] = "[orlop-job]";

enum { OUT_MAX = 64 << 10, CHUNK = 4096 };

/* What is left after SIGKILL: the kernel holds the process, or a child of it holds its output. */
static const ol_time patience = 2 * OL_SECOND;
static const ol_time rest_of_output = OL_SECOND / 5;

enum job_state {
    JOB_FAILED, /* there is no process, or only a planned one */
    JOB_RUNS,   /* until the deadline */
    JOB_KILLED, /* SIGKILL is sent; until it dies or patience ends */
    JOB_EXITED, /* its output is read to the end */
    JOB_GONE,   /* 'done' was called or shall not be */
};

struct ol_job {
    struct ol_loop *loop;
    void (*done)(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err);
    void *ctx;
    struct ol_timer timer;
    enum job_state state;
    int status;
    bool is_timed_out;
    pid_t pid;
    uv_signal_t death; /* SIGCHLD, whose ever it is */
    uv_pipe_t in, out, err;
    uv_write_t write;
    char *input;
    size_t input_size;
    unsigned n_open; /* handles that libuv has not given back */
    unsigned n_ends; /* of stdout and stderr: how many are still open */
    struct ol_buf captured, complaints;
    char chunk[CHUNK];
};

static void forget_input(struct ol_job *j)
{
    if (j->input)
        explicit_bzero(j->input, j->input_size);
    free(j->input);
    j->input = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct ol_job *j = handle->data;

    if (--j->n_open)
        return;
    forget_input(j);
    ol_buf_done(&j->captured);
    ol_buf_done(&j->complaints);
    free(j);
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->data && !uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_pipes(struct ol_job *j)
{
    close_handle((uv_handle_t *)&j->in);
    close_handle((uv_handle_t *)&j->out);
    close_handle((uv_handle_t *)&j->err);
}

static void kill_group(struct ol_job *j)
{
    if (j->state == JOB_RUNS || j->state == JOB_KILLED)
        kill(-j->pid, SIGKILL);
}

/* Hands the result over. A process that still lives stays ours to reap, but holds up nothing. */
static void finish(struct ol_job *j)
{
    bool is_alive = j->state == JOB_RUNS || j->state == JOB_KILLED;
    int status = j->is_timed_out ? -ETIMEDOUT : j->status;

    j->state = JOB_GONE;
    ol_timer_done(&j->timer);
    if (j->done)
        j->done(j->ctx, status, &j->captured, &j->complaints);
    close_pipes(j);
    if (is_alive)
        uv_unref((uv_handle_t *)&j->death);
    else
        close_handle((uv_handle_t *)&j->death);
}

static void on_timer(void *ctx)
{
    struct ol_job *j = ctx;

    if (j->state != JOB_RUNS) {
        finish(j);
        return;
    }
    j->is_timed_out = true;
    kill_group(j);
    j->state = JOB_KILLED;
    ol_timer_set(&j->timer, patience);
}

static void on_death(uv_signal_t *handle, int signal)
{
    struct ol_job *j = handle->data;
    int status;

    if (waitpid(j->pid, &status, WNOHANG) != j->pid)
        return;
    if (j->state == JOB_GONE) {
        close_handle((uv_handle_t *)handle);
        return;
    }
    uv_signal_stop(handle);
    j->state = JOB_EXITED;
    j->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (j->n_ends)
        ol_timer_set(&j->timer, rest_of_output);
    else
        finish(j);
}

static void lend_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct ol_job *j = handle->data;

    *buf = uv_buf_init(j->chunk, sizeof(j->chunk));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct ol_job *j = stream->data;
    struct ol_buf *to = stream == (uv_stream_t *)&j->out ? &j->captured : &j->complaints;
    size_t left = to->max - to->len;

    if (n > 0) {
        ol_buf_add(to, buf->base, (size_t)n < left ? (size_t)n : left);
        return;
    }
    if (n == 0)
        return;
    close_handle((uv_handle_t *)stream);
    j->n_ends--;
    if (j->n_ends == 0 && j->state == JOB_EXITED)
        finish(j);
}

static void on_input_written(uv_write_t *write, int status)
{
    struct ol_job *j = write->handle->data;

    forget_input(j);
    close_handle((uv_handle_t *)&j->in);
}

/* A pipe whose one end is a handle of ours; *ret_theirs is the other. */
static int open_pipe(struct ol_job *j, uv_pipe_t *pipe, bool is_input, int *ret_theirs)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    uv_pipe_init(j->loop->uv, pipe, 0);
    pipe->data = j;
    j->n_open++;
    *ret_theirs = ends[!is_input];
    return uv_pipe_open(pipe, ends[is_input]);
}

static void start_streams(struct ol_job *j)
{
    uv_buf_t input = uv_buf_init(j->input, (unsigned)j->input_size);

    j->n_ends = 2;
    uv_read_start((uv_stream_t *)&j->out, lend_chunk, on_output);
    uv_read_start((uv_stream_t *)&j->err, lend_chunk, on_output);
    if (j->input && uv_write(&j->write, (uv_stream_t *)&j->in, &input, 1, on_input_written) < 0)
        close_handle((uv_handle_t *)&j->in);
}

struct start {
    const char *file;
    char *const *argv;
    int in, out, err;
    pid_t parent;
};

/* In the child, on our memory. It dies with us: else a mkfs of ours could still write when our
 * successor begins with the same disk. */
static int child_main(const void *ctx)
{
    const struct start *s = ctx;

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != s->parent)
        return ECANCELED;
    if (dup2(s->in, STDIN_FILENO) >= 0 && dup2(s->out, STDOUT_FILENO) >= 0
        && dup2(s->err, STDERR_FILENO) >= 0)
        execvp(s->file, s->argv);
    return errno;
}

static int spawn(struct ol_job *j, const struct ol_job_options *o)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    ol_autoclose int in = -1, out = -1, err = -1;
    struct start start;
    int r;

    if (o->is_function)
        ol_strv_add(&argv, marker);
    ol_strv_add_all(&argv, o->argv);
    if (j->input)
        r = open_pipe(j, &j->in, true, &in);
    else
        r = (in = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0 ? -errno : 0;
    if (r == 0)
        r = open_pipe(j, &j->out, false, &out);
    if (r == 0)
        r = open_pipe(j, &j->err, false, &err);
    if (r < 0)
        return r;
    start = (struct start){.file = o->is_function ? "/proc/self/exe" : argv.v[0],
                           .argv = argv.v,
                           .in = in,
                           .out = out,
                           .err = err,
                           .parent = getpid()};
    uv_signal_start(&j->death, on_death, SIGCHLD);
    return ol_vfork_exec(child_main, &start, &j->pid);
}

static bool is_wanted(struct ol_loop *loop, const struct ol_job_options *o)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
    ol_autofree char *object = NULL;

    ol_strv_add_all(&words, o->argv);
    object = ol_strv_join(&words, " ");
    return ol_change(loop->env, "run", object);
}

struct ol_job *ol_job_start(struct ol_loop *loop, const struct ol_job_options *o)
{
    struct ol_job *j = ol_xcalloc(1, sizeof(*j));
    size_t out_max = o->out_max ? o->out_max : OUT_MAX;

    j->loop = loop;
    j->done = o->done;
    j->ctx = o->ctx;
    if (o->in) {
        j->input = ol_xcalloc(1, o->in_size + 1);
        j->input_size = o->in_size;
        memcpy(j->input, o->in, o->in_size);
    }
    ol_buf_init(&j->captured, out_max);
    ol_buf_init(&j->complaints, out_max);
    ol_timer_init(&j->timer, loop, on_timer, j);
    uv_signal_init(loop->uv, &j->death);
    j->death.data = j;
    j->n_open++;
    if (!is_wanted(loop, o) || (j->status = spawn(j, o)) < 0) {
        ol_timer_set(&j->timer, 0);
        return j;
    }
    j->state = JOB_RUNS;
    start_streams(j);
    ol_timer_set(&j->timer, o->timeout);
    return j;
}

void ol_job_cancel(struct ol_job *j)
{
    kill_group(j);
    j->done = NULL;
    finish(j);
}

void ol_job_main(const struct ol_job_function *functions, int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[0], marker) != 0)
        return;
    for (; functions->name; functions++)
        if (!strcmp(functions->name, argv[1]))
            exit(functions->run(argc - 1, argv + 1));
    fprintf(stderr, "no job is called '%s'\n", argv[1]);
    exit(127);
}
