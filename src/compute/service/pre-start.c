/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/pre-start.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "compute/base/privileged.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"

enum { UNIT_TRIES = 20, LIBVIRT_SECONDS = 300 };

ol_time pre_start_delay(unsigned attempt)
{
    return (1 + 2 * (ol_time)((attempt - 1) / 2)) * OL_SECOND;
}

int pre_start_nbd(struct ol_env *env, const struct compute_config *c, struct ol_err *err)
{
    static const char *const argv[] = {"modprobe", "nbd", NULL};
    int r;

    if (ol_exists(env, "/run/container_type") || ol_exists(env, "/run/systemd/container")) {
        ol_info(env, "This is a container: the module nbd is its host's business");
        return 0;
    }
    r = privileged_run(c->privileged, env, argv, err);
    return r < 0 ? ol_err_prefix(err, r, "to load the module nbd") : 0;
}

static bool takes_connections(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    ol_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(to.sun_path, path, strlen(path) + 1);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) >= 0;
}

int pre_start_libvirt(struct ol_env *env, struct ol_err *err)
{
    /* The second is that of the modular daemons. */
    static const char *const sockets[] = {"/run/libvirt/libvirt-sock",
                                          "/run/libvirt/virtqemud-sock"};
    ol_time start = ol_now_boot(env);

    for (bool is_told = false;; is_told = true) {
        for (size_t i = 0; i < ol_count(sockets); i++)
            if (takes_connections(sockets[i]))
                return 0;
        if (!is_told)
            ol_info(env, "Waiting for libvirt");
        if (ol_now_boot(env) - start > LIBVIRT_SECONDS * OL_SECOND)
            return ol_err_set(err, ETIMEDOUT, "libvirt did not start: nothing listens on %s or %s",
                              sockets[0], sockets[1]);
        env->clock->sleep(env->clock->ctx, OL_SECOND);
    }
}

/* Exit status of "systemctl VERB UNIT", or of "service UNIT VERB" where there is no systemctl. */
static int manage(struct ol_env *env, const char *verb, const char *unit)
{
    const char *const systemd[] = {"systemctl", "--quiet", verb, unit, NULL};
    const char *const sysv[] = {"service", unit, strcmp(verb, "start") ? "status" : "start", NULL};
    struct ol_spawn spawn = {.argv = systemd, .timeout = 60 * OL_SECOND};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    int r = ol_spawn_run(env, &spawn, &result, NULL);

    if (r == -ENOENT) {
        spawn.argv = sysv;
        r = ol_spawn_run(env, &spawn, &result, NULL);
    }
    return r < 0 ? r : result.status;
}

void pre_start_unit(struct ol_env *env, const char *unit)
{
    for (unsigned attempt = 1; attempt <= UNIT_TRIES; attempt++) {
        ol_time delay = pre_start_delay(attempt);

        if (!manage(env, "is-active", unit))
            return;
        ol_info(env, "Attempting to start %s", unit);
        if (manage(env, "start", unit))
            ol_debug(env, "%s does not start", unit);
        ol_info(env, "Recheck %s in %lds", unit, (long)(delay / OL_SECOND));
        env->clock->sleep(env->clock->ctx, delay);
    }
    ol_warn(env, "Max retries (%d) reached - no longer waiting for %s", UNIT_TRIES, unit);
}
