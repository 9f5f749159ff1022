/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/debugger.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"

static bool is_traced(struct ol_env *env)
{
    ol_autofree char *status = ol_file_read_line(env, "/proc/self/status");
    const char *tracer = status ? strstr(status, "TracerPid:\t") : NULL;

    return tracer && tracer[strlen("TracerPid:\t")] != '0';
}

void debugger_wait(struct ol_env *env, const struct compute_config *c)
{
    const struct timespec moment = {.tv_nsec = 200 * 1000 * 1000};
    sigset_t cont, old;

    if (!c->remote_debug_host || !c->remote_debug_port)
        return;
    ol_warn(env,
            "Waiting for a debugger, as [remote_debug] asks: attach one on this host to process "
            "%d (gdbserver --attach %s:%ld %d), or send it SIGCONT",
            (int)getpid(), c->remote_debug_host, (long)c->remote_debug_port, (int)getpid());
    sigemptyset(&cont);
    sigaddset(&cont, SIGCONT);
    sigprocmask(SIG_BLOCK, &cont, &old);
    while (!is_traced(env))
        if (sigtimedwait(&cont, NULL, &moment) == SIGCONT)
            break;
    sigprocmask(SIG_SETMASK, &old, NULL);
    ol_info(env, "Going on with the start");
}
