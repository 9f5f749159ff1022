/* SPDX-License-Identifier: Apache-2.0 */
#include "core/env.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/num.h"
#include "core/spawn.h"

int ol_env_init(struct ol_env *env, const char *root, struct ol_err *err)
{
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return ol_err_set(err, errno, "root '%s': %s", root, strerror(errno));
    *env = (struct ol_env){
        .root_fd = fd,
        .root = root,
        .clock = &ol_clock_real,
        .exec = &ol_exec_real,
        .is_live = !strcmp(root, "/"),
    };
    return 0;
}

void ol_env_done(struct ol_env *env)
{
    if (env->root_fd >= 0)
        close(env->root_fd);
    env->root_fd = -1;
}

bool ol_env_is_host(const struct ol_env *env)
{
    return !strcmp(env->root, "/");
}

bool ol_change(struct ol_env *env, const char *verb, const char *object)
{
    /* Task threads of the host agent share one environment. */
    unsigned long n = __atomic_add_fetch(&env->n_changes, 1, __ATOMIC_RELAXED);

    if (env->is_dry_run) {
        if (env->plan)
            env->plan(env->plan_ctx, verb, object);
        return false;
    }
    if (env->kill_at && n == env->kill_at) {
        kill(getpid(), SIGKILL);
        pause(); /* SIGKILL is on its way */
    }
    return true;
}

void ol_env_arm_kill(struct ol_env *env)
{
    const char *text = getenv("ORLOP_KILL_AT");
    uint64_t number;

    if (text && ol_parse_u64(text, 10, &number) == 0)
        env->kill_at = number;
}

ol_time ol_now_wall(const struct ol_env *env)
{
    return env->clock->wall(env->clock->ctx);
}

ol_time ol_now_boot(const struct ol_env *env)
{
    return env->clock->boot(env->clock->ctx);
}
