/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/clock.h"
#include "core/err.h"
#include "core/log.h"

/*
 * Everything through which code reaches the world: the tree below which all files are
 * opened, the clock, the starting of processes, HTTP, the log, and the counter of
 * outside changes. Tests inject each of them; nothing else in the program touches the
 * machine.
 */
struct ol_exec;
struct ol_http;

struct ol_env {
    int root_fd;      /* O_PATH directory; every path is resolved below it */
    const char *root; /* the same for messages and children, "/" on a real machine */
    unsigned resolve; /* enum ol_resolve_flag of every path that is opened; 0 on a real machine */
    const struct ol_clock *clock;
    const struct ol_exec *exec; /* core/spawn.h */
    const struct ol_http *http; /* core/http.h; NULL = no network allowed */
    struct ol_log *log;         /* NULL = silent */
    /* The tree is that of the running machine: services may be restarted, file systems mounted.
     * ol_env_init() says so of "/" only; below another root that would hit whoever works on it. */
    bool is_live;

    /* Outside changes. Each one passes ol_change() before it is made. */
    unsigned long n_changes; /* made so far */
    unsigned long kill_at;   /* SIGKILL to ourselves instead of making this one; 0 = never */
    bool is_dry_run;         /* changes are told to 'plan' instead of being made */
    void (*plan)(void *ctx, const char *verb, const char *object);
    void *plan_ctx;

    void *test; /* for a test's own doubles */
};

/* Opens 'root' and fills in the real clock, exec and no HTTP. -errno when it is not a directory. */
int ol_env_init(struct ol_env *env, const char *root, struct ol_err *err)
    __attribute__((warn_unused_result));
void ol_env_done(struct ol_env *env);
/* True when the tree is the machine's own "/". */
bool ol_env_is_host(const struct ol_env *env);

/*
 * To be asked before every change of something outside the process: open for writing,
 * rename, link, mkdir, unlink, chmod, mount, a child, netlink, send. True = make it;
 * false = this is a dry run, count it as made. 'verb' and 'object' name it ("write",
 * "/etc/hostname"); they never hold a secret.
 */
bool ol_change(struct ol_env *env, const char *verb, const char *object)
    __attribute__((warn_unused_result));

/* Sets kill_at from $ORLOP_KILL_AT, which a test of crashes sets. */
void ol_env_arm_kill(struct ol_env *env);

/* Shorthands. */
ol_time ol_now_wall(const struct ol_env *env);
ol_time ol_now_boot(const struct ol_env *env);
