/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver/job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"
#include "volume/driver/job-internal.h"

enum { INPUT_MAX = 64 << 10, WORDS_MAX = 2 << 10, FIRST_ARGUMENT = 5 };

static const struct {
    const char *name;
    int (*run)(struct job *j, struct ol_err *err);
    bool is_new; /* the record is the input */
} verbs[] = {
    {"create", job_create, true},
    {"delete", job_delete, false},
    {"expand", job_expand, false},
    {"modify", job_modify, false},
    {"attach", job_attach, false},
    {"stage", job_stage, false},
    {"stage-block", job_stage_block, false},
    {"unstage", job_unstage, false},
    {"publish", job_publish, false},
    {"publish-block", job_publish_block, false},
    {"unpublish", job_unpublish, false},
    {"grow", job_grow, false},
    {"stats", job_stats, false},
};

int job_save(struct job *j, struct ol_err *err)
{
    return driver_record_save(j->env, j->state_dir, &j->record, err);
}

struct program {
    const char *const *argv;
    int null, out;
    pid_t parent;
};

static int child_main(const void *ctx)
{
    const struct program *p = ctx;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != p->parent)
        return ECANCELED;
    if (dup2(p->null, STDIN_FILENO) >= 0 && dup2(p->out, STDOUT_FILENO) >= 0
        && dup2(p->out, STDERR_FILENO) >= 0)
        execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
    return errno;
}

static void read_words(int fd, struct ol_buf *to)
{
    char chunk[512];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
        size_t left = to->max - to->len;

        if (n > 0)
            ol_buf_add(to, chunk, (size_t)n < left ? (size_t)n : left);
    }
}

int job_run(struct job *j, const char *const *argv, struct ol_buf *ret_out, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf unwanted = OL_BUF_INIT(WORDS_MAX);
    ol_autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC), in = -1, out = -1;
    struct program p = {.argv = argv, .null = null, .parent = getpid()};
    int ends[2], r, status = 0;
    pid_t pid;

    if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return ol_err_set(err, errno, "%s: %s", argv[0], strerror(errno));
    in = ends[0];
    out = p.out = ends[1];
    if (!ol_change(j->env, "run", argv[0]))
        return 0;
    r = ol_vfork_exec(child_main, &p, &pid);
    if (r == -ENOENT)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "there is no program %s here",
                           argv[0]);
    if (r < 0)
        return ol_err_set(err, -r, "%s: %s", argv[0], strerror(-r));
    close(ol_take_fd(&out));
    read_words(in, ret_out ? ret_out : &unwanted);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int read_input(struct ol_buf *to, struct ol_err *err)
{
    read_words(STDIN_FILENO, to);
    if (ol_buf_status(to) < 0 || to->len == to->max)
        return ol_err_set(err, EFBIG, "the job's input is too large");
    return 0;
}

static int run_verb(struct job *j, size_t verb, const char *id, struct ol_err *err)
{
    int r = read_input(&j->input, err);

    if (r == 0 && verbs[verb].is_new)
        r = driver_record_read(j->input.data, j->input.len, &j->record, err);
    else if (r == 0)
        r = driver_record_load(j->env, j->state_dir, id, &j->record, err);
    if (r < 0)
        return r;
    j->data = driver_data_path(j->state_dir, j->record.id);
    return verbs[verb].run(j, err);
}

static int finish(const struct job *j, int r, const struct ol_err *err)
{
    printf("changes %lu\n", j->env->n_changes);
    if (r < 0) {
        fprintf(stderr, "%s", ol_err_text(err));
        return DRIVER_STATUS + (int)driver_code(err);
    }
    for (size_t i = 0; i < j->n_results; i++)
        printf("%" PRId64 "\n", j->results[i]);
    return 0;
}

int driver_job(int argc, char **argv)
{
    struct ol_env env;
    struct job j = {.env = &env, .input = OL_BUF_INIT(INPUT_MAX)};
    struct ol_err err = OL_ERR_INIT;
    uint64_t kill_at = 0;
    int r = -EINVAL;

    if (argc < FIRST_ARGUMENT || argc > FIRST_ARGUMENT + JOB_ARGUMENTS
        || ol_parse_u64(argv[4], 10, &kill_at) < 0 || ol_env_init(&env, "/", &err) < 0)
        return OL_GRPC_INTERNAL;
    /* Directories of volumes get the modes that are asked for. */
    umask(0);
    env.kill_at = kill_at;
    j.state_dir = argv[2];
    for (int i = 0; i < JOB_ARGUMENTS; i++)
        j.args[i] = FIRST_ARGUMENT + i < argc ? argv[FIRST_ARGUMENT + i] : "";
    for (size_t i = 0; i < ol_count(verbs); i++)
        if (!strcmp(verbs[i].name, argv[1]))
            r = run_verb(&j, i, argv[3], &err);
    r = finish(&j, r, &err);
    free(j.data);
    ol_buf_done(&j.input);
    ol_env_done(&env);
    return r;
}
