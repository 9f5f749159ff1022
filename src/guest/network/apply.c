/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/apply.h"

#include <errno.h>

#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/cmdline.h"
#include "guest/distro/distro.h"
#include "guest/network/activate.h"
#include "guest/network/find-config.h"
#include "guest/network/install.h"
#include "guest/network/masked.h"
#include "guest/network/netlink.h"
#include "guest/network/rename.h"
#include "guest/network/update-event.h"

enum { SETTLE_TRIES = 5 };

static void scan(struct guest *g, struct nics *ret)
{
    nics_scan(g, ol_env_is_host(g->env) ? net_perm_mac : NULL, ret);
}

static void run_settle(struct guest *g, const char *name)
{
    const char *until = ol_arena_printf(g->arena, "--exit-if-exists=/sys/class/net/%s", name);
    const char *const argv[] = {"udevadm", "settle", name ? until : NULL, NULL};
    struct ol_err err = OL_ERR_INIT;

    if (ol_run(g->env, argv, NULL, &err) < 0)
        ol_warn(g->env, "udevadm failed to settle: %s", ol_err_text(&err));
}

/* Names that the kernel gave may be about to change. */
static void await_names(struct guest *g, struct nics *nics)
{
    ol_autofree char *udevadm = ol_which(g->env, "udevadm");

    if (!udevadm || strstr(guest_cmdline(g), "net.ifnames=0"))
        return;
    for (size_t i = 0; i < nics->n; i++) {
        if (nics->items[i].kind & (NIC_LOOPBACK | NIC_HAS_FINAL_NAME))
            continue;
        ol_debug(g->env, "Found unstable nic names: ['%s']; calling udevadm settle",
                 nics->items[i].name);
        run_settle(g, NULL);
        scan(g, nics);
        return;
    }
}

static const struct rename_want *first_missing(const struct nics *nics,
                                               const struct rename_wants *wants)
{
    for (size_t i = 0; i < wants->n; i++) {
        bool is_there = false;

        for (size_t k = 0; k < nics->n; k++) {
            const struct nic *nic = &nics->items[k];

            is_there = is_there || (nic->mac && !strcmp(nic->mac, wants->items[i].mac))
                       || (nic->perm_mac && !strcmp(nic->perm_mac, wants->items[i].mac));
        }
        if (!is_there)
            return &wants->items[i];
    }
    return NULL;
}

/* Upstream gives up without them; the others are worth a configuration all the same. */
static void await_nics(struct guest *g, struct nics *nics, const struct rename_wants *wants)
{
    ol_autofree char *udevadm = ol_which(g->env, "udevadm");
    const struct rename_want *missing = first_missing(nics, wants);

    for (int i = 0; missing && udevadm && i < SETTLE_TRIES; i++) {
        ol_debug(g->env, "net: waiting for expected net devices: {'%s'}", missing->mac);
        run_settle(g, missing->name);
        scan(g, nics);
        missing = first_missing(nics, wants);
    }
    if (missing)
        ol_warn(g->env, "Not all expected physical devices present: {'%s'}", missing->mac);
    else
        ol_debug(g->env, "net: all expected physical devices present");
}

static int rename_nics(struct guest *g, struct nics *nics, const struct rename_wants *wants,
                       struct ol_err *err)
{
    struct rename_plan plan = {0};
    int r = net_mark_addressed(nics, err);

    if (r >= 0)
        r = net_rename_plan(nics, wants, g->arena, &plan, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ol_val_count(plan.absent); i++)
        ol_warn(g->env, "Failed to rename devices: Failed to apply network config names: %s",
                ol_val_str(ol_val_item(plan.absent, i)));
    if (!plan.n) {
        ol_debug(g->env, "no work necessary for renaming");
        return 0;
    }
    r = net_rename_run(g->env, &plan, &net_rename_kernel, NULL, err);
    scan(g, nics);
    return r;
}

/* Sees to it that interfaces have the names that the configuration gives them. */
static void apply_names(struct guest *g, struct nics *nics, const struct ol_val *config)
{
    struct rename_wants wants;
    struct ol_err err = OL_ERR_INIT;

    net_rename_wants(config, g->arena, &wants);
    if (!wants.n) {
        ol_debug(g->env, "no interfaces to rename");
        return;
    }
    if (!ol_env_is_host(g->env)) {
        ol_debug(g->env, "interfaces keep their names: %s is not the machine's own root",
                 g->env->root);
        return;
    }
    if (rename_nics(g, nics, &wants, &err) < 0)
        ol_warn(g->env, "Failed to rename devices: Failed to apply network config names: %s",
                ol_err_text(&err));
}

/* instance/network-config.json, for people and for 'query', once there is an instance. */
static int keep_config(struct guest *g, const struct ol_val *config, struct ol_err *err)
{
    const char *path = guest_instance_path(g, "network-config.json");
    const char *link = guest_run_path(g, "network-config.json");
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(16 << 20), old = OL_BUF_INIT(16 << 20);
    int r;

    if (!ol_is_link(g->env, guest_cloud_path(g, "instance")))
        return 0;
    r = ol_json_dump(config, &ol_json_cloud_init, &text);
    if (r < 0)
        return ol_err_set(err, -r, "%s: the configuration cannot be written as JSON", path);
    ol_buf_addc(&text, '\n');
    if (ol_file_read(g->env, path, &old, NULL) < 0 || strcmp(old.data, text.data) != 0)
        r = ol_file_write_buf(g->env, path, &text, 0600, OL_WRITE_ATOMIC, err);
    if (r >= 0 && !ol_is_link(g->env, link))
        r = ol_symlink(g->env, path, link, err);
    return r < 0 ? r : 0;
}

