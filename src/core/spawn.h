/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/env.h"

/*
 * Child processes. Only argv arrays, never a command line for a shell; standard input is
 * given bytes or /dev/null; the child is the leader of its own process group, which is
 * killed as a whole at the deadline. When env's root is not "/", the child runs chrooted
 * into it. No descriptor of ours reaches the child.
 *
 * Secrets go through 'in', never through argv.
 */

/* Bits of ol_spawn.flags */
enum ol_spawn_flag {
    OL_SPAWN_INHERIT = 1 << 0,   /* stdout and stderr are ours; nothing is captured */
    OL_SPAWN_MERGE_ERR = 1 << 1, /* stderr is captured together with stdout, in order */
    OL_SPAWN_SECRET = 1 << 2,    /* argv[1..] is not logged */
    /* Killed when we end, and with our process group instead of having one: for jobs
     * (net/job.h), which are killed so when they hang. Needs no timeout. */
    OL_SPAWN_BOUND = 1 << 3,
};

struct ol_spawn {
    const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
    const char *const *env;  /* "NAME=value" in or instead of our environment; NULL = none */
    const void *in;          /* standard input; NULL = /dev/null */
    size_t in_size;
    size_t out_max;  /* captured of each of stdout and stderr at most, rest dropped; 0 = 1 MiB */
    ol_time timeout; /* 0 = none */
    unsigned flags;  /* enum ol_spawn_flag */
};

struct ol_spawn_result {
    int status; /* exit status; 128 + signal when a signal ended it (as a shell says it) */
    int signal; /* that signal, or 0 */
    struct ol_buf out, err;
};

struct ol_child;

/* What a process of ours does after we have ended. */
struct ol_afterwards {
    int (*run)(struct ol_env *env, void *ctx); /* the exit status */
    void *ctx;
};

struct ol_exec {
    /* As ol_spawn_start() and ol_spawn_wait() below. */
    int (*start)(struct ol_env *env, const struct ol_spawn *spawn, struct ol_child **ret,
                 struct ol_err *err);
    int (*wait)(struct ol_env *env, struct ol_child *child, struct ol_spawn_result *ret,
                struct ol_err *err);
    /* As ol_after_exit() below. */
    int (*after_exit)(struct ol_env *env, ol_time patience, const struct ol_afterwards *then,
                      struct ol_err *err);
};

extern const struct ol_exec ol_exec_real;

#define OL_SPAWN_RESULT_INIT                                                                       \
    {                                                                                              \
        .status = 0, .signal = 0, .out = OL_BUF_INIT(1 << 20), .err = OL_BUF_INIT(1 << 20)         \
    }
void ol_spawn_result_done(struct ol_spawn_result *r);

/* Starts a child that runs beside us; 'in' and argv are copied as needed.
 * -ENOENT there is no such program; -errno otherwise. */
int ol_spawn_start(struct ol_env *env, const struct ol_spawn *spawn, struct ol_child **ret,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* Waits for its end, or for its deadline: then -ETIMEDOUT and the group is dead. Releases the
 * child in any case. An exit status other than 0 is no error of this call. */
int ol_spawn_wait(struct ol_env *env, struct ol_child *child, struct ol_spawn_result *ret,
                  struct ol_err *err) __attribute__((warn_unused_result));
/* Start and wait. */
int ol_spawn_run(struct ol_env *env, const struct ol_spawn *spawn, struct ol_spawn_result *ret,
                 struct ol_err *err) __attribute__((warn_unused_result));

/*
 * The bare start of a program, for who arranges its descriptors otherwise. 'child' runs in a new
 * process on our memory, so it only makes system calls: it execs, or returns the errno of what
 * failed. Copying our page tables for it would cost more than all else that starting does.
 * 0 with *ret_pid, for the caller to wait for, once it is the program; or -errno.
 */
int ol_vfork_exec(int (*child)(const void *ctx), const void *ctx, pid_t *ret_pid)
    __attribute__((warn_unused_result));

/*
 * Runs a tool that has to end with status 0; anything else is -EIO with a sentence that
 * names the command, its status and the start of its stderr (domain "ProcessExecutionError",
 * status = the exit status). 'ret_out' may be NULL.
 */
int ol_run(struct ol_env *env, const char *const *argv, struct ol_buf *ret_out, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The same with bytes for standard input (which may be secret). */
int ol_run_input(struct ol_env *env, const char *const *argv, const void *in, size_t in_size,
                 struct ol_err *err) __attribute__((warn_unused_result));

/*
 * Leaves a process behind that waits until this one has ended, but no longer than 'patience', and
 * then calls then->run() with a copy of our memory. Its standard streams are /dev/null; it is the
 * leader of its own session. Only on the machine's own tree: below another root nothing happens.
 */
int ol_after_exit(struct ol_env *env, ol_time patience, const struct ol_afterwards *then,
                  struct ol_err *err) __attribute__((warn_unused_result));
