/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/userdb.h"

enum { SETTLE_MS = 200 }; /* how long commands get to take the last output */

/* One place that output goes to. */
struct target {
    int fd;    /* to be written to */
    pid_t pid; /* the command behind it, 0 = a file */
};

struct output {
    int saved_out, saved_err;
    struct target out, err;
    bool is_closed;
};

/* A bare text is a file to append to; "> f", ">> f" and "| cmd" get one blank. */
static const char *normalized(struct ol_arena *a, const char *text)
{
    static const char *const markers[] = {">>", ">", "|"};
    size_t len;

    text = ol_str_strip(text, strlen(text), &len);
    for (size_t i = 0; len && i < ol_count(markers); i++) {
        size_t marker_len = strlen(markers[i]), rest_len;
        const char *rest;

        if (len < marker_len || strncmp(text, markers[i], marker_len))
            continue;
        rest = ol_str_strip(text + marker_len, len - marker_len, &rest_len);
        return ol_arena_printf(a, "%s %.*s", markers[i], (int)rest_len, rest);
    }
    return len ? ol_arena_printf(a, ">> %.*s", (int)len, text) : NULL;
}

static const char *text_of(const struct ol_val *v)
{
    return ol_val_str(v) && *ol_val_str(v) ? ol_val_str(v) : NULL;
}

struct output_plan output_decide(struct ol_arena *a, const struct ol_val *cfg, const char *mode)
{
    const struct ol_val *all = ol_val_get(cfg, "output");
    const struct ol_val *of_mode = mode ? ol_val_get(all, mode) : NULL;
    struct output_plan plan = {NULL, NULL};

    if (!of_mode)
        of_mode = ol_val_get(all, "all");
    if (ol_val_is(of_mode, OL_VAL_LIST)) {
        plan.out = text_of(ol_val_item(of_mode, 0));
        plan.err = text_of(ol_val_item(of_mode, 1));
    } else if (ol_val_is(of_mode, OL_VAL_MAP)) {
        plan.out = text_of(ol_val_get(of_mode, "output"));
        plan.err = text_of(ol_val_get(of_mode, "error"));
    } else {
        plan.out = plan.err = text_of(of_mode);
    }
    if (plan.err && !strcmp(plan.err, "&1"))
        plan.err = plan.out;
    plan.out = plan.out ? normalized(a, plan.out) : NULL;
    plan.err = plan.err ? normalized(a, plan.err) : NULL;
    return plan;
}

static int open_file(struct guest *g, const char *path, int how, struct target *ret,
                     struct ol_err *err)
{
    int fd = ol_open(g->env, path, O_WRONLY | O_CREAT | O_NOCTTY | how, 0644);

    if (fd < 0)
        return ol_err_set(err, -fd, "output to '%s': %s", path, strerror(-fd));
    *ret = (struct target){.fd = fd};
    return 0;
}

struct command {
    const struct ol_env *env;
    const char *text;
    int in;
    gid_t adm; /* -1 = there is none */
};

/* The user's own command line, which is a shell's by its definition. Runs in the child, on our
 * memory. Files that it makes are root:adm 0640, as upstream arranges by umask and group. */
static int exec_command(const void *ctx)
{
    const struct command *c = ctx;

    umask(037);
    /* setgid(2) itself: the library's would tell all threads of the process, which is ours. */
    if ((c->adm == (gid_t)-1 || syscall(SYS_setgid, c->adm) == 0) && dup2(c->in, STDIN_FILENO) >= 0
        && (ol_env_is_host(c->env) || (fchdir(c->env->root_fd) == 0 && chroot(".") == 0)))
        execl("/bin/sh", "sh", "-c", c->text, (char *)NULL);
    return errno;
}

static int open_command(struct guest *g, const char *command, struct target *ret,
                        struct ol_err *err)
{
    ol_autoclose int in = -1, out = -1;
    gid_t adm = (gid_t)-1;
    int ends[2], r;
    pid_t pid = 0;