static const char *semaphore_path(struct guest *g)
{
    return guest_run_path(g, "sem/apply_network_config.once");
}

static void take_semaphore(struct guest *g)
{
    const char *text = ol_arena_printf(g->arena, "%ld: %.7f\n", (long)getpid(),
                                       (double)ol_now_wall(g->env) / (double)OL_SECOND);
    struct ol_err err = OL_ERR_INIT;

    if (!ol_exists(g->env, semaphore_path(g))
        && ol_file_puts(g->env, semaphore_path(g), text, 0644, OL_WRITE_PARENTS, &err) < 0)
        ol_warn(g->env, "Failed writing semaphore file %s", ol_err_text(&err));
}

/* Only an MTU of a version 1 subnet is written in a way that depends on what netplan can do; to ask
 * it starts a Python. */
static bool needs_features(const struct ol_val *config)
{
    const struct ol_val *entries = ol_val_get(config, "config");

    for (size_t i = 0; i < ol_val_count(entries); i++) {
        const struct ol_val *subnets = ol_val_get(ol_val_item(entries, i), "subnets");

        for (size_t k = 0; k < ol_val_count(subnets); k++)
            if (ol_val_get(ol_val_item(subnets, k), "mtu"))
                return true;
    }
    return false;
}

static void log_notes(struct guest *g, const struct net_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        ol_log(g->env, notes->items[i].level, "%s", notes->items[i].text);
}

/* Renders and writes; the caller has seen to names and semaphore. */
static int write_config(struct guest *g, const struct nics *nics, const struct ol_val *config,
                        const struct net_renderer *renderer, struct ol_err *err)
{
    ol_autofree char *ip = ol_which(g->env, "ip"), *route = ol_which(g->env, "route");
    bool is_netplan = renderer == &net_renderer_netplan;
    struct net_notes notes = {0};
    struct net_files files = {0};
    struct net_render_args args = {
        .distro = g->distro ? g->distro->name : "debian",
        .has_route_tool_only = !ip && route,
        .notes = &notes,
    };
    struct ol_val *macs = NULL;
    bool is_changed = false;
    int r;

    if (nics_known_macs(g, nics, &macs, NULL) >= 0)
        args.known_macs = macs;
    if (is_netplan && needs_features(config))
        args.features = net_netplan_features(g);
    r = net_convert(config, renderer, &args, g->arena, &files, err);
    log_notes(g, &notes);
    if (r >= 0)
        r = net_install(g, &files, g->is_new_instance && g->ds.source ? NET_INSTALL_PURGE : 0,
                        &is_changed, err);
    if (r >= 0 && is_netplan && ol_env_is_host(g->env))
        net_netplan_refresh(g, nics, is_changed);
    return r;
}

static int apply_config(struct guest *g, struct nics *nics, const struct net_found *found,
                        unsigned flags, struct ol_err *err)
{
    bool bring_up = flags & NET_APPLY_BRING_UP;
    struct rename_wants wants;
    const struct net_renderer *renderer;
    const char *list = "";
    int r = keep_config(g, found->config, err);

    if (r < 0)
        return r;
    net_rename_wants(found->config, g->arena, &wants);
    await_nics(g, nics, &wants);
    apply_names(g, nics, found->config);
    ol_info(g->env, "Applying network configuration from %s bringup=%s: %s", found->source,
            bring_up ? "True" : "False", net_masked_repr(g->arena, found->config));
    take_semaphore(g);
    renderer = net_pick_renderer(g, &list);
    if (!renderer) {
        ol_error(g->env,
                 "Unable to render networking. Network config is likely broken: No available "
                 "network renderers found. Searched through list: %s",
                 list);
        return 0;
    }
    r = write_config(g, nics, found->config, renderer, err);
    if (r < 0)
        return r;
    if (bring_up)
        net_bring_up(g, found->config);
    else
        ol_debug(g->env, "Not bringing up newly configured network interfaces");
    return 0;
}

/* A boot of a known instance for which nobody asked. */
static bool is_only_names(struct guest *g)
{
    if (!g->ds.source || g->is_new_instance)
        return false;
    if (!ol_exists(g->env, semaphore_path(g)) && net_event_refreshes(g, "boot"))
        return false;
    return !net_event_refreshes(g, "boot-legacy");
}

int net_apply(struct guest *g, unsigned flags, struct ol_err *err)
{
    struct net_found found = {0};
    struct nics nics;
    int r;

    scan(g, &nics);
    r = net_find_config(g, &nics, &found, err);
    if (r >= 0 && !strcmp(found.source, "fallback")) {
        await_names(g, &nics);
        r = net_find_config(g, &nics, &found, err);
    }
    if (r < 0)
        return r;
    if (!found.config) {
        ol_info(g->env, "network config is disabled by %s%s", found.source,
                strcmp(found.source, "fallback") ? "" : ": the machine has no interface for it");
        return 0;
    }
    if (is_only_names(g)) {
        ol_debug(g->env, "No network config applied. Neither a new instance nor datasource network "
                         "update allowed");
        apply_names(g, &nics, found.config);
        return 0;
    }
    r = net_find_config(g, &nics, &found, err);
    if (r < 0 || !found.config)
        return r;
    return apply_config(g, &nics, &found, flags, err);
}
