/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "guest/module/hostname-set.h"
#include "guest/module/module.h"

/* Which files get the name; rules of cloud-init 26.2 distros.Distro.update_hostname(). */
struct update {
    bool is_users;    /* somebody else changed the name: leave everything alone */
    bool is_recorded; /* data/previous-hostname is to be written */
    bool is_system;   /* the system's file is to be written */
};

static bool is_same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

/* 'previous' is what we wrote last and 'system' what the system's file says; NULL = nothing. */
static struct update decide(const char *previous, const char *system, const char *wanted)
{
    return (struct update){
        .is_users = previous && system && strcmp(previous, system) != 0,
        .is_recorded = !is_same(previous, wanted),
        .is_system = !system || (is_same(system, previous) && strcmp(system, wanted) != 0),
    };
}

static void write_name(struct guest *g, const char *path, const char *name,
                       const struct hostname_policy *policy)
{
    struct ol_err err = OL_ERR_INIT;

    if (hostname_write(g, path, name, policy, &err) < 0)
        ol_warn(g->env, "Failed to write hostname %s to %s: %s", name, path, ol_err_text(&err));
}

static void update(struct guest *g, const struct guest_hostname *name,
                   const struct hostname_policy *policy)
{
    const char *record = guest_cloud_path(g, "data/previous-hostname");
    const char *file = hostname_file(g);
    const char *wanted = hostname_select(name, policy);
    struct update u = decide(hostname_read(g, record), hostname_read(g, file), wanted);

    if (u.is_users) {
        ol_info(g->env, "%s differs from %s, assuming user maintained hostname.", record, file);
        return;
    }
    ol_debug(g->env, "Attempting to update hostname to %s in %d files", wanted,
             u.is_recorded + u.is_system);
    if (u.is_recorded)
        write_name(g, record, wanted, policy);
    if (!u.is_system)
        return;
    write_name(g, file, wanted, policy);
    hostname_apply(g, name->hostname);
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    struct hostname_policy policy = hostname_policy_of(g, call->cfg);
    struct guest_hostname name;

    if (policy.is_preserved) {
        ol_debug(g->env,
                 "Configuration option 'preserve_hostname' is set,"
                 " not updating the hostname in module %s",
                 call->name);
        return 0;
    }
    guest_get_hostname(g, call->cfg, 0, &name);
    if (name.is_default && !strcmp(name.hostname, "localhost")) {
        ol_debug(g->env, "Hostname is localhost. Let other services handle this.");
        return 0;
    }
    ol_debug(g->env, "Updating hostname to %s (%s)", name.fqdn, name.hostname);
    update(g, &name, &policy);
    return 0;
}

const struct module module_update_hostname = {
    .name = "update_hostname",
    .frequency = FREQ_ALWAYS,
    .run = run,
};
