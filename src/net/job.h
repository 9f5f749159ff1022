/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "net/loop.h"

/*
 * Work that can hang (mount, umount, stat on a dead server, mkfs) in a process of its own with a
 * deadline. Either another program, or a function of ours: then our own binary is started anew,
 * since after a fork in a threaded process nothing but exec is safe.
 *
 * A process that survives SIGKILL because the kernel holds it (a dead NFS server) is given up:
 * 'done' is called with -ETIMEDOUT all the same, and the process is reaped whenever it ends. A job
 * dies with the process that started it. It runs on the machine itself, whatever env's root is.
 */
struct ol_job;

/* What a program can do for itself in a job, "mount" …; the table of the whole program. */
struct ol_job_function {
    const char *name; /* NULL ends a table */
    /* argv[0] is the name. Exit status; what it prints on stderr is the sentence of the error. */
    int (*run)(int argc, char **argv);
};

struct ol_job_options {
    const char *const *argv; /* NULL-terminated: a program looked for in PATH; copied */
    bool is_function;        /* argv[0] names one of our functions instead */
    const void *in;          /* standard input (may be secret); copied; NULL = /dev/null */
    size_t in_size;
    ol_time timeout; /* > 0; then the process group is killed */
    size_t out_max;  /* of stdout and stderr each, rest dropped; 0 = 64 KiB */
    /* status: exit status >= 0 (128 + signal when one ended it); or -ETIMEDOUT, -ENOENT no such
     * program, -errno. out and err are borrowed, NUL-terminated. Called once, never from within
     * ol_job_start(); the job is gone then. */
    void (*done)(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err);
    void *ctx;
};

/* Starting counts as a change (ol_change) named by argv. */
struct ol_job *ol_job_start(struct ol_loop *loop, const struct ol_job_options *options);
/* Kills it; 'done' is not called any more. */
void ol_job_cancel(struct ol_job *job);

/* The first statement of main(): runs the function and exits when this process was started as such
 * a job; returns otherwise. */
void ol_job_main(const struct ol_job_function *functions, int argc, char **argv);