    if (!ol_change(g->env, "run", "output command"))
        return open_file(g, "/dev/null", 0, ret, err);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return ol_err_set(err, errno, "output to '%s': %s", command, strerror(errno));
    in = ends[0];
    out = ends[1];
    if (userdb_group(g->env, "adm", &adm) < 0)
        adm = (gid_t)-1;
    r = ol_vfork_exec(exec_command, &(struct command){g->env, command, in, adm}, &pid);
    if (r < 0)
        return ol_err_set(err, -r, "output to '%s': %s", command, strerror(-r));
    *ret = (struct target){.fd = ol_take_fd(&out), .pid = pid};
    return 0;
}

static int open_target(struct guest *g, const char *format, struct target *ret, struct ol_err *err)
{
    if (ol_str_starts(format, "| "))
        return open_command(g, format + 2, ret, err);
    if (ol_str_starts(format, ">> "))
        return open_file(g, format + 3, O_APPEND, ret, err);
    return open_file(g, format + 2, O_TRUNC, ret, err);
}

static void target_done(struct target *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

static void settle(const struct target *t)
{
    struct pollfd p = {.events = POLLIN};

    if (!t->pid)
        return;
    p.fd = (int)syscall(SYS_pidfd_open, t->pid, 0);
    if (p.fd < 0)
        return;
    if (poll(&p, 1, SETTLE_MS) > 0)
        waitpid(t->pid, NULL, 0);
    close(p.fd);
}

void output_close(struct guest *g, struct output *o)
{
    if (!o || o->is_closed)
        return;
    o->is_closed = true;
    fflush(stdout);
    fflush(stderr);
    if (dup2(o->saved_out, STDOUT_FILENO) < 0 || dup2(o->saved_err, STDERR_FILENO) < 0)
        ol_warn(g->env, "Failed to restore stdout and stderr: %s", strerror(errno));
    close(o->saved_out);
    close(o->saved_err);
    target_done(&o->out);
    target_done(&o->err);
}

void output_restore(struct guest *g, struct output *o)
{
    if (!o)
        return;
    output_close(g, o);
    settle(&o->out);
    settle(&o->err);
    free(o);
}

struct output *output_redirect(struct guest *g, const struct output_plan *plan, struct ol_err *err)
{
    bool is_shared = plan->out && plan->err && !strcmp(plan->out, plan->err);
    struct output *o;
    int r = 0;

    if ((!plan->out && !plan->err) || g->env->is_dry_run)
        return NULL;
    o = ol_xcalloc(1, sizeof(*o));
    o->saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    o->saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    o->out.fd = o->err.fd = -1;
    fflush(stdout);
    if (plan->out)
        r = open_target(g, plan->out, &o->out, err);
    if (r == 0 && plan->err && !is_shared)
        r = open_target(g, plan->err, &o->err, err);
    if (r == 0 && o->out.fd >= 0 && dup2(o->out.fd, STDOUT_FILENO) < 0)
        r = ol_err_set(err, errno, "redirect stdout: %s", strerror(errno));
    if (r == 0 && plan->err && dup2(is_shared ? o->out.fd : o->err.fd, STDERR_FILENO) < 0)
        r = ol_err_set(err, errno, "redirect stderr: %s", strerror(errno));
    if (r == 0)
        return o;
    output_restore(g, o);
    return NULL;
}

void output_close_stdin(struct ol_env *env)
{
    const char *save = getenv("_CLOUD_INIT_SAVE_STDIN");
    const struct ol_val text = {.type = OL_VAL_STR,
                                .str = {.data = save ? save : "", .len = save ? strlen(save) : 0}};
    ol_autoclose int fd = -1;

    if (cfg_is_true(&text) || isatty(STDIN_FILENO))
        return;
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        ol_debug(env, "Failed to close stdin: %s", strerror(errno));
}
